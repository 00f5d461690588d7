"""What ``colorhub study power`` prints: the numbers that are needed, what they find, and a check by simulation."""

from collections.abc import Iterator
from dataclasses import replace

from colorhub.study.design.power import (
    MOST_RATERS,
    StudySize,
    chance_votes_needed,
    checked,
    choices,
    difference_error,
    equivalence_power,
    power_of,
    raters_needed,
    simulated_power,
    smallest_effect,
)
from colorhub.study.statistics.simulated import Spread

_AGAINST = {
    ("realfake", "model"): "two models on the same images",
    ("realfake", "original"): "a model and the originals of the same images",
    ("2afc", "model"): "two models on the same images, in pairs with the originals",
    ("2afc", "original"): "a model and one half, the rate of fakes that nobody can tell",
}


def lines(
    design: StudySize, effect: float, power: float, margin: float, spread: Spread, runs: int, seed: int
) -> Iterator[tuple[str, bool]]:
    """Lines of text, each with whether the effect is (still) within reach.

    Args:
        design: its ``raters`` are 0 where they are to be found.
        effect, margin: percentage points.
        power: chance to find the effect.
        spread: how much raters and images differ.
        runs, seed: of the check by simulation; no runs, no check.
    """
    checked(replace(design, raters=design.raters or MOST_RATERS))
    compared = _AGAINST[design.protocol, design.against]
    yield (
        f"A difference of {effect:g} points between {compared}, found with {power:.0%} power (two-sided test at 5 %).",
        True,
    )
    yield (
        f"Assumed: standard deviation {100 * spread.image_model:g} points between images and "
        f"{100 * spread.rater_model:g} between raters within a model, realness near one half.",
        True,
    )
    if not design.raters:
        yield from ((line, True) for line in _table(design, effect, power, spread))
        found = raters_needed(effect, design, power, spread)
        if found is None:
            yield f"With {design.images} images, not even {MOST_RATERS} raters are enough: take more images.", False
            return
        design = replace(design, raters=found)
    yield from _judged(design, effect, power, margin, spread)
    if runs:
        yield _simulation(design, effect, spread, runs, seed), True


def _table(design: StudySize, effect: float, power: float, spread: Spread) -> Iterator[str]:
    yield f"{'images':>8}{'raters':>10}   ({design.per_rater} trials each, {design.models} models)"
    for images, raters in choices(effect, design, power, spread):
        needed = f"> {MOST_RATERS}" if raters is None else str(raters)
        yield f"{images:8}{needed:>10}"
    if design.protocol == "2afc" and design.against == "original":
        votes = chance_votes_needed(effect, power)
        yield f"If all votes were independent, {votes} a model would do: no study of fewer can."


def _judged(
    design: StudySize, effect: float, power: float, margin: float, spread: Spread
) -> Iterator[tuple[str, bool]]:
    smallest = smallest_effect(
        design.raters, design.images, design.per_rater, design.models, design.protocol, design.against, power=power,
        spread=spread,
    )  # fmt: skip
    reached = smallest <= effect
    yield (
        f"{design.raters} raters, {design.images} images: {design.votes:.0f} votes a model, "
        f"standard error of the difference {difference_error(design, spread):.2f} points, "
        f"power {power_of(design, effect, spread):.0%} for {effect:g} points.",
        True,
    )
    yield f"The smallest difference this design finds with {power:.0%} power: {smallest:.1f} points.", reached
    chance = equivalence_power(design, margin, spread)
    yield (
        f"It shows two models without any difference to be equivalent within {margin:g} points "
        f"in {chance:.0%} of studies.",
        True,
    )


def _simulation(design: StudySize, effect: float, spread: Spread, runs: int, seed: int) -> str:
    result = simulated_power(design, effect, spread, runs, seed)
    return (
        f"Simulated: {result.power:.1%} of {runs} such studies found it "
        f"(Monte-Carlo standard error {100 * result.error:.1f} points). Plan more raters for drop-outs and exclusions."
    )
