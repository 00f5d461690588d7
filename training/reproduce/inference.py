"""Differences between arms over pictures and seeds, and what they say about a claim.

Pictures and seeds are both samples: a difference must hold for other pictures and for other seeds. Each arm is trained
with the same seeds and measured on the same pictures, so differences are paired over both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import t as student

from colorhub.study.statistics.comparison import holm
from training.reproduce.spec import Claim, Results, named
from training.scoring.judging import KERNEL

LEVEL = 0.05
_TINY = 1e-15
_MANY = 10**6  # pictures, where their errors are a bootstrap's


class Verdict(StrEnum):
    """What became of a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    OPEN = "cannot be told apart here"
    UNTESTED = "cannot be tested here"


@dataclass(frozen=True)
class Difference:
    """Mean difference, with the squared standard errors that it has from the choice of seeds and of pictures.

    Its quantiles are those of Student's t for either part, weighed by the parts (Cochran, Cox 1957, section 4.14). That
    keeps them wide enough, where Welch's degrees of freedom are too many as soon as three seeds happen to agree.
    ``pictures``: 0 where the errors are a bootstrap's.
    """

    mean: float
    of_seeds: float
    of_pictures: float
    seeds: int
    pictures: int

    @property
    def error(self) -> float:
        """The standard error."""
        return float((self.of_seeds + self.of_pictures) ** 0.5)

    @property
    def interval(self) -> tuple[float, float]:
        """95 %."""
        half = self._quantile(1 - LEVEL / 2) * self.error
        return self.mean - half, self.mean + half

    def p_above(self, bound: float = 0.0) -> float:
        """One-sided p against the null that the difference is at most ``bound``."""
        return 1 - self.p_below(bound)

    def p_below(self, bound: float = 0.0) -> float:
        """One-sided p against the null that the difference is at least ``bound``."""
        x = (self.mean - bound) / max(self.error, _TINY)
        if not self._quantile(_TINY) < x < self._quantile(1 - _TINY):
            return float(x > 0)
        return float(brentq(lambda p: self._quantile(p) - x, _TINY, 1 - _TINY))

    def _quantile(self, p: float) -> float:
        parts = ((self.of_seeds, self.seeds), (self.of_pictures, self.pictures or _MANY))
        total = max(self.of_seeds + self.of_pictures, _TINY**2)
        return sum(part * float(student.ppf(p, max(n - 1, 1))) for part, n in parts) / total


@dataclass(frozen=True)
class Row:
    """A claim and what was found. ``ours`` and ``interval``: in words where nothing was trained."""

    claim: Claim
    verdict: Verdict
    why: str = ""
    differences: tuple[Difference, ...] = ()
    p: float | None = None
    p_holm: float | None = None
    for_it: bool = False  # whether what is found points the claim's way
    ours: str = ""
    interval: str = ""


def difference(first: Sequence[np.ndarray], second: Sequence[np.ndarray], kernel: bool = False) -> Difference:
    """Mean of ``first - second`` over seeds and pictures.

    Its variance is that between the seeds' means, over the number of seeds, plus that over pictures of the seeds' mean;
    what is left of both at once is counted in either, so intervals are a little too wide. With one seed the interval is
    over pictures alone.

    Args:
        first: an array a seed: ``(n,)``; ``(n, 2)``, values times weights and weights, for a ratio of sums; or with
            ``kernel`` a distance and its bootstrap draws, which are over the same pictures for all.
        second: likewise.

    Example:
        >>> import numpy as np
        >>> from training.reproduce.inference import difference
        >>> found = difference([np.array([3.0, 4.0]), np.array([3.2, 4.4])], [np.array([1.0, 2.0])] * 2)
        >>> round(found.mean, 2), found.seeds, found.pictures
        (2.15, 2, 2)
    """
    parts = [_kernel(a, b) if kernel else _paired(a, b) for a, b in zip(first, second, strict=True)]
    means, residuals = np.array([mean for mean, _ in parts]), np.stack([rest for _, rest in parts])
    seeds, count = residuals.shape
    if kernel:
        of_pictures = float(residuals.mean(axis=0).var(ddof=1))
    else:
        of_pictures = float(residuals.mean(axis=0).var(ddof=1)) / count if count > 1 else 0.0
    of_seeds = float(means.var(ddof=1)) / seeds if seeds > 1 else 0.0
    return Difference(float(means.mean()), of_seeds, of_pictures, seeds, 0 if kernel else count)


def _paired(first: np.ndarray, second: np.ndarray) -> tuple[float, np.ndarray]:
    """The difference, and each picture's part in it: of a ratio of sums, by its linearization (Cochran 1977)."""
    pairs = [x if x.ndim == 2 else np.stack([x, np.ones_like(x)], axis=1) for x in (first, second)]
    both = np.isfinite(pairs[0]).all(axis=1) & np.isfinite(pairs[1]).all(axis=1)
    weight = np.where(both, pairs[0][:, 1], 0.0)
    apart = np.where(both, pairs[0][:, 0] - pairs[1][:, 0], 0.0)
    mean = float(apart.sum() / weight.sum())
    return mean, (apart - mean * weight) / weight.mean()


def _kernel(first: np.ndarray, second: np.ndarray) -> tuple[float, np.ndarray]:
    return float(first[0] - second[0]), first[1:] - second[1:]


def judged(claims: Sequence[Claim], results: Results, reasons: dict[str, str]) -> list[Row]:
    """Every claim's row, with Holm's correction over those that were tested.

    ``reasons``: why a metric or an arm is not there.
    """
    rows = [_row(claim, results, reasons) for claim in claims]
    tested = [number for number, row in enumerate(rows) if row.p is not None]
    for number, p in zip(tested, holm([rows[number].p or 0.0 for number in tested]), strict=True):
        rows[number] = _decided(rows[number], p)
    return rows


def _row(claim: Claim, results: Results, reasons: dict[str, str]) -> Row:
    if claim.untestable:
        return Row(claim, Verdict.UNTESTED, claim.untestable)
    if claim.found is not None:
        found = claim.found()
        verdict = {True: Verdict.HOLDS, False: Verdict.FAILS, None: Verdict.OPEN}[found.holds]
        return Row(claim, verdict, found.why, ours=found.ours, interval=found.interval)
    pairs = [[named(results, name, claim.metric) for name in contrast] for contrast in claim.contrasts]
    for contrast, pair in zip(claim.contrasts, pairs, strict=True):
        if pair[0] is None or pair[1] is None:
            wanted = [claim.metric, *(name.partition("/")[0] for name in contrast)]
            why = next((reasons[name] for name in wanted if name in reasons), f"{claim.metric} was not measured")
            return Row(claim, Verdict.UNTESTED, why)
    apart = tuple(difference(a, b, claim.metric == KERNEL) for a, b in pairs if a is not None and b is not None)
    pro, contra = _one_sided(claim, apart)
    return Row(claim, Verdict.OPEN, differences=apart, p=min(1.0, 2 * min(pro, contra)), for_it=pro < contra)


def _one_sided(claim: Claim, apart: Sequence[Difference]) -> tuple[float, float]:
    """p for the claim, which must hold for all contrasts (the largest), and against it, for which one is enough (the
    smallest, times their number)."""
    if claim.direction == "same":
        margin = claim.margin or 0.0  # two one-sided tests
        pro = [max(one.p_above(-margin), one.p_below(margin)) for one in apart]
        contra = [min(1.0, 2 * min(one.p_above(margin), one.p_below(-margin))) for one in apart]
    else:
        pro = [one.p_above() if claim.direction == "higher" else one.p_below() for one in apart]
        contra = [1 - p for p in pro]
    return max(pro), min(1.0, len(apart) * min(contra))


def _decided(row: Row, p: float) -> Row:
    if p >= LEVEL:
        return replace(row, p_holm=p)
    return replace(row, p_holm=p, verdict=Verdict.HOLDS if row.for_it else Verdict.FAILS)


def weakest(row: Row) -> int:
    """The number of the contrast that decides: the one furthest from what is claimed."""
    claim = row.claim
    if claim.direction == "same":
        return int(np.argmax([abs(one.mean) for one in row.differences]))
    values = [one.mean / max(one.error, 1e-12) for one in row.differences]
    return int(np.argmin(values) if claim.direction == "higher" else np.argmax(values))


def row_json(row: Row) -> dict[str, Any]:
    """A row for the page's JSON."""
    contrasts = [
        {
            "first": pair[0],
            "second": pair[1],
            "mean": one.mean,
            "low": one.interval[0],
            "high": one.interval[1],
            "error_from_seeds": one.of_seeds**0.5,
            "error_from_pictures": one.of_pictures**0.5,
            "seeds": one.seeds,
        }
        for pair, one in zip(row.claim.contrasts, row.differences, strict=False)
    ]
    return {
        "key": row.claim.key,
        "verdict": str(row.verdict),
        "why": row.why,
        "contrasts": contrasts,
        "p": row.p,
        "p_holm": row.p_holm,
        "ours": row.ours,
        "interval": row.interval,
    }
