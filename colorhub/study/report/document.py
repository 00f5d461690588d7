"""A report as a list of blocks, and the same blocks as an HTML page or as Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from colorhub.study.templates import render


@dataclass(frozen=True)
class Heading:
    text: str
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True)
class Paragraph:
    text: str
    kind: ClassVar[str] = "paragraph"


@dataclass(frozen=True)
class Notice:
    """What a reader must not miss."""

    text: str
    kind: ClassVar[str] = "notice"


@dataclass(frozen=True)
class Table:
    """Rows of text under columns; the first column names the row."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Figure:
    """``name``: of its file, without suffix; ``svg``: a whole SVG element; ``caption``: says what it shows."""

    name: str
    svg: str
    caption: str
    kind: ClassVar[str] = "figure"


Block = Heading | Paragraph | Notice | Table | Figure


def to_html(title: str, blocks: Iterable[Block]) -> str:
    """A whole page that needs nothing else: no script, no font, nothing from the network."""
    return render("report.html.j2", title=title, blocks=list(blocks))


def to_fragment(blocks: Iterable[Block]) -> str:
    """The blocks as HTML to be put into another page."""
    return render("blocks.html.j2", blocks=list(blocks)).rstrip()


def to_markdown(title: str, blocks: Iterable[Block], pictures: str = "plots") -> str:
    """Markdown, the plots as files ``NAME.svg`` in the folder ``pictures`` beside it."""
    return render("report.md.j2", title=title, blocks=list(blocks), pictures=pictures)
