"""``colorhub compose``: results of the colour layers that ``colorhub colorize --layers`` kept."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colorhub.cli import options
from colorhub.cli.archive.bag import expect_no_bag, expect_unicode_names, payload_of
from colorhub.cli.archive.recording import expect_elsewhere
from colorhub.cli.colorize import LIMIT, carry_out, shard_of
from colorhub.cli.console import FAILED, WRONG_USAGE, fail, failing, quiet_exits
from colorhub.settings import SettingsError

if TYPE_CHECKING:
    from colorhub.folder.layers import LayerFolder
    from colorhub.folder.plan import FolderPlan, Shard

_Layers = Annotated[Path, typer.Argument(metavar="LAYERS", help="A folder that colorhub colorize --layers wrote.")]
_Source = Annotated[
    Path, typer.Option("--source", metavar="FOLDER", exists=True, help="The photos the layers are of, unchanged since.")
]
_Output = Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Folder for the results.")]


@quiet_exits()
def compose(
    layers: _Layers,
    source: _Source,
    output: _Output,
    vividness: options.Vividness = None,
    format: options.Format = None,
    quality: options.Quality = None,
    record: options.Record = None,
    overwrite: options.Overwrite = False,
    jobs: options.Jobs = None,
    shard: options.ShardOf = None,
    manifest: options.Manifest = False,
    bag: options.Bag = False,
    c2pa: options.C2pa = None,
    time_limit: options.TimeLimit = 600.0,
    as_json: options.AsJson = False,
    max_pixels: options.MaxPixels = LIMIT,
) -> None:
    """Put colour layers onto their photos: the results that colorhub colorize would have written, without a network.

    Names, metadata and settings are those of the run that made the layers; options given here win. A photo that has its
    result already is skipped. A photo that has changed since, or has no layer, is listed.

    Exit code: 0 all done, 1 something failed (it is listed, the rest is done), 2 wrong usage, 130 or 143 stopped.
    """
    from colorhub.archive.places import Place
    from colorhub.folder.layers import LayerFolder, StoredLayers
    from colorhub.folder.plan import PlanError, make_plan
    from colorhub.inference.layer import LayerError

    if bag:
        output, manifest = Path(payload_of(str(output))), True
    expect_no_bag(Place.of(output))
    expect_elsewhere(output, [str(source)], kept=bool(manifest or shard))
    with failing(FAILED, LayerError):
        kept = LayerFolder(layers)
    if kept.made is None:
        raise fail(f"{layers} holds no colour layers: expected a folder of colorhub colorize --layers", WRONG_USAGE)
    given = {"vividness": vividness, "format": format, "quality": quality, "record": record}
    part = shard_of(shard)
    with failing(WRONG_USAGE, PlanError, SettingsError):
        settings = kept.made.settings.changed(**{name: value for name, value in given.items() if value is not None})
        plan = make_plan(
            [source],
            output,
            format=settings.format,
            recursive=True,
            overwrite=overwrite,
            shard=part,
            sidecars=kept.made.sidecars,
        )
    if bag:
        expect_unicode_names(plan)
    _expect_both(plan, kept, source, part)
    carry_out(
        plan,
        output,
        settings,
        part,
        partial(StoredLayers.of, layers, plan.base, max_pixels),
        manifest=manifest,
        shard=shard,
        bag=bag,
        overwrite=overwrite,
        c2pa=c2pa,
        jobs=jobs,
        patience=time_limit,
        max_pixels=max_pixels,
        as_json=as_json,
    )


def _expect_both(plan: "FolderPlan", kept: "LayerFolder", source: Path, shard: "Shard | None") -> None:
    """A photo without a layer and a layer without a photo become problems of the plan."""
    from colorhub.folder.find import Problem

    known = {job.relative for job in (*plan.jobs, *plan.done)}
    known |= {
        problem.path.relative_to(source).as_posix() for problem in plan.problems if source in problem.path.parents
    }
    plan.problems += [
        Problem(job.source, "it has no colour layer: colorhub colorize --layers makes it")
        for job in plan.jobs
        if job.relative not in kept.sources
    ]
    plan.jobs = [job for job in plan.jobs if job.relative in kept.sources]
    if not source.is_dir():
        return
    missing = sorted(name for name in kept.sources - known if shard is None or shard.holds(name))
    plan.problems += [Problem(source / name, "its colour layer is there, and the photo is not") for name in missing]
