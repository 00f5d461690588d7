"""An estimate with intervals at any level, and the simple interval of Wilson, which is descriptive only."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

_NONE = (float("nan"), float("nan"))


@dataclass(frozen=True)
class Estimate:
    """A figure, its two-way standard error, and its distribution over resampled raters and images.

    The interval at a level is that of the resampled distribution, stretched or shrunk about the figure so that its
    spread is the two-way standard error, times the ratio of the t to the normal quantile with ``degrees`` degrees of
    freedom (``min(raters, images) - 1``). The distribution gives the shape, the standard error the width: on its own
    the pigeonhole distribution counts the noise of single votes three times (Owen 2007, theorem 3) and is too wide.
    """

    value: float
    error: float
    draws: np.ndarray
    degrees: int
    bounds: tuple[float, float] = (-np.inf, np.inf)

    @cached_property
    def _sorted(self) -> np.ndarray:
        return np.sort(self.draws[np.isfinite(self.draws)])

    @cached_property
    def _spread(self) -> float:
        return float(self._sorted.std()) if self._sorted.size else 0.0

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Low and high end; not-a-number where there are too few raters or images for one."""
        if not (self.degrees >= 1 and np.isfinite(self.error) and self._spread > 0):
            return _NONE
        tail = (1 - level) / 2
        scale = self.error / self._spread * special.stdtrit(self.degrees, tail) / special.ndtri(tail)
        ends = self.value + scale * (self._quantile([tail, 1 - tail]) - self.value)
        low, high = np.clip(ends, *self.bounds)
        return float(low), float(high)

    def raw_interval(self, level: float = 0.95) -> tuple[float, float]:
        """The plain percentile interval of the pigeonhole bootstrap: too wide where most of the noise is single
        votes'."""
        if self.degrees < 1 or not self._sorted.size:
            return _NONE
        low, high = self._quantile([(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    def p_value(self, null: float = 0.0) -> float:
        """The smallest level of error at which the interval leaves out ``null`` (two-sided); at least 2 / draws."""
        return self._smallest(lambda alpha: not self._holds(null, 1 - alpha), 1.0)

    def equivalence_p(self, margin: float) -> float:
        """Two one-sided tests: the smallest level at which the interval of twice that level lies within -+ ``margin``.

        Below 0.05 just where the 90 % interval lies within the margin.
        """

        def inside(alpha: float) -> bool:
            low, high = self.interval(1 - 2 * alpha)
            return -margin < low and high < margin

        return self._smallest(inside, 0.5)

    def _holds(self, null: float, level: float) -> bool:
        low, high = self.interval(level)
        return low <= null <= high

    def _smallest(self, passes: Callable[[float], bool], most: float) -> float:
        if np.isnan(self.interval()[0]):
            return float("nan")
        low, high = min(2 / self._sorted.size, most), most
        if passes(low):
            return low
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (low, middle) if passes(middle) else (middle, high)
        return high

    def _quantile(self, levels: list[float]) -> np.ndarray:
        at = np.asarray(levels) * (self._sorted.size - 1)
        return np.interp(at, np.arange(self._sorted.size), self._sorted)


def wilson(hits: int, votes: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a proportion. Descriptive: as if every vote came from another rater on another image.

    With the clustering of a study it covers far less than it says (``benchmarks/study/coverage.py``).
    """
    from statsmodels.stats.proportion import proportion_confint

    if not votes:
        return _NONE
    low, high = proportion_confint(hits, votes, alpha=1 - level, method="wilson")
    return float(low), float(high)
