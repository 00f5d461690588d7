"""One run: an arm trained with a seed by ``training/train.py`` and measured, in a process that does one at a time.

``finished.json`` in its folder says with which settings it ended and how long it took, ``figures.npz`` what was
measured. Such a run is not done again; one that was stopped goes on from its checkpoint. Every run has one thread, so
that figures depend neither on the number of jobs nor on what else the machine does.
"""

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from colorhub._files import replacing
from training.config import Recipe, load_recipe
from training.reproduce.spec import BEST, DATA, Arm, Figures, Report, Setting

NUMBERS = ("000", "001", "002", "003", "004")
ABLATIONS = ("natural",)  # not of a report: what a model of ours is made of
RECIPES = Path(__file__).parents[1] / "recipes"
_CHECKPOINTS = 20  # a run is cut into so many parts, of which a kill costs one
_TRIAL_STEPS = 8


class RunError(RuntimeError):
    """A run that failed or was stopped: the message says which, and where its output is."""


@dataclass(frozen=True)
class Task:
    """What a process is given: an arm, a seed, how many steps, and where."""

    report: str
    arm: str
    seed: int
    steps: int
    setting: Setting
    folder: Path  # of the report's runs
    data: Path  # what was prepared for the report

    @property
    def name(self) -> str:
        return f"{self.arm}-{self.seed}"

    @property
    def place(self) -> Path:
        return self.folder / self.name

    @property
    def done(self) -> bool:
        """Whether it is trained and measured."""
        return (self.place / "finished.json").is_file() and (self.place / "figures.npz").is_file()


def load_report(number: str) -> Report:
    """A report by its number."""
    report: Report = import_module(f"training.reproduce.report_{number}").REPORT
    return report


def recipe_of(task: Task) -> Recipe:
    """The recipe that a task trains: the arm's, with what all arms share."""
    report = load_report(task.report)
    arm = report.arm(task.arm)
    best = str(task.folder / f"{arm.after}-{task.seed}" / "best")
    words = [word.replace(BEST, best).replace(DATA, str(task.data)) for word in arm.words]
    return load_recipe(RECIPES / f"{arm.recipe}.toml", [*_shared(task, arm), *words, *_quick(task, report, arm)])


def _shared(task: Task, arm: Arm) -> list[str]:
    side, steps = arm.crop or task.setting.size, task.steps
    crop = f"{{size={side}, batch_size={arm.batch}, cover=[{arm.cover[0]}, {arm.cover[1]}]}}"
    every = max(1, steps // arm.validations)
    return [
        f"name={json.dumps(task.name)}",
        f"run.output={json.dumps(str(task.folder))}",
        f"run.seed={task.seed}",
        f"run.steps={steps}",
        f"run.validate_every={every}",
        f"run.checkpoint_every={max(1, steps // _CHECKPOINTS)}",
        "run.keep_checkpoints=1",
        "run.tensorboard=false",
        "data.threads=1",
        f"data.crops=[{crop}]",
        f"data.validation_size={side}",
        f"optimizer.warmup_steps={steps // 25}",
        f"optimizer.decay_steps={steps // 4}",
    ]


def _quick(task: Task, report: Report, arm: Arm) -> list[str]:
    if not task.setting.quick:
        return []
    return [
        "data.validation_limit=4",
        "run.log_every=1",
        f"data.crops=[{{size={task.setting.size}, batch_size=2}}]",
        *report.quick,
        *report.quick_of.get(arm.name, ()),
    ]


def run(task: Task) -> float:
    """Train and measure, unless it is done. Answers the seconds that it took, in all of its parts.

    Raises:
        RunError: the run failed, or was stopped before its last step.
    """
    if task.done:
        return float(read_finished(task)["seconds"])
    task.place.mkdir(parents=True, exist_ok=True)
    log = task.folder / f"{task.name}.log"
    try:
        with _output_to(log):
            _train(recipe_of(task))
            seconds = _seconds(task)
            report = load_report(task.report)
            start = time.monotonic()
            figures = report.exam(task.place, report.arm(task.arm), task.setting)
            _write_figures(task.place / "figures.npz", figures)
            _finish(task, seconds + time.monotonic() - start)
    except RunError:
        raise
    except Exception as error:  # whatever ends a run, its name and its log belong to the message
        raise RunError(f"The run {task.name} of report {task.report} failed: {error} (all its output: {log})") from None
    return float(read_finished(task)["seconds"])


def _train(recipe: Recipe) -> None:
    from accelerate.state import AcceleratorState

    from training import train

    AcceleratorState._reset_state(reset_partial_state=True)  # precision and device of the run before
    train.main(recipe)


def _seconds(task: Task) -> float:
    from training.checkpoint import checkpoints

    found = checkpoints(task.place)
    last = int(found[-1].name.split("-")[1]) if found else 0
    if last < task.steps:
        raise RunError(f"The run {task.name} of report {task.report} was stopped at step {last} of {task.steps}.")
    record = json.loads((task.place / "best" / "training.json").read_text(encoding="utf-8"))
    return float(record["stages"][-1]["hours"]) * 3600


def _finish(task: Task, seconds: float) -> None:
    settings = json.loads((task.place / "recipe.json").read_text(encoding="utf-8"))
    facts = {"seconds": round(seconds, 1), "steps": task.steps, "settings": settings}
    with replacing(task.place / "finished.json") as aside:
        aside.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    for path in task.place.glob("step-*"):
        shutil.rmtree(path, ignore_errors=True)


def read_finished(task: Task) -> dict[str, Any]:
    """What is kept of a run that is done."""
    found: dict[str, Any] = json.loads((task.place / "finished.json").read_text(encoding="utf-8"))
    return found


def read_figures(task: Task) -> Figures:
    """What was measured of a run that is done."""
    with np.load(task.place / "figures.npz") as file:
        return {name: file[name] for name in file.files}


def _write_figures(path: Path, figures: Figures) -> None:
    with replacing(path) as aside, aside.open("wb") as file:
        np.savez(file, allow_pickle=False, **figures)


def trial(task: Task) -> float:
    """Crops a second of an arm, measured over a few steps in a folder that is removed again.

    Raises:
        RunError: the run failed.
    """
    place = task.folder / "trial"
    short = replace(task, steps=_TRIAL_STEPS, folder=place)
    shutil.rmtree(short.place, ignore_errors=True)
    log = place / f"{short.name}.log"
    place.mkdir(parents=True, exist_ok=True)
    try:
        recipe = recipe_of(short)
        settings = recipe.run.model_copy(update={"log_every": _TRIAL_STEPS // 2, "validate_every": 10**9})
        data = recipe.data.model_copy(update={"validation_limit": 1})
        task_settings = recipe.task.model_copy(update={"encoder": None}) if recipe.task.name == "transfer" else None
        changed: dict[str, Any] = {"run": settings, "data": data, "init": None, "init_skip": []}
        with _output_to(log):
            _train(recipe.model_copy(update=changed | ({"task": task_settings} if task_settings else {})))
        lines = [json.loads(line) for line in (short.place / "log.jsonl").read_text(encoding="utf-8").splitlines()]
        return float([line for line in lines if line["kind"] == "train"][-1]["pictures_per_second"])
    except Exception as error:
        raise RunError(f"The trial of {task.arm} of report {task.report} failed: {error} (output: {log})") from None
    finally:
        shutil.rmtree(short.place, ignore_errors=True)


def prepare_worker() -> None:
    """Called at the start of every process that trains: one thread, and an end when the harness is gone."""
    import torch

    torch.set_num_threads(1)
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)  # killed without a chance to say so: the next start goes on from the last checkpoint

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _output_to(log: Path) -> Iterator[None]:
    """What the trainer prints, into a file, whichever library prints it."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(number) for number in (1, 2)]
    with log.open("a", encoding="utf-8") as file:
        try:
            for number in (1, 2):
                os.dup2(file.fileno(), number)
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, old in zip((1, 2), kept, strict=True):
                os.dup2(old, number)
                os.close(old)
