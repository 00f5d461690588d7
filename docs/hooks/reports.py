"""The list of reports that were tested again: those pages that a run has written."""

import json
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from colorhub.hub.cards.tables import table

_MARK = "<!-- generated: reports -->"
_NONE = "No run has written a page yet."


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fill in the list."""
    return markdown.replace(_MARK, _listed(Path(config.docs_dir) / "reports")) if _MARK in markdown else markdown


def _listed(folder: Path) -> str:
    rows = []
    for path in sorted(folder.glob("*.md")):
        if path.name == "index.md":
            continue
        title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        verdicts = [row["verdict"] for row in json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["rows"]]
        counts = ", ".join(f"{verdicts.count(one)} {one}" for one in dict.fromkeys(verdicts))
        rows.append((f"[{title}]({path.name})", counts))
    return table(("report", "claims"), rows) if rows else _NONE
