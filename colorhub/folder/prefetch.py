"""Read the first photos while torch is being imported and the model loaded: one core would be idle for that long."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

from colorhub.folder.plan import Job
from colorhub.photo import Photo

_MOST_PIXELS = 32_000_000  # in photos that wait


class Prefetch(Thread):
    """A thread that reads photos in their order; :meth:`stop` ends that and gives what it has.

    A photo that cannot be read is left out: whoever wants it meets the error again and tells it.
    """

    def __init__(self, jobs: Iterable[Job], max_pixels: int) -> None:
        super().__init__(name="prefetch", daemon=True)
        self._jobs, self._max_pixels = jobs, min(max_pixels, _MOST_PIXELS)
        self._opened: dict[Path, Photo] = {}
        self._stopped = Event()
        self.start()

    def stop(self) -> dict[Path, Photo]:
        """Photos by path."""
        self._stopped.set()
        self.join()
        return self._opened

    def run(self) -> None:
        """Read, until it is enough."""
        pixels = 0
        for job in self._jobs:
            if self._stopped.is_set() or pixels > _MOST_PIXELS:
                return
            with suppress(Exception):
                photo = self._opened[job.source] = Photo.open(job.source, max_pixels=self._max_pixels)
                pixels += photo.grey.size
