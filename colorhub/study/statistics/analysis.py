"""Everything a report says about one study, computed from its table of trials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd

from colorhub.study.statistics.comparison import Comparison, compare_models
from colorhub.study.statistics.detection import (
    SideBias,
    criterion,
    forced_choice_sensitivity,
    sensitivity,
    side_bias,
)
from colorhub.study.statistics.estimate import Estimate, wilson
from colorhub.study.statistics.mixed import MixedModel, fit_mixed_model
from colorhub.study.statistics.regression import Regression, two_way_regression
from colorhub.study.statistics.resampling import DRAWS, resample
from colorhub.study.statistics.table import CHANCE, ORIGINAL, Trials, judged, trials_of


@dataclass(frozen=True)
class ModelResult:
    """One model, or the originals. ``sensitivity`` and ``criterion``: against the originals, or of the forced
    choice."""

    name: str
    real: int
    votes: int
    realness: Estimate
    interval: tuple[float, float]
    wilson: tuple[float, float]
    sensitivity: Estimate | None = None
    criterion: Estimate | None = None


@dataclass(frozen=True)
class Analysis:
    """The figures of one set of trials."""

    protocol: str
    raters: int
    images: int
    votes: int
    results: tuple[ModelResult, ...]
    primary: Comparison | None
    comparisons: tuple[Comparison, ...]
    regression: Regression | None
    mixed: MixedModel | None
    side: SideBias | None

    def result(self, name: str) -> ModelResult:
        """The result of a model or of the originals."""
        return next(result for result in self.results if result.name == name)


def analyse(
    table: pd.DataFrame,
    models: Sequence[str] | None = None,
    protocol: str = "realfake",
    primary: Mapping[str, Any] | None = None,
    with_excluded: bool = False,
    mixed: bool = True,
    draws: int = DRAWS,
    seed: int = 0,
) -> Analysis:
    """Analyse the trials of a study.

    Args:
        table: one row a vote.
        models: their order; ``None``: by name.
        protocol: ``realfake`` or ``2afc``.
        primary: the preregistered comparison: ``first`` and ``second``, each a model or ``original`` (in 2afc, the
            latter means one half), and the ``margin`` of equivalence in percentage points.
        with_excluded: also what a preregistered rule excluded.
        mixed: fit the mixed model too, which takes the longest.
        draws: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        TableError: the table is no trial table of this study.
    """
    trials = trials_of(table, models, protocol, with_excluded)
    if not trials.real.size:
        return Analysis(protocol, 0, 0, 0, (), None, (), None, None, None)
    resampled = resample(trials, draws, seed)
    primary = primary or {}
    margin = float(primary["margin"]) / 100 if primary.get("margin") else None
    pairs = _family(trials, protocol)
    comparisons = tuple(compare_models(resampled, pairs, margin)) if pairs else ()
    wanted = _primary_pair(primary, protocol)
    named = set(wanted) <= {*trials.names, CHANCE}
    return Analysis(
        protocol=protocol,
        raters=trials.raters,
        images=trials.images,
        votes=trials.real.size,
        results=tuple(_result(name, trials, resampled, protocol) for name in trials.names),
        primary=compare_models(resampled, [wanted], margin)[0] if named else None,
        comparisons=comparisons,
        regression=two_way_regression(trials) if min(trials.raters, trials.images) > 1 else None,
        mixed=fit_mixed_model(trials) if mixed and min(trials.raters, trials.images) > 1 else None,
        side=_side(table, with_excluded) if protocol == "2afc" else None,
    )


def _family(trials: Trials, protocol: str) -> list[tuple[str, str]]:
    """Every pair of models, and every model with the originals; in 2afc, with one half."""
    pairs = list(combinations(trials.names, 2))
    return pairs + [(name, CHANCE) for name in trials.names] if protocol == "2afc" else pairs


def _primary_pair(primary: Mapping[str, Any], protocol: str) -> tuple[str, str]:
    first, second = str(primary.get("first") or ""), str(primary.get("second") or ORIGINAL)
    half = {ORIGINAL: CHANCE} if protocol == "2afc" else {}
    return half.get(first, first), half.get(second, second)


def _result(name: str, trials: Trials, resampled: Any, protocol: str) -> ModelResult:
    rows = trials.of(name)
    real, votes = int(trials.real[rows].sum()), int(rows.sum())
    realness = resampled.realness(name)
    detected = bias = None
    if protocol == "2afc":
        detected = forced_choice_sensitivity(resampled, name)
    elif name != ORIGINAL and ORIGINAL in trials.names:
        detected, bias = sensitivity(resampled, name), criterion(resampled, name)
    interval = realness.interval()
    if real in (0, votes) and realness.degrees >= 1:
        # All votes alike leave nothing to resample: as if there were one vote for each rater or image, whichever are
        # fewer.
        few = realness.degrees + 1
        interval = wilson(few if real else 0, few)
    return ModelResult(name, real, votes, realness, interval, wilson(real, votes), detected, bias)


def _side(table: pd.DataFrame, with_excluded: bool) -> SideBias:
    answers = judged(table, with_excluded)["answer"]
    return side_bias(int((answers == "right").sum()), len(answers))
