"""A board of scores as an HTML table. gallery.js sorts it by the numbers in ``data-key``, not by what is shown."""

from collections.abc import Mapping
from dataclasses import dataclass

from colorhub.space.models.scores import BASELINES, Board, Figure, Row
from colorhub.space.shared.templates import html

Cell = tuple[str, str, str]  # what it is sorted by, its text, a smaller line below
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
    kind: str = "number"


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
    Column("Architecture", best="", kind="text"),
    Column("Size", "MB", best="low", definition="Of the weights' file."),
)
_TIME = Column("Time", "ms", best="low", digits=0, definition="To colour one picture, on the device that is named.")


def table(board: Board, number: int, default: str | None = None) -> str:
    """The table: the default model, which is marked, and then the best gain first. ``number``: of the board on the
    page, for ids."""
    rows = sorted(board.rows, key=lambda row: (row.model != default, -_sortable(row.figures.get("gain"))))
    return html(
        "models/scores.html",
        "table",
        number,
        [(column, _unit(column, board), _meaning(column, board)) for column in (*_ABOUT, *COLUMNS, _TIME)],
        [
            (row.model, "the default" if row.model == default else "", row.architecture, _cells(row, board.device))
            for row in rows
        ],
        [(words, _figures(board.baselines[name])) for name, words in BASELINES.items() if board.baselines.get(name)],
    )


def meanings(board: Board) -> list[tuple[str, str]]:
    """Every column's title and what it means: in the protocol's own words where the file has them."""
    return [(column.title, _meaning(column, board)) for column in (*COLUMNS, _TIME)]


def _meaning(column: Column, board: Board) -> str:
    return board.definitions.get(column.metric) or column.definition


def _unit(column: Column, board: Board) -> str:
    if column.metric == "colorfulness" and (originals := board.originals_colorfulness):
        return f"originals {originals.mean:.1f}"
    return f"{column.unit}, {board.device}" if column is _TIME and board.device else column.unit


def _cells(row: Row, device: str) -> list[Cell]:
    return [_number(row.megabytes), *_figures(row.figures), _number(row.milliseconds, "" if device else row.device)]


def _figures(figures: Mapping[str, Figure]) -> list[Cell]:
    return [_figure(figures.get(column.metric), column.digits) for column in COLUMNS]


def _figure(figure: Figure | None, digits: int) -> Cell:
    if figure is None:
        return "", MISSING, ""
    ends = [_decimal(end, digits) for end in (figure.low, figure.high) if end is not None]
    return repr(figure.mean), _decimal(figure.mean, digits), " to ".join(ends) if len(ends) == 2 else ""


def _number(value: float | None, note: str = "") -> Cell:
    return ("", MISSING, "") if value is None else (repr(value), f"{value:.{0 if value >= 10 else 1}f}", note)


def _decimal(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}")  # 0.0: nothing is minus nought


def _sortable(figure: Figure | None) -> float:
    return float("-inf") if figure is None else figure.mean
