"""Do the study's intervals hold? ``python benchmarks/study/coverage.py [--runs 1000] [--raters 60] [--images 50]``

Simulates studies whose true realness is known (``colorhub.study.statistics.simulated``: raters, images, and images
within a model differ) and counts how often nominal 95 % intervals hold the truth, for new raters and new images every
time. Beside the default stand the plain pigeonhole bootstrap, two-way and one-way robust standard errors, and
Wilson's interval (Newcombe's, made of it, for differences), which takes every vote to be independent.

Prints the Monte-Carlo standard error of each share. Exit code 1 if the default leaves 93..98 % by more than two of
them.
"""

import argparse
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from colorhub.study.statistics.detection import sensitivity
from colorhub.study.statistics.estimate import Estimate, wilson
from colorhub.study.statistics.resampling import Resampled, resample
from colorhub.study.statistics.simulated import Spread, simulate

LEVEL = 0.95
LEAST, MOST = 0.93, 0.98


@dataclass(frozen=True)
class Scenario:
    """A design, and the true realness of its models and then of originals (not-a-number: none shown)."""

    title: str
    realness: tuple[float, ...]
    share: float  # of the images that each rater sees


SCENARIOS = (
    Scenario("one model, each rater 60 % of the images", (0.45, float("nan")), 0.6),
    Scenario("two models and originals, each rater all images once", (0.45, 0.40, 0.65), 1.0),
    Scenario("two models and originals, each rater 40 % of the images", (0.45, 0.40, 0.65), 0.4),
)


def intervals(resampled: Resampled, scenario: Scenario) -> Iterator[tuple[str, str, float, tuple[float, float]]]:
    """Quantity, method, truth and interval, for everything that is judged."""
    names = resampled.names
    for name, truth in zip(names, scenario.realness, strict=False):
        estimate, group = resampled.realness(name), names.index(name)
        quantity = "realness of originals" if name == "original" else "realness of a model"
        yield from ((quantity, *row) for row in _methods(resampled, estimate, truth, np.eye(len(names))[group]))
        yield quantity, "Wilson", truth, _wilson(resampled, group)
    if len(names) == 3:
        estimate = resampled.difference(names[0], names[1])
        truth, weights = scenario.realness[0] - scenario.realness[1], np.array([1.0, -1.0, 0.0])
        yield from (("difference of models", *row) for row in _methods(resampled, estimate, truth, weights))
        yield "difference of models", "Wilson", truth, _newcombe(resampled)
        estimate = sensitivity(resampled, names[0])
        truth = float(stats.norm.ppf(scenario.realness[2]) - stats.norm.ppf(scenario.realness[0]))
        yield "d' of a model", "default", truth, estimate.interval(LEVEL)
        yield "d' of a model", "pigeonhole", truth, estimate.raw_interval(LEVEL)


def _methods(
    resampled: Resampled, estimate: Estimate, truth: float, weights: np.ndarray
) -> Iterator[tuple[str, float, tuple[float, float]]]:
    yield "default", truth, estimate.interval(LEVEL)
    yield "pigeonhole", truth, estimate.raw_interval(LEVEL)
    covariances = {"two-way": resampled.covariance, "raters": resampled.one_way[0], "images": resampled.one_way[1]}
    for method, covariance in covariances.items():
        error = np.sqrt(weights @ covariance @ weights)
        half = stats.t.ppf((1 + LEVEL) / 2, resampled.degrees) * error
        yield method, truth, (estimate.value - half, estimate.value + half)


def _wilson(resampled: Resampled, group: int) -> tuple[float, float]:
    return wilson(int(resampled.hits[group]), int(resampled.votes[group]), LEVEL)


def _newcombe(resampled: Resampled) -> tuple[float, float]:
    """Newcombe (1998), method 10: Wilson's intervals of two proportions, squared and added."""
    p, q = resampled.hits[:2] / resampled.votes[:2]
    (low_p, high_p), (low_q, high_q) = _wilson(resampled, 0), _wilson(resampled, 1)
    return p - q - np.hypot(p - low_p, high_q - q), p - q + np.hypot(high_p - p, q - low_q)


METHODS = ("default", "pigeonhole", "two-way", "images", "raters", "Wilson")


def run(scenario: Scenario, raters: int, images: int, runs: int, draws: int, seed: int, spread: Spread) -> bool:
    """Simulate one design, print its table, and tell whether the default holds."""
    held, widths = defaultdict(list), defaultdict(list)
    for number in range(runs):
        random = np.random.default_rng([seed, number])
        trials = simulate(random, scenario.realness, raters, images, round(scenario.share * images), spread)
        for quantity, method, truth, (low, high) in intervals(resample(trials, draws, seed=number), scenario):
            held[quantity, method].append(low <= truth <= high)
            widths[quantity, method].append(high - low)
    print(f"\n{scenario.title}: {trials.real.size} votes")
    print(f"{'':24}" + "".join(f"{method:>20}" for method in METHODS))
    good = True
    for quantity in dict.fromkeys(quantity for quantity, _ in held):
        cells = []
        for method in METHODS:
            hits = held.get((quantity, method))
            if not hits:
                cells.append("")
                continue
            share, error = _share(hits, runs)
            cells.append(f"{100 * share:.1f} +-{100 * error:.1f} ({100 * np.mean(widths[quantity, method]):.1f})")
            if method == "default":
                good &= LEAST - 2 * error <= share <= MOST + 2 * error
        print(f"{quantity:24}" + "".join(f"{cell:>20}" for cell in cells), flush=True)
    return good


def _share(held: list[bool], runs: int) -> tuple[float, float]:
    """Share of intervals that held, and its standard error; models of one run are not independent, runs are."""
    by_run = np.asarray(held, dtype=float).reshape(runs, -1).mean(axis=1)
    return float(by_run.mean()), float(max(by_run.std(ddof=1), np.sqrt(0.05 * 0.95) / 10) / np.sqrt(runs))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--raters", type=int, default=60)
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=5)
    args = parser.parse_args()
    spread = Spread()
    print(
        f"{args.raters} raters, {args.images} images, {args.runs} runs, {args.draws} draws each, seed {args.seed}, "
        f"{spread}"
    )
    print(
        "How many of 100 nominal 95 % intervals hold the truth, +- Monte-Carlo standard error "
        "(mean width in points; of d' x 100)"
    )
    start = time.perf_counter()
    good = [run(scenario, args.raters, args.images, args.runs, args.draws, args.seed, spread) for scenario in SCENARIOS]
    print(f"\n{time.perf_counter() - start:.0f} s, Python {platform.python_version()}, numpy {np.__version__}")
    print(f"The default covers {LEAST:.0%} to {MOST:.0%}: {'yes' if all(good) else 'NO'}")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
