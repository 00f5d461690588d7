"""Counts and tables of a report that need no inference: images, response times, exclusions, and the figures as a
table."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from colorhub.study.statistics.analysis import Analysis
from colorhub.study.statistics.table import ORIGINAL, exclusions, judged, taken_for_real

_PERCENTILES = (10, 25, 50, 75, 90)


def image_rates(table: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """Votes and realness (0..1) of every image with every model, of the trials that count."""
    rows = judged(table)
    rows = rows.assign(real=taken_for_real(rows, protocol))
    counts = rows.groupby(["image", "model"], as_index=False).agg(votes=("real", "size"), real=("real", "sum"))
    return counts.assign(realness=counts["real"] / counts["votes"])


def image_table(table: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """As :func:`image_rates`, for the CSV: whole numbers of votes, rounded rates."""
    return image_rates(table, protocol).astype({"real": int}).round({"realness": 4})


def times_of(table: pd.DataFrame, names: Sequence[str], protocol: str) -> list[tuple[str, tuple[float, ...]]]:
    """Percentiles of the response times in seconds, by what was shown and what it was taken for."""
    rows = judged(table)
    if "rt_ms" not in rows:
        return []
    seconds = pd.to_numeric(rows["rt_ms"], errors="coerce") / 1000
    real = taken_for_real(rows, protocol) > 0
    found = []
    for name in names:
        for answer, chosen in (("taken for real", real), ("called fake", ~real)):
            some = seconds[(rows["model"] == name) & chosen].dropna()
            if len(some):
                label = f"{'originals' if name == ORIGINAL else name}, {answer} ({len(some)})"
                found.append((label, tuple(float(value) for value in np.percentile(some, _PERCENTILES))))
    return found


def flow_of(table: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """From all votes to those analysed: what stands in each box, and what leaves before the next."""
    trials = judged(table, with_excluded=True)
    kept = judged(table)
    other = table[table["kind"] != "trial"]["kind"].value_counts()
    rules = exclusions(trials)
    left = [
        f"excluded, {rule}: {_votes(int((rules == rule).sum()))}, {_raters(trials[rules == rule])}"
        for rule in sorted(set(rules) - {""})
    ]
    return [
        (f"{_votes(len(table))}, {_raters(table)}", [f"{kind} items: {_votes(int(n))}" for kind, n in other.items()]),
        (f"trials: {_votes(len(trials))}, {_raters(trials)}", left or ["no exclusions"]),
        (f"analysed: {_votes(len(kept))}, {_raters(kept)}", []),
    ]


def result_table(analyses: Mapping[str, Analysis]) -> pd.DataFrame:
    """Every figure of the analyses: one row for each model, the originals, and each comparison."""
    rows = []
    for title, analysis in analyses.items():
        rows += [{"analysis": title, **row} for row in (*_model_rows(analysis), *_comparison_rows(analysis))]
    return pd.DataFrame(rows)


def _model_rows(analysis: Analysis) -> list[dict[str, Any]]:
    rows = []
    for result in analysis.results:
        row: dict[str, Any] = {"figure": "realness", "first": result.name, "votes": result.votes, "real": result.real}
        row |= {"value": result.realness.value, **_ends("", result.interval), "error": result.realness.error}
        row |= {**_ends("pigeonhole_", result.realness.raw_interval()), **_ends("wilson_", result.wilson)}
        if analysis.regression is not None:
            row |= _ends("regression_", analysis.regression.interval(result.name))
        rows.append(row)
        for figure, estimate in (("d'", result.sensitivity), ("criterion", result.criterion)):
            if estimate is not None:
                row = {"figure": figure, "first": result.name, "votes": result.votes, "value": estimate.value}
                row |= {**_ends("", estimate.interval()), "error": estimate.error}
                rows.append(row | _ends("pigeonhole_", estimate.raw_interval()))
    return rows


def _comparison_rows(analysis: Analysis) -> list[dict[str, Any]]:
    rows = []
    for comparison in analysis.comparisons:
        difference = comparison.difference
        row: dict[str, Any] = {"figure": "difference", "first": comparison.first, "second": comparison.second}
        row |= {"value": difference.value, **_ends("", difference.interval()), "error": difference.error}
        row |= _ends("pigeonhole_", difference.raw_interval())
        if analysis.regression is not None and comparison.second in analysis.regression.names:
            _, low, high, p_value = analysis.regression.difference(comparison.first, comparison.second)
            row |= {**_ends("regression_", (low, high)), "regression_p": p_value}
        row |= {"p": comparison.p_value, "p_holm": comparison.adjusted, "equivalence_p": comparison.equivalence}
        rows.append(row)
    return rows


def _ends(prefix: str, ends: tuple[float, float]) -> dict[str, float]:
    return {f"{prefix}low": ends[0], f"{prefix}high": ends[1]}


def _votes(count: int) -> str:
    return f"{count} vote{'' if count == 1 else 's'}"


def _raters(rows: pd.DataFrame) -> str:
    count = rows["rater"].nunique()
    return f"{count} rater{'' if count == 1 else 's'}"
