"""What a report says: sections, each a function from analyses to blocks, how figures are written, what methods mean."""

import numpy as np
import pandas as pd

from colorhub.study.report import plots
from colorhub.study.report.data import flow_of, image_rates, times_of
from colorhub.study.report.document import Block, Figure, Heading, Paragraph, Table
from colorhub.study.statistics.analysis import Analysis, ModelResult
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


def realness(kept: Analysis) -> list[Block]:
    """How often each model, and originals, were taken for real."""
    rows = [
        plots.Interval(name_of(result.name), 100 * result.realness.value, *(100 * end for end in result.interval))
        for result in kept.results
    ]
    originals = [100 * result.realness.value for result in kept.results if result.name == ORIGINAL]
    pairs = kept.protocol == "2afc"
    reference, label = (50.0, "cannot be told") if pairs else (next(iter(originals), None), "originals")
    svg = plots.intervals("Taken for real", rows, reference, label)
    caption = "How often pictures were taken for real, with intervals for new raters and new images."
    columns = ["", "votes", "taken for real", "95 % interval", "d'", "95 % interval", *([] if pairs else ["criterion"])]
    table = []
    for result in kept.results:
        row = [name_of(result.name), str(result.votes), *_rate(result)]
        if result.sensitivity is not None:
            row += [f"{result.sensitivity.value:.2f}", between(result.sensitivity.interval())]
        if result.criterion is not None:
            row.append(f"{result.criterion.value:+.2f}")
        table.append(row + [""] * (len(columns) - len(row)))
    blocks: list[Block] = [
        Heading("How often it passes for real"),
        Figure("realness", svg, caption),
        Table("Realness. d' is 0 where a model cannot be told from originals.", columns, table),
    ]
    if kept.side is not None:
        bias = (
            f"Side bias: the right-hand picture was called real in {percent(kept.side.rate)} of {kept.side.votes} votes"
        )
        test = f"({p_text(kept.side.p_value)} against one half, as if votes were independent)"
        blocks.append(Paragraph(f"{bias} {test}."))
    return blocks


def comparisons(kept: Analysis) -> list[Block]:
    """Differences between the groups."""
    if not kept.comparisons:
        return []
    margin = kept.comparisons[0].margin
    columns = ["", "difference", "95 % interval", "p", "p (Holm)"]
    caption = "Differences in realness, in percentage points, on the same images."
    if margin is not None:
        columns += ["90 % interval", "equivalent"]
        caption += f" Equivalent: the 90 % interval lies within {100 * margin:g} points."
    return [Heading("Comparisons"), Table(caption, columns, [_comparison_row(one) for one in kept.comparisons])]


def _comparison_row(comparison: Comparison) -> list[str]:
    difference = comparison.difference
    row = [f"{name_of(comparison.first)} minus {name_of(comparison.second)}", points(difference.value)]
    row += [between(difference.interval(), 100)]
    row += [p_text(p_value, short=True) for p_value in (comparison.p_value, comparison.adjusted)]
    if comparison.margin is not None:
        row += [between(difference.interval(0.90), 100), "yes" if comparison.equivalent else "not shown"]
    return row


def _rate(result: ModelResult | None) -> list[str]:
    """Realness and its interval; dashes where there is no result."""
    return ["-", "-"] if result is None else [percent(result.realness.value), between(result.interval, 100, " %")]


def images(kept: Analysis, table: pd.DataFrame) -> list[Block]:
    """How images differ."""
    rates = image_rates(table, kept.protocol)
    rows = [
        (name_of(result.name), [100 * rate for rate in rates[rates["model"] == result.name]["realness"]])
        for result in kept.results
    ]
    caption = (
        "Images by how often they were taken for real. Few votes an image spread them more than the images differ."
    )
    figure = Figure("images", plots.histograms("Images by realness", rows), caption)
    return [Heading("Image by image"), figure, Paragraph("Every image's votes are in images.csv.")]


def other_methods(kept: Analysis) -> list[Block]:
    """The same by other methods, for comparison."""
    blocks: list[Block] = [Heading("By other methods")]
    columns = ["", "two-way regression", "votes as if independent (Wilson)"]
    columns += ["mixed model, logit"] if kept.mixed else []
    rows = []
    for result in kept.results:
        row = [name_of(result.name)]
        row.append(between(kept.regression.interval(result.name), 100, " %") if kept.regression else "-")
        row.append(between(result.wilson, 100, " %"))
        if kept.mixed:
            group = kept.mixed.names.index(result.name)
            row.append(f"{kept.mixed.mean[group]:+.2f} (SD {kept.mixed.deviation[group]:.2f})")
        rows.append(row)
    caption = "Realness by other methods, 95 % intervals. Wilson's is descriptive: it is too narrow."
    blocks.append(Table(caption, columns, rows))
    if kept.mixed:
        spread = ", ".join(f"{kind} {value:.2f}" for kind, value in kept.mixed.spread.items())
        text = (
            f"Mixed model, approximate (variational Bayes): standard deviations on the logit scale of {spread}. "
            "The means are near those of maximum likelihood; the SDs of the means are too small, and the "
            "spread of images and of images within models is badly told apart. Rscript analysis.R trials.csv "
            f"{kept.protocol} fits it with lme4.{'' if kept.mixed.converged else ' The fit did not converge.'}"
        )
        blocks.append(Paragraph(text))
    return blocks


def times(kept: Analysis, table: pd.DataFrame) -> list[Block]:
    """Response times; nothing where the table has none."""
    rows = times_of(table, [result.name for result in kept.results], kept.protocol)
    if not rows:
        return []
    svg = plots.spans("Response times", [plots.Times(*row) for row in rows], "s")
    caption = "Response times in seconds, as description: 10th to 90th percentile, middle half and median."
    return [Heading("Response times"), Figure("times", svg, caption)]


def exclusions(kept: Analysis, everything: Analysis, table: pd.DataFrame) -> list[Block]:
    """What was left out, and what it changes."""
    caption = "From votes to analysed trials: what was left out, by which rule."
    figure = Figure("flow", plots.flow("Flow of exclusions", flow_of(table)), caption)
    blocks: list[Block] = [Heading("Exclusions"), figure]
    if everything.votes == kept.votes:
        return [*blocks, Paragraph("No trial was excluded: there is one analysis.")]
    own = {result.name: result for result in kept.results}
    rows = [[name_of(all_.name), *_rate(own.get(all_.name)), *_rate(all_)] for all_ in everything.results]
    columns = ["", "with exclusions", "95 % interval", "all trials", "95 % interval"]
    return [*blocks, Table("Realness with the preregistered exclusions, and without any.", columns, rows)]


def methods(kept: Analysis) -> list[Block]:
    """How to read the report, in plain words."""
    texts = METHODS["both"] + METHODS[kept.protocol]
    return [Heading("How to read this"), *(Paragraph(text) for text in texts)]
