"""Report 000: losses that weigh rare colours, dropout, and colour as a pre-training for classes."""

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from colorhub.color import rgb_to_lab
from colorhub.models.encoder_decoder import EncoderClassifier
from training.data.augment import center_crop
from training.data.labels import Labels
from training.data.loader import decode
from training.data.sources import Pictures, open_pictures, stream_rows
from training.reproduce import prepared
from training.reproduce.exam import (
    PHOTOGRAPHS_NEEDED,
    color_figures,
    from_lightness,
    model_of,
    photographs,
    pictures_of,
    validation_curve,
)
from training.reproduce.spec import Arm, Claim, Figures, Report, Setting
from training.scoring.figures import as_tensor

STEPS = {"1": 300, "10": 600, "100": 1500}  # per cent of the labels -> steps of 64 pictures
_SMALL = 1000  # pictures that a network can learn by heart
_TEST = 5000


def _classifier(kind: str, what: str, percent: str) -> Arm:
    words = [f"data.label_fraction={int(percent) / 100:g}", f"task.freeze={str(kind == 'frozen').lower()}"]
    words.append("task.encoder=none" if kind == "control" else 'task.encoder="{best}"')
    return Arm(
        f"{kind}-{percent}",
        f"{what}, {percent} % of the labels",
        "transfer",
        tuple(words),
        after=None if kind == "control" else "colorizer",
        steps=STEPS[percent],
        crop=32,
        batch=64,
        cover=(0.7, 1.0),
        validations=15,
    )


def _on_photographs(name: str, what: str, task: str) -> Arm:
    return Arm(name, what, "encoder-decoder", (f"task={task}",))


def _small(name: str, what: str, *words: str) -> Arm:
    return Arm(
        name,
        what,
        "encoder-decoder-cifar10",
        ('data.train=["{data}/small"]', "data.held_out=0.05", *words),
        steps=800,
        crop=32,
        batch=64,
        cover=(0.7, 1.0),
    )


_QUICK_CROP = "data.crops=[{size=32, batch_size=4}]"
KINDS = {
    "pretrained": "begins with the colorizer's encoder, trained along",
    "frozen": "begins with the colorizer's encoder, kept as it is",
    "control": "begins with random weights",
}
ARMS = (
    _on_photographs("mse", "mean squared error", '{name="regression", loss="mse"}'),
    _on_photographs("smooth-l1", "smooth L1, plain", '{name="regression", loss="smooth_l1", beta=11.0}'),
    _on_photographs(
        "literal",
        "the report's loss as its code computes it",
        '{name="rarity", literal=true, beta=110.0, loss="smooth_l1"}',
    ),
    _on_photographs(
        "repaired", "the loss that the report means: rare colours count more", '{name="rarity", beta=11.0}'
    ),
    _small("small", f"learns to colour {_SMALL:,} pictures of CIFAR-10"),
    _small("small-dropout", "the same with a fifth of the channels dropped", "model.dropout=0.2"),
    Arm(
        "colorizer",
        "learns to colour CIFAR-10 without its labels",
        "encoder-decoder-cifar10",
        steps=1500,
        crop=32,
        batch=64,
        cover=(0.7, 1.0),
    ),
    *(_classifier(kind, what, percent) for percent in STEPS for kind, what in KINDS.items()),
)

_EARLIER = "Steps until 95 % of the last accuracy on held-out pictures, by straight lines between 15 validations."
CLAIMS = (
    Claim(
        "literal",
        "The weighted loss, as the report's code computes it, gives more colour than the squared error.",
        "section 2.3.2",
        "by eye",
        "colorfulness",
        (("literal", "mse"),),
        note="The code weighs whole batches, not pixels: one factor, which Adam takes away again.",
    ),
    Claim(
        "repaired",
        "The weighted loss, as the report means it, gives more colour than the squared error.",
        "section 2.3.2",
        "by eye",
        "colorfulness",
        (("repaired", "mse"),),
    ),
    Claim(
        "smooth",
        "Smooth L1 alone gives more colour than the squared error.",
        "section 2.2 builds on it",
        "none; no such arm",
        "colorfulness",
        (("smooth-l1", "mse"),),
    ),
    Claim(
        "weights",
        "It is the weights that give the colour, beyond smooth L1.",
        "section 2.2",
        "none; no such arm",
        "colorfulness",
        (("repaired", "smooth-l1"),),
    ),
    Claim(
        "accurate",
        "The weighted loss produces more accurate colours than the squared error.",
        "section 4",
        "by eye",
        "gain",
        (("repaired", "mse"),),
        note="Gain over grey, in dB.",
    ),
    Claim(
        "over-fitting",
        "Training over-fits: held-out pictures are coloured worse than those that were learned.",
        "section 2.3.1",
        "curves",
        "error",
        (("small", "small/train"),),
        note=f"Mean absolute error of ab in CIELAB units, on {_SMALL:,} pictures that were seen some fifty times.",
    ),
    Claim(
        "dropout",
        "Dropout makes no significant improvement.",
        "section 2.3.1",
        "none",
        "error",
        (("small-dropout", "small"),),
        "same",
        0.2,
        note="Mean absolute error of ab on held-out pictures; fixed beforehand: equal is within 0.2 CIELAB units.",
    ),
    *(
        Claim(
            f"accuracy-{percent}",
            f"Pre-training by colour leads to better accuracy, with {percent} % of the labels.",
            "section 4; section 3.2 sees no significant improvement",
            "bars, no figures",
            "accuracy",
            ((f"pretrained-{percent}", f"control-{percent}"),),
            note="Fine-tuned; lightness alone for both.",
        )
        for percent in STEPS
    ),
    *(
        Claim(
            f"frozen-{percent}",
            f"The colorizer's encoder is worth more than a random one also if it is kept as it is, with {percent} "
            "% of the "
            "labels.",
            "not said which was done",
            "none",
            "accuracy",
            ((f"frozen-{percent}", f"control-{percent}"),),
            note="The control trains its encoder.",
        )
        for percent in STEPS
    ),
    Claim(
        "earlier",
        "With the pre-trained encoder the classifier converges earlier.",
        "section 3.2",
        "about epoch 10 against 10 to 15",
        "steps95",
        (("pretrained-100", "control-100"),),
        "lower",
        note=_EARLIER,
    ),
)


def prepare(folder: Path, quick: bool) -> list[str]:
    """Write a small part of CIFAR-10, and as many other pictures to see whether it was learned by heart."""
    place = folder / "small"
    count = 40 if quick else _SMALL
    if not prepared.is_written(place):
        prepared.write_rows(place, "train", prepared.rows_of("cifar10", "train", limit=count))
        prepared.write_rows(place, "test", prepared.rows_of("cifar10", "test", limit=count))
    return []


def exam(folder: Path, arm: Arm, setting: Setting) -> Figures:
    """By what the arm learned: photographs, a small set and as many others, or classes."""
    at_32 = Setting(32, setting.limit, setting.quick)
    if arm.recipe == "encoder-decoder":
        return photographs(folder, arm, setting)
    if arm.recipe == "transfer":
        return _accuracy(folder, at_32)
    if arm.name == "colorizer":
        way = {"": partial(from_lightness, model_of(folder))}
        return color_figures(way, pictures_of([("cifar10", "test")], Setting(32, setting.limit or _SMALL)), judge=False)
    small = str(folder.parent / "data" / "small")
    return {"error": _error(folder, small, "test", at_32), "train/error": _error(folder, small, "train", at_32)}


@torch.inference_mode()
def _error(folder: Path, source: str, split: str, setting: Setting) -> np.ndarray:
    """Mean absolute error of ab of each picture, in CIELAB units."""
    model = model_of(folder)
    found = []
    pictures = as_tensor(pictures_of([(source, split)], setting))
    for rgb in pictures.split(256):
        _, ab = rgb_to_lab(rgb)
        found.append((from_lightness(model, rgb) - ab).abs().mean(dim=(1, 2, 3)))
    return torch.cat(found).double().numpy()


@torch.inference_mode()
def _accuracy(folder: Path, setting: Setting) -> Figures:
    """Whether each test picture's class is named rightly, and how soon the run was nearly as good as at its end."""
    model = EncoderClassifier.from_pretrained(folder / "best").eval()
    pictures = open_pictures(["cifar10"], "test", labels=["label"])
    L, labels = _test_pictures(pictures, model.class_names, setting.limit or _TEST)
    hits = torch.cat([model(part).argmax(dim=1) for part in L.split(512)]) == labels
    steps, values = validation_curve(folder, "accuracy")
    return {"accuracy": hits.double().numpy(), "steps95": np.array([steps_to(steps, values)])}


def _test_pictures(pictures: Pictures, names: Sequence[str], count: int) -> tuple[Tensor, Tensor]:
    """Lightness ``(n, 1, 32, 32)`` and class numbers ``(n,)`` of the first test pictures, grey ones as well."""
    labels = Labels(pictures, ["label"], names)
    with closing(stream_rows(pictures)) as rows:
        kept = list(islice(rows, count))
    squares = [np.asarray(center_crop(decode(row["image"]), 32)) for row in kept]
    return rgb_to_lab(as_tensor(squares))[0], torch.tensor([labels.number(row) for row in kept])


def steps_to(steps: np.ndarray, values: np.ndarray, part: float = 0.95) -> float:
    """The step at which a curve first reaches a part of its last value, by straight lines between its points.

    Example:
        >>> import numpy as np
        >>> from training.reproduce.report_000 import steps_to
        >>> round(steps_to(np.array([100.0, 200.0, 300.0]), np.array([0.5, 0.9, 1.0])), 6)
        250.0
    """
    wanted = part * values[-1]
    first = int(np.argmax(values >= wanted))
    if first == 0:
        return float(steps[0])
    share = (wanted - values[first - 1]) / (values[first] - values[first - 1])
    return float(steps[first - 1] + share * (steps[first] - steps[first - 1]))


REPORT = Report(
    number="000",
    title="weighted losses, and colour as pre-training",
    source="Amorim, Mendes, Estêvão 2023, *Colorized Classification*",
    arms=ARMS,
    claims=CLAIMS,
    needs={
        **PHOTOGRAPHS_NEEDED,
        "cifar10": "CIFAR-10 (Krizhevsky 2009) as parquet with the columns image and label, train-*.parquet and "
        "test-*.parquet",
    },
    exam=exam,
    remarks=(
        "The report names neither its ten classes of pictures nor its sizes, channels, batches or seeds; "
        "CIFAR-10 stands "
        "for its data where classes are needed, photographs where colour is judged.",
        "The first row's loss is the report's own code. Its scale of ab is not told; with ab in -1..1 its smooth "
        "L1 is half "
        "the squared error, which is taken here.",
        "Classifiers: the weights that were best on 2 % held-out pictures of the training set; accuracy on 5,000 test "
        "pictures. The seed chooses the labelled pictures, their order and the fresh weights, and the colorizer.",
        "Shorter trainings than the report's 25 and 50 epochs.",
    ),
    seeds=5,
    least=20_000,
    memory=1.5,
    shown=("colorfulness", "gain", "error", "accuracy", "steps95"),
    prepare=prepare,
    quick=("model.width=4",),
    quick_of={
        **{arm.name: (_QUICK_CROP,) for arm in ARMS if arm.crop},
        **{f"{kind}-{part}": (_QUICK_CROP, "data.label_fraction=0.5") for kind in KINDS for part in ("1", "10")},
        **{arm.name: ('data.train=["photos"]',) for arm in ARMS if not arm.crop},
    },
    samples=("mse", "smooth-l1", "literal", "repaired"),
)
