"""Colour some photos in this process, as one machine does, and say what became of each. There is no Ray in it."""

import faulthandler
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

from colorhub.archive.folders import FOREIGN, RowMaker
from colorhub.archive.journal import Known, Run
from colorhub.archive.listing import Entry
from colorhub.archive.manifest import Digests
from colorhub.archive.places import Place
from colorhub.archive.row_files import POSTPONED
from colorhub.archive.rows import Row, as_text
from colorhub.archive.staging import Staging
from colorhub.cluster.memory import gigabytes, needed
from colorhub.cluster.photos import Listed, Outcome
from colorhub.folder.isolated import PATIENCE
from colorhub.folder.memory import pixels_of
from colorhub.folder.plan import FileResult, Job, result_paths
from colorhub.folder.run import color_files
from colorhub.pipeline import ColorizationPipeline
from colorhub.settings import Settings

_STDERR = 2  # the file descriptor: sys.stderr may be none


class HopelessError(RuntimeError):
    """Every further photo would fail for the same reason: the message says which."""


@dataclass(frozen=True)
class Task:
    """What is the same for all photos of a run.

    ``run``: what is the same in their rows; ``began``: when it was begun, by the clock of the output (a file there that
    is older is not ours); ``processors``: cores for a process; ``small``: pixels that may be in work at once, and a
    larger photo is postponed, or, in a pass for large ones, let in alone; ``largest``: pixels of the largest photo that
    any node has memory for, and ``memory`` what it has; ``weights``: bytes of the model's files; ``patience``: seconds
    for a photo, after which its process is ended.
    """

    source: Place
    output: Place
    settings: Settings
    run: Run
    began: float
    overwrite: bool
    max_pixels: int
    device: str | None
    processors: int
    small: int
    largest: int
    memory: int
    weights: int
    patience: float = PATIENCE
    postpones: bool = True

    @property
    def is_on_disk(self) -> bool:
        """Whether photos come from a folder and go to one, so that nothing is copied on its way."""
        return self.source.is_local and self.output.is_local


class Colorist:
    """Colours photos of a task.

    Args:
        task: theirs.
        model: the folder or file with the weights, as it is on this machine.
    """

    def __init__(self, task: Task, model: Path) -> None:
        self.task, self.settings = task, task.settings.changed(model=str(model))
        self.pipeline = ColorizationPipeline(device=task.device, max_pixels=task.max_pixels, settings=self.settings)

    def color(self, photos: Sequence[Listed]) -> list[Outcome]:
        """Colour photos side by side.

        Raises:
            HopelessError: nothing can be written any more.
        """
        known = [photo for photo in photos if photo.problem]
        found = [self._outcome(photo, Row(as_text(photo.name), "failed", reason=photo.problem)) for photo in known]
        some = [photo for photo in photos if not photo.problem]
        return [*found, *(self._in_folders(some) if self.task.is_on_disk else self._by_staging(some))]

    def _in_folders(self, photos: Sequence[Listed]) -> Iterator[Outcome]:
        task = self.task
        jobs = [_job(task, photo) for photo in photos]
        photo_of = {job.source: photo for job, photo in zip(jobs, photos, strict=True)}
        maker = RowMaker(Path(task.output.root), {job.source: job.relative for job in jobs})
        apart = [(job, self._foreign(job) or self._aside(job)) for job in jobs]
        to_do = [self._replacing(job) for job, result in apart if result is None]
        for result in (*(result for _, result in apart if result), *self._colored(to_do, Event())):
            _expect_hope(result)
            yield self._outcome(photo_of[result.source], maker.row(result), result)

    def _by_staging(self, photos: Sequence[Listed]) -> Iterator[Outcome]:
        task, collected, stop = self.task, _Collected(), Event()
        results: dict[str, FileResult] = {}
        with tempfile.TemporaryDirectory(prefix="colorhub-") as folder:
            staging = Staging(
                *(task.source, task.output, collected, Path(folder)),
                format=task.settings.format,
                overwrite=task.overwrite,
                stop=stop,
                is_foreign=self._is_foreign,
                aside=self._aside,
            )
            try:
                entries = iter([Entry(photo.name, photo.size) for photo in photos])
                done = lambda result: results.update({as_text(result.source): result})  # noqa: E731
                staging.color(entries, lambda jobs: self._colored(jobs, stop), done)
            finally:
                staging.close()
        for result in results.values():
            _expect_hope(result)
        rows = {row.source: row for row in collected.rows}
        for photo in photos:
            name = as_text(photo.name)
            yield self._outcome(photo, rows[name], results.get(name))

    def _colored(self, jobs: Iterable[Job], stop: Event) -> Generator[FileResult, None, None]:
        task = self.task
        results = color_files(
            self.pipeline,
            jobs,
            self.settings,
            workers=task.processors + 1 if task.postpones else 1,
            overwrite=task.overwrite,
            stop=stop,
            processors=task.processors,
            pixels=task.small,
        )
        with closing(results), ending_where_it_hangs(task.patience) as goes_on:
            for result in results:
                goes_on()
                yield result

    def _aside(self, job: Job) -> FileResult | None:
        """What is known of a photo by its size alone: it is for later, or for no node."""
        task, pixels = self.task, pixels_of(job.source) or 0
        if pixels > task.max_pixels:  # what reads it says so
            return None
        if pixels > task.largest:
            memory = gigabytes(needed(pixels, task.weights))
            reason = (
                f"it has {pixels / 1e6:.0f} megapixels, for which {memory} of memory are needed, and no node has more "
                f"than {gigabytes(task.memory)}: add a larger node"
            )
            return FileResult(job.source, "failed", reason=reason)
        if task.postpones and pixels > task.small:
            return FileResult(job.source, POSTPONED, size=(pixels, 1))  # only their number is known
        return None

    def _foreign(self, job: Job) -> FileResult | None:
        """A photo whose result has the name of a file that is nothing of ours."""
        if self.task.overwrite or not any(self._is_foreign(name) for name in self._there(job)):
            return None
        return FileResult(job.source, "failed", reason=FOREIGN)

    def _replacing(self, job: Job) -> Job:
        """What a killed process left is written anew."""
        return replace(job, replaces=any(True for _ in self._there(job)))

    def _there(self, job: Job) -> Iterator[str]:
        names = (path.relative_to(self.task.output.root).as_posix() for path in result_paths(job) if path.exists())
        yield from names

    def _is_foreign(self, name: str) -> bool:
        changed = self.task.output.changed(name)
        return changed is not None and changed < self.task.began

    def _outcome(self, photo: Listed, row: Row, result: FileResult | None = None) -> Outcome:
        row = self.task.run.signed(replace(row, source_size=row.source_size or photo.size or None))
        return Outcome(photo, row, result.size, result.unsure) if result else Outcome(photo, row)


@dataclass
class _Collected:
    """The rows of some photos, which go on to Ray's checkpoint instead of a journal."""

    rows: list[Row] = field(default_factory=list)
    known: Known = field(default_factory=lambda: Known(Digests(), Digests(), Digests()))

    def started(self, source: str, *, durable: bool = True) -> None:
        """Nothing: what is newer than the run is ours."""

    def flush(self) -> None:
        """Nothing waits."""

    def add(self, row: Row) -> None:
        """Keep a row."""
        self.rows.append(row)


@contextmanager
def ending_where_it_hangs(patience: float) -> Iterator[Callable[[], None]]:
    """End this process, whatever it is at, ``patience`` seconds after the block began, or after the last call of what
    is given. Its stderr then says where each thread was."""

    def goes_on() -> None:
        faulthandler.dump_traceback_later(patience, exit=True, file=_STDERR)

    goes_on()
    try:
        yield goes_on
    finally:
        faulthandler.cancel_dump_traceback_later()


def _job(task: Task, photo: Listed) -> Job:
    return Job(Path(task.source.root) / photo.name, Path(task.output.root) / photo.target, photo.name)


def _expect_hope(result: FileResult) -> None:
    if result.hopeless:
        raise HopelessError(result.reason)
