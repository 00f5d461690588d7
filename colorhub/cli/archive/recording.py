"""``colorhub colorize --manifest``: who holds the output, what was done before, and a row for what becomes of each."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from colorhub._extras import MissingExtraError, require
from colorhub.cli.console import FAILED, WRONG_USAGE, echo_err, fail, failing
from colorhub.cli.signals import StopSignals
from colorhub.settings import Settings

if TYPE_CHECKING:
    from colorhub.archive.folders import RowMaker
    from colorhub.archive.journal import Journal
    from colorhub.folder.plan import FileResult, Job, Plan, Shard


INSIDE = (
    "the results would go to {output}, which is in {source}, where the photos are, and be taken for photos: give an "
    "output elsewhere with -o"
)


class Recording:
    """What a run tells its manifest, and is told by it. Without a journal: nothing, of a run that keeps none."""

    def __init__(
        self,
        plan: "Plan | None" = None,
        journal: "Journal | None" = None,
        maker: "RowMaker | None" = None,
    ) -> None:
        self.plan, self.journal, self.maker = plan, journal, maker
        self.foreign: list[FileResult] = []

    def begin(self, settings: Settings, weights_sha256: str = "") -> None:
        """Open the journal, and write rows of what will not be coloured. ``weights_sha256``: of the model; empty where
        nothing is to be coloured."""
        if self.journal is None or (self.plan and self.journal.is_joined and not self._is_left()):
            return
        from colorhub.archive.manifest import ManifestError

        name = Path(str(settings.model)).name
        with failing(FAILED, ManifestError), writing():
            self.journal.begin(name, weights_sha256)
            for result in self.foreign:
                if result.output is None:  # else it keeps its row
                    self.add(result)
            for problem in self.plan.problems if self.plan else ():
                if self.maker and os.path.lexists(problem.path):
                    self.journal.add(self.maker.problem(problem))

    def _is_left(self) -> bool:
        return bool(self.foreign or (self.plan and (self.plan.problems or self.plan.jobs)))

    @property
    def is_alone(self) -> bool:
        """Whether no other run can be writing into the output."""
        return self.journal is not None and self.journal.shard[1] == 1

    @property
    def is_kept(self) -> bool:
        """Whether there is a manifest."""
        return self.journal is not None

    def started(self, job: "Job") -> None:
        """Write what must be known of a photo before its result appears."""
        from colorhub.archive.rows import as_text

        if self.journal is not None:
            self.journal.started(as_text(job.relative))

    def add(self, result: "FileResult") -> None:
        """Write the row of what became of a photo."""
        if self.journal is not None and self.maker is not None:
            with writing():
                self.journal.add(self.maker.row(result))

    def finish(self) -> None:
        """All was tried: join the manifest, where no other shard is still at work."""
        if self.journal is None:
            return
        from colorhub.archive.journal import join_if_complete
        from colorhub.archive.manifest import ManifestError

        with failing(FAILED, ManifestError), writing():
            self.journal.finish()
            self.journal.close()
            if find_spec("pyarrow") is None:
                echo_err(
                    'Note: the manifest stays in parts (*.jsonl) until pip install "colorhub[archive]" and the same '
                    "command join it."
                )
            elif not join_if_complete(self.journal.place, self.journal.shard):
                echo_err("Note: the manifest will be joined by the last of the shards.")


def expect_folder(output: Path | None, file: Path | None, *, asked: bool) -> bool:
    """Whether a manifest can be kept; a wrong call where one was asked for and cannot."""
    if not asked:
        return output is not None and file is None
    if output is None or file is not None:
        raise fail("a manifest needs a folder for the results: -o DIR", WRONG_USAGE)
    with failing(FAILED, MissingExtraError):
        require("archive")
    return True


def expect_elsewhere(output: Path, paths: Iterable[str], *, kept: bool) -> None:
    """A wrong call where results of which a manifest is ``kept`` would come between the photos."""
    from colorhub.folder.find import searched_with

    if kept and (source := searched_with(paths, output)):
        raise fail(INSIDE.format(output=output, source=source), WRONG_USAGE)


def taken_over(stopping: StopSignals) -> Callable[[], None]:
    """What a run does that another one has taken the output from: it stops."""

    def stop() -> None:
        echo_err("Error: another run has taken the output over, because this one gave no sign of life for too long.")
        stopping.exit_code = FAILED
        stopping.event.set()

    return stop


@contextmanager
def recording(
    plan: "Plan",
    output: Path,
    settings: Settings,
    shard: "Shard | None",
    *,
    overwrite: bool,
    lost: Callable[[], None],
) -> Iterator[Recording]:
    """Hold the output while the block runs, with a plan of what its manifest does not tell of yet."""
    from colorhub.archive.folders import RowMaker, by_manifest, settings_json
    from colorhub.archive.journal import Journal, expect_same_settings
    from colorhub.archive.lease import LeaseError, leased
    from colorhub.archive.manifest import ManifestError
    from colorhub.archive.places import Place

    place, told = Place.of(output), settings_json(settings)
    part = (shard.index, shard.count) if shard else (0, 1)
    with failing(FAILED, LeaseError), leased(place, part, lost=lost):
        with failing(FAILED, ManifestError, MissingExtraError):
            if not overwrite:
                expect_same_settings(place, told)
            journal = Journal(place, told, part)
        try:
            record = Recording(plan, journal, RowMaker(output, base=plan.base))
            record.foreign = plan.decide(partial(by_manifest, known=journal.known, overwrite=overwrite))
            yield record
        except BaseException:
            with suppress(OSError):  # it was told that it cannot be written
                journal.close()
            raise
        with writing():
            journal.close()


@contextmanager
def writing() -> Iterator[None]:
    """Where a manifest cannot be written, as on a full disk, the command ends with a sentence."""
    try:
        yield
    except BrokenPipeError:  # nobody reads what is printed
        raise
    except OSError as error:
        echo_err(
            f"Error: the manifest cannot be written ({error.strerror or error}); the same command goes on from here."
        )
        raise typer.Exit(FAILED) from error
