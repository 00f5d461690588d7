"""``colorhub colorize``: files and folders, any number of them."""

import os
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from colorhub._files import clean_up
from colorhub._system import cores
from colorhub.cli import options
from colorhub.cli.archive.bag import close_bag, expect_no_bag, expect_unicode_names, payload_of
from colorhub.cli.archive.credentials import credentials_of
from colorhub.cli.archive.dry_run import expect
from colorhub.cli.archive.layers import keeping, layers_folder, leave_kept
from colorhub.cli.archive.recording import Recording, expect_elsewhere, expect_folder, recording, taken_over, writing
from colorhub.cli.console import FAILED, WRONG_USAGE, echo_err, fail, failing, printable, quiet_exits
from colorhub.cli.report import RunReport
from colorhub.cli.settings import from_old_options, settings_in_effect, write_settings
from colorhub.cli.signals import StopSignals
from colorhub.settings import Settings, SettingsError

if TYPE_CHECKING:
    from colorhub.folder.plan import FileResult, FolderPlan, Job, Plan, Shard
    from colorhub.folder.run import Predictor
    from colorhub.hints import Hint
    from colorhub.pipeline import ColorizationPipeline

LIMIT = 400_000_000


@quiet_exits()
def colorize(
    paths: options.Paths,
    output: options.Output = None,
    model: options.Model = None,
    size: options.Size = None,
    views: options.Views = None,
    restore: options.Restore = None,
    vividness: options.Vividness = None,
    temperature: options.Temperature = None,
    in_color: options.InColor = None,
    format: options.Format = None,
    quality: options.Quality = None,
    record: options.Record = None,
    settings: options.LoadSettings = None,
    save_settings: options.SaveSettings = None,
    hints: options.Hints = None,
    recursive: options.Recursive = False,
    overwrite: options.Overwrite = False,
    sidecars: options.Sidecars = False,
    device: options.Device = None,
    jobs: options.Jobs = None,
    shard: options.ShardOf = None,
    ray: options.Ray = None,
    layers: options.Layers = False,
    manifest: options.Manifest = False,
    bag: options.Bag = False,
    c2pa: options.C2pa = None,
    time_limit: options.TimeLimit = 600.0,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    max_pixels: options.MaxPixels = LIMIT,
    normalize: options.Normalize = None,
    recolor: options.Recolor = False,
    no_provenance: options.NoProvenance = False,
) -> None:
    """Colour photos: files, folders, any number of them.

    A photo that has its result already is skipped, so the same command again continues where an earlier one ended.
    Nothing is ever overwritten without --overwrite, and a photo never by its own result. Photos that are in colour
    already are copied as they are, unless --in-color says otherwise, but for one with --hints. Where that is not sure,
    a photo is coloured, and that is said; --in-color keep leaves such photos as they are. In folders, results of
    earlier runs (*.color.*) and hidden files are left alone.

    Exit code: 0 all done, 1 something failed (it is listed, the rest is done), 2 wrong usage, 130 or 143 stopped.
    """
    from colorhub.archive.places import Place, is_address
    from colorhub.cli.archive.objects import check_hints, colorize_objects, expect_two_slashes, hints_here, places_of
    from colorhub.cli.archive.ray import colorize_on_ray, expect_none
    from colorhub.folder.plan import PlanError, file_named

    expect_two_slashes(*paths, *([output] if output else []))
    if bag:
        output, manifest = payload_of(output), True
    hints_file = hints_here(hints)
    given = {"model": model, "size": size, "views": views, "restore": restore, "vividness": vividness}
    given |= {"temperature": temperature, "in_color": in_color, "format": format, "quality": quality, "record": record}
    chosen = settings_in_effect(given | from_old_options(given, normalize, recolor, no_provenance), settings)
    if ray:
        expect_none({"--layers": layers, "--c2pa": c2pa, "--dry-run": dry_run, "--shard": shard, "--jobs": jobs})
        expect_none({"--hints": hints, "--sidecars": sidecars})
    part = None if ray else shard_of(shard)
    open_pipeline = partial(_open_pipeline, chosen, None if ray else device, max_pixels)
    how: dict[str, Any] = {"overwrite": overwrite, "as_json": as_json}
    if ray or any(map(is_address, (*paths, output or ""))):
        if layers:
            raise fail("--layers works with files and folders only, not with addresses", WRONG_USAGE)
        places = places_of(paths, output, why="--ray" if ray else "an address")
        if save_settings and not dry_run:
            write_settings(chosen, save_settings)
        how |= {"recursive": recursive, "patience": time_limit}
        if ray:
            code = colorize_on_ray(ray, *places, chosen, open_pipeline, device=device, max_pixels=max_pixels, **how)
        else:
            how |= {"workers": jobs or _default_workers(), "dry": dry_run, "sidecars": sidecars, "hints": hints_file}
            code = colorize_objects(*places, chosen, part, open_pipeline, credentials=credentials_of(c2pa), **how)
        if bag and output and not dry_run:
            code = max(code, close_bag(output))
        raise typer.Exit(code)
    folder = None if output is None else Path(output)
    file = file_named(folder)
    if folder and not file:
        expect_no_bag(Place.of(folder))
        expect_elsewhere(folder, paths, kept=bool(manifest or (shard and not layers)))
    if file and not chosen.format:
        chosen = chosen.changed(format=file.suffix)
        open_pipeline = partial(_open_pipeline, chosen, device, max_pixels)
    if layers and (manifest or c2pa):
        raise fail("--manifest, --bag and --c2pa are for results: give them to colorhub compose", WRONG_USAGE)
    with failing(WRONG_USAGE, PlanError):
        naming: dict[str, Any] = {"format": chosen.format, "recursive": recursive, "shard": part, "sidecars": sidecars}
        adjust: Callable[[FolderPlan], None] = expect_unicode_names if bag else lambda _: None
        if layers:
            adjust = partial(
                leave_kept, folder=layers_folder(folder), settings=chosen, sidecars=sidecars, overwrite=overwrite
            )
        is_kept = bool(folder and not file and (manifest or shard) and not (layers or hints or dry_run))
        plan = _plan(paths, folder, adjust, is_kept=is_kept, overwrite=overwrite or layers, **naming)
    check_hints(hints_file, _count(plan))
    if dry_run:
        expect(plan, chosen, open_pipeline, jobs or _default_workers(), as_json)
        raise typer.Exit()
    if save_settings:
        write_settings(chosen, save_settings)
    how |= {"manifest": manifest, "shard": shard, "bag": bag, "c2pa": c2pa, "jobs": jobs, "hints": hints_file}
    how |= {"layers": layers, "sidecars": sidecars, "patience": time_limit, "max_pixels": max_pixels}
    carry_out(plan, folder, chosen, part, open_pipeline, **how)


def shard_of(text: str | None) -> "Shard | None":
    """The part of the files that falls to this process; a wrong call where the text says none."""
    from colorhub.folder.plan import PlanError, Shard

    with failing(WRONG_USAGE, PlanError):
        return Shard.parse(text) if text else Shard.from_environment()


def _plan(
    paths: Sequence[str],
    folder: Path | None,
    adjust: "Callable[[FolderPlan], None]",
    *,
    is_kept: bool,
    **how: Any,
) -> "Plan":
    """The plan of all photos, which ``adjust`` changes before anything else does; part by part, where a manifest of the
    results of one folder is kept."""
    from colorhub.folder.plan import make_plan
    from colorhub.folder.stream import StreamedPlan

    if is_kept and folder and _is_one_folder(paths):
        return StreamedPlan(Path(paths[0]), folder, adjust=adjust, **how)
    plan = make_plan(paths, folder, **how)
    adjust(plan)
    return plan


def carry_out(
    plan: "Plan",
    output: Path | None,
    settings: Settings,
    part: "Shard | None",
    open_predictor: "Callable[[], Predictor]",
    *,
    manifest: bool,
    shard: str | None,
    bag: bool,
    overwrite: bool,
    c2pa: tuple[Path, Path] | None,
    jobs: int | None,
    patience: float,
    max_pixels: int,
    as_json: bool,
    hints: Path | None = None,
    layers: bool = False,
    sidecars: bool = False,
) -> NoReturn:
    """Colour what is planned, keep a manifest where one is wanted, say how it went, and end with the exit code. A
    manifest is kept also where a shard was asked for, and has a folder for it; layers have an index of their own."""
    from colorhub.folder.plan import file_named
    from colorhub.folder.prefetch import Prefetch

    stopping, file = StopSignals(), file_named(output)
    kept: AbstractContextManager[Recording] = nullcontext(Recording(plan))
    how: dict[str, Any] = {"workers": jobs or _default_workers(), "overwrite": overwrite, "hints": hints}
    how["credentials"] = credentials_of(c2pa)
    if (manifest or (shard and not layers)) and expect_folder(output, file, asked=manifest) and output:
        _check_writable(output)
        kept = recording(plan, output, settings, part, overwrite=overwrite, lost=taken_over(stopping))
    with kept as archive:
        report = RunReport(len(plan.jobs), as_json)
        _announce(plan, report, settings, hints)
        for result in archive.foreign:
            report.add(result)
        ended_early = None
        if not plan.jobs:
            archive.begin(settings)
        elif archive.is_kept:
            ended_early = _run_isolated(plan, open_predictor, settings, report, archive, stopping, patience, **how)
        else:
            _check_writable(file.parent if file else output)
            prefetch = Prefetch(plan.jobs, max_pixels)
            from colorhub.folder.run import color_files  # loads torch, while photos are read

            predictor = open_predictor()
            with keeping(output if layers else None, predictor, settings, part, stopping, sidecars=sidecars) as writer:
                how |= {"layers": writer, "opened": prefetch.stop(), "stop": stopping.event}
                results = color_files(predictor, plan.jobs, settings, **how)
                ended_early = _run(plan, results, report, archive, stopping, overwrite=overwrite)
        if ended_early is None:
            archive.finish()
    bag_failed = close_bag(str(output)) if bag else 0
    exit_code = ended_early if ended_early is not None else FAILED if report.failures else bag_failed
    report.finish(str(settings.model), exit_code)
    raise typer.Exit(exit_code or (FAILED if report.unprinted else 0))


def _run_isolated(
    plan: "Plan",
    open_predictor: "Callable[[], Predictor]",
    settings: Settings,
    report: RunReport,
    archive: Recording,
    stopping: StopSignals,
    patience: float,
    *,
    workers: int,
    **how: Any,
) -> int | None:
    """Colour what is planned and keep a manifest of it, in a process of its own, which a file may kill. Returns an exit
    code when it ended early."""
    from colorhub.folder.isolated import Isolated, IsolationError

    with (
        failing(FAILED, IsolationError),
        Isolated(open_predictor, settings, workers=workers, patience=patience, **how) as process,
    ):
        archive.begin(settings, process.weights_sha256)
        count = len(plan.jobs)
        results = process.color(plan.jobs, total=count, stop=stopping.event, before_sending=archive.started)
        with writing():
            return _run(plan, results, report, archive, stopping, overwrite=how["overwrite"])


def _run(
    plan: "Plan",
    results: "Generator[FileResult, None, None]",
    report: RunReport,
    archive: Recording,
    stopping: StopSignals,
    *,
    overwrite: bool,
) -> int | None:
    if archive.is_alone:
        clean_up(plan.folders(), age=0.0)
    else:
        clean_up(plan.folders())
    ended_early = None
    with stopping, closing(results):
        for result in results:
            report.add(result)
            archive.add(result)
            report.advance()
            if result.hopeless:
                ended_early = FAILED
    left = len(plan.jobs) - report.done
    if stopping.exit_code or (ended_early and left):
        again = "the same command without --overwrite" if overwrite else "the same command"
        echo_err(f"Stopped with {left} of {len(plan.jobs)} photos to go.")
        echo_err(f"Run {again} again to continue: what is done is skipped.")
    return stopping.exit_code or ended_early


def _announce(plan: "Plan", report: RunReport, settings: Settings, hints: Path | None = None) -> None:
    """Say what was found, and what of it is not to be done."""
    from colorhub.folder.plan import FileResult

    for note in plan.notes:
        echo_err(f"Note: {note}.")
    if _count(plan) == len(plan.done) == 1:
        _tell_how_it_was_made(next(iter(plan.done)).output, settings, hints)
    for job in plan.done:
        report.add(_skipped(job))
    for problem in plan.problems:
        report.add(FileResult(problem.path, "failed", reason=problem.reason))
    if plan.elsewhere:
        echo_err(f"{'1 file falls' if plan.elsewhere == 1 else f'{plan.elsewhere} files fall'} to other shards.")


def _tell_how_it_was_made(result: Path, settings: Settings, hints: Path | None) -> None:
    """Say where the one result that is there is not what was asked for."""
    from colorhub.folder.record import made_otherwise, record_of

    told: list[Hint] = []
    if hints:
        from colorhub.hints import load_hints

        told = load_hints(hints)
    if otherwise := made_otherwise(record_of(result), settings, told):
        echo_err(f"Note: {printable(result)} was made {printable(otherwise)}, and stays as it is without --overwrite.")


def _skipped(job: "Job") -> "FileResult":
    """A photo that has its result; what sidecars of it stayed behind, go along now."""
    from colorhub.folder.plan import FileResult
    from colorhub.folder.sidecars import take_along_later

    if not job.sidecars:
        return FileResult(job.source, "skipped", job.output, "its result exists")
    try:
        count, left = take_along_later(job.sidecars, job.source, job.output)
    except ValueError as error:  # PhotoError: a sentence
        return FileResult(job.source, "failed", reason=str(error))
    taken = {0: "", 1: ", and its sidecar was taken along now"}
    now = taken.get(count, f", and its {count} sidecars were taken along now")
    reason = "; ".join((f"its result exists{now}", *left))
    return FileResult(job.source, "skipped", job.output, reason, lost=tuple(left))


def _is_one_folder(paths: Sequence[str]) -> bool:
    return len(paths) == 1 and os.path.isdir(paths[0])  # noqa: PTH112 Path's own raises where a name is too long


def _default_workers() -> int:
    """One more than there are cores: it has work for the core whose photo is being flushed to the disk."""
    return cores() + 1


def _open_pipeline(settings: Settings, device: str | None, max_pixels: int) -> "ColorizationPipeline":
    from colorhub.models import ModelNotFoundError
    from colorhub.pipeline import ColorizationPipeline

    _check_device(device)
    with failing(FAILED, ValueError), failing(WRONG_USAGE, ModelNotFoundError, SettingsError):
        return ColorizationPipeline(device=device, max_pixels=max_pixels, settings=settings)


def _check_device(device: str | None) -> None:
    if device is None:
        return
    import torch

    here = ["cpu"] + ["mps"] * torch.backends.mps.is_available()
    here += ["cuda"] * torch.cuda.is_available() + [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    if device not in here:
        raise fail(f"no device {device!r} here; there is {', '.join(here)}", WRONG_USAGE)


def _count(plan: "Plan") -> int:
    """Of all that was found, in whatever shard."""
    return len(plan.jobs) + len(plan.done) + len(plan.problems) + plan.elsewhere


def _check_writable(folder: Path | None) -> None:
    """Say at once, not once a photo, that nothing can be written into the folder for the results."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise fail(f"the folder {folder} cannot be written to ({error.strerror})", FAILED) from error
