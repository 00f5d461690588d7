"""Whether figures of several entries on the same pictures differ: paired differences, intervals, Holm's correction."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import t as student

from colorhub.study.statistics.comparison import holm
from training.scoring.summary import Figures, bootstrap_interval, finite_pairs

LEVEL = 0.05


def paired_difference(first: np.ndarray, second: np.ndarray, seed: int = 0) -> dict[str, Any]:
    """Mean of ``first - second`` over the pictures that both have, its 95 % bootstrap interval, and the two-sided p of
    a paired t-test.

    Arrays are ``(n,)``, or ``(n, 2)`` of values times weights and weights that both share. For those the mean is a
    ratio of sums, whose standard error is that of its linearization (Cochran 1977, section 2.11); with equal weights
    that is the paired t-test.
    """
    pairs = finite_pairs(_differences(first, second))
    if len(pairs) < 2:
        return {"mean": None, "low": None, "high": None, "p": None, "n": len(pairs)}
    mean = float(pairs[:, 0].sum() / pairs[:, 1].sum())
    low, high = bootstrap_interval(pairs, seed)
    return {"mean": mean, "low": low, "high": high, "p": _two_sided(pairs, mean), "n": len(pairs)}


def _differences(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    if first.ndim == 1:
        return first - second
    both = np.isfinite(first).all(axis=1) & np.isfinite(second).all(axis=1)
    answer = np.stack([first[:, 0] - second[:, 0], first[:, 1]], axis=1)
    return np.where(both[:, None], answer, np.nan)


def _two_sided(pairs: np.ndarray, mean: float) -> float:
    n = len(pairs)
    residuals = pairs[:, 0] - mean * pairs[:, 1]
    error = np.sqrt(n * residuals.var(ddof=1)) / pairs[:, 1].sum()
    if error <= 1e-12 * max(1.0, abs(mean)):  # all differences are one number
        return 0.0 if abs(mean) > 1e-12 else 1.0
    return float(2 * student.sf(abs(mean) / error, n - 1))


def compare(entries: Mapping[str, Figures], metrics: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """For each metric, every pair of entries: the difference, its interval, p, and p after Holm's correction over the
    metric's pairs. ``separated`` says whether that is below 0.05."""
    answer = {}
    for metric in metrics:
        having = {name: figures[metric] for name, figures in entries.items() if metric in figures}
        rows = [
            {"first": a, "second": b, **paired_difference(having[a], having[b])} for a, b in combinations(having, 2)
        ]
        tested = [row for row in rows if row["p"] is not None]
        for row, p in zip(tested, holm([row["p"] for row in tested]), strict=True):
            row["p_holm"] = p
        for row in rows:
            row["separated"] = row.setdefault("p_holm", None) is not None and row["p_holm"] < LEVEL
        answer[metric] = [_rounded(row) for row in rows]
    return answer


def ranks(rows: Sequence[Mapping[str, Any]], better: str) -> dict[str, int]:
    """Of one metric's pairs, each entry's rank: one more than the number of entries that are better and separated from
    it. Entries that nothing separates share a rank. ``better``: higher or lower."""
    sign = {"higher": 1, "lower": -1}[better]
    answer = {name: 1 for row in rows for name in (row["first"], row["second"])}
    for row in rows:
        if row["separated"]:
            answer[row["second"] if sign * row["mean"] > 0 else row["first"]] += 1
    return answer


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    digits = {"mean": 4, "low": 4, "high": 4}
    kept = {
        key: round(value, digits[key]) if key in digits and value is not None else value for key, value in row.items()
    }
    return kept | {key: None if kept[key] is None else float(f"{kept[key]:.3g}") for key in ("p", "p_holm")}
