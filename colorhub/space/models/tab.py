"""The tab Models: scores of all models as tables and plots, and each model's card. Made when the tab is opened."""

from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from colorhub.space.models.cards import card
from colorhub.space.models.plots import plots
from colorhub.space.models.score_table import meanings, table
from colorhub.space.models.scores import Board, boards, unmeasured
from colorhub.space.shared.catalogue import NO_MODELS, default_model, describe, folder_of, listed
from colorhub.space.shared.limits import RefusedError, error_messages
from colorhub.space.shared.panel import BARE, QUIET
from colorhub.space.shared.templates import html

if TYPE_CHECKING:
    from collections.abc import Sequence

    from colorhub.hub.loading import ModelInfo

# gallery.js asks for a card by an event of its own; this hands it on to the server.
_LISTEN = "element.addEventListener('card', (event) => trigger('click', {model: event.detail}))"
_SHOW_CARD = """() => setTimeout(() => {
  const card = document.querySelector('#card .card');
  card?.focus({preventScroll: true});
  card?.scrollIntoView({block: 'start'});
}, 100)"""


def tab() -> None:
    """Build the tab inside an open ``gr.Tabs()``."""
    with gr.Tab("Models", id="models", elem_id="models-tab") as page:
        pick = gr.Dropdown([], label="Card of", elem_id="card-pick", filterable=False, interactive=True, visible=False)
        scores = gr.HTML('<p class="hint">Looking for models…</p>', elem_id="scores", js_on_load=_LISTEN, **BARE)
        shown = gr.HTML(elem_id="card", **BARE)
    page.select(fill, pick, [scores, pick], queue=False, **QUIET)
    opened = scores.click(open_card, None, [pick, shown], queue=False, **QUIET)
    opened.success(None, None, None, js=_SHOW_CARD, queue=False, **QUIET)
    picked = pick.input(shown_card, pick, shown, queue=False, **QUIET)
    picked.success(None, None, None, js=_SHOW_CARD, queue=False, **QUIET)


def fill(current: str | None = None) -> tuple[str, Any]:
    """The tables and plots, and an update of the list of cards."""
    models = listed()
    names = [info.name for info in models]
    pick = gr.update(choices=names, value=current if current in names else None, visible=bool(names))
    return page_of(models), pick


def open_card(event: gr.EventData) -> tuple[Any, str]:
    """The card that a link asks for."""
    name = str(event._data.get("model", "")) if isinstance(event._data, dict) else ""
    return gr.update(value=name), shown_card(name)


@error_messages()
def shown_card(name: str | None) -> str:
    """A listed model's card as HTML."""
    found = [info for info in listed() if info.name == name]
    if not found:
        raise RefusedError(f"There is no model {str(name)[:80]!r} here. Please choose one of the list.")
    return card(found[0])


def page_of(models: "Sequence[ModelInfo]") -> str:
    """All of the tab between the list of cards and the card, as HTML."""
    if not models:
        return f'<div class="board"><p class="hint">{escape(NO_MODELS.replace("**", "").replace("`", ""))}</p></div>'
    found = boards(models)
    sections = [
        {
            "title": _title(board),
            "protocol": board.protocol,
            "table": table(board, number, default_model(models)),
            "meanings": meanings(board),
            "plots": plots(board),
        }
        for number, board in enumerate(found)
    ]
    return html("models/scores.html", "page", sections, [(i.name, _about(i)) for i in unmeasured(models, found)])


def _title(board: Board) -> str:
    pictures = f"{board.pictures:,} pictures" if board.pictures else "Pictures"
    return f"{pictures} of {board.source}" if board.source else pictures


def _about(info: "ModelInfo") -> str:
    return f"{describe(info)} · not on this machine" if folder_of(info) is None else describe(info)
