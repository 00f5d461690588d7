"""The pictures of a comparison as HTML: a grid whose frames viewer.js zooms and moves together."""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from colorhub.space.compare.comparison import GREY, SENT, Answer, Comparison
from colorhub.space.shared.catalogue import SHELF, describe, folder_of

if TYPE_CHECKING:
    from colorhub.hub.loading import ModelInfo

# Static, so that a button keeps the focus while pictures come in below it.
TOOLBAR = """
<div class="zoom-bar" role="group" aria-label="Zoom of all pictures">
  <button type="button" data-zoom="out" aria-label="Zoom out" title="Zoom out (-)">&minus;</button>
  <output id="zoom-level" aria-live="polite">100 %</output>
  <button type="button" data-zoom="in" aria-label="Zoom in" title="Zoom in (+)">+</button>
  <button type="button" data-zoom="whole" title="Show the whole picture (0)">Whole picture</button>
  <span class="zoom-hint hint">All pictures move as one: <span class="for-mouse">wheel, drag, or + &minus; 0 and the
  arrow keys.</span><span class="for-touch">pinch and drag.</span></span>
</div>
"""
_WORDS = {
    GREY: "what every model sees",
    SENT: "the photo has colours of its own: no model saw them",
}


def grid(comparison: Comparison, working: str = "") -> str:
    """The grid: the grey photo, one frame for every model, and the photo in its own colours if it has any.

    Args:
        working: the model that is at work.
    """
    width, height = comparison.size
    column = round(
        300 * min(1.1, max(0.7, (width / height) ** 0.5))
    )  # pixels: upright photos stand in narrower columns
    label = "The photo and its answers. Plus and minus zoom all pictures, the arrow keys move them, 0 shows the whole."
    return (
        f'<div id="compare-grid" role="group" tabindex="0" aria-label="{label}" data-photo="{comparison.folder.name}"'
        f' style="--shape: {width} / {height}; --column: {column}px">{"".join(_figures(comparison, working))}</div>'
    )


def card_link(model: str) -> str:
    """A link to a model's card in the tab Models; gallery.js follows it."""
    return f'<a class="card-link" href="#model={quote(model)}" aria-label="Card of {escape(model)}">Card</a>'


def file_url(path: Path) -> str:
    """Where the page finds a file of its own folders."""
    return f"gradio_api/file={quote(str(path))}"


def _figures(comparison: Comparison, working: str) -> Iterator[str]:
    references = dict(comparison.references)
    yield _figure(GREY, _picture(references.pop(GREY), GREY), "", _WORDS[GREY])
    for info in comparison.models:
        answer = comparison.answers.get(info.name)
        yield _pending(info, working) if answer is None else _answered(answer)
    for name, path in references.items():
        yield _figure(name, _picture(path, name), "", _WORDS[name])


def _answered(answer: Answer) -> str:
    if answer.picture is None:
        inside = f'<p class="problem">{escape(answer.problem)}</p>'
        return _figure(answer.model, inside, "", answer.about, "failed", card=True)
    picture = _picture(answer.picture, f"Answer of {answer.model}")
    return _figure(answer.model, picture, answer.time, answer.about, card=True)


def _pending(info: "ModelInfo", working: str) -> str:
    words = _at_work(info) if info.name == working else "waiting"
    state = "working" if info.name == working else "waiting"
    return _figure(info.name, f'<p class="pending">{words}</p>', "", describe(info), state, card=True)


def _at_work(info: "ModelInfo") -> str:
    if info.name in SHELF.held():
        return "colouring…"
    return "downloading…" if folder_of(info) is None else "loading and colouring…"


def _picture(path: Path, text: str) -> str:
    return f'<img src="{escape(file_url(path))}" alt="{escape(text)}" draggable="false">'


def _figure(name: str, inside: str, time: str, about: str, state: str = "done", card: bool = False) -> str:
    timed = f'<span class="time">{escape(time)}</span>' if time else ""
    link = card_link(name) if card else ""
    return (
        f'<figure data-answer="{escape(name)}" class="{state}"><div class="frame">{inside}</div>'
        f'<figcaption><span class="name">{escape(name)}</span>{timed}{link}'
        f'<span class="about">{escape(about)}</span></figcaption></figure>'
    )
