"""``colorhub colorize --layers``: a folder of colour layers instead of one of results."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from colorhub.cli.archive.recording import taken_over
from colorhub.cli.console import FAILED, WRONG_USAGE, fail, failing
from colorhub.cli.signals import StopSignals
from colorhub.settings import Settings

if TYPE_CHECKING:
    from colorhub.folder.layers import LayerWriter
    from colorhub.folder.plan import FolderPlan, Shard
    from colorhub.folder.run import Predictor


def layers_folder(output: Path | None) -> Path:
    """The folder that was named for layers, or a sentence that it must be one."""
    from colorhub.folder.plan import file_named

    if output is None or file_named(output):
        raise fail("--layers needs a folder for the layers: name one with -o", WRONG_USAGE)
    return output


def leave_kept(plan: "FolderPlan", folder: Path, settings: Settings, *, sidecars: bool, overwrite: bool) -> None:
    """Move the photos whose layers are there already from what is to do to what is done; a wrong call where those are
    of other settings, as far as that is known before the model is loaded."""
    from colorhub.folder.layers import LayerFolder, Made
    from colorhub.inference.layer import LayerError

    with failing(FAILED, LayerError):
        kept = LayerFolder(folder)
    if kept.made:
        with failing(WRONG_USAGE, LayerError):
            kept.expect(Made(settings, kept.made.weights_sha256, sidecars))
    if overwrite:
        return
    plan.done = [replace(job, output=folder, sidecars=()) for job in plan.jobs if kept.has(job)]
    done = {job.source for job in plan.done}
    plan.jobs = [job for job in plan.jobs if job.source not in done]
    if kept.made and not plan.jobs and (then := _model(kept.made.settings)) != _model(settings):
        raise fail(f"all layers in {folder} were made by {then}: give that --model, or another folder", WRONG_USAGE)


def _model(settings: Settings) -> str:
    return Path(str(settings.model)).name


@contextmanager
def keeping(
    folder: Path | None,
    predictor: "Predictor",
    settings: Settings,
    shard: "Shard | None",
    stopping: StopSignals,
    *,
    sidecars: bool,
) -> Iterator["LayerWriter | None"]:
    """What adds layers to the folder, which is held meanwhile; ``None`` where no folder is given."""
    if folder is None:
        yield None
        return
    from colorhub.archive.lease import LeaseError, leased
    from colorhub.archive.places import Place
    from colorhub.folder.layers import LayerWriter, Made
    from colorhub.inference.layer import LayerError

    made, part = Made(settings, predictor.model.weights_sha256, sidecars), (0, 1)
    if shard:
        part = shard.index, shard.count
    with failing(FAILED, LeaseError), leased(Place.of(folder), part, lost=taken_over(stopping)):
        with failing(WRONG_USAGE, LayerError):
            writer = LayerWriter(folder, made, shard)
        with writer:
            yield writer
