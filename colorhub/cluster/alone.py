"""A photo alone in a process of its own: one that ends or holds up that process three times cannot be coloured."""

import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from threading import Thread

from colorhub.archive.rows import Row, as_text
from colorhub.cluster.colorist import Colorist, Task
from colorhub.cluster.photos import Listed, Outcome
from colorhub.folder.isolated import TRIES, given_up


class Alone:
    """Colours photos one by one in another process, and outlives what that process does not.

    Args:
        task: theirs.
        model: the folder or file with the weights.
    """

    def __init__(self, task: Task, model: Path) -> None:
        self._task, self._model = task, model
        self._pool: ProcessPoolExecutor | None = None

    def color(self, photo: Listed) -> Outcome:
        """Colour a photo. Where its process ends, it is tried again; no other photo is in work meanwhile.

        Raises:
            BrokenProcessPool: no process can be started at all.
        """
        for _ in range(TRIES):
            pool = self._ready()
            try:
                return pool.submit(_color, photo).result()
            except BrokenProcessPool:
                self.close()
        row = Row(as_text(photo.name), "failed", source_size=photo.size or None, reason=given_up("ended or hung"))
        return Outcome(photo, self._task.run.signed(row))

    def close(self) -> None:
        """End the process."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _ready(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, get_context("spawn"), _start, (self._task, self._model))
        self._pool.submit(os.getpid).result()  # it has loaded its model: what ends it now is the photo
        return self._pool


_colorist: Colorist | None = None  # of this process


def _start(task: Task, model: Path) -> None:
    global _colorist
    Thread(target=_end_with_parent, daemon=True).start()
    _colorist = Colorist(task, model)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _color(photo: Listed) -> Outcome:
    if _colorist is None:
        raise RuntimeError("the process was not started as it should be")
    return _colorist.color([photo])[0]
