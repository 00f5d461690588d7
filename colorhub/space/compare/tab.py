"""The tab Compare: one photo through several models; the answers stream in and are looked at side by side."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from colorhub._files import fitting
from colorhub.photo import ColorAnswer
from colorhub.space.compare.comparison import GREY, SENT, Comparison, chosen, chosen_at_first
from colorhub.space.compare.sheet import Tile, write_sheet
from colorhub.space.shared.catalogue import CACHE, NO_MODELS, describe, folder_of, listed, short_label
from colorhub.space.shared.examples import example_buttons
from colorhub.space.shared.files import file_url, forget
from colorhub.space.shared.jobs import open_photo
from colorhub.space.shared.limits import KEEP_SESSION, RefusedError, error_messages, plain, still_here, upload_path
from colorhub.space.shared.panel import BARE, DOWNLOAD, ON_GPU, QUIET, before_after, photo_box
from colorhub.space.shared.templates import html

if TYPE_CHECKING:
    from colorhub.hub.loading import ModelInfo

_PLACEHOLDER = "# Drop a photo\nor click to choose one. Paste works too."
_SHOW_PAIR = "Both pictures lie on top of each other: drag the line between them."
_REFERENCES = {GREY: "what every model sees", SENT: "the photo has colours of its own: no model saw them"}
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
Updates = dict[Any, Any]


class Compare:
    """The components of the tab."""

    def __init__(self) -> None:
        self.session = gr.State(None, time_to_live=KEEP_SESSION, delete_callback=forget)
        with gr.Row(elem_id="compare-bench"):
            with gr.Column(scale=1, min_width=300):
                self.photo = photo_box("compare-photo", "Photo to compare on", _PLACEHOLDER, 300, elem_classes="drop")
                self.examples = example_buttons("compare-examples")
            with gr.Column(scale=1, min_width=300):
                self.models = gr.CheckboxGroup(
                    [], label="Models", info="Looking for models…", show_select_all=True, elem_id="compare-models"
                )
                self.note = gr.Markdown(elem_id="compare-note", elem_classes="hint", visible=False)
                self.go = gr.Button("Compare", variant="primary", elem_id="compare-go")
                self.status = gr.Markdown(elem_id="compare-status", elem_classes="hint")
        with gr.Column(visible=False, elem_id="compare-answers") as self.answers:
            with gr.Tabs(elem_id="compare-views"):
                with gr.Tab("Side by side", id="grid"):
                    gr.HTML(TOOLBAR, **BARE)
                    self.grid = gr.HTML(elem_id="compare-pictures", **BARE)
                with gr.Tab("Two with a slider", id="pair"):
                    gr.Markdown(_SHOW_PAIR, elem_classes="hint")
                    with gr.Row(elem_id="pair-pick"):
                        self.left, self.right = _pair_picker("Left"), _pair_picker("Right")
                    self.pair = before_after("pair", "Two answers", elem_classes="mat")
            with gr.Row(elem_id="compare-actions"):
                self.sheet = gr.DownloadButton(
                    "Contact sheet", variant="primary", visible=False, elem_id="compare-sheet"
                )
                self.zip = gr.Button(
                    "All at full size (zip)", variant="secondary", visible=False, elem_id="compare-zip"
                )
        self.file = gr.File(visible=False)

    @property
    def shown(self) -> list[Any]:
        """The components that a comparison changes."""
        shown = [self.session, self.status, self.answers, self.grid, self.left, self.right, self.pair]
        return [*shown, self.sheet, self.zip]


def _pair_picker(side: str) -> gr.Dropdown:
    return gr.Dropdown(
        [], label=side, elem_id=f"pair-{side.lower()}", filterable=False, min_width=140, interactive=True
    )


def tab() -> None:
    """Build the tab inside an open ``gr.Tabs()``."""
    with gr.Tab("Compare", id="compare", elem_id="compare-tab") as page:
        parts = Compare()
    page.select(fill_models, parts.models, [parts.models, parts.note], queue=False, **QUIET)
    for button, path in parts.examples:
        button.click(partial(os.fspath, path), None, parts.photo, queue=False, **QUIET)
    given = [parts.session, parts.photo, parts.models]
    # Without gradio's progress: the page says in words how far it is, and shows what there is.
    parts.go.click(partial(run, parts), given, parts.shown, show_progress="hidden", preprocess=False, **ON_GPU)
    for picker in (parts.left, parts.right):
        picker.input(show_pair, [parts.session, parts.left, parts.right], parts.pair, queue=False, **QUIET)
    beside = {**ON_GPU, "concurrency_id": "album", "show_progress_on": parts.zip}
    saved = parts.zip.click(all_at_full_size, parts.session, parts.file, **beside)
    saved.success(None, parts.file, None, js=DOWNLOAD, **QUIET)


def grid(comparison: Comparison, working: str = "") -> str:
    """The pictures as HTML, whose frames viewer.js zooms and moves together: the grey photo, one frame for every model,
    and the photo in its own colours if it has any.

    Args:
        comparison: what there is so far.
        working: the model that is at work.
    """
    width, height = comparison.size
    frames = [
        (info.name, describe(info), comparison.answers.get(info.name), _at_work(info) if info.name == working else "")
        for info in comparison.models
    ]
    column = round(300 * min(1.1, max(0.7, (width / height) ** 0.5)))  # pixels: upright photos stand in narrower ones
    references = [(name, file_url(path), _REFERENCES[name]) for name, path in comparison.references.items()]
    return html(
        "compare/grid.html", "grid", comparison.folder.name, width, height, column, references, frames, file_url
    )


def _at_work(info: "ModelInfo") -> str:
    if info.name in CACHE.names():
        return "colouring…"
    return "downloading…" if folder_of(info) is None else "loading and colouring…"


def fill_models(current: list[str] | None = None) -> tuple[Any, Any]:
    """Updates for the list of models and for the line instead of it. What a visitor has ticked stays ticked."""
    models = listed()
    if not models:
        return gr.update(choices=[], value=[], visible=False), gr.update(value=NO_MODELS, visible=True)
    choices = [(_choice(info), info.name) for info in models]
    known = {info.name for info in models}
    kept = [name for name in current or [] if name in known]
    return gr.update(choices=choices, value=kept or chosen_at_first(models), info=""), gr.update(visible=False)


def run(parts: Compare, session: Comparison | None, upload: Any, names: Any) -> Iterator[Updates]:
    """Ask one model after the other; the page is brought up to date before and after each."""
    with error_messages():
        models = chosen(names)
        path = upload_path(upload)
        photo = open_photo(path)
        comparison = Comparison(path, photo, models)
        forget(session)
        for number, info in enumerate(models):
            words = f"{info.name} is at work: {number + 1} of {len(models)}."
            yield _update(parts, comparison, words, working=info.name, first=number == 0)
            comparison.ask(info, photo)
        yield _finish(parts, comparison)


def _update(parts: Compare, comparison: Comparison, words: str, working: str = "", first: bool = False) -> Updates:
    changed: Updates = {
        parts.session: comparison,
        parts.status: plain(words),
        parts.grid: grid(comparison, working),
    }
    if first:
        changed[parts.answers] = gr.update(visible=True)
        changed[parts.sheet] = changed[parts.zip] = gr.update(visible=False)
        changed[parts.pair] = None
        changed[parts.left] = changed[parts.right] = gr.update(choices=[], value=None)
    return changed


def _finish(parts: Compare, comparison: Comparison) -> Updates:
    changed = _update(parts, comparison, in_prose(comparison))
    done = [answer for answer in comparison.answers.values() if answer.picture is not None]
    if not done:
        return changed
    names = list(comparison.pictures)
    left, right = (names[1], names[2]) if len(done) > 1 else (names[0], names[1])
    changed[parts.left] = gr.update(choices=names, value=left)
    changed[parts.right] = gr.update(choices=names, value=right)
    changed[parts.pair] = show_pair(comparison, left, right)
    changed[parts.sheet] = gr.update(value=str(contact_sheet(comparison)), visible=True)
    changed[parts.zip] = gr.update(visible=True)
    return changed


@error_messages()
def show_pair(session: Comparison | None, left: str, right: str) -> tuple[str, str]:
    """Files for the slider between two of a comparison's pictures."""
    pictures = still_here(session).pictures
    if not {left, right} <= set(pictures):
        raise RefusedError("There is no such picture. Please choose one of those shown.")
    return str(pictures[left]), str(pictures[right])


def contact_sheet(comparison: Comparison) -> Path:
    """One picture with the grey photo and every answer, each with its name and time."""
    times = {name: answer.time for name, answer in comparison.answers.items()}
    tiles = [Tile(path, name, times.get(name, "")) for name, path in comparison.pictures.items()]
    return write_sheet(tiles, comparison.folder / fitting(comparison.path.stem, "-contact-sheet.jpg")).path


@error_messages()
def all_at_full_size(session: Comparison | None, progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008
    """Write the zip to download."""
    return str(still_here(session).write_zip(lambda name: progress(None, desc=name)))


def in_prose(comparison: Comparison) -> str:
    """What became of the photo, in plain words."""
    failed = [answer for answer in comparison.answers.values() if answer.picture is None]
    width, height = comparison.size
    done = len(comparison.answers) - len(failed)
    lines = [f"{done} {'answer' if done == 1 else 'answers'} for {width} x {height} pixels."]
    if failed:
        lines.append(f"{len(failed)} failed: {', '.join(answer.model for answer in failed)}.")
    if comparison.in_color is not ColorAnswer.NO:
        surely = "is" if comparison.in_color else "may be"
        lines.append(f"This photo {surely} in colour: the models saw only its lightness.")
    return " ".join([*lines, *comparison.notes])


def _choice(info: "ModelInfo") -> str:
    return short_label(info, "download" if folder_of(info) is None else "")
