"""Figures against colourfulness: each picture predicted once, its colours put onto it at several vividnesses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from training.scoring.compare import compare
from training.scoring.distances import PairedKernel, kernel_differences
from training.scoring.entries import ModelEntry
from training.scoring.figures import measure
from training.scoring.judging import KERNEL, RECOGNITION, SEEN, Judging
from training.scoring.pictures import Picture
from training.scoring.summary import Figures, summarize
from training.scoring.work import Work

_ALONG = "colorfulness"


class Place(NamedTuple):
    """A place on a curve: between the points ``number`` and ``number + 1``, ``part`` of the way."""

    number: int
    part: float


@dataclass(frozen=True)
class CurvePoint:
    """An entry's figures with so much vividness. ``kernel``: where there is a judge."""

    vividness: float
    figures: Figures
    kernel: PairedKernel | None = None

    @property
    def colorfulness(self) -> float:
        """The mean over the pictures."""
        return float(np.nanmean(self.figures[_ALONG]))

    @property
    def summary(self) -> dict[str, Any]:
        """For scores.json."""
        kernel = {} if self.kernel is None else {KERNEL: self.kernel.summary}
        return {"vividness": round(self.vividness, 4), **summarize(self.figures), **kernel}

    def mixed(self, other: "CurvePoint", part: float) -> "CurvePoint":
        """A point on the straight line to another, picture by picture."""
        figures = {name: (1 - part) * own + part * other.figures[name] for name, own in self.figures.items()}
        kernel = self.kernel.mixed(other.kernel, part) if self.kernel and other.kernel else None
        return CurvePoint((1 - part) * self.vividness + part * other.vividness, figures, kernel)


@dataclass(frozen=True)
class MeasuredCurve:
    """An entry's points, by rising vividness."""

    points: Sequence[CurvePoint]

    def at(self, colorfulness: float) -> CurvePoint | None:
        """The point of that mean colourfulness, interpolated; ``None`` where the curve does not reach."""
        place = place_at([point.colorfulness for point in self.points], colorfulness)
        return place and self.points[place.number].mixed(self.points[place.number + 1], place.part)

    def section(self, at: Sequence[float]) -> dict[str, Any]:
        """For scores.json: every point, and those of equal colourfulness."""
        equal = {f"{value:g}": self.at(value) for value in at}
        return {
            "points": [point.summary for point in self.points],
            "at_colorfulness": {value: point and point.summary for value, point in equal.items()},
        }


def measure_curve(
    entry: ModelEntry,
    vividness: Sequence[float],
    names: Sequence[str],
    work: Work,
    judging: Judging,
    originals: np.ndarray | None,
) -> MeasuredCurve:
    """Figures of an entry's answers at each vividness.

    Args:
        names: of metrics, with colourfulness.
        originals: the judge's features of the originals, where it compares them.
    """
    plain = [name for name in names if name != RECOGNITION]

    def measured(chunk: Sequence[Picture]) -> Figures:
        pixels = [one.pixels for one in chunk]
        found: Figures = {}
        for factor, answers in zip(vividness, entry.answers_at(chunk, vividness), strict=True):
            figures = measure(answers, pixels, plain) | judging.see(answers, chunk)
            found |= {f"{factor}/{name}": values for name, values in figures.items()}
        return found

    key = [entry.key, list(vividness), list(names), judging.label]
    figures = work.each(f"{entry.name}, more and less colour", key, measured)
    return MeasuredCurve(
        [
            CurvePoint(
                factor,
                {name: figures[f"{factor}/{name}"] for name in names},
                judging.kernel(figures.get(f"{factor}/{SEEN}"), originals),
            )
            for factor in vividness
        ]
    )


def place_at(colorfulness: Sequence[float], value: float) -> Place | None:
    """Where a curve through these points first reaches ``value``; ``None`` where it does not."""
    for number, (one, other) in enumerate(pairwise(colorfulness)):
        if min(one, other) <= value <= max(one, other):
            return Place(number, 0.0 if one == other else (value - one) / (other - one))
    return None


def at_colorfulness(curve: Mapping[str, Any], value: float) -> dict[str, float] | None:
    """A curve's figures where answers are so colourful, by straight lines between its points.

    Args:
        curve: the section ``curve`` of scores.json.
        value: mean colourfulness.

    Returns:
        Vividness, the mean of every metric and the set metrics that both neighbours have; ``None`` where the curve does
        not reach.
    """
    points = [dict(_means(point)) for point in curve["points"]]
    place = place_at([point[_ALONG] for point in points], value)
    if place is None:
        return None
    one, other = points[place.number : place.number + 2]
    return {name: (1 - place.part) * one[name] + place.part * other[name] for name in one if name in other}


def compare_at(curves: Mapping[str, MeasuredCurve], value: float) -> dict[str, list[dict[str, Any]]]:
    """Entries compared where they are equally colourful, as far as their curves reach: for each metric and the kernel
    distance, the rows of :func:`~training.scoring.compare.compare`."""
    points = {name: point for name, curve in curves.items() if (point := curve.at(value)) is not None}
    names = dict.fromkeys(name for point in points.values() for name in point.figures)
    found = compare({name: point.figures for name, point in points.items()}, [*names])
    kernels = {name: point.kernel for name, point in points.items() if point.kernel is not None}
    return {**found, KERNEL: kernel_differences(kernels)}


def _means(point: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in point.items():
        mean = value.get("mean", value.get("value")) if isinstance(value, Mapping) else value
        if mean is not None:
            yield name, float(mean)
