"""One photo: a drop target that becomes a before/after slider."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from colorhub.settings import FIELDS
from colorhub.space.colorize import alternatives
from colorhub.space.shared.catalogue import SHELF, find, listed, loading
from colorhub.space.shared.examples import example_photos
from colorhub.space.shared.jobs import colorize_upload
from colorhub.space.shared.limits import (
    DRAFT,
    GONE,
    KEEP_SESSION,
    PREVIEW,
    RefusedError,
    in_words,
    plain,
    received,
    tell,
)
from colorhub.space.shared.panel import Panel, settings, vividness_slider
from colorhub.space.shared.photo_box import photo_box
from colorhub.space.shared.session import Session, forget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from colorhub.hub.loading import ModelInfo

_PLACEHOLDER = "# Drop a black-and-white photo\nor click to choose one. Paste and camera work too."
_SHOWN = 9 + alternatives.SHOWN  # components that show an answer
SAVE = """(file) => {
  const link = Object.assign(document.createElement('a'), {href: file.url, download: file.orig_name});
  link.click();
}"""
# The drop target that had the focus is gone. Whoever is elsewhere on the page by now is left in peace.
_FOCUS_RESULT = """() => {
  setTimeout(() => {
    const now = document.activeElement;
    if (now && now !== document.body && !now.closest('#empty')) return;
    document.querySelector('#download')?.focus({preventScroll: true});
  }, 100);
}"""


@dataclass(frozen=True)
class Single:
    """The components of the one-photo stage."""

    session: gr.State
    empty: gr.Column
    photo: gr.Image
    examples: list[tuple[gr.Button, Path]]
    answer: gr.Column
    result: gr.ImageSlider
    vividness: gr.Slider
    status: gr.Markdown
    anew: gr.Button
    leave: gr.Button
    download: gr.Button
    retouch: gr.Button
    another: gr.Button
    file: gr.File
    more: alternatives.Alternatives


def build_single() -> Single:
    """Put the stage on the page."""
    session = gr.State(None, time_to_live=KEEP_SESSION, delete_callback=forget)
    with gr.Column(elem_id="empty") as empty:
        photo = photo_box("photo", "Your photo", _PLACEHOLDER, 440, sources=("upload", "clipboard", "webcam"))
        examples = build_examples()
    with gr.Column(visible=False, elem_id="answer") as answer:
        result = gr.ImageSlider(
            label="Before and after",
            show_label=False,
            interactive=False,
            type="filepath",
            max_height=640,
            buttons=["fullscreen"],
            elem_id="result",
        )
        more = alternatives.build_alternatives()
        vividness = vividness_slider("vividness")
        status = gr.Markdown(elem_id="status", elem_classes="hint")
        with gr.Row(elem_id="actions"):
            download = gr.Button("Download full size", variant="primary", elem_id="download")
            anew = gr.Button("Colour it anew", variant="primary", visible=False, elem_id="anew")
            leave = gr.Button("Leave it as it is", variant="secondary", visible=False, elem_id="leave")
            retouch = gr.Button("Retouch", variant="secondary", elem_id="to-retouch")
            another = gr.Button("Another photo", variant="secondary", elem_id="another")
    file = gr.File(visible=False)
    return Single(
        session,
        empty,
        photo,
        examples,
        answer,
        result,
        vividness,
        status,
        anew,
        leave,
        download,
        retouch,
        another,
        file,
        more,
    )


def build_examples(elem_id: str = "examples") -> list[tuple[gr.Button, Path]]:
    """Put the example photographs on the page: buttons with the files they stand for."""
    photos = example_photos()
    if photos:
        gr.HTML('<p class="hint">No photo at hand? Try one of these.</p>', padding=False)
    with gr.Row(elem_id=elem_id, elem_classes="examples"):
        return [(gr.Button(path.stem, icon=str(path), min_width=72, elem_classes="example"), path) for path in photos]


def wire(one: Single, panel: Panel) -> None:
    """Connect the stage with the settings."""
    asked = panel.asked(one.vividness)
    shown = [one.session, one.empty, one.answer, one.result, one.vividness, one.status, one.anew, one.leave]
    shown += [one.download, *one.more.shown]
    network = {"concurrency_id": "gpu", "concurrency_limit": 1, "api_visibility": "private", "preprocess": False}
    quiet = {"api_visibility": "private", "show_progress": "hidden"}

    first = {"outputs": shown, "show_progress_on": one.photo, **network}

    chosen = one.photo.input(color_upload, [one.session, one.photo, *asked], **first)
    chosen.success(None, None, None, js=_FOCUS_RESULT, **quiet)
    chosen.failure(lambda: None, None, one.photo, **quiet)
    for button, path in one.examples:
        example = button.click(partial(color_file, path), [one.session, *asked], **first)
        example.success(None, None, None, js=_FOCUS_RESULT, **quiet)
    again = {
        "fn": color_again,
        "inputs": [one.session, *asked],
        "outputs": shown,
        "show_progress_on": one.result,
        **network,
    }
    for setting in (panel.model, *panel.advanced):
        setting.input(**again)
    one.anew.click(lambda: "recolor", None, panel.in_color, **quiet).then(**again)
    one.leave.click(lambda: "keep", None, panel.in_color, **quiet).then(**again)
    move = {"inputs": [one.session, one.vividness], "outputs": one.result, "trigger_mode": "always_last", **quiet}
    one.vividness.input(partial(change_vividness, DRAFT), queue=False, **move)
    one.vividness.release(partial(change_vividness, PREVIEW), queue=False, **move)
    saved = one.download.click(
        full_size, [one.session, one.vividness], one.file, api_visibility="private", show_progress_on=one.download
    )
    saved.success(None, one.file, None, js=SAVE, **quiet)
    one.another.click(start_over, one.session, [*shown, one.photo, panel.in_color], **quiet)
    alternatives.wire(one.more, one.session, one.vividness, one.result, one.status)


def color_upload(session: Session | None, upload: Any, *asked: Any) -> list[Any]:
    """Colour what was just chosen and turn the drop target into the slider."""
    if not upload:
        return [gr.skip()] * _SHOWN
    with in_words():
        return color_file(received(upload), session, *asked)


def color_file(path: Path, session: Session | None, *asked: Any) -> list[Any]:
    """Colour a file; the files of the session before are removed."""
    with in_words():
        wanted, models = settings(*asked), listed()
        info = find(wanted.model, models)
        tell(loading(info))
        session_now = Session(colorize_upload(SHELF.pipeline(info), path, wanted))
        forget(session)
        return _show(session_now, wanted.vividness, models)


def color_again(session: Session | None, *asked: Any) -> list[Any]:
    """Colour the same photo with other settings; nothing happens while there is none, nor where they are the same
    (gradio 6.31 tells of a choice from a list twice)."""
    with in_words():
        if session is None or session.first.is_made_with(settings(*asked)):
            return [gr.skip()] * _SHOWN
        return color_file(session.colored.path, session, *asked)


def change_vividness(longest: int, session: Session | None, vividness: float) -> Any:
    """Only composes: the colour layer is kept. Small while the slider moves, larger when it is let go."""
    if session is None or session.colored.passed_through:
        return gr.skip()
    with in_words():
        return session.show(vividness, longest)


def full_size(session: Session | None, vividness: float) -> str:
    """Write the file to download."""
    with in_words():
        if session is None:
            raise RefusedError(GONE)
        written = session.download(vividness)
        for note in written.notes:
            gr.Info(plain(note), duration=12)
        return str(written.path)


def start_over(session: Session | None) -> list[Any]:
    """Back to the drop target."""
    forget(session)
    hidden = gr.update(visible=False)
    gone = alternatives.hidden()
    return [
        None,
        gr.update(visible=True),
        hidden,
        None,
        gr.skip(),
        "",
        hidden,
        hidden,
        gr.skip(),
        *gone,
        None,
        FIELDS["in_color"].default,
    ]


def _show(session: Session, vividness: float, models: "Sequence[ModelInfo]") -> list[Any]:
    colored = session.colored
    left = colored.passed_through
    return [
        session,
        gr.update(visible=False),
        gr.update(visible=True),
        session.show(vividness),
        gr.update(visible=not left),
        alternatives.status(colored),
        gr.update(visible=left),
        gr.update(visible=colored.unsure),
        gr.update(visible=not left),
        *alternatives.offered(colored, models),
    ]
