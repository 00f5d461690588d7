"""A report as a list of blocks, and the same blocks as an HTML page or as Markdown."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

STYLE = """
:root { color-scheme: light dark; }
body { margin: 0 auto; max-width: 46rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif;
  color: #1c2024; background: #ffffff; overflow-wrap: anywhere; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; }
.caption { font-size: .9rem; margin: 1.5rem 0 .4rem; }
th, td { padding: .3rem .7rem .3rem 0; text-align: right; border-bottom: 1px solid #c9ced6; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; font-weight: normal; }
figure { margin: 1.5rem 0; } figcaption { font-size: .9rem; }
.notice { padding: .6rem 1rem; border-left: .4rem solid #a35200; background: #fff3e4; }
@media (prefers-color-scheme: dark) {
  body { color: #e7eaee; background: #14171b; }
  th, td { border-color: #454c57; } .notice { background: #33250f; border-color: #ffb35c; }
}
"""


@dataclass(frozen=True)
class Heading:
    text: str


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Notice:
    """What a reader must not miss."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of text under columns; the first column names the row."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Figure:
    """``name``: of its file, without suffix; ``svg``: a whole SVG element; ``caption``: says what it shows."""

    name: str
    svg: str
    caption: str


Block = Heading | Paragraph | Notice | Table | Figure


def to_html(title: str, blocks: Iterable[Block]) -> str:
    """A whole page that needs nothing else: no script, no font, nothing from the network."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{STYLE}</style>\n</head>\n'
        f"<body>\n<main>\n<h1>{html.escape(title)}</h1>\n{to_fragment(blocks)}\n</main>\n</body>\n</html>\n"
    )


def to_fragment(blocks: Iterable[Block]) -> str:
    """The blocks as HTML to be put into another page."""
    return "\n".join(_html(block) for block in blocks)


def to_markdown(title: str, blocks: Iterable[Block], pictures: str = "plots") -> str:
    """Markdown, the plots as files ``NAME.svg`` in the folder ``pictures`` beside it."""
    parts = [f"# {_plain(title)}", *(_markdown(block, pictures) for block in blocks)]
    return "\n\n".join(parts) + "\n"


def _html(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h2>{html.escape(text)}</h2>"
        case Paragraph(text):
            return f"<p>{html.escape(text)}</p>"
        case Notice(text):
            return f'<p class="notice" role="note"><strong>{html.escape(text)}</strong></p>'
        case Figure(_, svg, caption):
            return f"<figure>\n{svg}\n<figcaption>{html.escape(caption)}</figcaption>\n</figure>"
        case Table(caption, columns, rows):
            head = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in columns)
            body = "\n".join(_html_row(row) for row in rows)
            # Scrolls by itself on a phone; focusable, so that the keyboard can scroll it.
            return (
                f'<p class="caption">{html.escape(caption)}</p>\n'
                f'<div class="scroll" role="region" tabindex="0" aria-label="{html.escape(caption)}">'
                f'<table aria-label="{html.escape(caption)}">'
                f"<thead><tr>{head}</tr></thead>\n"
                f"<tbody>\n{body}\n</tbody></table></div>"
            )


def _html_row(row: Sequence[str]) -> str:
    first, *rest = row
    cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in rest)
    return f'<tr><th scope="row">{html.escape(first)}</th>{cells}</tr>'


def _markdown(block: Block, pictures: str) -> str:
    match block:
        case Heading(text):
            return f"## {_plain(text)}"
        case Paragraph(text):
            return _plain(text)
        case Notice(text):
            return f"> **{_plain(text)}**"
        case Figure(name, _, caption):
            return f"![{_plain(caption)}]({pictures}/{name}.svg)"
        case Table(caption, columns, rows):
            rule = "|".join([":--", *["--:"] * (len(columns) - 1)])
            lines = [_row(columns), f"|{rule}|", *(_row(row) for row in rows)]
            return f"{_plain(caption)}\n\n" + "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_plain(cell) for cell in cells) + " |"


def _plain(text: str) -> str:
    """Text in which nothing is taken for Markdown or HTML: names of models and studies may hold anything."""
    for character in "\\`*_[]|<>":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.replace("&", "&amp;").split())
