"""Signal detection: how well raters tell fakes from originals, apart from how readily they say "real".

Originals are the signal. H is the rate of "real" for originals, F that for a model's pictures, each as (k + 0.5) / (n
+ 1), which keeps both off 0 and 1 (Hautus 1995). d' = z(H) - z(F): 0 where a model cannot be told from originals.
c = -(z(H) + z(F)) / 2: below 0 where raters lean to "real". (Macmillan and Creelman 2005, Detection Theory)
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from colorhub.study.statistics.estimate import Estimate
from colorhub.study.statistics.resampling import Resampled
from colorhub.study.statistics.table import ORIGINAL


@dataclass(frozen=True)
class SideBias:
    """2AFC: how often the right-hand picture was called real, whatever it was; ``p_value``: exact binomial against 1/2,
    as if all votes were independent (descriptive)."""

    right: int
    votes: int
    p_value: float

    @property
    def rate(self) -> float:
        return self.right / self.votes


def corrected(hits: np.ndarray, votes: np.ndarray) -> np.ndarray:
    """Rates kept off 0 and 1: (k + 0.5) / (n + 1)."""
    return (hits + 0.5) / (votes + 1)


def sensitivity(resampled: Resampled, model: str) -> Estimate:
    """d' of originals against a model, with its two-way distribution."""
    signal, noise = _pair(resampled, model)
    return resampled.estimate(lambda hits, votes: _z(hits, votes, signal) - _z(hits, votes, noise))


def criterion(resampled: Resampled, model: str) -> Estimate:
    """c for originals and a model: below 0 where raters lean to "real"."""
    signal, noise = _pair(resampled, model)
    return resampled.estimate(lambda hits, votes: -(_z(hits, votes, signal) + _z(hits, votes, noise)) / 2)


def forced_choice_sensitivity(resampled: Resampled, model: str) -> Estimate:
    """2AFC: d' = sqrt(2) z(1 - f), where f is how often the fake was taken for real: 0 at f = 1/2, below 0 beyond."""
    group = resampled.names.index(model)
    return resampled.estimate(lambda hits, votes: -np.sqrt(2) * _z(hits, votes, group))


def side_bias(right: int, votes: int) -> SideBias:
    """Whether raters favour a side, from how often the right-hand picture was called real."""
    return SideBias(right, votes, float(stats.binomtest(right, votes, 0.5).pvalue))


def _pair(resampled: Resampled, model: str) -> tuple[int, int]:
    return resampled.names.index(ORIGINAL), resampled.names.index(model)


def _z(hits: np.ndarray, votes: np.ndarray, group: int) -> np.ndarray:
    return stats.norm.ppf(corrected(hits[..., group], votes[..., group]))
