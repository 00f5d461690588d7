"""Report 004's user study from its published counts: its own table and p-value, and what the data can say.

The counts are those of the report's notebook (60 answers to a form; one answer for a coloured picture was left blank,
and the report counted it as "fake"). The earlier study gave the percentages of its nine pictures only.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

ANSWERS = 60
COLORED = {
    "Image 1042": 47,
    "Image 4062": 41,
    "Image 4646": 34,
    "Image 4406": 31,
    "Image 4550": 27,
    "Image 91": 24,
    "Image 4553": 24,
    "Image 837": 18,
    "Image 4158": 16,
}
ORIGINALS = {"Image 230": 50, "Image 110": 47, "Image 311": 23}
BLANK = "Image 4406"
EARLIER = (79.0, 69.1, 64.1, 54.3, 42.4, 35.9, 35.1, 17.9, 15.0)  # %, Baldassarre et al. 2017, as the report lists them
MARGINS = (5.0, 10.0, 15.0, 20.0)  # percentage points

# What the report's t-test was given for the earlier study: mean and standard deviation over pictures, but n of raters.
EARLIER_GIVEN = (0.458, 0.2236, 40)


@dataclass(frozen=True)
class Corrected:
    """Difference of the two studies' realness in percentage points, pictures being the units: Welch's t-test, and the
    p of two one-sided tests for each margin of ``MARGINS``."""

    difference: float
    low: float
    high: float
    p_value: float
    equivalence: dict[float, float]


def report_p_value() -> float:
    """The report's 0.493: a pooled t-test whose standard deviations are between pictures, whose n are raters."""
    ours = realness_of_pictures() / 100
    return float(stats.ttest_ind_from_stats(ours.mean(), ours.std(ddof=1), ANSWERS, *EARLIER_GIVEN).pvalue)


def realness_of_pictures() -> np.ndarray:
    """Realness in % of the nine coloured pictures."""
    return 100 * np.array(list(COLORED.values())) / ANSWERS


def corrected() -> Corrected:
    """The comparison with the pictures as the units: nine against nine, all different."""
    from statsmodels.stats.weightstats import ttost_ind

    ours, earlier = realness_of_pictures(), np.array(EARLIER)
    test = stats.ttest_ind(ours, earlier, equal_var=False)
    low, high = test.confidence_interval()
    equivalence = {margin: float(ttost_ind(ours, earlier, -margin, margin, usevar="unequal")[0]) for margin in MARGINS}
    return Corrected(float(ours.mean() - earlier.mean()), float(low), float(high), float(test.pvalue), equivalence)


def detection() -> tuple[float, float]:
    """d' and criterion of the report's raters, over all pictures."""
    rates = []
    for counts in (ORIGINALS, COLORED):
        hits, votes = sum(counts.values()), len(counts) * ANSWERS
        rates.append(stats.norm.ppf((hits + 0.5) / (votes + 1)))
    return float(rates[0] - rates[1]), float(-(rates[0] + rates[1]) / 2)


def text() -> str:
    """All of it as text for people."""
    return "\n".join([*_report_table(), "", *_report_test(), "", *_right_analysis()])


def _report_table() -> list[str]:
    lines = [f"Report 004: {ANSWERS} answers to each picture", "", f"{'picture':14}{'shown':12}{'taken for real':>16}"]
    for shown, counts in (("coloured", COLORED), ("original", ORIGINALS)):
        for name, hits in counts.items():
            mark = " *" if name == BLANK else ""
            lines.append(f"{name:14}{shown:12}{hits:4} = {100 * hits / ANSWERS:6.2f} %{mark}")
        values = 100 * np.array(list(counts.values())) / ANSWERS
        spread = f"standard deviation between pictures {values.std(ddof=1):.2f}"
        lines.append(f"{'':14}{'mean':12}{values.mean():13.2f} %   {spread}")
    lines.append(f"* one of the {ANSWERS} answers was left blank; the report counted it as fake")
    return lines


def _report_test() -> list[str]:
    mean, deviation, n = EARLIER_GIVEN
    ours, earlier = realness_of_pictures() / 100, np.array(EARLIER)
    return [
        f"Its test: is {100 * ours.mean():.1f} % different from the earlier study's {earlier.mean():.2f} % "
        f"(standard deviation {earlier.std(ddof=1):.2f})?",
        f"  t-test of means {ours.mean():.6f} and {mean}, standard deviations {ours.std(ddof=1):.6f} and {deviation}, "
        f"n = {ANSWERS} and {n}",
        f"  p = {report_p_value():.7f}",
        "This p-value does not mean what it says: the standard deviations are those between nine pictures, the numbers "
        "are those of raters.",
    ]


def _right_analysis() -> list[str]:
    right = corrected()
    sensitivity, bias = detection()
    margins = ", ".join(f"{p:.2g} (+-{margin:g})" for margin, p in right.equivalence.items())
    held = [margin for margin, p in right.equivalence.items() if p < 0.05]
    smallest = f"only +-{min(held):g} points hold" if held else "none of these holds"
    return [
        "The right analysis: each study showed nine pictures, and different ones; the pictures are the units.",
        f"  difference {right.difference:+.1f} points, 95 % interval {right.low:+.1f} to {right.high:+.1f}, "
        f"p = {right.p_value:.2f} (Welch, 9 and 9 pictures)",
        f"  equivalence (two one-sided tests): p = {margins} points: {smallest}",
        f"  against its own originals: d' = {sensitivity:.2f}, criterion {bias:+.2f} (60 raters, 9 and 3 pictures)",
        "A difference that is not significant is no proof of likeness: with nine pictures each, the data agree with "
        f"anything from {-right.low:.0f} points worse to {right.high:.0f} points better.",
        "Both studies showed their best pictures, so neither figure is the model's realness.",
    ]
