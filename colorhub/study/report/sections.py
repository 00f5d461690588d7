"""Sections of the report, each a function from analyses to blocks."""

import pandas as pd

from colorhub.study.report import plots
from colorhub.study.report.data import flow_of, image_rates, times_of
from colorhub.study.report.document import Block, Figure, Heading, Paragraph, Table
from colorhub.study.report.words import METHODS, between, name_of, p_text, percent, points
from colorhub.study.statistics.analysis import Analysis, ModelResult
from colorhub.study.statistics.comparison import Comparison
from colorhub.study.statistics.table import ORIGINAL


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
