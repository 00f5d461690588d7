"""The report of a finished study: a page, Markdown with plots, the trials and every figure as CSV, and the R
analysis."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from colorhub.study.document import Block, Figure, Heading, Notice, Paragraph, Table, to_html, to_markdown
from colorhub.study.report_data import flow_of, image_rates, image_table, result_table, times_of
from colorhub.study.report_words import (
    CHANCE_WORDS,
    METHODS,
    between,
    comparison_sentence,
    name_of,
    p_text,
    percent,
    points,
)
from colorhub.study.statistics import ORIGINAL, Analysis, Comparison, analyse
from colorhub.study.statistics.resampling import DRAWS

SCRIPT = Path(__file__).parent / "analysis.R"
DEMONSTRATION = (
    "Demonstration, not evidence: this study shows how the tool works. Its figures say nothing about the models."
)


@dataclass(frozen=True)
class Ending:
    """How a study ended. ``early``: closed by the organiser before its preregistered end."""

    day: str
    early: bool = False


@dataclass(frozen=True)
class Report:
    """A report to be written or shown. ``kept`` and ``everything``: with the preregistered exclusions, and without
    any."""

    title: str
    blocks: tuple[Block, ...]
    kept: Analysis
    everything: Analysis
    table: pd.DataFrame


def make_report(
    manifest: Mapping[str, Any],
    table: pd.DataFrame,
    ending: Ending | None = None,
    draws: int = DRAWS,
    mixed: bool = True,
) -> Report:
    """Analyse a study and put it into words, tables and plots.

    Args:
        manifest: of the study, frozen when it was made.
        table: its trials, one row a vote.
        ending: when it ended; ``None``: not known.
        draws: of the bootstrap; its seed is the manifest's.
        mixed: fit the mixed model too.

    Raises:
        TableError: the table is no trial table of this study.
    """
    settings = {
        "models": [model["name"] for model in manifest["models"]],
        "protocol": manifest["protocol"],
        "primary": manifest.get("primary"),
        "draws": draws,
        "seed": int(manifest.get("seed") or 0),
    }
    kept = analyse(table, mixed=mixed, **settings)
    everything = analyse(table, mixed=False, with_excluded=True, **settings)
    blocks = [*_about(manifest, kept, table, ending)]
    if kept.votes:
        blocks += [*_primary(kept, everything, manifest), *_realness(kept), *_comparisons(kept)]
        blocks += [*_images(kept, table), *_other_methods(kept), *_times(kept, table)]
    blocks += [*_exclusions(kept, everything, table), *_methods(kept)]
    return Report(f"Real or fake? {manifest['name']}", tuple(blocks), kept, everything, table)


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write ``report.html``, ``report.md`` with ``plots/``, ``trials.csv``, ``results.csv``, ``images.csv`` and
    ``analysis.R`` into a folder, which is made where it is missing; files of an older report are replaced."""
    plots = folder / "plots"
    plots.mkdir(parents=True, exist_ok=True)
    texts = {
        folder / "report.html": to_html(report.title, report.blocks),
        folder / "report.md": to_markdown(report.title, report.blocks),
        **{plots / f"{block.name}.svg": block.svg for block in report.blocks if isinstance(block, Figure)},
    }
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    analyses = {"with exclusions": report.kept, "all trials": report.everything}
    tables = {
        folder / "trials.csv": report.table,
        folder / "results.csv": result_table(analyses),
        folder / "images.csv": image_table(report.table, report.kept.protocol),
    }
    for path, rows in tables.items():
        rows.to_csv(path, index=False)
    script = folder / SCRIPT.name
    shutil.copyfile(SCRIPT, script)
    return [*texts, *tables, script]


def _about(manifest: Mapping[str, Any], kept: Analysis, table: pd.DataFrame, ending: Ending | None) -> list[Block]:
    blocks: list[Block] = [Notice(DEMONSTRATION)] if manifest.get("demonstration") else []
    if ending and ending.early:
        blocks.append(
            Notice(f"Closed early, on {ending.day}, before its preregistered end: read its p-values with caution.")
        )
    task = "one picture at a time: real or fake?" if kept.protocol == "realfake" else "pairs: which one is real?"
    exposure = manifest.get("exposure_ms")
    shown = f"each shown for {exposure} ms" if exposure else "for as long as the rater liked"
    ended = f" It ended on {ending.day}." if ending and not ending.early else ""
    blocks.append(
        Paragraph(
            f"Raters judged {task} Pictures were {shown}, {manifest.get('size', '?')} pixels wide. {kept.votes} "
            "votes of "
            f"{kept.raters} raters on {kept.images} images count here.{ended}"
        )
    )
    blocks.append(
        Paragraph(f"Fixed beforehand; fingerprint of the manifest (SHA-256): {manifest.get('sha256', 'none')}.")
    )
    if not kept.votes:
        blocks.append(Notice("There are no votes to analyse."))
    elif kept.raters < 2 or kept.images < 2:
        blocks.append(Notice("One rater or one image alone gives no interval: what follows are counts."))
    return blocks


def _primary(kept: Analysis, everything: Analysis, manifest: Mapping[str, Any]) -> list[Block]:
    if kept.primary is None:
        return []
    blocks: list[Block] = [Heading("The preregistered comparison"), Paragraph(comparison_sentence(kept.primary))]
    if everything.primary is not None and everything.votes != kept.votes:
        blocks.append(Paragraph(f"Without any exclusions: {comparison_sentence(everything.primary)}"))
    preregistered = manifest.get("primary") or {}
    alpha, effect = float(preregistered.get("alpha") or 0.05), preregistered.get("effect")
    verdict = (
        "a difference is found"
        if kept.primary.p_value < alpha
        else "no difference is found, which is not proof of none"
    )
    blocks.append(Paragraph(f"At the level of {100 * alpha:g} % that was fixed beforehand, {verdict}."))
    if effect:
        blocks.append(Paragraph(f"The study was made to find a difference of {effect:g} points."))
    return blocks


def _realness(kept: Analysis) -> list[Block]:
    from colorhub.study import plots

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
                f"{kept.side.votes} votes "
                f"({p_text(kept.side.p_value)} against one half, as if votes were independent)."
            )
        )
    return blocks


def _comparisons(kept: Analysis) -> list[Block]:
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
    first = f"{name_of(comparison.first)} minus {CHANCE_WORDS.get(comparison.second, name_of(comparison.second))}"
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


def _images(kept: Analysis, table: pd.DataFrame) -> list[Block]:
    from colorhub.study import plots

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


def _other_methods(kept: Analysis) -> list[Block]:
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
                "spread of images "
                "and of images within models is badly told apart. Rscript analysis.R trials.csv "
                f"{kept.protocol} fits it with lme4." + ("" if kept.mixed.converged else " The fit did not converge.")
            )
        )
    return blocks


def _times(kept: Analysis, table: pd.DataFrame) -> list[Block]:
    from colorhub.study import plots

    rows = times_of(table, [result.name for result in kept.results], kept.protocol)
    if not rows:
        return []
    svg = plots.spans("Response times", [plots.Times(*row) for row in rows], "s")
    caption = "Response times in seconds, as description: 10th to 90th percentile, middle half and median."
    return [Heading("Response times"), Figure("times", svg, caption)]


def _exclusions(kept: Analysis, everything: Analysis, table: pd.DataFrame) -> list[Block]:
    from colorhub.study import plots

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


def _methods(kept: Analysis) -> list[Block]:
    texts = METHODS["both"] + METHODS[kept.protocol]
    return [Heading("How to read this"), *(Paragraph(text) for text in texts)]


def _even(rows: Sequence[Sequence[str]], columns: int) -> list[list[str]]:
    return [[*row, *[""] * (columns - len(row))] for row in rows]
