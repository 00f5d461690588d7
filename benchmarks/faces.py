"""Report 002's sweep on photographs of faces: ``python benchmarks/faces.py [--jobs 2] [--output DIR] [--write FILE]``.

Trains the seven networks of the report and its regressor of the mean colour, all on the same number of pictures,
through ``training/train.py``; chooses one network on the tenth of the training pictures that is held out; then scores
all of them once on the test pictures, at 128 pixels.

The report's error is the mean squared difference of the three channels of Lab, each scaled to 0..1: L / 100 and
(ab + 128) / 255. L is copied from the input and adds nothing but its third of the mean: the error is two thirds of that
of ab. Beside it stands what answering the same colour everywhere would give.

Needs the faces under ``$COLORHUB_DATA``. Runs that are finished in the output folder are not trained again.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.experiments import ROOT, RunError, Trainer, lightness_and_color, print_table, shown, write
from colorhub import load
from training.config import Recipe, RecipeError, load_recipe
from training.data.sources import DataError, open_pictures
from training.data.splits import open_data
from training.scoring.summary import interval

SIZE = 128
UNIT = 1e-5  # errors are told in hundred-thousandths, as in the report
RECIPE, REGRESSOR = "colorize-net", "chroma-regressor"
REPORTED_REGRESSOR = 3.086  # the report's figure 6, in UNIT
QUICK = ("run.steps=2", "run.validate_every=2", "data.crops=[{size=64, batch_size=4}]", "data.validation_limit=4")


@dataclass(frozen=True)
class Variant:
    """One of the report's networks, and the error that the report gives it, in :data:`UNIT`."""

    activation: str
    max_channels: int
    depth: int
    reported: int

    @property
    def name(self) -> str:
        return f"{self.activation}-{self.max_channels}-{self.depth}"

    @property
    def words(self) -> list[str]:
        return [
            f"model.activation={self.activation}",
            f"model.max_channels={self.max_channels}",
            f"model.depth={self.depth}",
        ]


# Of the five pairs with 512 channels the report only says that it went on from the network before.
VARIANTS = (
    Variant("sigmoid", 128, 3, 38),
    Variant("relu", 128, 3, 41),
    Variant("tanh", 128, 3, 46),
    Variant("sigmoid", 256, 3, 36),
    Variant("sigmoid", 512, 3, 35),
    Variant("sigmoid", 512, 5, 40),
    Variant("sigmoid", 64, 5, 39),
)


def report_error(predicted: Tensor, target: Tensor) -> np.ndarray:
    """The report's error of each picture in :data:`UNIT`, ``(B,)``, of colour layers ``(B, 2, H, W)`` or of one colour
    for all ``(1, 2, 1, 1)``."""
    of_ab = ((predicted - target) / 255).square().mean(dim=(1, 2, 3))
    return (of_ab * (2 / 3) / UNIT).double().numpy()  # over three channels, of which L has no error


def mean_error(predicted: Tensor, target: Tensor) -> np.ndarray:
    """Squared error in :data:`UNIT` of each picture's mean colour ``(B, 2)``, over a and b."""
    return (((predicted - target) / 255).square().mean(dim=1) / UNIT).double().numpy()


@torch.inference_mode()
def answers(folder: Path, L: Tensor) -> Tensor:
    """What the model in ``folder`` answers to lightness ``(n, 1, H, W)``: ab ``(n, 2, H, W)``."""
    model = load(folder)
    return torch.cat([model(part).ab.float() for part in L.split(32)])


class Faces:
    """The pictures: those that are trained on give the constant colour, those held out choose, the test judges."""

    def __init__(self, recipe: Recipe, limit: int | None) -> None:
        train, held_out, _ = open_data(recipe)
        test = open_pictures(recipe.data.train, "test")
        self.colour = lightness_and_color(train, SIZE)[1].mean(dim=(0, 2, 3)).view(1, 2, 1, 1)
        self.held_out = lightness_and_color(held_out, SIZE)
        self.test = lightness_and_color(test, SIZE, limit)
        self.trained_on = len(train)

    @property
    def facts(self) -> dict[str, Any]:
        """What was read, as words and numbers."""
        counts = {"train": self.trained_on, "held_out": len(self.held_out[0]), "test": len(self.test[0])}
        return {
            "pictures": counts,
            "size": SIZE,
            "constant_colour": [round(x, 2) for x in self.colour.flatten().tolist()],
        }


def judge(variant: Variant, folder: Path, faces: Faces, baseline: np.ndarray) -> dict[str, Any]:
    """One network's errors; ``minus_constant``: paired, picture by picture."""
    (L, ab), (test_L, test_ab) = faces.held_out, faces.test
    errors = report_error(answers(folder, test_L), test_ab)
    return {
        "name": variant.name,
        "held_out": round(float(report_error(answers(folder, L), ab).mean()), 4),
        "test": interval(errors),
        "minus_constant": interval(errors - baseline),
        "reported": variant.reported,
    }


def judge_regressor(folder: Path, faces: Faces, baseline: np.ndarray) -> dict[str, Any]:
    """The regressor's error as the report defines it, and as a colorizer that answers with one colour a picture."""
    L, ab = faces.test
    answer, truth = answers(folder, L), ab.mean(dim=(2, 3))
    errors = report_error(answer, ab)
    return {
        "of_mean": interval(mean_error(answer.mean(dim=(2, 3)), truth)),
        "of_mean_constant": interval(mean_error(faces.colour.flatten(1), truth)),
        "of_mean_reported": REPORTED_REGRESSOR,
        "test": interval(errors),
        "minus_constant": interval(errors - baseline),
    }


def train_all(trainer: Trainer, variants: Sequence[Variant], words: Sequence[str]) -> tuple[list[Path], Path]:
    """The folders of the networks, in order, and of the regressor."""
    regressor = trainer.start(REGRESSOR, f"faces-{REGRESSOR}", words)  # the longest run first
    runs = [trainer.start(RECIPE, f"faces-{one.name}", [*one.words, *words]) for one in variants]
    return [run.result() for run in runs], regressor.result()


def experiment(
    trainer: Trainer, variants: Sequence[Variant], words: Sequence[str], limit: int | None
) -> dict[str, Any]:
    """Everything that is found, as JSON."""
    recipe = load_recipe(ROOT / "training" / "recipes" / f"{RECIPE}.toml", words)
    faces = Faces(recipe, limit)
    folders, regressor = train_all(trainer, variants, words)
    _, ab = faces.test
    constant = report_error(faces.colour, ab)
    runs = [judge(one, folder, faces, constant) for one, folder in zip(variants, folders, strict=True)]
    return {
        "experiment": "report 002 on faces",
        "unit": UNIT,
        **faces.facts,
        "pictures_trained": recipe.run.steps * recipe.data.crops[0].batch_size,
        "runs": runs,
        "chosen": min(runs, key=lambda run: run["held_out"])["name"],
        "regressor": judge_regressor(regressor, faces, constant),
        "baselines": {
            "grey": interval(report_error(torch.zeros(1, 2, 1, 1), ab)),
            "constant": interval(constant),
            "own_mean": interval(report_error(ab.mean(dim=(2, 3), keepdim=True), ab)),
        },
    }


def tell(found: dict[str, Any]) -> None:
    """Print the table and what must be known to read it."""
    counts, regressor, baselines = found["pictures"], found["regressor"], found["baselines"]
    a, b = found["constant_colour"]
    rows = [_row(run["name"], run, f"{run['held_out']:.1f}", str(run["reported"])) for run in found["runs"]]
    rows.append(_row(REGRESSOR, regressor))
    words = {"constant": "the constant colour", "own_mean": "each picture's own mean", "grey": "no colour"}
    rows += [(words[name], "", shown(baselines[name]), "", "") for name in words]
    print(f"""
Report 002 on {counts["test"]} test pictures at {SIZE} px. Each network saw {found["pictures_trained"]} crops
of the same {counts["train"]} pictures, one seed; its best weights were chosen on {counts["held_out"]} held out.
Errors in 1e-5, with 95 % intervals over pictures: mean squared error of Lab scaled to 0..1; L is copied and adds 0.
Rows: activation-channels-pairs. The report's figures are of its own split, its networks chosen on its test pictures.
""")
    print_table(("", "held out", "test", "minus constant colour", "report"), rows)
    print(f"""
Best on the pictures held out: {found["chosen"]}. The constant colour is the mean of the pictures trained on,
a = {a}, b = {b}. Error of the mean colour (over a and b): the regressor's {shown(regressor["of_mean"], 2)},
the constant colour's {shown(regressor["of_mean_constant"], 2)}, the report's {regressor["of_mean_reported"]}.
The people are the same in training and test (about 50, some 15 pictures each), in the report as well: these errors
say how well known faces are coloured.""")


def _row(name: str, found: dict[str, Any], held_out: str = "", reported: str = "") -> tuple[str, ...]:
    return name, held_out, shown(found["test"]), shown(found["minus_constant"], signed=True), reported


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Answers the exit code: 1 with one sentence when a run or the data fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("runs/faces"), help="folder of the runs")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time; two are faster on two CPU cores")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write what was found as JSON")
    parser.add_argument(
        "--quick", action="store_true", help="two networks and the regressor, 2 steps each: does it run?"
    )
    given = parser.parse_args(arguments)
    variants, words, limit = (VARIANTS[:2], QUICK, 4) if given.quick else (VARIANTS, (), None)
    try:
        with Trainer(given.output, given.jobs) as trainer:
            found = experiment(trainer, variants, words, limit)
    except (RunError, DataError, RecipeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130  # the runs have heard it too: they wrote a checkpoint, and go on from it
    tell(found)
    write(given.write, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
