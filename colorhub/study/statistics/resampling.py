"""Two-way resampling of raters and images: the pigeonhole bootstrap, and the two-way standard error.

Sources: Owen (2007), The pigeonhole bootstrap, Annals of Applied Statistics 1(2); Cameron, Gelbach and Miller (2011),
Robust inference with multiway clustering, Journal of Business & Economic Statistics 29(2).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from colorhub.study.statistics.estimate import Estimate
from colorhub.study.statistics.table import CHANCE, Trials

DRAWS = 4000
_AT_ONCE = 500  # draws: bounds the memory that a crowd of raters takes
_STEP = 1e-6  # of the numerical gradient; proportions are of the order 1

# From hits and votes, both (..., groups), to a figure (...): groups are the models and the originals.
Statistic = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Resampled:
    """Counts of every group, and of every group in each draw: ``hits`` and ``votes`` ``(G,)``, ``drawn_*`` ``(B, G)``.

    ``covariance`` ``(G, G)``: of the groups' proportions, two-way robust; ``one_way``: clustered by raters alone and by
    images alone, below which a variance is never taken to be.
    """

    names: tuple[str, ...]
    hits: np.ndarray
    votes: np.ndarray
    drawn_hits: np.ndarray
    drawn_votes: np.ndarray
    covariance: np.ndarray
    one_way: tuple[np.ndarray, np.ndarray]
    degrees: int

    def estimate(self, statistic: Statistic, bounds: tuple[float, float] = (-np.inf, np.inf)) -> Estimate:
        """A figure of the groups' counts, with its distribution and its standard error (delta method)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            draws = statistic(self.drawn_hits, self.drawn_votes)
        return Estimate(
            value=float(statistic(self.hits, self.votes)),
            error=self._error(statistic),
            draws=draws,
            degrees=self.degrees,
            bounds=bounds,
        )

    def realness(self, name: str) -> Estimate:
        """How often a group was taken for real, 0..1."""
        group = self.names.index(name)
        return self.estimate(lambda hits, votes: hits[..., group] / votes[..., group], bounds=(0.0, 1.0))

    def difference(self, first: str, second: str) -> Estimate:
        """Realness of the first less that of the second, -1..1. Both are resampled with the same raters and images:
        where they were shown on the same images, what the images do to both cancels. ``second`` may be ``CHANCE``:
        1/2."""
        a, b = (None if name == CHANCE else self.names.index(name) for name in (first, second))

        def rate(hits: np.ndarray, votes: np.ndarray, group: int | None) -> np.ndarray:
            return np.asarray(0.5) if group is None else hits[..., group] / votes[..., group]

        return self.estimate(lambda hits, votes: rate(hits, votes, a) - rate(hits, votes, b), bounds=(-1.0, 1.0))

    def _error(self, statistic: Statistic) -> float:
        slope = np.empty(len(self.names))
        for group in range(len(self.names)):
            step = np.zeros(len(self.names))
            step[group] = _STEP * self.votes[group]
            ends = [float(statistic(self.hits + sign * step, self.votes)) for sign in (1, -1)]
            slope[group] = (ends[0] - ends[1]) / (2 * _STEP)
        # In small samples the two-way variance can come out too small or negative; the true one is never below these.
        variances = [slope @ matrix @ slope for matrix in (self.covariance, *self.one_way)]
        return float(np.sqrt(max(variances)))


def resample(trials: Trials, draws: int = DRAWS, seed: int = 0) -> Resampled:
    """Resample raters and, independently, images; a vote counts as often as its rater times its image was drawn.

    Args:
        trials: votes; every group in ``trials.names`` has some.
        draws: how many resamples, 2,000 or more for published figures.
        seed: same seed, same intervals.
    """
    groups = range(len(trials.names))
    shape = (trials.raters, trials.images)
    hits = [_cells(trials, trials.shown == group, trials.real, shape) for group in groups]
    votes = [_cells(trials, trials.shown == group, np.ones_like(trials.real), shape) for group in groups]
    drawn = [_draw(np.random.default_rng([seed, start]), min(_AT_ONCE, draws - start), hits, votes)
             for start in range(0, draws, _AT_ONCE)]  # fmt: skip
    total = [np.array([matrix.sum() for matrix in cells]) for cells in (hits, votes)]
    covariance, one_way = _covariances(hits, votes, shape)
    return Resampled(
        names=trials.names,
        hits=total[0],
        votes=total[1],
        drawn_hits=np.concatenate([part[0] for part in drawn]),
        drawn_votes=np.concatenate([part[1] for part in drawn]),
        covariance=covariance,
        one_way=one_way,
        degrees=min(shape) - 1,
    )


def _cells(trials: Trials, rows: np.ndarray, values: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    """Sums of the values by rater and image, ``(R, J)``. Most raters see few images: sparse."""
    return sparse.coo_array((values[rows], (trials.rater[rows], trials.image[rows])), shape=shape).tocsr()


def _draw(
    random: np.random.Generator, draws: int, hits: list[sparse.csr_array], votes: list[sparse.csr_array]
) -> tuple[np.ndarray, np.ndarray]:
    raters, images = (_times_drawn(random, draws, size) for size in votes[0].shape)

    def totals(cells: list[sparse.csr_array]) -> np.ndarray:
        return np.stack([((matrix.T @ raters) * images).sum(axis=0) for matrix in cells], axis=-1)

    return totals(hits), totals(votes)


def _times_drawn(random: np.random.Generator, draws: int, size: int) -> np.ndarray:
    """How often each of ``size`` units comes up in ``size`` draws with replacement: ``(size, draws)``."""
    picks = random.integers(size, size=(draws, size)) + size * np.arange(draws)[:, None]
    return np.bincount(picks.ravel(), minlength=draws * size).reshape(draws, size).T.astype(float)


def _covariances(
    hits: list[sparse.csr_array], votes: list[sparse.csr_array], shape: tuple[int, int]
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Of the groups' proportions: two-way robust, and clustered by raters and by images alone, each ``(G, G)``."""
    share = []  # what each cell adds to its group's proportion, above or below its expectation
    for of_real, of_all in zip(hits, votes, strict=True):
        total = of_all.sum()
        share.append((of_real - of_all * (of_real.sum() / total)) / total)
    by_rater = np.stack([np.asarray(cells.sum(axis=1)).ravel() for cells in share])
    by_image = np.stack([np.asarray(cells.sum(axis=0)).ravel() for cells in share])
    by_trial = np.array([[(first * second).sum() for second in share] for first in share])
    raters, images = (_clustered(parts, size) for parts, size in zip((by_rater, by_image), shape, strict=True))
    return raters + images - by_trial, (raters, images)


def _clustered(parts: np.ndarray, size: int) -> np.ndarray:
    return parts @ parts.T * (size / (size - 1) if size > 1 else np.nan)
