"""Sections of the report, each a function from analyses to blocks."""

from collections.abc import Sequence

import pandas as pd

from colorhub.study.report import plots
from colorhub.study.report.data import flow_of, image_rates, times_of
from colorhub.study.report.document import Block, Figure, Heading, Paragraph, Table
from colorhub.study.report.words import METHODS, between, name_of, p_text, percent, points
from colorhub.study.statistics.analysis import Analysis
from colorhub.study.statistics.comparison import Comparison
from colorhub.study.statistics.table import ORIGINAL


def realness(kept: Analysis) -> list[Block]:
    """How often each model, and originals, were taken for real."""
    rows = [
        plots.Interval(name_of(result.name), 100 * result.realness.value, *(100 * end for end in result.interval))
        for result in kept.results
    ]
    has_original = any(result.name == ORIGINAL for result in kept.results)
    reference = (
        50.0 if kept.protocol == "2afc" else 100 * kept.result(ORIGINAL).realness.value if has_original else None
    )
    label = "cannot be told" if kept.protocol == "2afc" else "originals"
    svg = plots.intervals("Taken for real", rows, reference, label)
    columns = ["", "votes", "taken for real", "95 % interval", "d'", "95 % interval"]
    columns += ["criterion"] if kept.protocol == "realfake" else []
    table = [
        [name_of(result.name), str(result.votes), percent(result.realness.value), between(result.interval, 100, " %")]
        + (
            []
            if result.sensitivity is None
            else [f"{result.sensitivity.value:.2f}", between(result.sensitivity.interval())]
        )
        + ([] if result.criterion is None else [f"{result.criterion.value:+.2f}"])
        for result in kept.results
    ]
    blocks: list[Block] = [
        Heading("How often it passes for real"),
        Figure(
            "realness", svg, "How often pictures were taken for real, with intervals for new raters and new images."
        ),
        Table("Realness. d' is 0 where a model cannot be told from originals.", columns, _even(table, len(columns))),
    ]
    if kept.side is not None:
        blocks.append(
            Paragraph(
                f"Side bias: the right-hand picture was called real in {percent(kept.side.rate)} of "
                f"{kept.side.votes} votes ({p_text(kept.side.p_value)} against one half, as if votes were independent)."
            )
        )
    return blocks


def comparisons(kept: Analysis) -> list[Block]:
    """Differences between the groups."""
    if not kept.comparisons:
        return []
    with_margin = kept.comparisons[0].margin is not None
    columns = [
        "",
        "difference",
        "95 % interval",
        "p",
        "p (Holm)",
        *(["90 % interval", "equivalent"] if with_margin else []),
    ]
    caption = "Differences in realness, in percentage points, on the same images."
    if with_margin:
        caption += f" Equivalent: the 90 % interval lies within {100 * kept.comparisons[0].margin:g} points."
    rows = [_comparison_row(comparison, with_margin) for comparison in kept.comparisons]
    return [Heading("Comparisons"), Table(caption, columns, rows)]


def _comparison_row(comparison: Comparison, with_margin: bool) -> list[str]:
    first = f"{name_of(comparison.first)} minus {name_of(comparison.second)}"
    row = [
        first,
        points(comparison.difference.value),
        between(comparison.difference.interval(), 100),
        p_text(comparison.p_value, short=True),
        p_text(comparison.adjusted, short=True),
    ]
    if with_margin:
        row += [between(comparison.difference.interval(0.90), 100), "yes" if comparison.equivalent else "not shown"]
    return row


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
    return [
        Heading("Image by image"),
        Figure("images", plots.histograms("Images by realness", rows), caption),
        Paragraph("Every image's votes are in images.csv."),
    ]


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
    blocks.append(
        Table("Realness by other methods, 95 % intervals. Wilson's is descriptive: it is too narrow.", columns, rows)
    )
    if kept.mixed:
        spread = ", ".join(f"{kind} {value:.2f}" for kind, value in kept.mixed.spread.items())
        blocks.append(
            Paragraph(
                f"Mixed model, approximate (variational Bayes): standard deviations on the logit scale of {spread}. "
                "The means are near those of maximum likelihood; the SDs of the means are too small, and the "
                "spread of images and of images within models is badly told apart. Rscript analysis.R trials.csv "
                f"{kept.protocol} fits it with lme4." + ("" if kept.mixed.converged else " The fit did not converge.")
            )
        )
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
    blocks: list[Block] = [
        Heading("Exclusions"),
        Figure("flow", plots.flow("Flow of exclusions", flow_of(table)), caption),
    ]
    if everything.votes == kept.votes:
        return [*blocks, Paragraph("No trial was excluded: there is one analysis.")]
    rows = []
    for result in everything.results:
        own = next((other for other in kept.results if other.name == result.name), None)
        rows.append(
            [
                name_of(result.name),
                *([percent(own.realness.value), between(own.interval, 100, " %")] if own else ["-", "-"]),
                percent(result.realness.value),
                between(result.interval, 100, " %"),
            ]
        )
    columns = ["", "with exclusions", "95 % interval", "all trials", "95 % interval"]
    return [*blocks, Table("Realness with the preregistered exclusions, and without any.", columns, rows)]


def methods(kept: Analysis) -> list[Block]:
    """How to read the report, in plain words."""
    texts = METHODS["both"] + METHODS[kept.protocol]
    return [Heading("How to read this"), *(Paragraph(text) for text in texts)]


def _even(rows: Sequence[Sequence[str]], columns: int) -> list[list[str]]:
    return [[*row, *[""] * (columns - len(row))] for row in rows]
