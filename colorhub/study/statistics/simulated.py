"""Trials of raters and images drawn at random, whose true realness is known: for power, and for tests of intervals.

Probit model: a rater takes a picture for real with probability Phi(m[shown] + rater + image + image within shown),
the last three normal. Averaged over raters and images that is Phi(m / sqrt(1 + variances)), so that m can be chosen
for any realness.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from colorhub.study.statistics.table import ORIGINAL, Trials


@dataclass(frozen=True)
class Spread:
    """Standard deviations in realness (0..1): of raters, of images (whatever is shown), of images within a model, and
    of a rater within a model. Near 0.5; the scale on which organisers think, and in which the closed forms are written.
    ``vote``: what is left for a single vote in closed forms; ``None``: what a yes or no leaves."""

    rater: float = 0.10
    image: float = 0.10
    image_model: float = 0.15
    rater_model: float = 0.05
    vote: float | None = None

    def latent(self) -> np.ndarray:
        """The same on the probit scale (a realness moves by 0.4 of it near 0.5, less where there is more spread):
        rater, image, image within model, rater within model."""
        variances = np.array([self.rater, self.image, self.image_model, self.rater_model]) ** 2
        shares = variances / variances.sum() if variances.sum() else variances
        # Phi(s Z) has the variance asin(s^2 / (1 + s^2)) / (2 pi) (Sheppard 1899): solved for s^2.
        total = np.sin(2 * np.pi * variances.sum())
        return np.sqrt(shares * total / (1 - total))


def simulate(
    random: np.random.Generator, realness: Sequence[float], raters: int, images: int, per_rater: int, spread: Spread
) -> Trials:
    """Votes by the study's design: every rater sees ``per_rater`` of the images once, half of them original, the models
    balanced over the rest.

    Args:
        random: source of randomness.
        realness: true realness of each model, then of originals (``nan``: a design without originals), 0..1.
        raters: how many.
        images: how many there are to draw from.
        per_rater: trials of a rater, at most ``images``.
        spread: how much raters and images differ.
    """
    models = len(realness) - 1
    originals = not np.isnan(realness[-1])
    groups = models + originals
    shown = _design(random, models, originals, raters, images, per_rater)
    rater, image = np.nonzero(shown >= 0)
    group = shown[rater, image]
    scale = spread.latent()
    level = stats.norm.ppf(np.asarray(realness, dtype=float)[:groups]) * np.sqrt(1 + (scale**2).sum())
    chance = level[group] + scale[0] * random.standard_normal(raters)[rater]
    chance += scale[1] * random.standard_normal(images)[image]
    chance += scale[2] * random.standard_normal((images, groups))[image, group]
    chance += scale[3] * random.standard_normal((raters, groups))[rater, group]
    real = (random.standard_normal(rater.size) < chance).astype(float)
    names = (*(f"model {number + 1}" for number in range(models)), ORIGINAL)[:groups]
    return Trials(
        names, real, np.unique(rater, return_inverse=True)[1], np.unique(image, return_inverse=True)[1], group
    )


def _design(
    random: np.random.Generator, models: int, originals: bool, raters: int, images: int, per_rater: int
) -> np.ndarray:
    """What each rater sees of each image, ``(R, J)``: the number of the model, ``models`` for the original, -1 for
    nothing.

    Raters take the next images of a circle; what is shown of an image moves on with every round: a Latin square.
    """
    cycle = [models if originals and turn % 2 else (turn // (1 + originals)) % models
             for turn in range((1 + originals) * models)]  # fmt: skip
    table = np.full((raters, images), -1)
    for rater in range(raters):
        turn, seen = np.divmod(rater * per_rater + np.arange(per_rater), images)
        table[rater, seen] = np.asarray(cycle)[(turn + seen) % len(cycle)]
    return table[:, random.permutation(images)]
