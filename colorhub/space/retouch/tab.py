"""The tab Retouch: say which colour a thing has by clicking on it, and see it spread."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import gradio as gr

from colorhub.space.colorize.single import SAVE
from colorhub.space.retouch.components import Retouch, build
from colorhub.space.retouch.session import Retouched, hints_from
from colorhub.space.shared.catalogue import NO_MODELS, SHELF, default_model, find, listed, loading
from colorhub.space.shared.limits import (
    GONE,
    RefusedError,
    in_words,
    plain,
    received,
    sentence,
    tell,
)
from colorhub.space.shared.panel import about_model
from colorhub.space.shared.session import Session, forget

if TYPE_CHECKING:
    from colorhub import ColorizationPipeline, Hint
    from colorhub.hub.loading import ModelInfo

_NOW = "(...inputs) => [...inputs.slice(0, -1), retouch.hints()]"  # the last input: what the page shows at this moment
_SWITCH = "() => document.querySelector('#retouch-tab-button')?.click()"
_FOCUS = "() => setTimeout(retouch.focus, 200)"
_SHOWN = 8
_QUIET = {"api_visibility": "private", "show_progress": "hidden"}
_NETWORK = {"concurrency_id": "gpu", "concurrency_limit": 1, "api_visibility": "private"}


def tab() -> Retouch:
    """Build the tab inside an open ``gr.Tabs()``."""
    with gr.Tab("Retouch", id="retouch", elem_id="retouch-tab") as page:
        parts = build()
    _wire_photo(parts)
    _wire_hints(parts)
    page.select(fill_models, [parts.model, parts.session], [parts.model, parts.about], queue=False, **_QUIET)
    return parts


def take_over(button: gr.Button, session: gr.State, vividness: gr.Slider, parts: Retouch) -> None:
    """Let a button bring the photo of another tab's session here, with its model and vividness."""
    switched = button.click(None, None, None, js=_SWITCH, **_QUIET)
    asked = [parts.session, session, vividness]
    taken = switched.then(open_taken, asked, parts.shown, show_progress_on=parts.photo, **_NETWORK)
    taken.success(None, None, None, js=_FOCUS, **_QUIET)


def _wire_photo(parts: Retouch) -> None:
    asked = [parts.session, parts.model, parts.actions.vividness]
    first = {"outputs": parts.shown, "show_progress_on": parts.photo, **_NETWORK}
    chosen = parts.photo.input(open_upload, [parts.photo, *asked], preprocess=False, **first)
    chosen.success(None, None, None, js=_FOCUS, **_QUIET)
    chosen.failure(lambda: None, None, parts.photo, **_QUIET)
    for button, path in parts.examples:
        button.click(partial(open_file, path), asked, **first).success(None, None, None, js=_FOCUS, **_QUIET)
    parts.model.input(change_model, asked, parts.shown, show_progress_on=parts.stage, **_NETWORK)
    parts.actions.another.click(start_over, parts.session, [*parts.shown, parts.photo], **_QUIET)


def _wire_hints(parts: Retouch) -> None:
    # retouch_link.js asks for the next drawing when it has an answer, before gradio counts the event as over.
    drawn = {"fn": draw, "inputs": [parts.session, parts.actions.vividness], "outputs": parts.mail.drawn}
    drawn |= {"trigger_mode": "multiple", **_QUIET}
    for asked in (
        parts.stage.draw(queue=False, **drawn),
        parts.stage.run(concurrency_id="gpu", concurrency_limit=1, **drawn),  # models that take hints themselves
    ):
        asked.failure(None, None, None, js="() => retouch.failed()", **_QUIET)
    parts.stage.point(suggest, parts.session, parts.mail.suggested, queue=False, trigger_mode="always_last", **_QUIET)
    actions, now = parts.actions, parts.mail.now
    actions.vividness.input(None, None, None, js="() => retouch.redraw(true)", **_QUIET)
    actions.vividness.release(None, None, None, js="() => retouch.redraw()", **_QUIET)
    saved = actions.download.click(
        full_size,
        [parts.session, actions.vividness, now],
        parts.file,
        js=_NOW,
        api_visibility="private",
        show_progress_on=actions.download,
    )
    saved.success(None, parts.file, None, js=SAVE, **_QUIET)
    kept = actions.save.click(save_hints, [parts.session, now], parts.file, js=_NOW, **_QUIET)
    kept.success(None, parts.file, None, js=SAVE, **_QUIET)
    actions.load.upload(load_hints, [parts.session, actions.load], parts.mail.opened, preprocess=False, **_QUIET)


def fill_models(current: str | None = None, session: Retouched | None = None) -> tuple[Any, str]:
    """Updates for the picker and the line about the chosen model."""
    current = current if session is None else session.model
    models = listed()
    if not models:
        return gr.update(choices=[], value=None, info="", visible=False), NO_MODELS
    names = [info.name for info in models]
    chosen = current if current in names else default_model(models)
    choices = [(info.name if info.on_disk else f"{info.name} (needs network at first)", info.name) for info in models]
    return gr.update(choices=choices, value=chosen, info=""), about_model(chosen, models)


def open_upload(upload: Any, session: Retouched | None, *asked: Any) -> list[Any]:
    """Colour what was just chosen and put it on the desk."""
    if not upload:
        return [gr.skip()] * _SHOWN
    with in_words():
        return open_file(received(upload), session, *asked)


def open_file(path: Path, session: Retouched | None, model: str | None, vividness: Any) -> list[Any]:
    """Colour a file and put it on the desk; the files of the session before are removed."""
    with in_words():
        models = listed()
        opened = Retouched.of(_pipeline(model, models), path)
        forget(session)
        return _show(opened, vividness, models)


def open_taken(session: Retouched | None, other: Session | None, vividness: Any) -> list[Any]:
    """Put the photo of the tab Colorize on the desk."""
    with in_words():
        if other is None:
            raise RefusedError(GONE)
        models = listed()
        opened = Retouched.taken(_pipeline(other.colored.model, models), other.colored)
        forget(session)
        return _show(opened, vividness, models)


def change_model(session: Retouched | None, model: str | None, vividness: Any) -> list[Any]:
    """Colour the same photo with another model; its hints stay. Nothing happens where it is the same one (gradio 6.31
    tells of a choice from a list twice)."""
    with in_words():
        if session is None:
            return [*[gr.skip()] * 5, about_model(model), gr.skip(), gr.skip()]
        if session.model == model:
            return [gr.skip()] * _SHOWN
        models = listed()
        changed = session.with_model(_pipeline(model, models))
        forget(session)
        return _show(changed, vividness, models)


def _pipeline(model: str | None, models: "list[ModelInfo]") -> "ColorizationPipeline":
    info = find(model, models)
    tell(loading(info))
    return SHELF.pipeline(info)


def _show(session: Retouched, vividness: Any, models: "list[ModelInfo]") -> list[Any]:
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


def draw(session: Retouched | None, vividness: Any, event: gr.EventData) -> str:
    """The picture with the hints that the page sends."""
    asked = _asked(event)

    def answer() -> dict[str, Any]:
        kept, hints = _sent(session, asked)
        return kept.draw(hints, vividness, asked.get("longest"))

    return _answered(asked, answer)


def suggest(session: Retouched | None, event: gr.EventData) -> str:
    """Colours to choose from for a place of the picture."""
    asked = _asked(event)
    return _answered(asked, lambda: _sent(session, asked)[0].suggest(asked.get("x"), asked.get("y")))


def full_size(session: Retouched | None, vividness: Any, now: Any) -> str:
    """Write the file to download."""
    with in_words():
        kept, hints = _sent(session, _parsed(now))
        written = kept.download(hints, vividness)
        for note in written.notes:
            gr.Info(plain(note), duration=12)
        return str(written.path)


def save_hints(session: Retouched | None, now: Any) -> str:
    """Write the page's hints into a file to download."""
    with in_words():
        kept, hints = _sent(session, _parsed(now))
        if not hints:
            raise RefusedError("There is no hint to save yet.")
        return str(kept.saved(hints))


def load_hints(session: Retouched | None, upload: Any) -> str:
    """The hints of a file, for the page."""
    with in_words():
        if session is None:
            raise RefusedError(GONE)
        # Marked, because the page hears of changes only: the same file may be loaded twice.
        return json.dumps({"kind": "loaded", "mark": token_hex(4), **session.loaded(received(upload))})


def start_over(session: Retouched | None) -> list[Any]:
    """Back to the drop target."""
    forget(session)
    skip = gr.skip()
    closed = json.dumps({"kind": "closed"})
    return [None, gr.update(visible=True), gr.update(visible=False), "", skip, skip, skip, closed, None]


def _asked(event: gr.EventData) -> dict[str, Any]:
    return event._data if isinstance(event._data, dict) else {}


def _answered(asked: dict[str, Any], answer: Callable[[], dict[str, Any]]) -> str:
    """For retouch.js: an answer, or the sentence that says why there is none. Events that go past the queue, to be
    quick, cannot show a message themselves."""
    about = {key: asked.get(key) for key in ("photo", "number")}
    try:
        return json.dumps({**about, **answer()})
    except Exception as error:
        return json.dumps({**about, "problem": sentence(error)})


def _sent(session: Retouched | None, sent: dict[str, Any]) -> "tuple[Retouched, list[Hint]]":
    """The session, if it holds the photo that the page shows, and the page's hints, checked."""
    if session is None or sent.get("photo") != session.photo:
        raise RefusedError(GONE)
    return session, hints_from(sent.get("hints"), session.size)


def _parsed(text: Any) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        found = {}
    return found if isinstance(found, dict) else {}
