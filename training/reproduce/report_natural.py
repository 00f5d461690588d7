"""The default model's parts, each left out or changed in turn, at equal crops."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from colorhub.color import grey_lightness
from colorhub.inference.views import agreed, view_sizes
from colorhub.models.base import HubModel
from training.data.augment import FILM_DRAWS, film_lightness
from training.reproduce.exam import Answers, color_figures, from_lightness, model_of, pictures_of
from training.reproduce.pretrained import LITE0, missing_weights, weights_of
from training.reproduce.spec import Arm, Claim, Figures, Report, Setting
from training.scoring.curve import place_at
from training.scoring.judging import KERNEL

_VALIDATION = (("photos", "validation"), ("people", "validation"))
_SIZE, _LIMIT = 192, 250  # pixels, and pictures of each source
_FACTORS = (0.5, 0.7, 1.4, 2.0, 2.8, 4.0)  # of chroma, beside 1
_COLORFULNESS = 27.0  # at which answers are compared
_METRICS = ("gain", "colorfulness", "blotchiness")
_EARLY = '{match=["backbone.conv_stem.*", "backbone.bn1.*", "backbone.blocks.[012].*"], frozen_until="end"}'
_LATE = '{match=["backbone.*"], rate=0.3}'

_SMALLER = (f"model.backbone={LITE0}", "model.channels=[128, 96, 64, 48]", "model.query_channels=64")
_STEPS, _BATCH, _CROP = 3200, 32, 64

_PRETRAINED = (f"backbone={json.dumps(str(weights_of(LITE0)))}",)
_PARTLY = (*_PRETRAINED, f"parts=[{_EARLY}, {_LATE}]")


def _arm(name: str, what: str, words: tuple[str, ...]) -> Arm:
    unavailable = None if "backbone=none" in words else missing_weights(LITE0)
    return Arm(
        name,
        what,
        "natural",
        (*_SMALLER, *words),
        steps=_STEPS,
        crop=_CROP,
        batch=_BATCH,
        cover=(0.35, 1.0),
        unavailable=unavailable,
    )


ARMS = (
    _arm(
        "base", "as natural is trained: its encoder's early layers as they were pre-trained, later ones learn", _PARTLY
    ),
    _arm("random", "an encoder that starts from random weights, all of it trained", ("backbone=none", "parts=[]")),
    _arm(
        "frozen",
        "the whole encoder as it was pre-trained",
        (*_PRETRAINED, 'parts=[{match=["backbone.*"], frozen_until="end"}]'),
    ),
    _arm("whole", "the whole encoder learns", (*_PRETRAINED, f"parts=[{_LATE}]")),
    _arm("no-queries", "without colour queries", (*_PARTLY, "model.queries=0")),
    _arm("no-film", "without film response", (*_PARTLY, "data.film=0")),
    _arm("variation", "with total variation in the loss", (*_PARTLY, "task.variation_weight=2.0")),
)

CLAIMS = (
    Claim(
        "pretrained",
        "An encoder that was pre-trained to recognise things colours better than one that starts at random.",
        "the encoder",
        "none",
        "gain",
        (("base", "random"), ("whole", "random")),
    ),
    Claim(
        "pretrained-kid",
        "Its pictures look more real.",
        "the encoder",
        "none",
        KERNEL,
        (("base", "random"), ("whole", "random")),
        "lower",
    ),
    Claim(
        "learning",
        "An encoder whose later layers learn colours better than a frozen one.",
        "the encoder",
        "none",
        "gain",
        (("base", "frozen"),),
    ),
    Claim(
        "early",
        "Nothing is lost by keeping its early layers as they were.",
        "the encoder",
        "none",
        "gain",
        (("base", "whole"),),
        "same",
        0.1,
    ),
    Claim("queries", "Colour queries colour better.", "the decoder", "none", "gain", (("base", "no-queries"),)),
    Claim(
        "queries-blotches",
        "Colour queries make fewer blotches.",
        "the decoder",
        "none",
        "blotchiness",
        (("base", "no-queries"),),
        "lower",
    ),
    Claim(
        "queries-kid",
        "With colour queries pictures look more real.",
        "the decoder",
        "none",
        KERNEL,
        (("base", "no-queries"),),
        "lower",
    ),
    Claim(
        "film",
        "Training on film responses helps where the grey is an old print's.",
        "the data",
        "none",
        "gain",
        (("base/film", "no-film/film"),),
        note="The same random film response for all arms, of the kind that was trained on.",
    ),
    Claim(
        "film-cost",
        "On today's grey it costs nothing.",
        "the data",
        "none",
        "gain",
        (("base", "no-film"),),
        "same",
        0.1,
    ),
    Claim(
        "variation",
        "Total variation in the loss makes fewer blotches.",
        "against blotches",
        "none",
        "blotchiness",
        (("variation", "base"),),
        "lower",
    ),
    Claim(
        "smoothing",
        "Neighbours that share their distributions where hues differ make fewer blotches.",
        "against blotches",
        "none",
        "blotchiness",
        (("base/smoothing", "base"),),
        "lower",
        note="Four passes, of the same weights.",
    ),
    Claim(
        "smoothing-kid",
        "Pictures look as real with it.",
        "against blotches",
        "none",
        KERNEL,
        (("base/smoothing", "base"),),
        "same",
        0.5,
    ),
    Claim(
        "views",
        "What three views of a picture agree on has fewer blotches.",
        "against blotches",
        "none",
        "blotchiness",
        (("base/views", "base"),),
        "lower",
        note="Of the same weights, as `--views 3` does.",
    ),
    Claim(
        "sharper",
        "A lower temperature makes more blotches.",
        "against blotches",
        "none",
        "blotchiness",
        (("base/T=0.2", "base"),),
        note="T = 0.2 against 0.38, of the same weights.",
    ),
)


def exam(folder: Path, arm: Arm, setting: Setting) -> Figures:
    """Pictures held out for choosing, at equal colourfulness; the base is also read in other ways."""
    chosen = setting if setting.quick else replace(setting, size=_SIZE, limit=_LIMIT)
    pictures, model = pictures_of(_VALIDATION, chosen), model_of(folder)
    ways: dict[str, Answers] = {"": partial(from_lightness, model)}
    if arm.name in ("base", "no-film"):
        ways["film"] = partial(_from_film, model)
    if arm.name == "base":
        ways["smoothing"] = partial(from_lightness, model_of(folder, smoothing=4))
        ways["T=0.2"] = partial(from_lightness, model_of(folder, temperature=0.2))
        ways["views"] = partial(_from_views, model)
    found: Figures = {}
    for variant, way in ways.items():
        curve = color_figures({"": _remembered(way)}, pictures, _METRICS, _FACTORS)
        figures = at_colorfulness(curve, _COLORFULNESS)
        found |= {f"{variant}/{name}" if variant else name: values for name, values in figures.items()}
    return found


def at_colorfulness(curve: Figures, wanted: float) -> Figures:
    """Figures where the mean colourfulness is as wanted, interpolated between two factors of chroma, picture by
    picture; ``own_colorfulness``: of the answers as they are.

    Args:
        curve: figures under their names, and under ``xFACTOR/name`` for answers with other chroma.
    """
    names = {name.rpartition("/")[2] for name in curve}
    prefixes = {name.rpartition("/")[0] for name in curve}
    points = sorted((float(curve[_under(prefix, "colorfulness")].mean()), prefix) for prefix in prefixes)
    found = {"own_colorfulness": curve["colorfulness"]}
    place = place_at([colorfulness for colorfulness, _ in points], wanted)
    if place is None:  # too grey, whatever the factor
        return found
    ends = [prefix for _, prefix in points[place.number : place.number + 2]]
    values = {name: [curve[_under(prefix, name)] for prefix in ends] for name in names}
    return found | {name: (1 - place.part) * pair[0] + place.part * pair[1] for name, pair in values.items()}


def _under(prefix: str, name: str) -> str:
    return f"{prefix}/{name}" if prefix else name


def _remembered(way: Answers) -> Answers:
    """Asked once for pictures that are answered with several factors of chroma."""
    kept: dict[bytes, Tensor] = {}

    def answer(rgb: Tensor) -> Tensor:
        key = rgb.numpy().tobytes()
        if key not in kept:
            kept[key] = way(rgb)
        return kept[key]

    return answer


def _from_film(model: HubModel, rgb: Tensor) -> Tensor:
    """What a model answers to the pictures as an old print might show them; the same print for every model."""
    generator = torch.Generator().manual_seed(int(rgb.double().sum()))
    return model(film_lightness(rgb, torch.rand(len(rgb), FILM_DRAWS, generator=generator))).ab.float()


def _from_views(model: HubModel, rgb: Tensor) -> Tensor:
    """As the pipeline's ``views`` does: the picture smaller and larger, mirrored, beside itself."""
    L, answers = grey_lightness(rgb, "lab"), []
    for size, mirrored in view_sizes(min(rgb.shape[-2:]), 3):
        seen = F.interpolate(L, size=(size, size), mode="bilinear", antialias=True)
        ab = model(seen.flip(-1) if mirrored else seen).ab.float()
        answers.append(ab.flip(-1) if mirrored else ab)
    return agreed(answers)


_TINY = ("model.backbone=test_efficientnet", "backbone=none", "model.channels=[8, 8, 8, 8]", "model.query_channels=8")

REPORT = Report(
    number="natural",
    title="the default model's parts, one left out at a time",
    source="No report: what `natural` is made of",
    arms=ARMS,
    claims=CLAIMS,
    needs={
        "photos": "a folder of photographs in colour with the splits train and validation, as docs/train.md says",
        "people": "a folder of photographs of people in colour with the splits train and validation; "
        "`python -m training.hold_out people` holds some out",
    },
    exam=exam,
    remarks=(
        "Gain, blotchiness and kernel distance are those at a mean colourfulness of 27: every arm's chroma is "
        "multiplied by one factor, and what lies between two factors is interpolated.",
        "Pictures that choices are made on: 250 of photos/validation and 250 of people/validation, at 192 pixels.",
        "The network is natural's in small: EfficientNet-Lite0 in place of Lite2, and half of the decoder's channels. "
        "It saw 102,400 crops of 64 pixels, where the bundled model saw ten times as many, of 128 and 192 pixels.",
        "One seed: intervals are for other pictures, not for other seeds.",
        "The network of the kernel distance is a relative of the encoder with other weights: what it prefers may be "
        "family likeness.",
    ),
    seeds=1,
    sizes=(_CROP,),
    least=_STEPS * _BATCH,
    memory=2.5,
    shown=("gain", "blotchiness", KERNEL, "own_colorfulness"),
    quick=_TINY,
    samples=tuple(arm.name for arm in ARMS),
)
