"""Models' cards as HTML. A card may be another's text: none of its HTML is kept, its pictures come from its folder,
and its links go to the web only."""

import re
from collections.abc import Callable
from contextlib import suppress
from html import escape
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from gradio.utils import get_upload_folder

from colorhub._files import replacing
from colorhub.hub.published import PUBLISHED
from colorhub.space.shared.catalogue import describe, folder_of
from colorhub.space.shared.files import file_url

if TYPE_CHECKING:
    from colorhub.hub.loading import ModelInfo

HUB = "https://huggingface.co"
_PICTURES = (".avif", ".gif", ".jpeg", ".jpg", ".png", ".webp")
_MAX_PICTURE = 8 * 2**20
_MAX_CARD = 2**20
_HEAD = re.compile(r"\A---\s*\n.*?\n---\s*(\n|\Z)", re.DOTALL)
_COMMENT = re.compile(r"\s*(<!--.*?-->\s*)+", re.DOTALL)
Render = Callable[..., str]


def card(info: "ModelInfo") -> str:
    """A model's card, or what is known of a model without one."""
    folder = folder_of(info, "README.md")
    text = _read(folder / "README.md") if folder is not None else ""
    inside = render(text, folder) if text and folder is not None else _without_card(info)
    return f'<article class="card" tabindex="-1" aria-label="Card of {escape(info.name)}">{inside}</article>'


def render(text: str, folder: Path) -> str:
    """Markdown to HTML, without its YAML head.

    Raw HTML is shown as it is written, comments are left out; ``javascript:`` and such links stay text. Pictures are
    taken from ``folder`` alone, so that opening a card tells no one.
    """
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    rules: dict[str, Render] = {
        "html_block": _raw,
        "html_inline": _raw,
        "image": lambda tokens, index, *_: _picture(tokens[index], folder),
        "link_open": _link,
        # Both may be wider than a screen: they scroll, by keyboard as well.
        "table_open": lambda *_: '<div class="scroll" role="group" tabindex="0" aria-label="Table"><table>',
        "table_close": lambda *_: "</table></div>",
        "fence": _code,
        "code_block": _code,
        "heading_open": lambda tokens, index, *_: f"<{_lower(tokens[index].tag)}>",
        "heading_close": lambda tokens, index, *_: f"</{_lower(tokens[index].tag)}>",
    }
    markdown.renderer.rules.update(rules)  # type: ignore[attr-defined]
    return markdown.render(_HEAD.sub("", text, count=1))


def _without_card(info: "ModelInfo") -> str:
    where = ""
    if info.source == "hub":
        words = "It is not on this machine" if folder_of(info) is None else "Its card is not on this machine"
        page = f'<a href="{HUB}/{escape(info.location)}" target="_blank" rel="noopener">its page on the Hub</a>'
        where = f" {words}; {page} says more."
    return f"<h2>{escape(info.name)}</h2><p>{escape(describe(info))}. No card here.{where}</p>"


def _code(tokens: Any, index: int, *_: Any) -> str:
    return f'<pre role="group" tabindex="0" aria-label="Code"><code>{escape(tokens[index].content)}</code></pre>'


def _raw(tokens: Any, index: int, *_: Any) -> str:
    text = tokens[index].content
    if _COMMENT.fullmatch(text):
        return ""
    return "<br>" if re.fullmatch(r"<br\s*/?>", text) else escape(text)


def _picture(token: Any, folder: Path) -> str:
    text = escape(token.content)
    shown = _served(unquote(str(token.attrs.get("src", ""))), folder)
    return (
        f'<span class="no-picture">[{text}]</span>' if shown is None else f'<img src="{file_url(shown)}" alt="{text}">'
    )


def _served(name: str, folder: Path) -> Path | None:
    """A copy, where the page may serve it, of a picture of the folder; ``None`` for anything else."""
    with suppress(OSError, ValueError):
        path = (folder / name).resolve()
        whole = folder.resolve()
        blobs = whole.parents[1] / "blobs"  # where the Hub's cache keeps what snapshots/COMMIT/NAME links to
        allowed = path.is_relative_to(whole) or (whole.parent.name == "snapshots" and path.is_relative_to(blobs))
        if not (allowed and path.is_file() and Path(name).suffix.lower() in _PICTURES and ".." not in Path(name).parts):
            return None
        if Path(name).is_absolute() or path.stat().st_size > _MAX_PICTURE:
            return None
        stamp = f"{path.stat().st_mtime_ns:x}-{path.stat().st_size:x}"
        target = Path(get_upload_folder()) / "colorhub-cards" / folder.name / f"{stamp}-{Path(name).name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_file():
            with replacing(target) as aside:
                copyfile(path, aside)
        return target
    return None


def _link(tokens: Any, index: int, *_: Any) -> str:
    target = str(tokens[index].attrs.get("href", ""))
    if not target.startswith(("https://", "http://")):
        return "<a>"
    return f'<a href="{escape(target)}" target="_blank" rel="noopener noreferrer nofollow">'


def _lower(tag: str) -> str:
    """A heading one level down: the page has the first one."""
    return f"h{min(6, int(tag[1]) + 1)}"


def _read(path: Path) -> str:
    with suppress(OSError, ValueError):
        return path.read_text(encoding="utf-8")[:_MAX_CARD]
    return ""


def fetch_cards() -> None:
    """Bring cards and scores of the published models here, where they are missing and the Hub can be reached. Small
    files; called beside the running page."""
    if PUBLISHED:
        from huggingface_hub import snapshot_download
    for entry in PUBLISHED.values():
        with suppress(Exception):  # a card is no reason to trouble anyone: the tab says that it is not here
            wanted = ["README.md", "scores*.json", "*.webp", "*.png", "*.jpg"]
            snapshot_download(entry.repo_id, revision=entry.revision, allow_patterns=wanted, etag_timeout=5)
