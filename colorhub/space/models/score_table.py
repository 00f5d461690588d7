"""A board of scores as an HTML table. gallery.js sorts it by the numbers in ``data-key``, not by what is shown."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote

from colorhub.space.models.scores import BASELINES, Board, Figure, Row

MISSING = "\N{EN DASH}"


@dataclass(frozen=True)
class Column:
    """A heading and what stands below it. ``metric``: its name in scores.json, if it is one. ``best``: "low" where a
    smaller number is better, so that the first click shows it on top."""

    title: str
    unit: str = ""
    metric: str = ""
    digits: int = 2
    best: str = "high"
    definition: str = ""


COLUMNS = (
    Column("Gain", "dB", "gain", 2, definition="PSNR above that of the same picture without colour."),
    Column("PSNR", "dB", "psnr", 2, definition="Peak signal-to-noise ratio."),
    Column(
        "Colourfulness",
        "",
        "colorfulness",
        1,
        definition="Hasler and Suesstrunk 2003: nearest to the originals' is best.",
    ),
    Column(
        "Chroma ratio",
        "",
        "chroma_ratio",
        2,
        definition="How much colour the answer has beside the original: 1 is as much.",
    ),
    Column(
        "ab-AuC",
        "",
        "ab_auc",
        3,
        definition="The part of the pixels whose colour is right to within a threshold, over all thresholds.",
    ),
    Column(
        "ab-AuC rebalanced",
        "",
        "ab_auc_rebalanced",
        3,
        definition="The same, with rare colours counting as much as frequent ones.",
    ),
    Column("CIEDE2000", "", "ciede2000", 2, "low", "Mean colour difference to the original: lower is better."),
)
_ABOUT = (
    Column("Architecture"),
    Column("Size", "MB", best="low", definition="Of the weights' file."),
)
_TIME = Column("Time", "ms", best="low", digits=0, definition="To colour one picture, on the device that is named.")


def table(board: Board, number: int) -> str:
    """The table, best gain first. ``number``: of the board on the page, for ids."""
    rows = sorted(board.rows, key=lambda row: -_sortable(row.figures.get("gain")))
    body = "".join(_model_row(row, board.device) for row in rows)
    # The table is wider than a phone: it scrolls in a region of its own, which the keyboard reaches as well.
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-labelledby="board-{number}">'
        f"<table><thead><tr>{''.join(_headings(board))}</tr></thead>"
        f"<tbody>{body}</tbody><tfoot>{''.join(_baseline_rows(board))}</tfoot></table></div>"
    )


def columns(board: Board) -> Iterator[tuple[str, str]]:
    """Every column's title and what it means: in the protocol's own words where the file has them."""
    for column in (*COLUMNS, _TIME):
        yield column.title, board.definitions.get(column.metric) or column.definition


def _headings(board: Board) -> Iterator[str]:
    yield '<th scope="col" data-kind="text"><button type="button">Model</button></th>'
    for column in (*_ABOUT, *COLUMNS, _TIME):
        kind = "text" if column.title == "Architecture" else "number"
        first = "" if kind == "text" or column.best == "low" else ' data-best="high"'
        sorted_by = ' aria-sort="descending"' if column.metric == "gain" else ""
        unit = f" <small>{column.unit}</small>" if column.unit else ""
        if column.metric == "colorfulness" and (originals := board.originals_colorfulness):
            unit = f" <small>originals {originals.mean:.1f}</small>"
        if column is _TIME and board.device:
            unit = f" <small>{column.unit}, {escape(board.device)}</small>"
        meaning = escape(board.definitions.get(column.metric) or column.definition)
        yield (
            f'<th scope="col" data-kind="{kind}"{first}{sorted_by}>'
            f'<button type="button" title="{meaning}">{column.title}{unit}</button></th>'
        )


def _model_row(row: Row, device: str) -> str:
    link = f'<a href="#model={quote(row.model)}">{escape(row.model)}</a>'
    cells = [
        f'<th scope="row" data-key="{escape(row.model)}">{link}</th>',
        f'<td class="text" data-key="{escape(row.architecture)}">{escape(row.architecture)}</td>',
        _plain_cell(row.megabytes, _size),
        *(_cell(row.figures.get(column.metric), column) for column in COLUMNS),
        _plain_cell(row.milliseconds, _time, "" if device else row.device),
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _baseline_rows(board: Board) -> Iterator[str]:
    for name, words in BASELINES.items():
        if figures := board.baselines.get(name):
            cells = "".join(_cell(figures.get(column.metric), column) for column in COLUMNS)
            yield f'<tr><th scope="row">({words})</th><td></td><td></td>{cells}<td></td></tr>'


def _cell(figure: Figure | None, column: Column) -> str:
    if figure is None:
        return f'<td data-key="">{MISSING}</td>'
    shown = _decimal(figure.mean, column.digits)
    if figure.low is not None and figure.high is not None:
        shown += f"<small>{_decimal(figure.low, column.digits)} to {_decimal(figure.high, column.digits)}</small>"
    return f'<td data-key="{figure.mean!r}">{shown}</td>'


def _plain_cell(value: float | None, shown: Callable[[float], str], note: str = "") -> str:
    if value is None:
        return f'<td data-key="">{MISSING}</td>'
    return f'<td data-key="{value!r}">{shown(value)}{f"<small>{escape(note)}</small>" if note else ""}</td>'


def _size(megabytes: float) -> str:
    return f"{megabytes:.{0 if megabytes >= 10 else 1}f}"


def _time(milliseconds: float) -> str:
    return f"{milliseconds:.{0 if milliseconds >= 10 else 1}f}"


def _decimal(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}")  # 0.0: nothing is minus nought


def _sortable(figure: Any) -> float:
    return float("-inf") if figure is None else figure.mean
