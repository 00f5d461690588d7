"""How many raters and images a study needs, and what a given design can detect.

Images limit precision as raters do: with few images, no number of raters helps. For two models on the same images the
variance of the difference of their realness is

    2 image_model^2 / J + 2 rater_model^2 / R + 2 trial^2 / N

with J images, R raters and N votes a model (standard deviations in realness, of images and raters within a model, and
of a vote); on different images of each model the images' own spread comes on top. The test is t with min(R, J) - 1
degrees of freedom. The form is exact for normal votes and balanced designs; votes are yes or no, so
:func:`simulated_power` checks it by simulated studies. Effects and margins are percentage points.
"""

from bisect import bisect_left
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from colorhub.study.design.config import Config
from colorhub.study.design.sequences import SequencePlan
from colorhub.study.errors import StudyError
from colorhub.study.statistics.simulated import Spread, simulate
from colorhub.study.statistics.table import CHANCE, ORIGINAL

POWER, ALPHA = 0.80, 0.05
REALNESS = 0.5  # where the noise of votes is largest
MOST_RATERS, MOST_IMAGES = 5000, 5000
_IMAGE_STEPS = (25, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1200, 1600, 2400, 3200, MOST_IMAGES)


class PowerError(StudyError):
    """A question that no design answers; the message says why."""


@dataclass(frozen=True)
class StudySize:
    """A study's size. ``per_rater``: trials of a rater; half of them are originals, except in 2afc, where every trial
    shows a model. ``against``: what a model is compared with, another ``model`` or the ``original`` (in 2afc: with
    one half, the rate of perfect fakes). ``same_images``: every model on every image, as ``create`` makes it."""

    raters: int
    images: int
    per_rater: int
    models: int
    protocol: str = "realfake"
    against: str = "model"
    same_images: bool = True

    @property
    def votes(self) -> float:
        """Votes a model gets."""
        return self.raters * self.per_rater / self.models * (1.0 if self.protocol == "2afc" else 0.5)


@dataclass(frozen=True)
class Checked:
    """Share of simulated studies that found the effect, and its Monte-Carlo standard error."""

    power: float
    error: float
    runs: int


def checked(design: StudySize) -> StudySize:
    """The design itself, if something can be compared by it.

    Raises:
        PowerError: it has too few models, raters, images or votes, or a rater would see an image twice.
    """
    if design.models < (1 if design.against == "original" else 2):
        raise PowerError(f"a comparison of models needs two, the design has {design.models}: compare it with originals")
    if min(design.raters, design.images) < 2 or design.votes < 2:
        raise PowerError("a comparison needs at least two raters, two images and two votes a model")
    if design.per_rater > design.images:
        raise PowerError(
            f"a rater sees an image once: {design.per_rater} trials a rater need as many images, not {design.images}"
        )
    return design


def difference_error(design: StudySize, spread: Spread | None = None, realness: float = REALNESS) -> float:
    """Standard error, in points, of a difference in realness: of two models, or of a model and what it is against."""
    spread = spread or Spread()
    images = min(design.images, design.votes) / (1 if design.same_images else design.models)
    of_images, of_raters, votes = spread.image_model**2, spread.rater_model**2, 2 / design.votes
    shown_alike = design.same_images and not (design.protocol == "2afc" and design.against == "original")
    if not shown_alike:  # nothing on the other side cancels what images and raters have in common
        of_images += spread.image**2
    if design.against == "original":
        votes = 1 / design.votes + (0 if design.protocol == "2afc" else 2 / (design.raters * design.per_rater))
    sides = 2
    if design.protocol == "2afc" and design.against == "original":
        sides, of_raters = 1, of_raters + spread.rater**2
    variance = sides * of_images / images + sides * of_raters / design.raters
    return 100 * float(np.sqrt(variance + votes * _vote_variance(spread, realness)))


def power_of(design: StudySize, effect: float, spread: Spread | None = None, alpha: float = ALPHA) -> float:
    """Chance (0..1) that a true difference of ``effect`` points between two models is found, by the closed form."""
    return _t_power(effect / difference_error(design, spread), _degrees(design), alpha)


def smallest_effect(
    design: StudySize, power: float = POWER, alpha: float = ALPHA, spread: Spread | None = None
) -> float:
    """Smallest true difference, in percentage points, that this design finds with ``power``.

    Args:
        design: its raters are those who finish; plan with what is left after drop-outs and exclusions.
        power, alpha: of the two-sided test.
        spread: how much raters and images differ; ``None``: the usual.

    Raises:
        PowerError: nothing can be compared by this design.
    """
    degrees = _degrees(checked(design))
    factor = brentq(lambda ratio: _t_power(ratio, degrees, alpha) - power, 0.01, 1000)
    return factor * difference_error(design, spread)


def refuse_unreachable(config: Config, plan: SequencePlan) -> None:
    """Refuse a preregistered effect that a study's design cannot find.

    Raises:
        PowerError: it names the smallest effect that the design can find.
    """
    primary = config.primary
    if primary.effect is None:
        return
    raters = config.stopping.raters or plan.raters
    against = "original" if ORIGINAL in (primary.first, primary.second) else "model"
    design = StudySize(raters, plan.images, plan.per_rater, len(plan.models), plan.protocol, against)
    smallest = smallest_effect(design, primary.power, primary.alpha)
    if smallest > primary.effect:
        raise PowerError(
            f"primary.effect is {primary.effect:g} points, and {raters} raters with {plan.per_rater} trials each on "
            f"{plan.images} images find {np.ceil(10 * smallest) / 10:g} points or more with {primary.power:.0%} power: "
            f"plan what colorhub study power --effect {primary.effect:g} says, or preregister a larger effect"
        )


def equivalence_power(design: StudySize, margin: float, spread: Spread | None = None) -> float:
    """Chance that two models without any difference are found equivalent within ``margin`` points (two tests at
    0.05)."""
    ratio = margin / difference_error(design, spread)
    return max(0.0, 2 * float(stats.t.cdf(ratio - stats.t.ppf(0.95, _degrees(design)), _degrees(design))) - 1)


def raters_needed(
    effect: float, design: StudySize, power: float = POWER, spread: Spread | None = None, alpha: float = ALPHA
) -> int | None:
    """Raters that find ``effect`` points with this design's images; ``None`` where ``MOST_RATERS`` would not do."""

    def enough(raters: int) -> bool:
        return power_of(replace(design, raters=raters), effect, spread, alpha) >= power

    needed = 2 + bisect_left(range(2, MOST_RATERS + 1), True, key=enough)
    return needed if needed <= MOST_RATERS else None


def choices(
    effect: float, design: StudySize, power: float = POWER, spread: Spread | None = None, alpha: float = ALPHA
) -> list[tuple[int, int | None]]:
    """Raters needed for numbers of images from few to many (each at least ``per_rater``), up to where more images no
    longer save a tenth of the raters."""
    rows: list[tuple[int, int | None]] = []
    for images in _IMAGE_STEPS:
        if images < design.per_rater:
            continue
        needed = raters_needed(effect, replace(design, images=images), power, spread, alpha)
        before = rows[-1][1] if rows else None
        if before is not None and needed is not None and needed > 0.9 * before:
            break
        rows.append((images, needed))
    return rows


def chance_votes_needed(effect: float, power: float = POWER, alpha: float = ALPHA) -> int:
    """2AFC against 1/2: independent votes needed, a lower bound for any number of raters and images."""
    distance = effect / 100
    under_null, under_effect = 0.5, np.sqrt(0.25 - distance**2)  # standard deviations of a vote
    needed = stats.norm.ppf(1 - alpha / 2) * under_null + stats.norm.ppf(power) * under_effect
    return int(np.ceil((needed / distance) ** 2))


def simulated_power(
    design: StudySize, effect: float, spread: Spread | None = None, runs: int = 400, seed: int = 0, alpha: float = ALPHA
) -> Checked:
    """Share of simulated studies of this design whose two-way robust t-test finds a true difference of ``effect``
    points.

    Yes-or-no votes, sequences as in the study, the test as in the report's comparison of models.
    """
    from colorhub.study.statistics.resampling import resample

    realness, pair = _simulated(design, effect / 100)
    found = 0
    for run in range(runs):
        random = np.random.default_rng([seed, run])
        trials = simulate(random, realness, design.raters, design.images, design.per_rater, spread or Spread())
        difference = resample(trials, draws=1).difference(*pair)
        found += abs(difference.value) > difference.error * stats.t.ppf(1 - alpha / 2, difference.degrees)
    share = found / runs
    return Checked(share, float(np.sqrt(max(share * (1 - share), 1 / runs) / runs)), runs)


def _simulated(design: StudySize, effect: float) -> tuple[list[float], tuple[str, str]]:
    """True realness of models and originals, and the two that differ by ``effect``."""
    first, second, others = REALNESS - effect / 2, REALNESS + effect / 2, [REALNESS] * design.models
    if design.against == "model":
        originals = float("nan") if design.protocol == "2afc" else REALNESS
        return [first, second, *others[2:], originals], ("model 1", "model 2")
    if design.protocol == "2afc":
        return [REALNESS - effect, *others[1:], float("nan")], ("model 1", CHANCE)
    return [first, *others[1:], second], ("model 1", ORIGINAL)


def _vote_variance(spread: Spread, realness: float) -> float:
    """What is left of a yes-or-no vote's variance once its rater and image are known."""
    if spread.vote is not None:
        return spread.vote**2
    known = spread.image**2 + spread.rater**2 + spread.image_model**2 + spread.rater_model**2
    return max(realness * (1 - realness) - known, 0.01)


def _degrees(design: StudySize) -> float:
    return min(design.raters, design.images) - 1


def _t_power(ratio: float, degrees: float, alpha: float) -> float:
    """Power of a two-sided t-test whose true effect is ``ratio`` standard errors."""
    limit = stats.t.ppf(1 - alpha / 2, degrees)
    # Beyond some size scipy's noncentral t gives nan in the far tail; the power there is 1, its other tail 0.
    upper = stats.nct.sf(limit, degrees, ratio)
    return 1.0 if not np.isfinite(upper) else float(upper + np.nan_to_num(stats.nct.cdf(-limit, degrees, ratio)))
