"""The report of a finished study: a page, Markdown with plots, the trials and every figure as CSV, and the R
analysis."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from colorhub.study.errors import StudyError
from colorhub.study.report import sections
from colorhub.study.report.data import image_table, result_table
from colorhub.study.report.document import Block, Figure, Heading, Notice, Paragraph, to_html, to_markdown
from colorhub.study.statistics.analysis import Analysis, analyse
from colorhub.study.statistics.resampling import DRAWS
from colorhub.study.statistics.table import TableError, read_table
from colorhub.study.trials import public_table

if TYPE_CHECKING:
    from colorhub.study.store.store import Store

SCRIPT = Path(__file__).parent / "analysis.R"
DEMONSTRATION = (
    "Demonstration, not evidence: this study shows how the tool works. Its figures say nothing about the models."
)


@dataclass(frozen=True)
class Ending:
    """How a study ended. ``early``: closed by the organiser before its preregistered end; ``why``: in their words."""

    day: str
    early: bool = False
    why: str = ""


@dataclass(frozen=True)
class StudyReport:
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
) -> StudyReport:
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
    blocks = [*_about(manifest, kept, everything, ending)]
    if kept.votes:
        blocks += [*_primary(kept, everything, manifest), *sections.realness(kept), *sections.comparisons(kept)]
        blocks += [*sections.images(kept, table), *sections.other_methods(kept), *sections.times(kept, table)]
    blocks += [*sections.exclusions(kept, everything, table), *sections.methods(kept)]
    return StudyReport(f"Real or fake? {manifest['name']}", tuple(blocks), kept, everything, table)


def finished_trials(store: "Store", name: str) -> tuple[pd.DataFrame, Ending]:
    """The trials of a study in the database, as all may see them, and how it ended.

    Raises :class:`StudyError` while it is open.
    """
    ending = finished_ending(store, name)
    return public_table(store.rows(name)), ending


def finished_ending(store: "Store", name: str) -> Ending:
    """How a study ended.

    Raises:
        StudyError: it is still open: estimates that are seen before the end could change when it ends.
    """
    state = store.state(name)
    if state["closed"] is None:
        raise StudyError(
            f"The study {name} is still open, and nobody sees estimates before it ends: wait for its preregistered "
            f"end, or end it with colorhub study close {name}."
        )
    return Ending(state["closed"], bool(state["closed_early"]), state["closed_why"] or "")


def published_trials(path: Path, name: str) -> pd.DataFrame:
    """The trials of a study from a CSV file, as ``close`` writes and ``publish`` publishes it.

    Raises:
        TableError: there is no such table, or its rows are of another study.
    """
    if not path.exists():
        raise TableError(f"{path} does not exist: it should be the table of trials that colorhub study close wrote.")
    table = read_table(path)
    others = sorted(set(table["study"].astype(str)) - {name}) if "study" in table else []
    if others:
        raise TableError(f"{path} holds trials of the study {others[0]!r}, not of {name!r}.")
    return table


def write_report(report: StudyReport, folder: Path) -> list[Path]:
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


def _about(manifest: Mapping[str, Any], kept: Analysis, everything: Analysis, ending: Ending | None) -> list[Block]:
    blocks: list[Block] = [Notice(DEMONSTRATION)] if manifest.get("demonstration") else []
    why = f" ({ending.why})" if ending and ending.why else ""
    if ending and ending.early:
        early = f"Closed early, on {ending.day}, before its preregistered end{why}: read its p-values with caution."
        blocks.append(Notice(early))
    task = "one picture at a time: real or fake?" if kept.protocol == "realfake" else "pairs: which one is real?"
    exposure = manifest.get("exposure_ms")
    shown = f"shown for {exposure} ms" if exposure else "shown for as long as the rater liked"
    ended = f" It ended on {ending.day}{why}." if ending and not ending.early else ""
    about = f"Raters judged {task} Pictures were {shown}, {manifest.get('size', '?')} pixels wide."
    counted = f"{kept.votes} votes of {kept.raters} raters on {kept.images} images count here.{ended}"
    fixed = f"Fixed beforehand; fingerprint of the manifest (SHA-256): {manifest.get('sha256', 'none')}."
    blocks += [Paragraph(f"{about} {counted}"), Paragraph(fixed)]
    if not kept.votes:
        left_out = f" All {everything.votes} were left out by the exclusions below." if everything.votes else ""
        blocks.append(Notice(f"There are no votes to analyse.{left_out}"))
    elif kept.raters < 2 or kept.images < 2:
        blocks.append(Notice("One rater or one image alone gives no interval: what follows are counts."))
    return blocks


def _primary(kept: Analysis, everything: Analysis, manifest: Mapping[str, Any]) -> list[Block]:
    if kept.primary is None:
        return []
    blocks: list[Block] = [
        Heading("The preregistered comparison"),
        Paragraph(sections.comparison_sentence(kept.primary)),
    ]
    if everything.primary is not None and everything.votes != kept.votes:
        blocks.append(Paragraph(f"Without any exclusions: {sections.comparison_sentence(everything.primary)}"))
    preregistered = manifest.get("primary") or {}
    alpha, effect = float(preregistered.get("alpha") or 0.05), preregistered.get("effect")
    found = kept.primary.p_value < alpha
    verdict = "a difference is found" if found else "no difference is found, which is not proof of none"
    blocks.append(Paragraph(f"At the level of {100 * alpha:g} % that was fixed beforehand, {verdict}."))
    if effect:
        blocks.append(Paragraph(f"The study was made to find a difference of {effect:g} points."))
    return blocks
