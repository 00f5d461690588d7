"""``colorhub colorize``: files and folders, any number of them."""

import os
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from colorhub.commands import options
from colorhub.commands.report import Report
from colorhub.commands.saying import FAILED, WRONG_USAGE, leave, plain_endings, say
from colorhub.commands.stopping import Stopping

if TYPE_CHECKING:
    from colorhub.folder.plan import Plan
    from colorhub.folder.run import Settings
    from colorhub.photo import Photo
    from colorhub.pipeline import ColorizationPipeline, Size

_LIMIT = 400_000_000


def colorize(
    paths: options.Paths,
    output: options.Output = None,
    model: options.Model = "unet",
    size: options.Size = None,
    normalize: options.Normalize = True,
    vividness: options.Vividness = 1.0,
    format: options.Format = None,
    recursive: options.Recursive = False,
    overwrite: options.Overwrite = False,
    recolor: options.Recolor = False,
    hints: options.Hints = None,
    device: options.Device = None,
    jobs: options.Jobs = None,
    shard: options.ShardOf = None,
    as_json: options.AsJson = False,
    no_provenance: options.NoProvenance = False,
    max_pixels: options.MaxPixels = _LIMIT,
) -> None:
    """Colour photos: files, folders, any number of them.

    A photo that has its result already is skipped, so the same command again continues where an earlier one ended.
    Nothing is ever overwritten without --overwrite, and a photo never by its own result. Photos that are in colour
    already are copied as they are, but for one with --hints. In folders, results of earlier runs (*.color.*) and hidden
    files are left alone.

    Exit code: 0 all done, 1 something failed (it is listed, the rest is done), 2 wrong usage, 130 or 143 stopped.
    """
    from colorhub.folder.ahead import ReadAhead
    from colorhub.folder.plan import PlanError, Shard, make_plan

    with plain_endings():
        try:
            part = Shard.parse(shard) if shard else Shard.from_environment()
            plan = make_plan(paths, output, format=format, recursive=recursive, overwrite=overwrite, shard=part)
        except PlanError as error:
            raise leave(error, WRONG_USAGE) from error
        _check_hints(hints, plan)
        report = Report(len(plan.jobs), as_json)
        _announce(plan, report)
        exit_code = None
        if plan.jobs:
            _check_writable(output)
            with ReadAhead(plan.jobs, max_pixels) as ahead:
                pipeline = _open_pipeline(model, device, max_pixels)
                recolor = recolor or hints is not None
                settings = _settings(
                    size, vividness, format, recolor, not no_provenance, overwrite, jobs, hints, normalize
                )
                exit_code = _run(plan, pipeline, settings, report, ahead.stop())
        exit_code = exit_code if exit_code is not None else FAILED if report.failures else 0
        report.finish(model, exit_code)
        raise typer.Exit(exit_code)


def _run(
    plan: "Plan",
    pipeline: "ColorizationPipeline",
    settings: "Settings",
    report: Report,
    opened: "Mapping[Path, Photo]",
) -> int | None:
    """Colour what is planned. Returns an exit code when it ended early."""
    from colorhub.folder.leftovers import remove_leftovers
    from colorhub.folder.run import color_files

    remove_leftovers({job.output.parent for job in plan.jobs})
    ended_early = None
    with (
        Stopping() as stopping,
        closing(color_files(pipeline, plan.jobs, settings, stopping.event, opened)) as outcomes,
    ):
        done = 0
        for outcome in outcomes:
            done += 1
            report.add(outcome.source, outcome.status, outcome.output, outcome.reason, outcome.seconds, outcome.size)
            report.advance()
            if outcome.hopeless:
                ended_early = FAILED
    left = len(plan.jobs) - done
    if stopping.exit_code or (ended_early and left):
        again = "the same command without --overwrite" if settings.overwrite else "the same command"
        say(f"Stopped with {left} of {len(plan.jobs)} photos to go.")
        say(f"Run {again} again to continue: what is done is skipped.")
    return stopping.exit_code or ended_early


def _announce(plan: "Plan", report: Report) -> None:
    for note in plan.notes:
        say(f"Note: {note}.")
    for job in plan.done:
        report.add(job.source, "skipped", job.output, "its result exists")
    for problem in plan.problems:
        report.add(problem.path, "failed", None, problem.reason)
    if plan.elsewhere:
        say(f"{plan.elsewhere} files fall to other shards.")


def _settings(
    size: "Size",
    vividness: float,
    format: str | None,
    recolor: bool,
    provenance: bool,
    overwrite: bool,
    jobs: int | None,
    hints: Path | None,
    normalize: bool,
) -> "Settings":
    from colorhub.folder.run import Settings, cores

    # One more than there are cores: it has work for the core whose photo is being flushed to the disk.
    workers, tones = jobs or cores() + 1, "auto" if normalize else None
    return Settings(size, vividness, format, recolor, provenance, overwrite, workers, hints, tones)


def _open_pipeline(model: str, device: str | None, max_pixels: int) -> "ColorizationPipeline":
    from colorhub.models import ModelNotFoundError, WeightsError
    from colorhub.pipeline import ColorizationPipeline

    _check_device(device)
    try:
        return ColorizationPipeline(model, device=device, max_pixels=max_pixels)
    except ModelNotFoundError as error:
        raise leave(error, WRONG_USAGE) from error
    except (WeightsError, ValueError) as error:
        raise leave(error, FAILED) from error


def _check_device(device: str | None) -> None:
    if device is None:
        return
    import torch

    here = ["cpu"] + ["mps"] * torch.backends.mps.is_available()
    here += ["cuda"] * torch.cuda.is_available() + [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    if device not in here:
        raise leave(f"no device {device!r} here; there is {', '.join(here)}", WRONG_USAGE)


def _check_hints(path: Path | None, plan: "Plan") -> None:
    """Say at once what is wrong with hints whatever the photo is."""
    if path is None:
        return
    from colorhub.hints import HintsError, load_hints

    count = len(plan.jobs) + len(plan.done) + len(plan.problems) + plan.elsewhere
    if count > 1:
        raise leave(f"hints are for one photo, but there are {count}; give its path alone", WRONG_USAGE)
    try:
        load_hints(path)
    except HintsError as error:
        raise leave(error, WRONG_USAGE) from error


def _check_writable(folder: Path | None) -> None:
    """Say at once, not once a photo, that nothing can be written into the folder for the results."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise leave(f"the folder {folder} cannot be written to ({error.strerror})", FAILED) from error
