"""Colour photos in a process of their own: a file that kills what decodes it, or hangs it, costs that process alone.

When it dies, the photos that it had in work are tried alone, one after the other, in the next one: so it shows which of
them it was. Neither the network nor its libraries are loaded in the process that asks.
"""

import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, Full, Queue, SimpleQueue
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, Self

from colorhub.folder.memory import waiting_for
from colorhub.folder.plan import FileResult, Job
from colorhub.settings import Settings

TRIES = 3
PATIENCE = 600.0  # seconds
_MOST_DEATHS = 10  # with no photo in work that they could be the fault of
_MOST_GIVEN_UP = 50  # one after the other: then it is not the photos
_TICK = 0.1  # seconds
_GRACE = 10.0  # seconds to end in order


def given_up(how: str) -> str:
    """What is said of a photo after the last try. ``how``: the process ended."""
    return f"the process that opened it {how}, {TRIES} times: it is given up"


class IsolationError(RuntimeError):
    """The process dies whatever it does: one sentence."""


class _Died(Exception):  # noqa: N818 for those who go on with another one
    pass


class Isolated:
    """The process, from entering to leaving. ``weights_sha256``: of what it colours with.

    Args:
        open_predictor: called in it, to give what photos are coloured with; it must be importable there. What it raises
            is raised here.
        settings: how photos are coloured.
        workers: photos in work side by side.
        patience: seconds after which a photo in work is taken for one that hangs.
        how: further words of :func:`~colorhub.folder.run.color_files`.
    """

    weights_sha256 = ""

    def __init__(
        self,
        open_predictor: Callable[[], Any],
        settings: Settings,
        *,
        workers: int = 1,
        patience: float = PATIENCE,
        **how: Any,
    ) -> None:
        self._call = open_predictor, settings, how
        self._workers, self._patience = workers, patience
        self._child: _Child | None = None
        self._deaths = self._given_up = 0

    def __enter__(self) -> Self:
        self.weights_sha256 = self._running().weights_sha256
        return self

    def __exit__(self, *error: object) -> None:
        if self._child:
            self._child.end()

    def color(
        self,
        jobs: Iterable[Job],
        *,
        total: int | None = None,
        stop: Event,
        before_sending: Callable[[Job], None] = lambda job: None,
    ) -> Generator[FileResult, None, None]:
        """Colour photos, and give what became of each as soon as it is known.

        Args:
            jobs: any number, of which few are held at once. A thread iterates over them.
            total: how many, where that is known.
            stop: setting it, or closing the iterator, ends the work soon: what is being written is finished.
            before_sending: called in that thread, before anything of a photo is read.

        Raises:
            IsolationError: it is not the photos that the process dies of.
        """
        supply = _Supply(jobs, waiting_for(self._workers), before_sending)
        try:
            while not stop.is_set():
                suspects = yield from self._together(supply, total, stop)
                if suspects is None:
                    return
                for job in suspects:
                    yield from self._alone(job, stop)
                    if self._given_up >= _MOST_GIVEN_UP:
                        return
        finally:
            supply.close()

    def _together(
        self, supply: "_Supply", total: int | None, stop: Event
    ) -> Generator[FileResult, None, list[Job] | None]:
        """Many at a time. Returns those that may have killed the process, or ``None`` where it came to the end."""
        child, told, ends = self._running(), False, False
        try:
            child.begin(self._workers, None if total is None else total - supply.gone)
            while True:
                while not told and not stop.is_set() and len(child.sent) < 2 * waiting_for(self._workers):
                    job = supply.next()
                    if job is None and not supply.ended:
                        break
                    child.send(job)
                    told = job is None
                found = child.receive(stop, self._patience)
                if found is _END:
                    if not (ends or stop.is_set()) and (child.sent or not told):
                        raise IsolationError(f"{len(child.sent)} photos got no answer: the same command goes on")
                    return None
                if isinstance(found, FileResult):
                    self._deaths = self._given_up = 0
                    ends = ends or found.hopeless
                    yield found
        except _Died:
            self._forget(child)
            suspects = [replace(job, replaces=True) for job in child.sent.values() if job.source in child.begun]
            supply.give_back(job for job in child.sent.values() if job.source not in child.begun)
            return suspects
        except GeneratorExit:
            child.finish()
            raise

    def _alone(self, job: Job, stop: Event) -> Generator[FileResult, None, None]:
        """A photo that was in work when a process died."""
        reason, answered = "", False
        for _ in range(TRIES - 1):
            if stop.is_set():
                return
            child = self._running()
            try:
                child.begin(1, 1)
                child.send(job)
                child.send(None)
                while (found := child.receive(stop, self._patience)) is not _END:
                    if isinstance(found, FileResult):
                        self._deaths = self._given_up = 0
                        answered = True
                        yield found
                return
            except _Died:
                reason = self._forget(child)
                if answered:
                    return
        self._deaths, self._given_up = 0, self._given_up + 1
        hopeless = self._given_up >= _MOST_GIVEN_UP
        yield FileResult(job.source, "failed", None, given_up(reason), hopeless=hopeless)

    def _running(self) -> "_Child":
        if self._child is None:
            self._child = _Child(*self._call)
        return self._child

    def _forget(self, child: "_Child") -> str:
        """Say how a process ended; the next one is another."""
        self._child = None
        reason = child.end()
        self._deaths += 1
        if self._deaths > _MOST_DEATHS:
            raise IsolationError(
                f"the process that colours photos {reason}, whatever it is given: the same command goes on"
            )
        return reason


class _Supply:
    """Jobs of an iterator, a few ahead, and before them those that are given back. ``gone``: how many were given."""

    def __init__(self, jobs: Iterable[Job], ahead: int, before_sending: Callable[[Job], None]) -> None:
        self.ended, self.gone = False, 0
        self._again: deque[Job] = deque()
        self._queue: Queue[Job | Exception | None] = Queue(ahead)
        self._closed, self._before_sending = Event(), before_sending
        Thread(target=self._read, args=(jobs,), name="supply", daemon=True).start()

    def next(self) -> Job | None:
        """``None`` where none is there now; where no other comes, ``ended`` is set."""
        if self._again:
            self.gone += 1
            return self._again.popleft()
        if self.ended:
            return None
        with suppress(Empty):
            found = self._queue.get_nowait()
            if isinstance(found, Exception):
                raise found
            self.ended = found is None
            self.gone += found is not None
            return found
        return None

    def give_back(self, jobs: Iterable[Job]) -> None:
        """They come again."""
        for job in jobs:
            self._again.append(job)
            self.gone -= 1

    def close(self) -> None:
        """No more are wanted."""
        self._closed.set()

    def _read(self, jobs: Iterable[Job]) -> None:
        try:
            for job in jobs:
                self._before_sending(job)
                if not self._put(job):
                    return
            self._put(None)
        except Exception as error:
            self._put(error)

    def _put(self, item: Job | Exception | None) -> bool:
        while not self._closed.is_set():
            with suppress(Full):
                self._queue.put(item, timeout=_TICK)
                return True
        return False


class _End:
    """What is received at the end of a round of photos."""


_END = _End()


class _Child:
    """One process. ``sent``: the jobs it has; ``begun``: those in work, and since when."""

    def __init__(self, open_predictor: Callable[[], Any], settings: Settings, how: Mapping[str, Any]) -> None:
        linux = sys.platform == "linux"  # elsewhere forks and torch do not go together
        context: Any = multiprocessing.get_context("forkserver" if linux else "spawn")
        if linux:
            context.set_forkserver_preload(["colorhub.folder.run", "colorhub.pipeline"])
        self.sent: dict[Path, Job] = {}
        self.begun: dict[Path, float] = {}
        self._is_stopping, self._hung = False, ""
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, open_predictor, settings, how), daemon=True)
        self._process.start()
        theirs.close()
        try:
            found = self._connection.recv()
        except (EOFError, OSError):
            raise IsolationError(f"the process that colours photos {self.end()} before the first of them") from None
        if isinstance(found, Exception):
            self.end()
            raise found
        self.weights_sha256: str = found

    def begin(self, workers: int, total: int | None) -> None:
        """Begin a round of so many photos."""
        self.sent, self.begun = {}, {}
        self._tell((workers, total))

    def send(self, job: Job | None) -> None:
        """Give it a photo; ``None`` says that it was the last of this round."""
        if job is not None:
            self.sent[job.source] = job
        self._tell(job)

    def receive(self, stop: Event, patience: float) -> "FileResult | _End | None":
        """A result, or the end of the round; ``None`` after a moment without any."""
        if stop.is_set() and not self._is_stopping:
            self._is_stopping = True
            self._tell("stop")
        try:
            if not self._connection.poll(_TICK):
                self._expect_life(patience)
                return None
            found = self._connection.recv()
        except (EOFError, OSError):
            raise _Died from None
        if isinstance(found, Path):
            self.begun.setdefault(found, monotonic())
        elif isinstance(found, FileResult):
            del self.sent[found.source]
            self.begun.pop(found.source, None)
            return found
        elif isinstance(found, Exception):
            raise found
        return _END if found is None else None

    def finish(self) -> None:
        """End in order, if that takes no longer than a moment."""
        stop, until = Event(), monotonic() + _GRACE
        stop.set()
        with suppress(_Died):
            while self.receive(stop, _GRACE) is not _END and monotonic() < until:
                pass

    def end(self) -> str:
        """End it, and say how it ended."""
        self._connection.close()
        self._process.join(_GRACE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        code = self._process.exitcode or 0
        with suppress(ValueError):
            return self._hung or f"died ({signal.Signals(-code).name})"
        return f"ended (exit code {code})"

    def _expect_life(self, patience: float) -> None:
        if self.begun and monotonic() - min(self.begun.values()) > patience:
            self._hung = f"hung (no result in {patience:.0f} s)"
            self._process.kill()

    def _tell(self, message: Any) -> None:
        try:
            self._connection.send(message)
        except OSError:
            raise _Died from None


@dataclass(frozen=True)
class _Round:
    """Photos that are coloured side by side by so many workers."""

    workers: int
    total: int | None
    jobs: "SimpleQueue[Job | None]" = field(default_factory=SimpleQueue)
    stop: Event = field(default_factory=Event)


def _serve(
    connection: Connection, open_predictor: Callable[[], Any], settings: Settings, how: Mapping[str, Any]
) -> None:
    """What the process does: rounds of photos, until nobody listens any more."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # who asks is told, and stops in order
    from colorhub.folder.run import color_files

    lock = Lock()

    def say(what: Any) -> None:
        with lock:
            connection.send(what)

    try:
        predictor = open_predictor()
        say(predictor.model.weights_sha256)
        rounds: SimpleQueue[_Round] = SimpleQueue()
        Thread(target=_listen, args=(connection, rounds), daemon=True).start()
        while True:
            now = rounds.get()
            called = {"workers": now.workers, "total": now.total, "stop": now.stop, **how}
            begun = lambda job: say(job.source)  # noqa: E731
            for result in color_files(predictor, iter(now.jobs.get, None), settings, before_reading=begun, **called):
                say(result)
            say(None)
    except OSError:  # nobody listens
        os._exit(1)
    except Exception as error:
        say(error)


def _listen(connection: Connection, rounds: "SimpleQueue[_Round]") -> None:
    now = _Round(1, 0)
    while True:
        try:
            found = connection.recv()
        except (EOFError, OSError):
            os._exit(1)
        if isinstance(found, tuple):
            now = _Round(*found)
            rounds.put(now)
        elif found == "stop":
            now.stop.set()
            now.jobs.put(None)
        else:
            now.jobs.put(found)
