"""What may end a run early: a loss that is not finite, a signal, a launcher that is gone. All processes decide
alike."""

import math
import os
import signal
from pathlib import Path
from types import FrameType

import torch
from accelerate import Accelerator
from torch import Tensor

_MOST_SKIPPED = 25  # steps in a row; a scaler that starts at 2**16 finds its scale in fewer than 17


class NotFiniteError(RuntimeError):
    """The loss or its gradient became infinite or NaN: the message says at which step and what to do."""


class Watchdog:
    """Watches a run; use it in a ``with`` block. SIGTERM and SIGINT ask for a stop after the running step.

    A launcher that is killed takes nothing with it, so a process whose launcher is gone also stops.
    """

    def __init__(self, accelerator: Accelerator, folder: Path) -> None:
        self._accelerator, self._folder = accelerator, folder
        self._seen = False
        self._skipped = 0
        launched = "ACCELERATE_MIXED_PRECISION" in os.environ or "TORCHELASTIC_RUN_ID" in os.environ
        self._launcher = os.getppid() if launched else None
        self.stop = False  # whether any process was asked to stop, as of the last step

    def __enter__(self) -> "Watchdog":
        self._previous = {number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._seen = True

    def check(self, losses: dict[str, Tensor], step: int) -> dict[str, float]:
        """After optimizer step ``step``: the losses as means over all processes; sets :attr:`stop`.

        Raises:
            NotFiniteError: on all processes, when any of them has a loss or a gradient that is not finite.
        """
        asked = self._seen or (self._launcher is not None and os.getppid() != self._launcher)
        scalars = [value.float().reshape(()) for value in losses.values()]
        together = torch.stack([*scalars, torch.tensor(float(asked), device=self._accelerator.device)])
        *means, stop = self._accelerator.reduce(together, "mean").tolist()  # the only wait for the device in a step
        values = dict(zip(losses, means, strict=True))
        self.stop = stop > 0
        if not all(math.isfinite(value) for name, value in values.items() if not self._may_overflow(name)):
            raise self._error(values, step)
        return values

    def _may_overflow(self, name: str) -> bool:
        """Whether a value may be infinite now and then: in fp16 the scaler leaves out steps with such gradients."""
        if name != "gradient_norm" or self._accelerator.mixed_precision != "fp16":
            return False
        self._skipped = self._skipped + 1 if self._accelerator.optimizer_step_was_skipped else 0
        return 0 < self._skipped < _MOST_SKIPPED

    def _error(self, values: dict[str, float], step: int) -> NotFiniteError:
        found = ", ".join(f"{name} = {value:.4g}" for name, value in values.items())
        return NotFiniteError(
            f"Step {step} is not finite ({found}): stopped, and the last good checkpoint in {self._folder} is kept; "
            "lower optimizer.learning_rate, set optimizer.clip_norm or use run.precision=bf16, then start again."
        )
