"""The folder of a run: checkpoints that a kill cannot spoil (written aside, then renamed), and the best model apart.

``output/name/`` holds ``step-*`` (the newest few checkpoints), ``best`` (a model folder), ``recipe.json``,
``log.jsonl`` and ``tensorboard``; an adversary's weights are in ``adversary``. With several nodes it must be on a file
system that all of them see.
"""

import copy
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object
from safetensors import SafetensorError

from colorhub._text import first_line, listed
from colorhub.models.base import HubModel
from training import record
from training.config import Recipe, RecipeError
from training.data.loader import Cursor, Shard

_NAME = re.compile(r"step-(\d+)")
_ASIDE, _REPLACED = "writing-", "replaced-"
# What may differ when a run goes on: neither the model nor the stream of pictures depends on it.
_FREE = {"name", "run", "optimizer", "data.threads"}
_FIXED_IN_FREE = {"run.seed", "optimizer.name"}


class CheckpointError(RuntimeError):
    """A run's folder that cannot be written, read or gone on from: the message says which and what to do."""


class Progress:
    """What a resumed run must know beside tensors. Saved with every checkpoint through the accelerator."""

    def __init__(self) -> None:
        self.step = 0  # finished optimizer steps
        self.pictures = 0
        self.seconds = 0.0  # of running, pauses between runs not counted
        self.best: float | None = None
        self.stale = 0  # validations since the best
        self.cursors: list[Cursor] = []  # one a process

    def state_dict(self) -> dict[str, Any]:
        return {**vars(self), "cursors": [asdict(cursor) for cursor in self.cursors]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        vars(self).update({**state, "cursors": [Cursor(**cursor) for cursor in state["cursors"]]})


class Checkpoints:
    """Saving and resuming of one run. Every method must be called by all processes."""

    def __init__(self, accelerator: Accelerator, recipe: Recipe, count: int | None = None) -> None:
        """Open the run's folder: clean what a killed run left half-written. ``count``: of the pictures to learn from,
        for the record, where it is known.

        Raises:
            RecipeError: the folder holds a run of another recipe, or a run although ``run.resume`` is false.
            CheckpointError: the folder cannot be written.
        """
        self.accelerator, self.recipe, self.count = accelerator, recipe, count
        self.folder = Path(recipe.run.output) / recipe.name
        self._on_main(self._open, f"The output folder {self.folder} cannot be used")
        found = checkpoints(self.folder) if accelerator.is_main_process else []
        self.newest: Path | None = broadcast_object_list([found[-1] if found else None])[0]

    def _open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        _clean(self.folder)
        if checkpoints(self.folder):
            if not self.recipe.run.resume:
                raise RecipeError(
                    f"{self.folder} already holds a run and run.resume is false: choose another name or run.output, or "
                    "remove the folder."
                )
            _refuse_another(self.folder, self.recipe)
        _write_aside(self.folder / "recipe.json", self.recipe.model_dump_json(indent=2))

    def resume(self, progress: Progress) -> Cursor:
        """Load the newest checkpoint, if there is one; answers where this process's stream of pictures stands."""
        if self.newest is None:
            return Cursor()
        try:
            self.accelerator.load_state(str(self.newest))
        except (OSError, RuntimeError, KeyError, SafetensorError) as error:
            raise CheckpointError(
                f"The checkpoint {self.newest} cannot be loaded ({first_line(error)}): remove it to go on from an "
                "older one."
            ) from error
        return own_cursor(progress, Shard(0, self.accelerator.process_index, self.accelerator.num_processes))

    def save(self, progress: Progress, cursor: Cursor) -> None:
        """Write a checkpoint of all processes, unless this step has one. ``cursor`` is this process's own."""
        target = self.folder / f"step-{progress.step:08d}"
        if self.newest == target:
            return
        progress.cursors = gather_object([cursor])
        aside = self.folder / f"{_ASIDE}{target.name}"
        kept = f"; {self.newest} is kept" if self.newest else ""
        complaint = f"The checkpoint of step {progress.step} cannot be written to {self.folder}{kept}"
        self._on_main(lambda: shutil.rmtree(aside, ignore_errors=True), complaint)
        try:
            self._together(lambda: self.accelerator.save_state(str(aside)), complaint)
        except CheckpointError:
            self._on_main(lambda: shutil.rmtree(aside, ignore_errors=True), complaint)
            raise
        self._on_main(lambda: self._publish(aside, target), complaint)
        self.newest = target

    def _publish(self, aside: Path, target: Path) -> None:
        aside.rename(target)
        for old in checkpoints(self.folder)[: -self.recipe.run.keep_checkpoints]:
            doomed = self.folder / f"{_ASIDE}{old.name}"  # a half-removed folder must not look like a checkpoint
            old.rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)

    def save_best(
        self, model: HubModel, scores: dict[str, float], progress: Progress, beside: Callable[[Path], None]
    ) -> None:
        """Write the model folder ``best``: half precision weights, config, recipe, validation scores and how it was
        trained; then let ``beside`` write what belongs to it into the run's folder."""
        best = self.folder / "best"
        complaint = f"The best model cannot be written to {best}"

        def write() -> None:
            so_far = progress.step, progress.pictures, progress.seconds
            done = record.stages(self.recipe, *so_far, self.accelerator, self.count)
            save_model(model, best, self.recipe, scores, done)
            beside(self.folder)

        self._on_main(write, complaint)

    def _on_main(self, work: Callable[[], None], complaint: str) -> None:
        self._together(work if self.accelerator.is_main_process else lambda: None, complaint)

    def _together(self, work: Callable[[], Any], complaint: str) -> None:
        """Do something on every process; where it fails on any, all raise, so that none waits for the others."""
        problem: Exception | None = None
        try:
            work()
        except RecipeError as error:
            problem = error
        except (OSError, RuntimeError, SafetensorError) as error:
            problem = CheckpointError(f"{complaint}: {first_line(error)}.")
        problems = [found for found in gather_object([problem]) if found is not None]
        if problems:
            raise problems[0]


def checkpoints(folder: Path) -> list[Path]:
    """Finished checkpoints of a run, oldest first."""
    found = [path for path in folder.glob("step-*") if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.name.split("-")[1]))


def own_cursor(progress: Progress, shard: Shard) -> Cursor:
    """Where this process's stream stands in a loaded checkpoint. Raises for another number of processes."""
    if len(progress.cursors) != shard.world_size:
        raise CheckpointError(
            f"The checkpoint was written by {len(progress.cursors)} processes, this run has {shard.world_size}: start "
            "as many, or start anew under another name with init=<the run's folder 'best'>."
        )
    return progress.cursors[shard.rank]


def save_model(
    model: HubModel, folder: Path, recipe: Recipe, scores: dict[str, float], done: list[dict[str, Any]]
) -> None:
    """Write a model folder; an older one is there until the new one is whole."""
    aside, replaced = (folder.with_name(prefix + folder.name) for prefix in (_ASIDE, _REPLACED))
    for path in (aside, replaced):
        shutil.rmtree(path, ignore_errors=True)
    write_model(copy.deepcopy(model), aside, {"stages": done})
    (aside / "recipe.json").write_text(recipe.model_dump_json(indent=2))
    (aside / "validation.json").write_text(json.dumps(scores, indent=2))
    if folder.exists():
        folder.rename(replaced)
    aside.rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)


def write_model(model: HubModel, folder: Path, facts: dict[str, Any]) -> None:
    """Write a model's config and weights, halved in place, and the facts of how it came to be."""
    halved(model).save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # the card is written from measured facts, not here
    (folder / record.FILE).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def halved(model: HubModel) -> HubModel:
    """A model in half precision, in place, but for tensors that do not fit: a running variance may be over 65504."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point() and bool(torch.isfinite(half := tensor.detach().half()).all()):
            tensor.data = half
    return model


def _clean(folder: Path) -> None:
    """Remove what a killed run left half-written; bring the best model back if the kill came while it was replaced."""
    for replaced in folder.glob(f"{_REPLACED}*"):
        whole = folder / replaced.name.removeprefix(_REPLACED)
        if whole.exists():
            shutil.rmtree(replaced)
        else:
            replaced.rename(whole)
    for aside in folder.glob(f"{_ASIDE}*"):
        shutil.rmtree(aside) if aside.is_dir() else aside.unlink()


def _write_aside(path: Path, text: str) -> None:
    aside = path.with_name(_ASIDE + path.name)
    aside.write_text(text)
    aside.replace(path)


def _refuse_another(folder: Path, recipe: Recipe) -> None:
    written = folder / "recipe.json"
    if not written.exists():
        return
    before = _flat(json.loads(written.read_text()))
    now = _flat(json.loads(recipe.model_dump_json()))
    changed = [key for key in {**before, **now} if _is_fixed(key) and before.get(key) != now.get(key)]
    if (before.get("optimizer.ema_decay") is None) != (now.get("optimizer.ema_decay") is None):
        changed.append("optimizer.ema_decay")
    if changed:
        words = listed([f"{key} was {before.get(key)!r}, is {now.get(key)!r}" for key in changed], 3)
        raise RecipeError(
            f"{folder} holds a run of another recipe ({words}): choose another name or run.output, or restore the "
            "values."
        )


def _is_fixed(key: str) -> bool:
    return key in _FIXED_IN_FREE or not any(key == free or key.startswith(f"{free}.") for free in _FREE)


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
