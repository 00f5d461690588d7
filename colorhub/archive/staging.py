"""Photos on their way through a folder of this machine: fetched ahead, coloured there, and put where they go.

Everything between reading and writing is what it is for folders, so settings, names, pixels and metadata are, too. The
network's answers are waited for in threads; no more than a few dozen photos are here at once.
"""

import shutil
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Queue
from threading import Event, Semaphore
from typing import Protocol

from colorhub.archive.folders import FOREIGN, RowMaker
from colorhub.archive.journal import Known
from colorhub.archive.listing import Entry
from colorhub.archive.places import Place
from colorhub.archive.rows import HAS_OUTPUT, Row, as_text
from colorhub.folder.find import Found, is_picture, is_result
from colorhub.folder.plan import FileResult, Job, Neighbours, PlanError, plan_of_folder, with_sidecars
from colorhub.folder.sidecars import already_there

THREADS = 12  # that wait for answers in each direction
AHEAD = 48  # photos here at once, fetched or to be put


@dataclass(frozen=True)
class Staged:
    """A photo that was fetched, or why it was not. ``result``: what is known of it already."""

    entry: Entry
    job: Job | None = None
    result: FileResult | None = None


class Rows(Protocol):
    """What is told of photos on their way: a :class:`~colorhub.archive.journal.Journal`, or rows that are collected."""

    @property
    def known(self) -> Known:
        """What earlier runs told."""

    def started(self, source: str, *, durable: bool = True) -> None:
        """A result will appear."""

    def flush(self) -> None:
        """Wait until all that was told is there."""

    def add(self, row: Row) -> None:
        """What became of a photo."""


class Staging:
    """Fetches ahead and writes behind.

    Args:
        source: where photos come from.
        output: where results go.
        journal: of the output.
        folder: of this machine, empty.
        format: of the results, as people write it; the photos' own when not given.
        overwrite: replace what is there.
        sidecars: they go along.
        stop: setting it ends the fetching.
        is_foreign: whether there is a file of a name in the output that earlier runs did not make; by itself, whether
            there is any.
        aside: what is known of a fetched photo, where it is not to be coloured.
    """

    def __init__(
        self,
        source: Place,
        output: Place,
        journal: Rows,
        folder: Path,
        *,
        format: str | None,
        overwrite: bool,
        sidecars: bool = False,
        stop: Event,
        is_foreign: Callable[[str], bool] | None = None,
        aside: Callable[[Job], FileResult | None] = lambda job: None,
    ) -> None:
        self.source, self.output, self.journal, self.folder = source, output, journal, folder
        self.format, self.overwrite, self.sidecars, self.stop = format, overwrite, sidecars, stop
        self._is_foreign, self._aside = is_foreign or self._is_there, aside
        self._room = Semaphore(AHEAD)
        self._numbers = 0
        self._pool = ThreadPoolExecutor(2 * THREADS, "network")

    def color(
        self,
        entries: Iterator[Entry],
        colored: Callable[[Iterator[Job]], Generator[FileResult, None, None]],
        done: Callable[[FileResult], None],
    ) -> None:
        """Take photos all the way. Once :meth:`close` returns, each is ``done``, in some thread.

        Args:
            entries: of the source.
            colored: colours jobs, over which a thread iterates.
            done: is told what became of each.
        """
        here: dict[Path, Staged] = {}

        def jobs() -> Iterator[Job]:
            for staged in self.fetched(entries):
                if staged.result is not None:
                    self.put(staged, staged.result, done)
                elif staged.job is not None:
                    here[staged.job.source] = staged
                    yield staged.job

        with closing(colored(jobs())) as results:
            for result in results:
                self.put(here.pop(result.source), result, done)
                if result.hopeless:
                    self.stop.set()

    def fetched(self, entries: Iterator[Entry]) -> Iterator[Staged]:
        """The photos, in the order they were listed."""
        queue: Queue[Future[Staged] | None] = Queue()

        def feed() -> None:
            try:
                for entry in entries:
                    while not self._room.acquire(timeout=0.2):
                        if self.stop.is_set():
                            return
                    if self.stop.is_set():
                        return
                    self._numbers += 1
                    queue.put(self._pool.submit(self._fetch, entry, self._numbers))
            finally:
                queue.put(None)

        feeding = self._pool.submit(feed)
        while (future := queue.get()) is not None:
            yield future.result()
        feeding.result()

    def put(self, staged: Staged, result: FileResult, done: Callable[[FileResult], None]) -> None:
        """Put a photo's result where it goes and write its row, in a thread that then calls ``done``."""
        self._pool.submit(self._put, staged, result, done)

    def close(self) -> None:
        """Wait for what is on its way."""
        self._pool.shutdown()

    def _fetch(self, entry: Entry, number: int) -> Staged:
        if entry.problem:
            return self._known(entry, "failed", entry.problem)
        try:
            job = self._named(entry, self.folder / f"{number}")
            target = _target(job, job.output)
            if not self.overwrite and as_text(entry.name) not in self.journal.known.ours and self._is_foreign(target):
                return self._known(entry, "failed", FOREIGN)
            for path in (job.source, job.output):
                path.parent.mkdir(parents=True)
            self.source.fetch(entry.name, job.source)
            if self.sidecars:
                job = self._with_sidecars(job)
        except PlanError as error:
            return self._known(entry, "failed", str(error))
        except Exception as error:
            return self._known(entry, "failed", f"it could not be fetched ({type(error).__name__}: {error})")
        if (result := self._aside(job)) is not None:
            return Staged(entry, job, result)
        self.journal.started(as_text(entry.name), durable=False)
        return Staged(entry, job)

    def _known(self, entry: Entry, status: str, reason: str) -> Staged:
        return Staged(entry, result=FileResult(Path(entry.name), status, reason=reason))

    def _put(self, staged: Staged, result: FileResult, done: Callable[[FileResult], None]) -> None:
        try:
            done(self._delivered(staged, result))
        except Exception as error:
            reason = f"its result could not be put into {self.output.name} ({type(error).__name__}: {error})"
            self.stop.set()
            failed = replace(result, source=Path(staged.entry.name), status="failed", output=None, reason=reason)
            done(replace(failed, hopeless=True))
        finally:
            if staged.job is not None:
                shutil.rmtree(staged.job.source.parent.parent, ignore_errors=True)
            self._room.release()

    def _delivered(self, staged: Staged, result: FileResult) -> FileResult:
        name, job = staged.entry.name, staged.job
        reason = result.reason.replace(str(job.source), name) if job else result.reason
        result = replace(result, reason=reason)
        if job is None:
            self.journal.add(Row(as_text(name), result.status, source_size=staged.entry.size, reason=as_text(reason)))
            return result
        if result.output is None:
            self.journal.add(self._row(staged, result))
            return replace(result, source=Path(name))
        target, known = _target(job, result.output), as_text(name) in self.journal.known.ours
        if not self.overwrite and not known and target != _target(job, job.output) and self._is_foreign(target):
            self.journal.add(Row(as_text(name), "failed", reason=FOREIGN))
            return FileResult(Path(name), "failed", reason=FOREIGN)
        self.journal.flush()  # what was started is known before a result appears
        result = self._put_sidecars(job, result, target, replaces=self.overwrite or known)
        row = self._row(staged, result)
        self.output.put(result.output or job.output, target)
        self.journal.add(replace(row, output=as_text(target)) if row.status in HAS_OUTPUT else row)
        return replace(result, source=Path(name), output=Path(target))

    def _with_sidecars(self, job: Job) -> Job:
        """The job with its photo's sidecars, which are fetched."""
        folder, _, name = job.relative.rpartition("/")
        names = frozenset(self._beside(folder, Path(name).stem))
        (found,) = with_sidecars([job], Neighbours(lambda _: names), [])
        for sidecar in found.sidecars:
            self.source.fetch(f"{folder}/{sidecar.path.name}" if folder else sidecar.path.name, sidecar.path)
        return found

    def _put_sidecars(self, job: Job, result: FileResult, target: str, *, replaces: bool) -> FileResult:
        """Put the sidecars of a result where it goes. One that is there stays, which is said."""
        folder, lost = target.rpartition("/")[0], list(result.lost)
        for sidecar in job.sidecars:
            file = sidecar.beside(result.output or job.output)
            name = f"{folder}/{file.name}" if folder else file.name
            if not replaces and self._is_there(name):
                lost.append(already_there(file.name))
            elif file.exists():  # else why not is among the notes
                self.output.put(file, name)
        return replace(result, lost=tuple(lost))

    def _row(self, staged: Staged, result: FileResult) -> Row:
        relative = {result.source: staged.entry.name}
        row = RowMaker(self.folder, relative).row(result)
        return row if row.source_size is not None else replace(row, source_size=staged.entry.size)

    def _is_there(self, target: str) -> bool:
        return self.output.size(target) is not None

    def _named(self, entry: Entry, here: Path) -> Job:
        """A photo on its way through a folder, with the name for its result that a plan of its own folder has.

        Raises:
            PlanError: there is none.
        """
        folder, _, name = entry.name.rpartition("/")
        base, results, stem = here / "in", here / "out", Path(name).stem
        while is_picture(stem):  # of scan.jpg.png, which is the name that scan.jpg may get
            stem = Path(stem).stem
        plan = plan_of_folder(Found([base / name]), base, results, self.format)
        if plan.jobs[0].output.name != name or stem != Path(name).stem:  # another may want the same
            beside = {one for one in self._beside(folder, stem) if is_picture(one) and not is_result(one)}
            plan = plan_of_folder(Found([base / one for one in sorted({name, *beside})]), base, results, self.format)
        for problem in plan.problems:
            if problem.path.name == name:
                raise PlanError(problem.reason.replace(f"{base}/", ""))
        return next(replace(job, relative=entry.name) for job in plan.jobs if job.source.name == name)

    def _beside(self, folder: str, stem: str) -> list[str]:
        """The names in a folder that begin so, up to a dot."""
        return self.source.below(folder).names(f"{stem}.")


def _target(job: Job, result: Path) -> str:
    """The name in the output of a photo's result."""
    return "/".join([*job.relative.split("/")[:-1], result.name])
