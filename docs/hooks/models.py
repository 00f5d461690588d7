"""Tables, plots and cards from the files under ``model_cards/``, put where a page says ``<!-- generated: NAME -->``."""

import re
from collections.abc import Callable

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from colorhub.hub.cards.folder import read_folder
from colorhub.hub.cards.tables import table
from colorhub.hub.loading import list_models
from colorhub.settings import DEFAULT_MODEL
from colorhub.space.models.plots import plots
from colorhub.space.models.scores import boards
from training.readme import model_folders, models_table

_HEAD = re.compile(r"\A---\n.*?\n---\n", flags=re.DOTALL)
_NARROWER = re.compile(r"^(\|[^|]*)\|[^|]*(\|.*)$")  # a row of a table, without its second cell
_INTERVAL = re.compile(r"\[(\S+), (\S+)\]")
_GROUPS = {"": "For your photos", "reports": "Models of the reports"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the cards as pages, with their sample sheets."""
    for folder in model_folders():
        place = f"models/{folder.name}"
        card = _HEAD.sub("", (folder / "README.md").read_text(encoding="utf-8"))
        files.append(File.generated(config, f"{place}/index.md", content=card))
        if (sheet := folder / "samples.webp").is_file():
            files.append(File.generated(config, f"{place}/{sheet.name}", abs_src_path=str(sheet)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fill in what is generated."""
    for name, made in _MADE.items():
        mark = f"<!-- generated: {name} -->"
        if mark in markdown:
            markdown = markdown.replace(mark, made())
    return markdown


def _cards() -> str:
    groups: dict[str, list[tuple[str, str, str]]] = {}
    for folder in model_folders():
        files = read_folder(folder)
        row = (f"[{folder.name}]({folder.name}/index.md)", files.words.summary, f"{files.megabytes:.1f} MB")
        groups.setdefault(files.words.group, []).append(row)
    return "\n\n".join(
        f"**{words}**\n\n{table(('model', 'what it is', 'file'), groups[group])}"
        for group, words in _GROUPS.items()
        if group in groups
    )


def _figures() -> str:
    """The scores, without the files' sizes, which the table of cards has; intervals are not broken."""
    rows = (_NARROWER.sub(r"\1\2", line) for line in models_table().splitlines())
    figures = _INTERVAL.sub(r"[\1,&nbsp;\2]", "\n".join(rows))
    return f'<div class="figures" markdown>\n\n{figures}\n\n</div>'


def _plots() -> str:
    bundled = {folder.name for folder in model_folders()}
    drawn = [
        f'<div class="scores">\n<h3>Protocol {board.protocol}, {board.source}</h3>\n{figures}\n</div>'
        for board in boards([info for info in list_models() if info.name in bundled])
        if (figures := plots(board))
    ]
    return "\n\n".join(drawn)


def _samples() -> str:
    words = "Photographs: grey, coloured by the default model, and as they were"
    return f"![{words}](models/{DEFAULT_MODEL}/samples.webp)"


_MADE: dict[str, Callable[[], str]] = {"cards": _cards, "table": _figures, "plots": _plots, "samples": _samples}
