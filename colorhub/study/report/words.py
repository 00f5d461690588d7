"""The words of a report: how figures are written, and what the methods mean in plain language."""

import numpy as np

from colorhub.study.statistics.comparison import Comparison
from colorhub.study.statistics.table import CHANCE, ORIGINAL

_NAMES = {ORIGINAL: "originals", CHANCE: "one half"}

METHODS = {
    "both": [
        "An interval says where the figure would lie for other raters and other images of the same kind. Some "
        'raters say "real" more readily, some images are easier, and votes that share a rater or an image resemble '
        "each other. So raters and images are drawn anew, both at once and thousands of times (pigeonhole "
        "bootstrap, Owen 2007), and the spread of the result, scaled to the two-way robust standard error (Cameron, "
        "Gelbach and Miller 2011), makes the interval. The scale is needed because the plain bootstrap counts the "
        "noise of single votes three times; both are in results.csv.",
        "Wilson's interval takes every vote for an independent one. It is given because other reports give it; it "
        "holds far less often than 95 times in 100, and no claim should rest on it.",
        "Models are compared on the same images, judged by the same raters. p is the smallest level at which the "
        "interval of the difference leaves out 0. Of many comparisons one will look striking by chance: p (Holm) "
        "pays for their number. No significant difference is no proof of likeness: two models are called equivalent "
        "only where the 90 % interval lies within the margin that was fixed beforehand (two one-sided tests).",
        "Who was left out was decided by rules that were fixed beforehand. The figures without any exclusions stand "
        "beside them. Practice and attention items never count.",
    ],
    "realfake": [
        "A perfect model would be taken for real as often as originals are, which is less than always: compare "
        "models with the originals, not with 100 % or 50 %, nor with studies that showed pairs. d' tells how well "
        'raters tell a model from originals, whether or not they like to say "real"; 0 means not at all. A '
        'criterion below 0 means that they lean to "real". Rates in d\' are (k + 0.5) / (n + 1).',
    ],
    "2afc": [
        "In pairs realness is the fooling rate of Zhang et al. (2016). A fake that nobody can tell is taken for the "
        "real one in half of the votes: 50 % is the ceiling, unless a model looks more real than reality. Do not "
        "compare these figures with studies that showed single pictures. d' = sqrt(2) z(1 - f), f being the rate; 0 "
        "means that raters cannot tell.",
    ],
}


def name_of(name: str) -> str:
    """How a model, the originals, or the rate of perfect fakes in pairs is called."""
    return _NAMES.get(name, name)


def percent(value: float) -> str:
    """``45.3 %`` of 0.453."""
    return f"{100 * value:.1f} %"


def points(value: float) -> str:
    """``+5.0`` of 0.05."""
    return f"{100 * value:+.1f}"


def between(ends: tuple[float, float], factor: float = 1.0, unit: str = "") -> str:
    """``38.1 to 52.4``; a dash where there is no interval."""
    low, high = (factor * end for end in ends)
    digits = 1 if factor > 1 else 2
    return "-" if np.isnan(low) else f"{low:.{digits}f} to {high:.{digits}f}{unit}"


def p_text(p_value: float, short: bool = False) -> str:
    """``p = 0.031``, ``p < 0.001``; ``short``: without ``p =``."""
    if np.isnan(p_value):
        return "-" if short else "no p-value"
    if p_value < 0.001:
        return "< 0.001" if short else "p < 0.001"
    return f"{p_value:.3f}" if short else f"p = {p_value:.3f}"


def comparison_sentence(comparison: Comparison) -> str:
    """What a comparison found, in two or three sentences."""
    first, second = name_of(comparison.first), name_of(comparison.second)
    low, high = (100 * end for end in comparison.difference.interval())
    if np.isnan(low):
        return f"{first} against {second}: {points(comparison.difference.value)} points; too few votes to judge."
    text = (
        f"{first} was taken for real {abs(100 * comparison.difference.value):.1f} points "
        f"{'more' if comparison.difference.value >= 0 else 'less'} often than {second} "
        f"(95 % interval {low:+.1f} to {high:+.1f}, {p_text(comparison.p_value)})."
    )
    if low <= 0 <= high:
        text += " A difference of 0 is within the interval."
    if comparison.margin is not None:
        low, high = (100 * end for end in comparison.difference.interval(0.90))
        verdict = "equivalent" if comparison.equivalent else "not shown to be equivalent"
        text += (
            f" Within {100 * comparison.margin:g} points they are {verdict} (90 % interval {low:+.1f} to {high:+.1f})."
        )
    return text
