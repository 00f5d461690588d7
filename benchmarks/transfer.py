"""Report 000's question on CIFAR-10: does an encoder that learned to colour help to tell classes apart?

``python benchmarks/transfer.py [--seeds 3] [--frozen] [--jobs 2] [--output DIR] [--write FILE]``

A colorizer is trained on the pictures without their labels. Then classifiers see lightness alone and 1, 10 and 100 % of
the labels: one begins with the colorizer's encoder, the control with random weights, and all else is the same: the
labelled pictures, their order, the weights after the encoder, the number of steps. ``--frozen`` adds a third, whose
borrowed encoder stays as it is. All are trained through ``training/train.py`` for a fixed number of steps; nothing is
chosen, and the test pictures are seen once, at the end.

Needs cifar10 under ``$COLORHUB_DATA``. Runs that are finished in the output folder are not trained again.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.experiments import (
    ROOT,
    RunError,
    Trainer,
    lightness_and_color,
    over_seeds,
    print_table,
    read_labels,
    shown,
    write,
)
from colorhub.models.encoder_decoder import EncoderClassifier
from training.config import Recipe, RecipeError, load_recipe
from training.data.sources import DataError, open_pictures
from training.data.splits import open_data

PRETRAINING, TRANSFER = "encoder-decoder-cifar10", "transfer"
STEPS = {0.01: 150, 0.1: 400, 1.0: 750}  # part of the labels -> optimizer steps
TEST = 5000  # test pictures
QUICK_STEPS = {0.5: 2}
QUICK = ("model.width=4", "data.crops=[{size=32, batch_size=4}]", "data.validation_limit=4")
WORDS = {"pretrained": "pre-trained", "frozen": "pre-trained, frozen", "control": "control"}


@dataclass(frozen=True)
class Plan:
    """What is run: optimizer steps for each part of the labels, arms, seeds, and words for all recipes."""

    steps: dict[float, int]
    arms: tuple[str, ...]
    seeds: int
    words: tuple[str, ...] = ()
    pretraining: tuple[str, ...] = ()

    def words_of(self, fraction: float, arm: str, seed: int, encoder: Path | None) -> list[str]:
        steps = self.steps[fraction]
        start = "none" if arm == "control" else json.dumps(str(encoder))
        return [
            *(f"data.label_fraction={fraction}", f"run.seed={seed}", f"run.steps={steps}"),
            *(
                f"run.validate_every={steps}",
                f"run.checkpoint_every={steps}",
            ),  # once, at the end: the last weights count
            *(f"task.encoder={start}", f"task.freeze={str(arm == 'frozen').lower()}"),
            *self.words,
        ]

    def recipe(self, fraction: float) -> Recipe:
        """The classifier's recipe with so many labels."""
        path = ROOT / "training" / "recipes" / f"{TRANSFER}.toml"
        return load_recipe(path, self.words_of(fraction, "control", 0, None))


def train_all(trainer: Trainer, plan: Plan) -> dict[tuple[float, str, int], Path]:
    """The folder of every classifier. Controls do not wait for the colorizer."""
    pretraining = trainer.start(PRETRAINING, PRETRAINING, [*plan.words, *plan.pretraining])
    runs: dict[tuple[float, str, int], Future[Path]] = {}
    for arm in sorted(plan.arms):  # the control first
        encoder = None if arm == "control" else pretraining.result()
        for fraction in sorted(plan.steps, reverse=True):
            for seed in range(plan.seeds):
                name = f"{TRANSFER}-{100 * fraction:g}-{arm}-{seed}"
                words = plan.words_of(fraction, arm, seed, encoder)
                runs[fraction, arm, seed] = trainer.start(TRANSFER, name, words)
    return {key: run.result() for key, run in runs.items()}


class Exam:
    """The first test pictures as lightness ``(n, 1, 32, 32)``, and their classes."""

    def __init__(self, recipe: Recipe, names: Sequence[str], limit: int) -> None:
        data = recipe.data
        pictures = open_pictures(data.train, "test", labels=data.label_columns)
        self.L, _ = lightness_and_color(pictures, data.validation_size, limit)
        self.labels = read_labels(pictures, data.label_columns, names, limit)

    @torch.inference_mode()
    def accuracy(self, folder: Path) -> float:
        """The part of the pictures that the classifier in ``folder`` names rightly."""
        model = EncoderClassifier.from_pretrained(folder).eval()
        named = torch.cat([_named(model, part) for part in self.L.split(512)])
        return float((named == self.labels).double().mean())


def _named(model: EncoderClassifier, L: Tensor) -> Tensor:
    return model(L).argmax(dim=1)


def experiment(trainer: Trainer, plan: Plan, limit: int) -> dict[str, Any]:
    """Everything that is found, as JSON."""
    folders = train_all(trainer, plan)
    recipe = plan.recipe(max(plan.steps))
    exam = Exam(recipe, open_data(recipe)[2].model.keywords["class_names"], limit)
    accuracy = {key: exam.accuracy(folder) for key, folder in folders.items()}
    return {
        "experiment": "report 000's transfer on CIFAR-10",
        "test_pictures": len(exam.labels),
        "seeds": plan.seeds,
        "fractions": [_fraction(plan, fraction, accuracy) for fraction in sorted(plan.steps)],
    }


def _fraction(plan: Plan, fraction: float, accuracy: dict[tuple[float, str, int], float]) -> dict[str, Any]:
    recipe, seeds = plan.recipe(fraction), range(plan.seeds)
    found = {arm: [accuracy[fraction, arm, seed] for seed in seeds] for arm in plan.arms}
    differences = {
        arm: over_seeds([one - other for one, other in zip(found[arm], found["control"], strict=True)])
        for arm in plan.arms
        if arm != "control"
    }
    return {
        "fraction": fraction,
        "labels": len(open_data(recipe)[0]),
        "steps": recipe.run.steps,
        "pictures": recipe.run.steps * recipe.data.crops[0].batch_size,
        "accuracy": {arm: {**over_seeds(values), "each": values} for arm, values in found.items()},
        "minus_control": differences,
    }


def tell(found: dict[str, Any], arms: Sequence[str]) -> None:
    """Print the table and what must be known to read it."""
    print(f"""
Accuracy in % on the first {found["test_pictures"]} test pictures of CIFAR-10, made grey: mean and 95 % interval
(Student's t) over {found["seeds"]} seeds, which choose the labelled pictures, their order and the fresh weights.
One pre-training, without labels. The last weights count; nothing was chosen.
""")
    head = ["labels", "steps", "pictures", *(WORDS[arm] for arm in arms)]
    head += [f"{WORDS[arm]} minus control" for arm in arms if arm != "control"]
    rows = []
    for one in found["fractions"]:
        cells = [f"{100 * one['fraction']:g} % ({one['labels']})", str(one["steps"]), str(one["pictures"])]
        cells += [shown(_percent(one["accuracy"][arm])) for arm in arms]
        rows.append(cells + [shown(_percent(value), signed=True) for value in one["minus_control"].values()])
    print_table(head, rows)


def _percent(value: dict[str, Any]) -> dict[str, Any]:
    return {key: None if value[key] is None else 100 * value[key] for key in ("mean", "low", "high")}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Answers the exit code: 1 with one sentence when a run or the data fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--frozen", action="store_true", help="also with the borrowed encoder frozen")
    parser.add_argument("--test", type=int, default=TEST, help="test pictures, the first so many")
    parser.add_argument("--output", type=Path, default=Path("runs/transfer"), help="folder of the runs")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time; two are faster on two CPU cores")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write what was found as JSON")
    parser.add_argument("--quick", action="store_true", help="half of the labels, 2 steps each: does it run?")
    given = parser.parse_args(arguments)
    arms = ("pretrained", "frozen", "control") if given.frozen else ("pretrained", "control")
    plan = Plan(STEPS, arms, given.seeds)
    if given.quick:
        plan = Plan(QUICK_STEPS, arms, given.seeds, QUICK, ("run.steps=2", "run.validate_every=2"))
    try:
        with Trainer(given.output, given.jobs) as trainer:
            found = experiment(trainer, plan, given.test)
    except (RunError, DataError, RecipeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130  # the runs have heard it too: they wrote a checkpoint, and go on from it
    tell(found, arms)
    write(given.write, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
