"""Distances between two sets of pictures, by their features, which come from wherever. torchmetrics compares those of
Inception; those of the judge are compared here, so that a difference of two entries has an interval."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from training.scoring.summary import RESAMPLES

KID_SUBSETS, KID_SIZE = 100, 100
_TIMES = 1000  # that kernel distances are so small does not help who reads them


class _AsTheyAre(nn.Module):
    """Stands where torchmetrics wants a network: what comes in are features already."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


def frechet(answers: np.ndarray, originals: np.ndarray) -> dict[str, Any]:
    """FID of ``(n, d)`` features."""
    metric = FrechetInceptionDistance(_AsTheyAre(answers.shape[1]))
    metric.set_dtype(torch.float64)
    return {"value": round(float(_compared(metric, answers, originals)), 4), "n": len(answers)}


def kernel(answers: np.ndarray, originals: np.ndarray) -> dict[str, Any]:
    """KID of ``(n, d)`` features: mean and standard deviation over subsets, which are drawn with a fixed seed."""
    metric = KernelInceptionDistance(_AsTheyAre(answers.shape[1]), subsets=KID_SUBSETS, subset_size=KID_SIZE)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        mean, spread = _compared(metric, answers, originals)
    return {"value": round(float(mean), 6), "spread": round(float(spread), 6), "n": len(answers)}


def _compared(metric: Any, answers: np.ndarray, originals: np.ndarray) -> Any:
    for features, real in ((originals, True), (answers, False)):
        metric.update(torch.from_numpy(np.asarray(features, np.float64)), real=real)
    return metric.compute()


@dataclass(frozen=True)
class PairedKernel:
    """The kernel distance of answers to their own originals, times 1,000.

    ``value``: unbiased. ``all_pairs``: as it is usually computed, every answer beside its own original included.
    ``draws``: of a bootstrap over pictures, the same pictures for any two sets of as many.
    """

    value: float
    all_pairs: float
    draws: np.ndarray
    n: int

    @property
    def summary(self) -> dict[str, float | int]:
        """For scores.json: with a 95 % percentile interval."""
        low, high = np.percentile(self.draws, (2.5, 97.5))
        found = {"value": self.value, "low": low, "high": high, "all_pairs": self.all_pairs}
        return {name: round(float(one), 4) for name, one in found.items()} | {"n": self.n}

    def mixed(self, other: Self, part: float) -> Self:
        """The distance on the straight line from this one to another."""
        value, all_pairs, draws = (
            (1 - part) * one + part * two
            for one, two in ((self.value, other.value), (self.all_pairs, other.all_pairs), (self.draws, other.draws))
        )
        return type(self)(float(value), float(all_pairs), np.asarray(draws), self.n)


def paired_kernel(answers: np.ndarray, originals: np.ndarray) -> PairedKernel:
    """Squared maximum mean discrepancy of ``(n, d)`` features by KID's kernel (x y / d + 1)^3 (Binkowski et al. 2018).

    The estimate is the U-statistic of Gretton et al. 2012, equation 4, over all pairs of different pictures. An answer
    is made from its original, so the two are no independent draws, and taking them as a pair as the usual estimate does
    lets the distance sink: below 0 for the originals themselves, by less the more pictures there are. Here those are at
    0. Resampled pictures are weights of the same sum, where again no picture meets itself.

    Args:
        answers: NaN where there is none; those pictures do not count.
        originals: in the same order.
    """
    found = np.isfinite(answers).all(axis=1)
    x, y = (np.asarray(part[found], np.float64) for part in (answers, originals))
    n, across = len(x), _polynomial(x, y)
    own = np.trace(across)
    pairs = _polynomial(x, x) + _polynomial(y, y) - across - across.T
    np.fill_diagonal(pairs, 0)
    value = pairs.sum() / (n * (n - 1))
    all_pairs = value + 2 / n * ((across.sum() - own) / (n * (n - 1)) - own / n)
    weights = _bootstrap_weights(len(answers))[:, found]
    others = weights.sum(axis=1) ** 2 - (weights**2).sum(axis=1)
    draws = ((weights @ pairs) * weights).sum(axis=1) / others
    return PairedKernel(_TIMES * value, _TIMES * all_pairs, _TIMES * draws, n)


def kernel_differences(entries: Mapping[str, PairedKernel]) -> list[dict[str, Any]]:
    """Every pair of entries: the difference of their distances and its 95 % paired bootstrap interval."""
    rows = []
    for first, second in combinations(entries, 2):
        one, other = entries[first], entries[second]
        low, high = np.percentile(one.draws - other.draws, (2.5, 97.5))
        found = {"mean": one.value - other.value, "low": low, "high": high}
        rows.append({"first": first, "second": second, **{key: round(float(x), 4) for key, x in found.items()}})
    return rows


def _polynomial(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first @ second.T / first.shape[1] + 1) ** 3


@cache
def _bootstrap_weights(pictures: int) -> np.ndarray:
    """How often each picture is drawn: ``(RESAMPLES, pictures)``."""
    random = np.random.default_rng(0)
    return random.multinomial(pictures, np.full(pictures, 1 / pictures), RESAMPLES).astype(np.float64)
