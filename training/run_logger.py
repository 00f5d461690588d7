"""What is watched while training: progress bar, ``log.jsonl``, TensorBoard, and which validation was the best."""

import json
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from torch import Tensor
from tqdm import tqdm

from colorhub._files import replacing
from training.checkpoint import CheckpointError, Progress
from training.config import Recipe
from training.data.loader import Cursor

_LOWER_IS_BETTER = {"loss"}


class RunLogger:
    """Shows a run; use it in a ``with`` block. Every process must have one, the main process's writes and shows."""

    def __init__(self, accelerator: Accelerator, recipe: Recipe, folder: Path, progress: Progress) -> None:
        self.recipe, self.progress = recipe, progress
        self.main = accelerator.is_main_process
        if self.main:
            _forget_after(folder / "log.jsonl", progress.step)
        self.log = (folder / "log.jsonl").open("a", encoding="utf-8") if self.main else None
        self.writer = _writer(folder, progress.step) if self.main and recipe.run.tensorboard else None

    def __enter__(self) -> "RunLogger":
        run, progress = self.recipe.run, self.progress
        patient = 0.5 if sys.stderr.isatty() else 30.0  # seconds between redraws: a log file is not a screen
        self.bar = tqdm(total=run.steps, initial=progress.step, disable=not self.main, unit="step", mininterval=patient)
        self._rest()
        self._clock = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()
        for sink in (self.writer, self.log):
            if sink is not None:
                with suppress(OSError):  # a full disk was said before, and must not hide what ended the run
                    sink.close()

    def step(self, losses: dict[str, float], learning_rate: float, cursor: Cursor) -> None:
        """Called after every optimizer step. ``cursor``: of this process's stream."""
        step = self.progress.step
        self.count_time()
        if not self.main:
            return
        if step % self.recipe.run.log_every == 0 or step == self.recipe.run.steps:
            rate = (self.progress.pictures - self._pictures) / max(time.monotonic() - self._since, 1e-9)
            self._rest()
            shown = {"loss": f"{losses['loss']:.4f}", "pictures/s": f"{rate:.0f}", "grey": cursor.grey}
            self.bar.set_postfix(shown, refresh=False)
            facts = {"pictures_per_second": rate, "grey_skipped": cursor.grey, "broken_skipped": cursor.broken}
            self._record("train", {**losses, "learning_rate": learning_rate, **facts, "epoch": cursor.epoch})
        self.bar.update()

    def validated(self, scores: dict[str, float]) -> bool:
        """Record validation figures; answers whether they are the best so far by the recipe's metric."""
        progress, metric = self.progress, self.recipe.run.metric
        sign = -1 if metric in _LOWER_IS_BETTER else 1
        better = progress.best is None or sign * scores[metric] > sign * progress.best
        progress.best, progress.stale = (scores[metric], 0) if better else (progress.best, progress.stale + 1)
        self.count_time()
        self._record("validation", scores)
        if self.main:
            words = ", ".join(f"{name} {value:.4g}" for name, value in scores.items())
            self.bar.write(f"step {progress.step}: {words}{' (best)' if better else ''}")
        self._rest()
        return better

    def add_image(self, picture: Tensor) -> None:
        """Show a picture ``(3, H, W)`` in 0..1 in TensorBoard."""
        if self.writer is not None:
            self.writer.add_image("pictures", picture.clamp(0, 1).cpu(), self.progress.step)

    def _rest(self) -> None:
        """Count pictures a second from here on, so that validation does not slow the figure down."""
        self._since, self._pictures = time.monotonic(), self.progress.pictures

    def count_time(self) -> None:
        """How long the run took so far, in all of its parts."""
        now = time.monotonic()
        self.progress.seconds += now - self._clock
        self._clock = now

    def _record(self, kind: str, values: dict[str, Any]) -> None:
        if self.log is not None:
            try:
                self.log.write(json.dumps({"kind": kind, "step": self.progress.step, **values}) + "\n")
                self.log.flush()
            except OSError as error:
                reason = f"{self.log.name} cannot be written: {error.strerror}; the last checkpoint is kept."
                raise CheckpointError(reason) from error
        if self.writer is not None:
            for name, value in values.items():
                self.writer.add_scalar(f"{kind}/{name}", value, self.progress.step)


def _forget_after(log: Path, step: int) -> None:
    """Drop what a killed run logged after the checkpoint that is gone on from, and a line it did not finish."""
    if not log.exists():
        return
    kept = [line for line in log.read_text(encoding="utf-8").splitlines() if _step_of(line) <= step]
    with replacing(log) as aside:
        aside.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError, TypeError):
        return float("inf")


def _writer(folder: Path, step: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter  # slow to import, and optional

    return SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)
