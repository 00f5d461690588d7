"""Bound the memory of photos in work by counting their pixels."""

import os
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
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

    A photo that is larger than all of that is let in alone.
    """

    def __init__(self, jobs: Iterable[Job], workers: int, limit: int | None = None) -> None:
        self.limit = limit or pixels_in_memory()
        self._waiting = deque(jobs)
        self._workers = workers
        self._free = self.limit
        self._turn = Lock()  # held while waiting for room: no small photo slips past a large one for ever
        self._room = Condition()

    def next_group(self) -> list[tuple[Job, int]]:
        """The next photos for a worker, with what each costs; waits until there is room. Empty when none is left."""
        with self._turn:
            group: list[tuple[Job, int]] = []
            share = len(self._waiting) // (2 * self._workers)  # few near the end, so that all workers end together
            most = max(1, min(_TOGETHER, share))
            while self._waiting and len(group) < most:
                cost = self._cost(self._waiting[0])
                pixels = cost + sum(taken for _, taken in group)
                if group and (pixels > _TOGETHER_PIXELS or cost > self._free):
                    break
                self._take(cost)
                group.append((self._waiting.popleft(), cost))
            return group

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
