"""How a model came to be: ``training.json`` beside its weights, a stage for each run that led to it."""

import json
import platform
import re
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from colorhub.hub.loading import model_folder
from colorhub.models import ModelNotFoundError
from training.config import Recipe

FILE = "training.json"
_ABSOLUTE = re.compile(r"""(?<![\w.:/\\])(?:[A-Za-z]:)?[/\\](?:[^/\\"',\]]+[/\\])*([^/\\"',\]]+[/\\]?)""")


def stages(
    recipe: Recipe, steps: int, pictures: int, seconds: float, accelerator: Accelerator, count: int | None = None
) -> list[dict[str, Any]]:
    """The stages of the model that a run began with, and the run as it stands.

    Args:
        recipe: the run's.
        steps: optimizer steps done.
        pictures: seen by all processes.
        seconds: of all the run's processes so far, validation and checkpoints included, pauses not.
        accelerator: says on what.
        count: of the pictures to learn from, where that is known.
    """
    own = {
        "recipe": recipe.name,
        "steps": steps,
        "pictures": pictures,
        "hours": round(seconds / 3600, 3),
        "hardware": _hardware(accelerator),
        "precision": recipe.run.precision if recipe.run.precision != "no" else "fp32",
        "torch": torch.__version__,
        "data": {"train": [placeless(name) for name in recipe.data.train], "pictures": count},
    }
    if recipe.overrides:
        own["overrides"] = [placeless(override) for override in recipe.overrides]
    if recipe.file not in ("", recipe.name):
        own["file"] = recipe.file
    if recipe.backbone is not None:  # whose pre-training it began with: timm's, or the name of a file
        own["backbone_weights"] = Path(recipe.backbone).name
    return [*stages_of(recipe.init), own]


def record_of(init: str | None) -> dict[str, Any]:
    """What is recorded of the model that ``init`` names: without stages where that is not on this machine or does not
    say."""
    try:
        path = model_folder(init or "") / FILE
    except ModelNotFoundError:
        return {"stages": []}
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"stages": []}


def stages_of(init: str | None) -> list[dict[str, Any]]:
    """The stages of the model that ``init`` names."""
    return record_of(init)["stages"]


def placeless(text: str) -> str:
    """A text with the last parts alone of absolute paths: where things lie on a machine is nobody else's business."""
    return _ABSOLUTE.sub(r"\1", text)


def _hardware(accelerator: Accelerator) -> str:
    count = accelerator.num_processes
    if accelerator.device.type == "cuda":
        return f"{count} x {torch.cuda.get_device_name(accelerator.device)}"
    threads = torch.get_num_threads() * count
    return f"{threads} {'thread' if threads == 1 else 'threads'} of {_processor()}"


def _processor() -> str:
    """The processor's name as Linux says it, or as Python knows it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
