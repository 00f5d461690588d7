"""Colour planned photos side by side: every worker takes a few photos from their files to their results.

So decoding and encoding of some photos run beside the network on others, and no stage waits for another. On a processor
each worker computes on its share of the cores: whole photos side by side use them better than one photo's operations
split up. A few photos go through the network together, because reading the weights costs as much as using them once.
"""

import errno
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from time import perf_counter
from typing import Any, Protocol

import cv2
import torch

from colorhub._system import cores
from colorhub._text import one_line
from colorhub.folder.credentials import Credentials
from colorhub.folder.layers import LayerWriter
from colorhub.folder.memory import MemoryLimiter
from colorhub.folder.plan import FileResult, Job, result_path
from colorhub.folder.sidecars import take_along, turned_as_told
from colorhub.hints import Hint, HintsError, load_hints
from colorhub.inference.layer import ColorLayer, LayerError, compose, is_doubtful
from colorhub.photo import ColorPhoto, Photo, PhotoError
from colorhub.photo.formats import format_named, writable
from colorhub.photo.saving import write_whole
from colorhub.settings import Settings

_HOPELESS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # every further photo would fail for the same reason


class Predictor(Protocol):
    """Where colour layers come from: a :class:`~colorhub.ColorizationPipeline`, or layers that were kept."""

    @property
    def model(self) -> Any:
        """What they are of: it has ``weights_sha256``."""

    @property
    def device(self) -> torch.device:
        """Where photos are composed."""

    def open(self, source: Any) -> Photo:
        """Read a photo."""

    def prepare(self, photos: Photo, settings: Settings, *, hints: Any = None) -> Any:
        """What :meth:`predict` takes; ``None`` where a photo is left as it is."""

    def predict(self, prepared: Any, *, batch_size: int = 8, hints: Any = None) -> Any:
        """The colour layer of what was prepared, or of each in a list."""


def color_files(
    pipeline: Predictor,
    jobs: Iterable[Job],
    settings: Settings,
    *,
    workers: int = 1,
    total: int | None = None,
    overwrite: bool = False,
    hints: Path | None = None,
    stop: Event | None = None,
    opened: Mapping[Path, Photo] | None = None,
    before_reading: Callable[[Job], None] | None = None,
    layers: LayerWriter | None = None,
    credentials: Credentials | None = None,
    processors: int | None = None,
    pixels: int | None = None,
) -> Generator[FileResult, None, None]:
    """Colour photos, and give what became of each as soon as it is known, in the order they are ready.

    Args:
        pipeline: with the model of the settings.
        jobs: of a plan; where they are no sequence, few of them are held at once.
        settings: how photos are coloured; without samples, for each has one result.
        workers: photos in work side by side.
        total: how many jobs there are, where that is known and they are no sequence.
        overwrite: replace results that are there.
        hints: a file of them, for a single photo.
        stop: setting it, or closing the iterator, ends the work soon: what is being written is finished, all else is
            dropped.
        opened: photos that were read already.
        before_reading: called, in any thread, before anything of a photo is read.
        layers: where only the colour layers go, instead of results.
        credentials: sign results that were coloured.
        processors: cores to compute on; all that this process may use when not given.
        pixels: in work at once; what a quarter of the machine's memory is enough for when not given.
    """
    total = len(jobs) if isinstance(jobs, Sequence) else total
    known, told, ends = dict(opened or {}), before_reading or (lambda job: None), stop or Event()
    rest = layers, credentials, processors or cores(), pixels
    return _Workers(pipeline, jobs, settings, workers, total, overwrite, hints, ends, known, told, *rest).results()


class _Stopped(Exception):  # noqa: N818 no error
    pass


@dataclass(eq=False)
class _Work:
    """A photo on its way. ``cost``: its share of the pixels that may be in work, to be given back."""

    job: Job
    cost: int
    photo: Photo | None = None
    hints: list[Hint] | None = None
    prepared: Any = None
    layer: ColorLayer | None = None
    result: FileResult | None = None
    seconds: float = 0.0


@dataclass(eq=False)
class _Workers:
    pipeline: Predictor
    jobs: Iterable[Job]
    settings: Settings
    count: int
    total: int | None
    overwrite: bool
    hints: Path | None
    stop: Event
    opened: dict[Path, Photo]
    before_reading: Callable[[Job], None]
    layers: LayerWriter | None
    credentials: Credentials | None
    processors: int
    pixels: int | None

    def __post_init__(self) -> None:
        self.count = max(1, self.count if self.total is None else min(self.count, self.total))
        self.torch_threads = max(1, self.processors // self.count)
        more = inf if self.total is None else self.total
        self.limiter = MemoryLimiter((), self.count, self.pixels, more=more, before_reading=self.before_reading)
        self.ready: SimpleQueue[FileResult | Exception | None] = SimpleQueue()

    def results(self) -> Generator[FileResult, None, None]:
        before = torch.get_num_threads(), cv2.getNumThreads()
        threads = [Thread(target=self._work, name=f"photos-{i}", daemon=True) for i in range(self.count)]
        for thread in (*threads, Thread(target=self._supply, name="supply", daemon=True)):
            thread.start()
        working = len(threads)
        try:
            while working:
                result = self.ready.get()
                if isinstance(result, Exception):
                    raise result
                if result is None:
                    working -= 1
                else:
                    yield result
        finally:
            self.stop.set()
            self.limiter.end()
            for thread in threads:
                thread.join()
            torch.set_num_threads(before[0])
            cv2.setNumThreads(before[1])

    def _supply(self) -> None:
        """Let in the photos of an iterator as there is room for them."""
        try:
            for job in self.jobs:
                if self.stop.is_set() or not self.limiter.add(job):
                    break
        except Exception as error:
            self.ready.put(error)
        finally:
            self.limiter.end()

    def _work(self) -> None:
        torch.set_num_threads(self.torch_threads)  # OpenMP keeps this per thread
        cv2.setNumThreads(self.torch_threads)
        try:
            while not self.stop.is_set() and (group := self.limiter.next_group()):
                self._color_group([_Work(job, cost) for job, cost in group])
        except _Stopped:
            pass
        finally:
            self.ready.put(None)

    def _color_group(self, works: Sequence[_Work]) -> None:
        try:
            for work in works:
                self._attempt(work, self._open)
            self._predict([work for work in works if work.prepared is not None])
            for work in works:
                self._attempt(work, self._finish)
                self.ready.put(work.result)
                self.limiter.give_back(work.cost)
                work.cost, work.photo, work.prepared, work.layer = 0, None, None, None
        finally:
            self.limiter.give_back(sum(work.cost for work in works))

    def _attempt(self, work: _Work, step: Callable[[_Work], None]) -> None:
        """Take one step with a photo that has not failed yet. One broken file never stops the rest."""
        self._check()
        if work.result is not None:
            return
        started = perf_counter()
        try:
            step(work)
        except _Stopped:
            raise
        except Exception as error:
            hopeless = getattr(error.__context__ or error, "errno", None) in _HOPELESS
            seconds = work.seconds + perf_counter() - started
            work.result = FileResult(work.job.source, "failed", None, reason_of(error), seconds, hopeless=hopeless)
            if hopeless:
                self.stop.set()
        work.seconds += perf_counter() - started

    def _open(self, work: _Work) -> None:
        photo = self.opened.pop(work.job.source, None) or self.pipeline.open(work.job.source)
        work.photo = turned_as_told(photo, work.job.sidecars) if work.job.sidecars else photo
        work.hints = load_hints(self.hints, work.photo.size) if self.hints else None
        work.prepared = self.pipeline.prepare(work.photo, self.settings, hints=work.hints)
        if work.prepared is None and _is_copied(photo, self.settings):
            work.photo = photo  # the very same file, beside which its sidecar goes on to state the turn

    def _predict(self, works: Sequence[_Work]) -> None:
        """Run the network on a few photos together; where that fails, :meth:`_finish` tries each by itself."""
        self._check()
        if len(works) < 2:
            return
        started = perf_counter()
        with suppress(Exception):
            layers = self.pipeline.predict([work.prepared for work in works], batch_size=len(works))
            for work, layer in zip(works, layers, strict=True):
                work.layer = layer
        for work in works:
            work.seconds += (perf_counter() - started) / len(works)

    def _finish(self, work: _Work) -> None:
        started, job, photo = perf_counter(), work.job, work.photo
        if photo is None:
            raise RuntimeError("the photo was not opened")
        layer = work.layer or self.pipeline.predict(work.prepared, hints=work.hints)
        self._check()
        if self.layers:
            written, seconds = self.layers.add(job, photo, layer), work.seconds + perf_counter() - started
            work.result = _kept(job, photo, layer, self.settings, written, seconds)
            return
        colored = compose(photo, layer, settings=self.settings, device=self.pipeline.device)
        self._check()
        said = colored.notes or ()
        written, left = self._write(job, photo, colored)
        status = "passed_through" if colored.passed_through else "colored"
        seconds = work.seconds + perf_counter() - started
        notes = "; ".join((*(colored.notes or ()), *left))
        unsure = not colored.passed_through and is_doubtful(photo, self.settings)
        lost = (*_lost(photo, said, colored), *left)
        work.result = FileResult(job.source, status, written, notes, seconds, photo.size, unsure=unsure, lost=lost)

    def _write(self, job: Job, photo: Photo, colored: ColorPhoto) -> tuple[Path, list[str]]:
        """Write the result, its sidecars before it: a result that is there has all that goes along with it."""
        wanted = _wanted(photo, colored)
        same = _is_same_file(photo, colored)
        target = result_path(job, wanted if same else writable(wanted, lossless=photo.lossless)[0])
        target.parent.mkdir(parents=True, exist_ok=True)
        record, overwrite = colored.provenance if colored.record else None, self.overwrite or job.replaces
        _, left = take_along(job.sidecars, job.source, target, record, same=same, overwrite=overwrite)
        if self.credentials is None or colored.passed_through:
            return colored.save(target, wanted, overwrite=overwrite), left
        content, suffix = colored.encode(wanted)
        signed, note = self.credentials.sign(content, format_named(suffix), photo, colored.provenance or {})
        write_whole(target, signed, photo.times, overwrite=overwrite)
        return target, [*left, *([note] if note else [])]

    def _check(self) -> None:
        if self.stop.is_set():
            raise _Stopped


def _kept(
    job: Job, photo: Photo, layer: ColorLayer | None, settings: Settings, written: Path, seconds: float
) -> FileResult:
    """What became of a photo whose colour layer was kept."""
    status, notes = "colored" if layer else "passed_through", tuple(photo.notes)
    unsure = layer is not None and is_doubtful(photo, settings)
    return FileResult(job.source, status, written, "; ".join(notes), seconds, photo.size, unsure=unsure, lost=notes)


def _wanted(photo: Photo, colored: ColorPhoto) -> str:
    return format_named(colored.format) if colored.format else photo.format


def _is_copied(photo: Photo, settings: Settings) -> bool:
    """Whether a photo that is left as it is keeps its format, too."""
    return settings.format is None or format_named(settings.format) == photo.format


def _is_same_file(photo: Photo, colored: ColorPhoto) -> bool:
    """Whether the result is the photo's own file, copied."""
    return colored.passed_through and _wanted(photo, colored) == photo.format


def _lost(photo: Photo, said: Sequence[str], colored: ColorPhoto) -> tuple[str, ...]:
    """What was lost in reading the photo, and in writing it: of its notes neither those on whether it was in colour,
    which were ``said`` before it was written, nor any where the result is a copy and has all."""
    if _is_same_file(photo, colored):
        return ()
    return tuple(note for note in colored.notes or () if note in photo.notes or note not in said)


def reason_of(error: Exception) -> str:
    """Why a photo failed, in one sentence."""
    if isinstance(error, (HintsError, LayerError, PhotoError)):
        return str(error)
    if isinstance(error, MemoryError):
        return "not enough memory for it; try --jobs 1"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    kind, lines = type(error).__name__, str(error).strip().splitlines()
    return f"an unexpected {kind}: {one_line(lines[0] if lines else kind)}"
