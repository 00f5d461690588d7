"""What is watched while training: progress bar, TensorBoard, validation records, NaN guard, stop signals."""

import json
import signal
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor
from tqdm import tqdm

from training.checkpoint import Progress
from training.config import Recipe
from training.data import Cursor

_LOWER_IS_BETTER = {"loss"}


class NotFiniteError(RuntimeError):
    """The loss or its gradient became infinite or NaN: the message says at which step and where the last checkpoint is."""


def check_finite(losses: dict[str, Tensor], accelerator: Accelerator, step: int, folder: Path) -> None:
    """Stop all processes when any of them has a loss that is not finite; the checkpoints on disk stay as they are."""
    values = torch.stack([value.float() for value in losses.values()])
    if accelerator.mixed_precision == "fp16":  # the scaler skips steps with infinite gradients by itself
        values = losses["loss"].float()[None]
    bad = accelerator.reduce((~values.isfinite()).any().float(), "sum")
    if bad.item() > 0:
        raise NotFiniteError(
            f"Step {step}: {', '.join(f'{k} = {v.item()}' for k, v in losses.items())}. Stopped; the last good checkpoint in "
            f"{folder} is kept. Lower optimizer.learning_rate, set optimizer.clip_norm, or use run.precision='bf16'."
        )


class StopSignal:
    """SIGTERM and SIGINT ask for a stop after the running step; all processes agree on the step."""

    def __init__(self, accelerator: Accelerator) -> None:
        self._accelerator, self._seen = accelerator, False

    def __enter__(self) -> "StopSignal":
        self._previous = {number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._seen = True

    def requested(self) -> bool:
        if self._accelerator.num_processes == 1:
            return self._seen
        flag = torch.tensor(float(self._seen), device=self._accelerator.device)
        return self._accelerator.reduce(flag, "sum").item() > 0


class Monitor:
    """Progress bar, ``log.jsonl`` and TensorBoard of the main process."""

    def __init__(
        self, accelerator: Accelerator, recipe: Recipe, folder: Path, progress: Progress, resumed: Path | None
    ) -> None:
        self.recipe, self.progress, self.accelerator = recipe, progress, accelerator
        self.main = accelerator.is_main_process
        self.writer = _writer(folder, progress.step) if self.main and recipe.run.tensorboard else None
        self.log = (folder / "log.jsonl").open("a") if self.main else None
        if resumed is not None:
            accelerator.print(f"Resumed from {resumed} at step {progress.step}.")

    def __enter__(self) -> "Monitor":
        first = self.progress.pictures
        self.bar = tqdm(total=self.recipe.run.steps, initial=self.progress.step, disable=not self.main, unit="step")
        self._first = first
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()
        for sink in (self.writer, self.log):
            if sink is not None:
                sink.close()

    def step(self, losses: dict[str, Tensor], cursor: Cursor) -> None:
        """Called after every optimizer step."""
        self.bar.update()
        step = self.progress.step
        if step % self.recipe.run.log_every and step != self.recipe.run.steps:
            return
        values = {name: value.item() for name, value in losses.items()}
        seconds = self.bar.format_dict["elapsed"] or 1e-9
        rate = (self.progress.pictures - self._first) / seconds
        self.bar.set_postfix({"loss": f"{values['loss']:.4f}", "pictures/s": f"{rate:.0f}", "grey": cursor.grey})
        facts = {"pictures_per_second": rate, "grey_skipped": cursor.grey, "broken_skipped": cursor.broken}
        self._record("train", {**values, **facts, "epoch": cursor.epoch})

    def validated(self, scores: dict[str, float]) -> bool:
        """Record validation figures; answers whether they are the best so far by the recipe's metric."""
        progress, metric = self.progress, self.recipe.run.metric
        sign = -1 if metric in _LOWER_IS_BETTER else 1
        better = progress.best is None or sign * scores[metric] > sign * progress.best
        progress.best, progress.stale = (scores[metric], 0) if better else (progress.best, progress.stale + 1)
        self._record("validation", scores)
        if self.main:
            words = ", ".join(f"{name} {value:.4g}" for name, value in scores.items())
            self.bar.write(f"step {progress.step}: {words}{' (best)' if better else ''}")
        return better

    def sheet(self, picture: Tensor) -> None:
        """Show a sheet of pictures in TensorBoard."""
        if self.writer is not None:
            self.writer.add_image("pictures", picture.clamp(0, 1).cpu(), self.progress.step)

    def _record(self, kind: str, values: dict[str, Any]) -> None:
        if self.log is not None:
            self.log.write(json.dumps({"kind": kind, "step": self.progress.step, **values}) + "\n")
            self.log.flush()
        if self.writer is not None:
            for name, value in values.items():
                self.writer.add_scalar(f"{kind}/{name}", value, self.progress.step)


def _writer(folder: Path, step: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter  # slow to import, and optional

    return SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)
