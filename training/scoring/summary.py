"""Means over pictures, with bootstrap intervals."""

from collections.abc import Iterator
from typing import Any

import numpy as np

Figures = dict[str, np.ndarray]  # metric -> one value a picture, or (value times weight, weight)
RESAMPLES = 2000


def interval(values: np.ndarray, seed: int = 0) -> dict[str, float | int | None]:
    """Mean of the finite values with a 95 % percentile bootstrap interval over pictures (2,000 resamples, fixed seed).

    ``values``: ``(n,)``; or ``(n, 2)``, values times weights beside the weights, for a weighted mean.
    """
    pairs = finite_pairs(values)
    if not len(pairs):
        return {"mean": None, "low": None, "high": None, "n": 0}
    low, high = bootstrap_interval(pairs, seed)
    return {
        "mean": round(float(pairs[:, 0].sum() / pairs[:, 1].sum()), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "n": len(pairs),
    }


def finite_pairs(values: np.ndarray) -> np.ndarray:
    """``(n, 2)``: values times weights, and weights; those that are finite and count for something."""
    pairs = values if values.ndim == 2 else np.stack([values, np.ones_like(values)], axis=1)
    return pairs[np.isfinite(pairs).all(axis=1) & (pairs[:, 1] > 0)]


def bootstrap_interval(pairs: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """The 95 % percentile interval of the ratio of sums of ``(n, 2)`` pairs, pictures being drawn again."""
    sums = np.stack(list(_resampled_sums(pairs, seed)))
    low, high = np.percentile(sums[:, 0] / sums[:, 1], (2.5, 97.5))
    return float(low), float(high)


def _resampled_sums(pairs: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    random = np.random.default_rng(seed)
    for _ in range(RESAMPLES):
        yield pairs[random.integers(len(pairs), size=len(pairs))].sum(axis=0)


def summarize(figures: Figures) -> dict[str, Any]:
    """Every metric's mean, interval and number of pictures."""
    return {name: interval(values) for name, values in figures.items()}
