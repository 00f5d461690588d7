"""One small actor a run, on the driver's node: how far it is, and which blocks a process ended with."""

from dataclasses import dataclass


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

    def begin(self, block: int) -> bool:
        """A block is taken into work. Returns whether it was before, by a process that did not come to its end."""
        before = block in self._begun
        self._begun.add(block)
        return before

    def end(self, block: int, photos: int) -> None:
        """A block was worked on to its end."""
        self._begun.discard(block)
        self._progress.done += photos

    def listed(self, photos: int, is_all: bool) -> None:
        """So many were found, from the first on."""
        self._progress.listed = max(self._progress.listed, photos)
        self._progress.is_listed |= is_all

    def progress(self) -> Progress:
        """How far it is."""
        return self._progress
