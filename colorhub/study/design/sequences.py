"""Who sees what: all raters' sequences, computed beforehand and balanced however many of them are completed.

The raters, one behind the other, walk round a circle of all images, each for as many steps as they have trials. So a
rater meets an image once, and the numbers of exposures of any two images differ by at most one. On every round an image
changes between original and coloured (:func:`walk`); coloured, it goes through all models before one comes again: a
Latin square of images and models. Labels, models and the order within a session are shuffled with the study's seed.
"""

import hashlib
from dataclasses import dataclass
from math import gcd

import numpy as np

ORIGINAL = "original"
ATTENTION = "attention"  # what attention items show: an original whose colours were distorted beyond belief


@dataclass(frozen=True)
class Item:
    """One picture or pair that a rater judges. ``image``: its number; ``shown``: what is put before the rater, left to
    right: "original", a model's name or "attention"; ``kind``: trial, practice or attention."""

    kind: str
    image: int
    shown: tuple[str, ...]


@dataclass(frozen=True)
class SequencePlan:
    """What a design is made from. Images are numbered: first those of trials, then practice, then attention items."""

    protocol: str
    images: int
    per_rater: int
    models: tuple[str, ...]
    practice: int
    attention: int
    raters: int  # sequences to prepare

    @property
    def all_images(self) -> int:
        """Photos that are needed altogether."""
        return self.images + self.practice + self.attention


def make_sequences(plan: SequencePlan, seed: int, salt: str) -> list[list[Item]]:
    """All sequences, in the order in which they are to be given out. The same for the same plan, seed and salt."""
    random = generator("design", seed, salt)
    labels, models = random.permutation(plan.images), [plan.models[i] for i in random.permutation(len(plan.models))]
    cells = walk if plan.protocol == "realfake" else pair_walk
    sequences = []
    for rater in range(plan.raters):
        steps = range(rater * plan.per_rater, (rater + 1) * plan.per_rater)
        drawn = [cells(step, plan.images, len(models)) for step in steps]
        versions = [(int(labels[image]), ORIGINAL if model is None else models[model]) for image, model in drawn]
        sequences.append(_session(plan, versions, rater, random))
    return sequences


def walk(step: int, images: int, models: int) -> tuple[int, int | None]:
    """Image and model (``None``: original) of a step of the endless walk.

    On round c, images with i + c odd are coloured: half of any stretch of even length, and each image once in every two
    rounds. The coloured ones take the models in turn. Where the number of images shares a divisor d with that of the
    models, an image would meet only every d-th model, so the turn moves on by one each time it would repeat.
    """
    round_, image = divmod(step, images)
    if (image + round_) % 2 == 0:
        return image, None
    pair = round_ // 2
    rank = image // 2 + (round_ % 2) * (images // 2)  # among the coloured of this pair of rounds, in order of steps
    return image, (rank + pair * images + _moved_on(pair, images, models)) % models


def pair_walk(step: int, images: int, models: int) -> tuple[int, int]:
    """As :func:`walk` for pairs of original and coloured picture: every step has a model."""
    round_, image = divmod(step, images)
    return image, (step + _moved_on(round_, images, models)) % models


def _moved_on(turn: int, images: int, models: int) -> int:
    shared = gcd(images, models)
    return turn * shared // models


def _session(
    plan: SequencePlan, versions: list[tuple[int, str]], rater: int, random: np.random.Generator
) -> list[Item]:
    """A rater's whole session: practice, then the trials in random order with attention items spread among them."""
    trials = _with_sides("trial", versions, rater, random) if plan.protocol == "2afc" else _single("trial", versions)
    trials = [trials[i] for i in random.permutation(len(trials))]
    practice = _practice(plan, random)
    attention = _attention(plan, random)
    return practice + _spread(trials, attention, random)


def _single(kind: str, versions: list[tuple[int, str]]) -> list[Item]:
    return [Item(kind, image, (shown,)) for image, shown in versions]


def _with_sides(kind: str, versions: list[tuple[int, str]], rater: int, random: np.random.Generator) -> list[Item]:
    """Pairs, the original on the left in half of a rater's trials and in half of those with each model (or one off)."""
    items, start = [], rater % 2
    for model in sorted({shown for _, shown in versions}):
        of_model = [image for image, shown in versions if shown == model]
        sides = [(start + n) % 2 for n in range(len(of_model))]
        start = (start + len(of_model)) % 2
        for image, side in zip(of_model, random.permutation(sides), strict=True):
            items.append(Item(kind, image, (model, ORIGINAL) if side else (ORIGINAL, model)))
    return items


def practice_versions(plan: SequencePlan) -> list[tuple[int, str]]:
    """The practice items, the same for all raters: originals and the models in turn; in pairs, the models in turn."""
    first, models = plan.images, plan.models
    if plan.protocol == "2afc":
        return [(first + n, models[n % len(models)]) for n in range(plan.practice)]
    return [(first + n, models[n // 2 % len(models)] if n % 2 else ORIGINAL) for n in range(plan.practice)]


def _practice(plan: SequencePlan, random: np.random.Generator) -> list[Item]:
    versions = practice_versions(plan)
    items = (
        _with_sides("practice", versions, int(random.integers(2)), random)
        if plan.protocol == "2afc"
        else _single("practice", versions)
    )
    return [items[i] for i in random.permutation(len(items))]


def _attention(plan: SequencePlan, random: np.random.Generator) -> list[Item]:
    first = plan.images + plan.practice
    versions = [(first + n, ATTENTION) for n in range(plan.attention)]
    if plan.protocol == "2afc":
        return _with_sides("attention", versions, int(random.integers(2)), random)
    return _single("attention", [versions[i] for i in random.permutation(len(versions))])


def _spread(trials: list[Item], attention: list[Item], random: np.random.Generator) -> list[Item]:
    """One attention item at a random place in each of as many equal parts of the trials; never as the very first."""
    spread: list[Item] = []
    edges = [round(n * len(trials) / max(1, len(attention))) for n in range(len(attention) + 1)]
    for n, item in enumerate(attention):
        part = trials[edges[n] : edges[n + 1]]
        place = int(random.integers(min(1, len(part)), len(part) + 1))
        spread += [*part[:place], item, *part[place:]]
    return spread if attention else list(trials)


def generator(purpose: str, seed: int, salt: str = "") -> np.random.Generator:
    """Random numbers for one purpose. What must not be guessed from the seed alone takes the study's secret salt."""
    digest = hashlib.sha256(f"{purpose}\n{seed}\n{salt}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))
