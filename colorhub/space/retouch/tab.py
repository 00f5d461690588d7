"""The tab Retouch: say which colour a thing has by clicking on it, and see it spread."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import gradio as gr

from colorhub.space.colorize.single import path_and_notes
from colorhub.space.retouch.session import RetouchSession, hints_from
from colorhub.space.shared.catalogue import listed, pipeline_of, short_label
from colorhub.space.shared.examples import example_buttons
from colorhub.space.shared.files import PhotoSession, forget
from colorhub.space.shared.limits import (
    GONE,
    KEEP_SESSION,
    RefusedError,
    error_messages,
    error_sentence,
    plain,
    still_here,
    upload_path,
)
from colorhub.space.shared.panel import (
    BARE,
    DOWNLOAD,
    ON_GPU,
    QUIET,
    about_model,
    fill_picker,
    model_picker,
    photo_box,
    vividness_slider,
)
from colorhub.space.shared.templates import html

if TYPE_CHECKING:
    from colorhub import Hint
    from colorhub.hub.loading import ModelInfo

_PLACEHOLDER = "# Drop a photo to retouch\nor click to choose one. Paste works too."
# retouch.js asks by these events; each kind of answer comes in a component of its own and is handed on to it.
_ASK = "retouch.start((event, asked) => trigger({draw: 'draw', run: 'run', point: 'point'}[event], asked))"
_HAND_ON = "watch('value', () => retouch.answer('{kind}', props.value))"
_NOW = "(...inputs) => [...inputs.slice(0, -1), retouch.hints()]"  # the last input: what the page shows at this moment
_SWITCH = "() => document.querySelector('#retouch-tab-button')?.click()"
_FOCUS = "() => setTimeout(retouch.focus, 200)"
_SHOWN = 8


class Retouch:
    """The components of the tab. ``opened``, ``drawn`` and ``suggested`` carry answers to retouch.js, ``now`` carries
    its hints here."""

    def __init__(self) -> None:
        self.session = gr.State(None, time_to_live=KEEP_SESSION, delete_callback=forget)
        desk = partial(html, "retouch/desk.html")
        with gr.Row(elem_id="retouch-models"):
            self.model = model_picker("retouch-model")
            self.about = gr.Markdown(elem_id="retouch-about", elem_classes="hint", container=False)
        with gr.Column(elem_id="retouch-empty") as self.empty:
            gr.HTML(desk("intro"), **BARE)
            self.photo = photo_box("retouch-photo", "Photo to retouch", _PLACEHOLDER, 400, elem_classes="drop")
            self.examples = example_buttons("retouch-examples")
        with gr.Column(visible=False, elem_id="retouch-answer") as self.answer:
            with gr.Row(elem_id="retouch-desk"):
                with gr.Column(scale=3, min_width=320):
                    self.stage = gr.HTML(desk("picture"), js_on_load=_ASK, elem_id="retouch-top", **BARE)
                    gr.HTML(desk("bar"), js_on_load="retouch.mount()", elem_id="retouch-hints", **BARE)
                with gr.Column(scale=1, min_width=290):
                    gr.HTML(desk("colors"), js_on_load="retouch.mount()", **BARE)
            self.note = gr.Markdown(elem_id="retouch-note", elem_classes="hint")
            self.vividness = vividness_slider("retouch-vividness")
            with gr.Row(elem_id="retouch-actions"):
                self.download = gr.Button("Download full size", variant="primary", elem_id="retouch-download")
                self.save = gr.Button("Save hints", variant="secondary", elem_id="retouch-save")
                self.load = gr.UploadButton(
                    "Load hints", variant="secondary", file_types=[".json"], elem_id="retouch-load"
                )
                self.another = gr.Button("Another photo", variant="secondary", elem_id="retouch-another")
        self.opened, self.drawn, self.suggested = (
            gr.HTML(html_template="<i></i>", js_on_load=_HAND_ON.replace("{kind}", kind), visible="hidden", **BARE)
            for kind in ("opened", "drawn", "suggested")
        )
        self.now, self.file = gr.Textbox(visible=False), gr.File(visible=False)

    @property
    def shown(self) -> list[Any]:
        """The components that a photo changes, in the order of :func:`_show`."""
        return [self.session, self.empty, self.answer, self.note, self.model, self.about, self.vividness, self.opened]


def tab() -> Retouch:
    """Build the tab inside an open ``gr.Tabs()``."""
    with gr.Tab("Retouch", id="retouch", elem_id="retouch-tab") as page:
        parts = Retouch()
    _wire_photo(parts)
    _wire_hints(parts)
    page.select(fill_models, [parts.model, parts.session], [parts.model, parts.about], queue=False, **QUIET)
    return parts


def take_over(button: gr.Button, session: gr.State, vividness: gr.Slider, parts: Retouch) -> None:
    """Let a button bring the photo of another tab's session here, with its model and vividness."""
    switched = button.click(None, None, None, js=_SWITCH, **QUIET)
    inputs = [parts.session, session, vividness]
    taken = switched.then(open_taken, inputs, parts.shown, show_progress_on=parts.photo, **ON_GPU)
    taken.success(None, None, None, js=_FOCUS, **QUIET)


def _wire_photo(parts: Retouch) -> None:
    inputs = [parts.session, parts.model, parts.vividness]
    first: dict[str, Any] = {"outputs": parts.shown, "show_progress_on": parts.photo, **ON_GPU}
    uploaded = parts.photo.input(open_upload, [parts.photo, *inputs], preprocess=False, **first)
    uploaded.failure(lambda: None, None, parts.photo, **QUIET)
    examples = [button.click(partial(open_file, path), inputs, **first) for button, path in parts.examples]
    for event in (uploaded, *examples):
        event.success(None, None, None, js=_FOCUS, **QUIET)
    parts.model.input(change_model, inputs, parts.shown, show_progress_on=parts.stage, **ON_GPU)
    parts.another.click(start_over, parts.session, [*parts.shown, parts.photo], **QUIET)


def _wire_hints(parts: Retouch) -> None:
    # retouch.js asks for the next drawing when it has an answer, before gradio counts the event as over.
    drawn: dict[str, Any] = {"fn": draw, "inputs": [parts.session, parts.vividness], "outputs": parts.drawn}
    drawn |= {"trigger_mode": "multiple", **QUIET}
    for asked in (
        parts.stage.draw(queue=False, **drawn),
        parts.stage.run(**{**ON_GPU, **drawn}),  # models that take hints themselves
    ):
        asked.failure(None, None, None, js="() => retouch.failed()", **QUIET)
    parts.stage.point(suggest, parts.session, parts.suggested, queue=False, trigger_mode="always_last", **QUIET)
    parts.vividness.input(None, None, None, js="() => retouch.redraw(true)", **QUIET)
    parts.vividness.release(None, None, None, js="() => retouch.redraw()", **QUIET)
    written: dict[str, Any] = {"js": _NOW, "api_visibility": "private"}
    for event in (
        parts.download.click(
            full_size,
            [parts.session, parts.vividness, parts.now],
            parts.file,
            show_progress_on=parts.download,
            **written,
        ),
        parts.save.click(save_hints, [parts.session, parts.now], parts.file, show_progress="hidden", **written),
    ):
        event.success(None, parts.file, None, js=DOWNLOAD, **QUIET)
    parts.load.upload(load_hints, [parts.session, parts.load], parts.opened, preprocess=False, **QUIET)


def fill_models(current: str | None = None, session: RetouchSession | None = None) -> tuple[Any, str]:
    """Updates for the picker and the line about the chosen model."""
    current = current if session is None else session.model
    return fill_picker(current, lambda info: short_label(info, "" if info.on_disk else "needs network at first"))


@error_messages()
def open_upload(upload: Any, session: RetouchSession | None, *chosen: Any) -> list[Any]:
    """Colour what was just chosen and show it with its tools."""
    return open_file(upload_path(upload), session, *chosen) if upload else [gr.skip()] * _SHOWN


@error_messages()
def open_file(path: Path, session: RetouchSession | None, model: str | None, vividness: Any) -> list[Any]:
    """Colour a file and show it with its tools; the files of the session before are removed."""
    models = listed()
    opened = RetouchSession.of(pipeline_of(model, models), path)
    return _show(opened, session, vividness, models)


@error_messages()
def open_taken(session: RetouchSession | None, other: PhotoSession | None, vividness: Any) -> list[Any]:
    """Show the photo of the tab Colorize with the tools."""
    colored, models = still_here(other).colored, listed()
    opened = RetouchSession.taken(pipeline_of(colored.model, models), colored)
    return _show(opened, session, vividness, models)


@error_messages()
def change_model(session: RetouchSession | None, model: str | None, vividness: Any) -> list[Any]:
    """Colour the same photo with another model; its hints stay. Nothing happens where it is the same one (gradio 6.31
    tells of a choice from a list twice)."""
    if session is None:
        return [*[gr.skip()] * 5, about_model(model), gr.skip(), gr.skip()]
    if session.model == model:
        return [gr.skip()] * _SHOWN
    models = listed()
    return _show(session.with_model(pipeline_of(model, models)), session, vividness, models)


def _show(
    session: RetouchSession, before: RetouchSession | None, vividness: Any, models: "list[ModelInfo]"
) -> list[Any]:
    forget(before)
    return [
        session,
        gr.update(visible=False),
        gr.update(visible=True),
        "\n\n".join(map(plain, session.lines)),
        gr.update(value=session.model),
        about_model(session.model, models),
        vividness,
        json.dumps({"kind": "opened", **session.opened(vividness)}),
    ]


def draw(session: RetouchSession | None, vividness: Any, event: gr.EventData) -> str:
    """The picture with the hints that the page sends."""
    sent = _sent(event)

    def answer() -> dict[str, Any]:
        session_now, hints = _checked(session, sent)
        return session_now.draw(hints, vividness, sent.get("longest"))

    return _answer(sent, answer)


def suggest(session: RetouchSession | None, event: gr.EventData) -> str:
    """Colours to choose from for a place of the picture."""
    sent = _sent(event)
    return _answer(sent, lambda: _checked(session, sent)[0].suggest(sent.get("x"), sent.get("y")))


@error_messages()
def full_size(session: RetouchSession | None, vividness: Any, now: Any) -> str:
    """Write the file to download."""
    session, hints = _checked(session, _parsed(now))
    return path_and_notes(session.download(hints, vividness))


@error_messages()
def save_hints(session: RetouchSession | None, now: Any) -> str:
    """Write the page's hints into a file to download."""
    session, hints = _checked(session, _parsed(now))
    if not hints:
        raise RefusedError("There is no hint to save yet.")
    return str(session.save(hints))


@error_messages()
def load_hints(session: RetouchSession | None, upload: Any) -> str:
    """The hints of a file, for the page."""
    session = still_here(session)
    # Marked, because the page hears of changes only: the same file may be loaded twice.
    return json.dumps({"kind": "loaded", "mark": token_hex(4), **session.load(upload_path(upload))})


def start_over(session: RetouchSession | None) -> list[Any]:
    """Back to the drop target."""
    forget(session)
    skip, closed = gr.skip(), json.dumps({"kind": "closed"})
    return [None, gr.update(visible=True), gr.update(visible=False), "", skip, skip, skip, closed, None]


def _sent(event: gr.EventData) -> dict[str, Any]:
    return event._data if isinstance(event._data, dict) else {}


def _answer(sent: dict[str, Any], answer: Callable[[], dict[str, Any]]) -> str:
    """For retouch.js: an answer, or the sentence that says why there is none. Events that go past the queue, to be
    quick, cannot show a message themselves."""
    about = {key: sent.get(key) for key in ("photo", "number")}
    try:
        return json.dumps({**about, **answer()})
    except Exception as error:
        return json.dumps({**about, "problem": error_sentence(error)})


def _checked(session: RetouchSession | None, sent: dict[str, Any]) -> "tuple[RetouchSession, list[Hint]]":
    """The session, if it holds the photo that the page shows, and the page's hints."""
    if session is None or sent.get("photo") != session.photo:
        raise RefusedError(GONE)
    return session, hints_from(sent.get("hints"), session.size)


def _parsed(text: Any) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        found = {}
    return found if isinstance(found, dict) else {}
