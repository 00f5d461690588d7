"""Report 003: what a patch discriminator, a class loss and a Wasserstein critic add to the same generator."""

from functools import partial
from pathlib import Path

import numpy as np

from training.reproduce import prepared
from training.reproduce.exam import color_figures, from_lightness, model_of, pictures_of
from training.reproduce.spec import Arm, Claim, Figures, Report, Results, Setting
from training.scoring.curve import CurvePoint, MeasuredCurve
from training.scoring.distances import PairedKernel
from training.scoring.judging import KERNEL

_EVERY = 12  # picture of the scenes is kept for the test
_FACTORS = (0.4, 0.55, 0.7, 0.85)  # of chroma, to compare at equal colourfulness
_METRICS = ("psnr", "ssim", "gain", "colorfulness")
_NO_CLASS = "task.class_weight=1e-9"  # the branch is there for all; its loss is not
_DATA = (
    'data.train=["{data}/intel"]',
    'data.validation=["{data}/intel"]',
    "data.validation_split=test",
    "data.validation_limit=64",
    "model.classes=6",
)
_START = ('init="{best}"', "optimizer.learning_rate=2e-4")
COMPARED = ("l1", "gan", "gan-class", "wgan")

ARMS = (
    Arm(
        "generator",
        "the generator that all others start from: L1 alone",
        "unet-gan-class",
        (*_DATA, _NO_CLASS, "task.adversarial_weight=0"),
        share=2.0,
    ),
    Arm(
        "l1",
        "L1 alone, for as long as the others",
        "unet-gan-class",
        (*_DATA, *_START, _NO_CLASS, "task.adversarial_weight=0"),
        after="generator",
    ),
    Arm("gan", "GAN + 100 L1", "unet-gan-class", (*_DATA, *_START, _NO_CLASS), after="generator"),
    Arm(
        "gan-class",
        "GAN + 100 L1 + 0.003 class",
        "unet-gan-class",
        (*_DATA, *_START, "task.class_weight=0.003"),
        after="generator",
    ),
    Arm(
        "wgan",
        "0.1 WGAN-GP + L2 + 0.003 class",
        "unet-wgan",
        (*_DATA, *_START, "task.class_weight=0.003", "task.l2_weight=1.0"),
        after="generator",
    ),
)

_PROXY = "FID by proxy: the kernel distance of the judge's features, as Inception's weights are not at hand."
CLAIMS = (
    Claim(
        "class-fid",
        "The class loss improves FID.",
        "results",
        "FID 1.217 against 1.506",
        KERNEL,
        (("gan-class", "gan"),),
        "lower",
        note=_PROXY,
    ),
    Claim(
        "class-psnr",
        "The class loss improves PSNR.",
        "results",
        "27.324 against 26.360 dB",
        "psnr",
        (("gan-class", "gan"),),
    ),
    Claim(
        "class-ssim", "The class loss improves SSIM.", "results", "0.911 against 0.893", "ssim", (("gan-class", "gan"),)
    ),
    Claim(
        "wgan-psnr",
        "WGAN-GP has the best PSNR.",
        "results",
        "27.734 against 27.324 and 26.360 dB",
        "psnr",
        (("wgan", "gan-class"), ("wgan", "gan")),
    ),
    Claim(
        "wgan-ssim",
        "WGAN-GP has the best SSIM.",
        "results",
        "0.934 against 0.911 and 0.893",
        "ssim",
        (("wgan", "gan-class"), ("wgan", "gan")),
    ),
    Claim(
        "wgan-fid",
        "WGAN-GP has the worst FID.",
        "results",
        "FID 2.593 against 1.217 and 1.506",
        KERNEL,
        (("wgan", "gan-class"), ("wgan", "gan")),
        note=_PROXY,
    ),
    Claim(
        "adversary",
        "A discriminator makes pictures look more real than L1 alone.",
        "after Isola et al.",
        "none; no such arm",
        KERNEL,
        (("gan", "l1"),),
        "lower",
        note=_PROXY,
    ),
    Claim(
        "dull",
        "The best PSNR with the worst FID is desaturation: WGAN-GP is the dullest.",
        "not in the report, which measures no colourfulness",
        "none",
        "colorfulness",
        (("wgan", "gan-class"), ("wgan", "gan")),
        "lower",
    ),
    Claim(
        "equal-psnr",
        "WGAN-GP has the best PSNR also where all are as colourful as the dullest.",
        "not in the report",
        "none",
        "psnr",
        (("wgan/equal", "gan-class/equal"), ("wgan/equal", "gan/equal")),
        note="The others' chroma is scaled down to the mean colourfulness of the dullest arm with that seed.",
    ),
    Claim(
        "equal-ssim",
        "WGAN-GP has the best SSIM also where all are as colourful as the dullest.",
        "not in the report",
        "none",
        "ssim",
        (("wgan/equal", "gan-class/equal"), ("wgan/equal", "gan/equal")),
    ),
    Claim(
        "equal-fid",
        "WGAN-GP has the worst FID also where all are as colourful as the dullest.",
        "not in the report",
        "none",
        KERNEL,
        (("wgan/equal", "gan-class/equal"), ("wgan/equal", "gan/equal")),
        note=_PROXY,
    ),
    Claim(
        "lpips",
        "WGAN-GP has the best LPIPS, and the class loss improves it.",
        "results",
        "0.073, 0.076 and 0.098",
        untestable="needs torchvision's pre-trained AlexNet or VGG, which is not at hand",
    ),
    Claim(
        "stable",
        "WGAN-GP helps with training stability.",
        "final remarks",
        "none",
        untestable="has no figure in the report: stability of what, measured how?",
    ),
    Claim(
        "indoor",
        "Outdoor scenes are coloured well; people, objects and indoor scenes badly.",
        "final remarks",
        "by eye",
        untestable="needs labelled indoor scenes; those at hand are all outdoors",
    ),
)


def prepare(folder: Path, quick: bool) -> list[str]:
    """Write the scenes with labels, divided once into train and test."""
    place = folder / "intel"
    if not prepared.is_written(place):
        rows = prepared.rows_of("photos", "train", ("label",), 60 if quick else None, source="intel")
        prepared.write_rows(place, "train", [row for number, row in enumerate(rows) if number % _EVERY])
        prepared.write_rows(place, "test", rows[::_EVERY])
    return [f"The Intel scenes among the training photographs; every {_EVERY}th of them is kept for the test."]


def exam(folder: Path, arm: Arm, setting: Setting) -> Figures:
    """The scenes kept for the test, also with less colour."""
    test = str(folder.parent / "data" / "intel")
    way = {"": partial(from_lightness, model_of(folder))}
    factors = _FACTORS if arm.name in COMPARED else ()
    return color_figures(way, pictures_of([(test, "test")], setting), _METRICS, factors)


def derive(results: Results) -> Results:
    """Add the compared arms' figures where they are as colourful as the dullest of them, seed by seed."""
    compared = [results[name] for name in COMPARED if name in results]
    for figures in zip(*compared, strict=True):
        dullest = min(float(np.nanmean(one["colorfulness"])) for one in figures)
        for one in figures:
            if (point := _curve(one).at(dullest)) is not None:
                one |= {f"equal/{name}": values for name, values in point.figures.items()}
                if point.kernel is not None:
                    one[f"equal/{KERNEL}"] = np.concatenate([[point.kernel.value], point.kernel.draws])
    return results


def _curve(figures: Figures) -> MeasuredCurve:
    points = [_point(figures, factor, f"x{factor:g}/") for factor in _FACTORS]
    return MeasuredCurve([*points, _point(figures, 1.0, "")])


def _point(figures: Figures, factor: float, prefix: str) -> CurvePoint:
    found = {name: figures[prefix + name] for name in _METRICS}
    kernel = figures.get(prefix + KERNEL)
    paired = None if kernel is None else PairedKernel(float(kernel[0]), 0.0, kernel[1:], len(found["psnr"]))
    return CurvePoint(factor, found, paired)


REPORT = Report(
    number="003",
    title="adversarial and class losses",
    source="Saccaro 2023, *Automatic Image Colorization with Adversarial and Classification Losses*",
    arms=ARMS,
    claims=CLAIMS,
    needs={
        "photos": (
            "a folder of photographs in colour with the splits train, validation and test, as docs/train.md "
            "says, and with "
            "the columns source and label, where source is intel for the Intel scenes (buildings to street)"
        ),
    },
    exam=exam,
    remarks=(
        "The report used a tenth of Places205 at 256 pixels and a generator of 54 million parameters; here 18 "
        "instead of "
        "64 channels, six instead of 205 kinds of scenes, a far shorter training from a generator that colours "
        "already.",
        "All arms have the class branch, which in the report comes with the class loss: what is compared are "
        "losses alone.",
        "All arms after the generator begin at the same rate, 2e-4; the report's WGAN-GP had a tenth of it. Its critic "
        "makes one step for each of the generator's, not five, so that all arms see as many crops.",
        "One setting of each loss, the report's: other weights may order the arms otherwise.",
    ),
    least=12_000,
    memory=2.0,
    shown=("psnr", "ssim", "colorfulness", KERNEL, f"equal/{KERNEL}", "equal/psnr"),
    prepare=prepare,
    derive=derive,
    quick=("model.width=4", "task.width=4", "data.validation_limit=4"),
    samples=("generator", *COMPARED),
)
