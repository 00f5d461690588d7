"""Checkpoints that a kill cannot spoil: written aside, then renamed; the newest few are kept, and the best model apart."""

import copy
import json
import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.utils import gather_object

from colorhub.models.base import Colorizer
from training.config import Recipe
from training.data import Cursor, Place

_NAME = re.compile(r"step-(\d+)")


class Progress:
    """What a resumed run must know beside tensors. Saved with every checkpoint through the accelerator."""

    def __init__(self) -> None:
        self.step = 0  # finished optimizer steps
        self.pictures = 0
        self.best: float | None = None
        self.stale = 0  # validations since the best
        self.cursors: list[Cursor] = []  # one a process

    def state_dict(self) -> dict[str, Any]:
        return {**vars(self), "cursors": [asdict(cursor) for cursor in self.cursors]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        vars(self).update({**state, "cursors": [Cursor(**cursor) for cursor in state["cursors"]]})


def checkpoints(folder: Path) -> list[Path]:
    """Finished checkpoints of a run, oldest first."""
    found = [path for path in folder.glob("step-*") if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.name.split("-")[1]))


def save(accelerator: Accelerator, folder: Path, progress: Progress, cursor: Cursor, keep: int) -> Path:
    """Write a checkpoint of all processes. ``cursor`` is this process's own."""
    progress.cursors = gather_object([cursor])
    target = folder / f"step-{progress.step:08d}"
    if target.exists():
        return target
    aside = folder / f"writing-{target.name}"
    if accelerator.is_main_process:
        shutil.rmtree(aside, ignore_errors=True)
    accelerator.wait_for_everyone()
    accelerator.save_state(str(aside))
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        aside.rename(target)
        for old in checkpoints(folder)[:-keep]:
            shutil.rmtree(old)
    accelerator.wait_for_everyone()
    return target


def resume(accelerator: Accelerator, folder: Path) -> Path | None:
    """Load the newest checkpoint of a run, if there is one."""
    found = checkpoints(folder)
    if not found:
        return None
    accelerator.load_state(str(found[-1]))
    return found[-1]


def own_cursor(progress: Progress, place: Place) -> Cursor:
    """Where this process's stream stands in a loaded checkpoint. Raises ``ValueError`` for another number of processes."""
    if len(progress.cursors) != place.world:
        raise ValueError(
            f"The checkpoint was written by {len(progress.cursors)} processes, this run has {place.world}. Start as many, or "
            "start anew with run.resume=false and init=<the best model's folder>."
        )
    return progress.cursors[place.rank]


def save_model(model: Colorizer, folder: Path, recipe: Recipe, scores: dict[str, float]) -> None:
    """Write a model folder (half precision weights, config, recipe, validation scores); an older one is replaced at the end."""
    aside = folder.with_name(f"writing-{folder.name}")
    shutil.rmtree(aside, ignore_errors=True)
    copy.deepcopy(model).half().save_pretrained(aside)
    (aside / "README.md").unlink(missing_ok=True)  # the card is written from measured facts, not here
    (aside / "recipe.json").write_text(recipe.model_dump_json(indent=2))
    (aside / "validation.json").write_text(json.dumps(scores, indent=2))
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)
