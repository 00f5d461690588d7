"""Read the first photos while torch is being imported and the model loaded: one core would be idle for that long."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Self

from colorhub.folder.plan import Job
from colorhub.photo import Photo

_MOST_PIXELS = 32_000_000  # in photos that wait


class ReadAhead:
    """A context in which a thread reads photos in their order; :meth:`stop` ends that and gives what it has.

    A photo that cannot be read is left out: whoever wants it meets the error again and tells it.
    """

    def __init__(self, jobs: Sequence[Job], max_pixels: int) -> None:
        self._jobs, self._max_pixels = jobs, max_pixels
        self._opened: dict[Path, Photo] = {}
        self._stopped = Event()
        self._thread = Thread(target=self._read, name="read-ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> dict[Path, Photo]:
        """Photos by path."""
        self._stopped.set()
        self._thread.join()
        return self._opened

    def _read(self) -> None:
        pixels = 0
        for job in self._jobs:
            if self._stopped.is_set() or pixels > _MOST_PIXELS:
                return
            with suppress(Exception):
                photo = Photo.open(job.source, max_pixels=min(self._max_pixels, _MOST_PIXELS))
                self._opened[job.source] = photo
                pixels += photo.grey.size
