"""Bound the memory of photos in work by counting their pixels."""

import os
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from math import inf
from pathlib import Path
from threading import Condition, Lock

from colorhub.folder.plan import Job
from colorhub.photo import PhotoError, decoding

BYTES_A_PIXEL = 16  # decoded, composed and encoded at once, in 16 bits at worst
_SHARE = 4  # of the machine's memory, one part in so many is for photos
_LEAST = 50_000_000
_TOGETHER = 8  # photos for one worker at a time, through the network in one batch
_TOGETHER_PIXELS = 16_000_000


class MemoryLimiter:
    """Lets photos into work in their order, a few at a time, and never more pixels at once than the memory is for.

    A photo that is larger than all of that is let in alone. Photos may be added meanwhile, until :meth:`end`.
    Which of them go together does not depend on when they come, if it is known how many there will be.

    Args:
        jobs: with which it begins.
        workers: that ask for photos.
        limit: pixels in work at once; what :func:`pixels_in_memory` says when not given.
        more: jobs will be added: how many, or ``inf`` where that is not known.
        before_reading: called with each photo before anything of its file is read.
    """

    def __init__(
        self,
        jobs: Iterable[Job],
        workers: int,
        limit: int | None = None,
        *,
        more: float = 0,
        before_reading: Callable[[Job], None] = lambda job: None,
    ) -> None:
        self.limit = limit or pixels_in_memory()
        self._waiting = deque(jobs)
        self._workers, self._before_reading = workers, before_reading
        self._left, self._more = len(self._waiting) + more, more > 0
        self._free = self.limit
        self._turn = Lock()  # held while waiting for room: no small photo slips past a large one for ever
        self._room = Condition()

    def add(self, job: Job) -> bool:
        """Let a photo wait; waits itself while enough of them do. False after the end."""
        with self._room:
            self._room.wait_for(lambda: len(self._waiting) < waiting_for(self._workers) or not self._more)
            if self._more:
                self._waiting.append(job)
                self._room.notify_all()
            return self._more

    def end(self) -> None:
        """No photo will be added any more."""
        with self._room:
            self._more = False
            self._room.notify_all()

    def next_group(self) -> list[tuple[Job, int]]:
        """The next photos for a worker, with what each costs; waits until there is room. Empty when none is left."""
        with self._turn:
            most = self._number_together()
            group: list[tuple[Job, int]] = []
            while self._waiting and len(group) < most:
                self._before_reading(self._waiting[0])
                cost = self._cost(self._waiting[0])
                pixels = cost + sum(taken for _, taken in group)
                if group and (pixels > _TOGETHER_PIXELS or cost > self._free):
                    break
                self._take(cost)
                group.append((self._waiting.popleft(), cost))
            with self._room:
                self._left -= len(group)
                self._room.notify_all()
            return group

    def _number_together(self) -> int:
        """How many photos the next group has, once they wait: few near the end, so that all workers end together."""
        with self._room:
            self._room.wait_for(lambda: self._waiting or not self._more)
            known = self._left < inf
            share = int(self._left) // (2 * self._workers) if known else len(self._waiting) // self._workers
            most = max(1, min(_TOGETHER, share))
            self._room.wait_for(lambda: len(self._waiting) >= most or not self._more)
            return most

    def give_back(self, cost: int) -> None:
        """Make room for the next photos."""
        with self._room:
            self._free += cost
            self._room.notify_all()

    def _cost(self, job: Job) -> int:
        pixels = pixels_of(job.source)
        return self.limit if pixels is None else min(max(pixels, 1), self.limit)

    def _take(self, cost: int) -> None:
        with self._room:
            self._room.wait_for(lambda: self._free >= cost)
            self._free -= cost


def waiting_for(workers: int) -> int:
    """How many photos wait, so that workers never do."""
    return 2 * _TOGETHER * workers


def pixels_of(path: Path) -> int | None:
    """The number of pixels in a file, from its header alone; None where that does not say. 0 for what is no picture."""
    try:
        with path.open("rb") as file:
            width, height = decoding.open_reader(decoding.sniff(file.read(4096), path.name), file).size
            return width * height
    except (PhotoError, OSError):
        return 0
    except Exception:  # whatever is wrong with the file is said when it is opened in earnest
        return None


def pixels_in_memory() -> int:
    """How many pixels may be in work at once on this machine: a quarter of its memory, at least 50 million."""
    return max(_LEAST, _memory() // _SHARE // BYTES_A_PIXEL)


def _memory() -> int:
    """Bytes that this process may use: the machine's, or less where a container is limited (cgroup 2 and 1). psutil
    knows the machine's alone."""
    sizes = []
    with suppress(AttributeError, ValueError, OSError):  # no sysconf on Windows
        sizes.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            sizes.append(int(Path(limit).read_text()))
    return min(sizes, default=0)
