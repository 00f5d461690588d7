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
from colorhub.folder.plan import FileResult, Job, Neighbours, with_sidecars
from colorhub.folder.sidecars import already_there
from colorhub.photo.formats import SUFFIXES, format_named, format_of_path, with_suffix, writable

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
        self.wanted = format_named(format) if format else None
        self.overwrite, self.sidecars, self.stop = overwrite, sidecars, stop
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
        here = self.folder / f"{number}"
        name = entry.name.rpartition("/")[2]
        try:
            target = self._target(entry)
            if not self.overwrite and as_text(entry.name) not in self.journal.known.ours and self._is_foreign(target):
                return self._known(entry, "failed", FOREIGN)
            for part in ("in", "out"):
                (here / part).mkdir(parents=True)
            self.source.fetch(entry.name, here / "in" / name)
            job = Job(here / "in" / name, here / "out" / target.rpartition("/")[2], entry.name)
            if self.sidecars:
                job = self._with_sidecars(job)
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
        target = "/".join([*name.split("/")[:-1], result.output.name])
        known = as_text(name) in self.journal.known.ours
        if not self.overwrite and not known and target != self._target(staged.entry) and self._is_foreign(target):
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
        names = frozenset(self._beside(folder, Path(name)))
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

    def _target(self, entry: Entry) -> str:
        """Where a photo's result goes, as far as that can be known before it is opened: as :mod:`~colorhub.folder.plan`
        has it. Where another photo would have the same, it keeps its own suffix inside the new name."""
        folder, _, name = entry.name.rpartition("/")
        path = Path(name)
        wanted = self.wanted or format_of_path(path)
        named = with_suffix(path, writable(wanted, lossless=False)[0]) if wanted else path
        if named.suffix != path.suffix and self._has_twin(folder, path):
            named = Path(path.name + named.suffix)
        return f"{folder}/{named.name}" if folder else named.name

    def _has_twin(self, folder: str, path: Path) -> bool:
        suffixes = {suffix for some in SUFFIXES.values() for suffix in some}
        return any(
            name != path.name and Path(name).stem == path.stem and Path(name).suffix.lower() in suffixes
            for name in self._beside(folder, path)
        )

    def _beside(self, folder: str, path: Path) -> list[str]:
        """The names in a photo's folder that begin as its own does, up to the suffix."""
        return self.source.below(folder).names(f"{path.stem}.")
