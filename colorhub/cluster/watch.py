"""One small actor a run, on the driver's node: how far it is, which blocks a process ended with, whether to stop."""

from dataclasses import dataclass
from enum import Enum


class Turn(Enum):
    """How a block is worked on."""

    TOGETHER = "together"
    ONE_BY_ONE = "one by one"  # a process ended with it before
    NOT_NOW = "not now"  # the run is to stop


@dataclass
class Progress:
    """``listed``: photos found so far, among them what is done already; ``is_listed``: there are no more; ``done``:
    those that were worked on in this run."""

    listed: int = 0
    is_listed: bool = False
    done: int = 0


class Watch:
    """What processes tell of themselves. Where it is lost it begins anew, and the run goes on: only numbers to be
    printed, and the first try of a bad photo, are forgotten."""

    def __init__(self) -> None:
        self._progress = Progress()
        self._begun: set[int] = set()
        self._is_stopping = False

    def begin(self, block: int) -> Turn:
        """A process would work on a block."""
        if self._is_stopping:
            return Turn.NOT_NOW
        before = block in self._begun
        self._begun.add(block)
        return Turn.ONE_BY_ONE if before else Turn.TOGETHER

    def end(self, block: int, photos: int) -> None:
        """A block was worked on to its end."""
        self._begun.discard(block)
        self._progress.done += photos

    def listed(self, photos: int, is_all: bool) -> bool:
        """So many were found, from the first on. Returns whether more are wanted."""
        self._progress.listed = max(self._progress.listed, photos)
        self._progress.is_listed |= is_all
        return not self._is_stopping

    def stop(self) -> None:
        """Let blocks that are in work come to their end, and no other begin."""
        self._is_stopping = True

    def progress(self) -> Progress:
        """How far it is."""
        return self._progress
