"""Two-way cluster-robust regression: realness of every group as a linear model with robust standard errors."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from colorhub.study.statistics.table import Trials


@dataclass(frozen=True)
class Regression:
    """Realness ``(G,)`` of the groups and their covariance ``(G, G)``, robust to clusters of raters and of images."""

    names: tuple[str, ...]
    realness: np.ndarray
    covariance: np.ndarray
    degrees: int

    def interval(self, name: str, level: float = 0.95) -> tuple[float, float]:
        """Realness of a group, by t with ``min(raters, images) - 1`` degrees of freedom."""
        return self._interval(self._contrast(name), level)

    def difference(self, first: str, second: str, level: float = 0.95) -> tuple[float, float, float, float]:
        """Difference of two groups, the ends of its interval, and its p-value."""
        weights = self._contrast(first) - self._contrast(second)
        value, error = float(weights @ self.realness), self._error(weights)
        p_value = 2 * stats.t.sf(abs(value) / error, self.degrees) if error > 0 else float("nan")
        return value, *self._interval(weights, level), float(p_value)

    def _contrast(self, name: str) -> np.ndarray:
        return np.eye(len(self.names))[self.names.index(name)]

    def _error(self, weights: np.ndarray) -> float:
        variance = weights @ self.covariance @ weights
        return float(np.sqrt(variance)) if variance > 0 else float("nan")  # small samples can give negative ones

    def _interval(self, weights: np.ndarray, level: float) -> tuple[float, float]:
        value = float(weights @ self.realness)
        half = stats.t.ppf((1 + level) / 2, self.degrees) * self._error(weights) if self.degrees else float("nan")
        return value - half, value + half


def two_way_regression(trials: Trials) -> Regression:
    """Least squares of votes (1: taken for real) on the groups, by statsmodels, clustered by rater and image."""
    from statsmodels.regression.linear_model import OLS

    design = (trials.shown[:, None] == np.arange(len(trials.names))).astype(float)
    groups = np.column_stack([trials.rater, trials.image])
    with np.errstate(divide="ignore", invalid="ignore"):
        fitted = OLS(trials.real, design).fit(cov_type="cluster", cov_kwds={"groups": groups})
        covariance = np.asarray(fitted.cov_params())
    return Regression(trials.names, np.asarray(fitted.params), covariance, min(trials.raters, trials.images) - 1)
