"""Let Ctrl-C and SIGTERM end a run without half a file."""

import os
import signal
from threading import Event
from types import FrameType
from typing import Any, Self


class StopSignals:
    """While entered, the first signal sets ``event``, so that work ends in order; a second one ends the process.

    ``exit_code`` is 130 after Ctrl-C and 143 after SIGTERM, None when there was no signal.
    """

    def __init__(self) -> None:
        self.event = Event()
        self.exit_code: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.event.is_set() and self.exit_code is not None:
            os._exit(128 + number)
        self.exit_code = 128 + number
        self.event.set()
        # Not print: the signal may have come in the middle of one, and buffers refuse to be entered twice.
        os.write(2, b"\nStopping: what is being written will be finished. Once more to stop at once.\n")
