"""One photo: a drop target that becomes a before/after slider."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from colorhub.settings import FIELDS
from colorhub.space.colorize import alternatives
from colorhub.space.shared.catalogue import listed, pipeline_of
from colorhub.space.shared.examples import example_buttons
from colorhub.space.shared.files import PhotoSession, forget
from colorhub.space.shared.jobs import Written, colorize_upload
from colorhub.space.shared.limits import DRAFT, KEEP_SESSION, PREVIEW, error_messages, plain, still_here, upload_path
from colorhub.space.shared.panel import (
    DOWNLOAD,
    ON_GPU,
    QUIET,
    SettingsPanel,
    before_after,
    photo_box,
    settings,
    vividness_slider,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from colorhub.hub.loading import ModelInfo

_PLACEHOLDER = "# Drop a black-and-white photo\nor click to choose one. Paste and camera work too."
_SHOWN = 9 + alternatives.SHOWN  # components that show an answer
# The drop target that had the focus is gone. Whoever is elsewhere on the page by now is left in peace.
_FOCUS_RESULT = """() => {
  setTimeout(() => {
    const now = document.activeElement;
    if (now && now !== document.body && !now.closest('#empty')) return;
    document.querySelector('#download')?.focus({preventScroll: true});
  }, 100);
}"""


class SinglePhoto:
    """The components of the stage for one photo."""

    def __init__(self) -> None:
        self.session = gr.State(None, time_to_live=KEEP_SESSION, delete_callback=forget)
        with gr.Column(elem_id="empty") as self.empty:
            sources = ["upload", "clipboard", "webcam"]
            self.photo = photo_box("photo", "Your photo", _PLACEHOLDER, 440, sources=sources)
            self.examples = example_buttons()
        with gr.Column(visible=False, elem_id="answer") as self.answer:
            self.result = before_after("result", "Before and after")
            self.more = alternatives.Alternatives()
            self.vividness = vividness_slider("vividness")
            self.status = gr.Markdown(elem_id="status", elem_classes="hint")
            with gr.Row(elem_id="actions"):
                self.download = gr.Button("Download full size", variant="primary", elem_id="download")
                self.anew = gr.Button("Colour it anew", variant="primary", visible=False, elem_id="anew")
                self.leave = gr.Button("Leave it as it is", variant="secondary", visible=False, elem_id="leave")
                self.retouch = gr.Button("Retouch", variant="secondary", elem_id="to-retouch")
                self.another = gr.Button("Another photo", variant="secondary", elem_id="another")
        self.file = gr.File(visible=False)

    @property
    def shown(self) -> list[Any]:
        """The components that a photo changes, in the order of :func:`_show`."""
        shown = [self.session, self.empty, self.answer, self.result, self.vividness, self.status, self.anew, self.leave]
        return [*shown, self.download, *self.more.shown]


def wire(one: SinglePhoto, panel: SettingsPanel) -> None:
    """Connect the stage with the settings."""
    chosen = [one.session, *panel.inputs(one.vividness)]
    first: dict[str, Any] = {"outputs": one.shown, "show_progress_on": one.photo, "preprocess": False, **ON_GPU}
    uploaded = one.photo.input(color_upload, [one.session, one.photo, *chosen[1:]], **first)
    uploaded.failure(lambda: None, None, one.photo, **QUIET)
    examples = [button.click(partial(color_file, path), chosen, **first) for button, path in one.examples]
    for event in (uploaded, *examples):
        event.success(None, None, None, js=_FOCUS_RESULT, **QUIET)
    again: dict[str, Any] = {"fn": color_again, "inputs": chosen, **first, "show_progress_on": one.result}
    for setting in (panel.model, *panel.advanced):
        setting.input(**again)
    one.anew.click(lambda: "recolor", None, panel.in_color, **QUIET).then(**again)
    one.leave.click(lambda: "keep", None, panel.in_color, **QUIET).then(**again)
    now = [one.session, one.vividness]
    move: dict[str, Any] = {"outputs": one.result, "trigger_mode": "always_last", "queue": False, **QUIET}
    one.vividness.input(partial(change_vividness, DRAFT), now, **move)
    one.vividness.release(partial(change_vividness, PREVIEW), now, **move)
    saved = one.download.click(full_size, now, one.file, api_visibility="private", show_progress_on=one.download)
    saved.success(None, one.file, None, js=DOWNLOAD, **QUIET)
    one.another.click(start_over, one.session, [*one.shown, one.photo, panel.in_color], **QUIET)
    alternatives.wire(one.more, one.session, one.vividness, one.result, one.status)


@error_messages()
def color_upload(session: PhotoSession | None, upload: Any, *chosen: Any) -> list[Any]:
    """Colour what was just chosen and turn the drop target into the slider."""
    return color_file(upload_path(upload), session, *chosen) if upload else [gr.skip()] * _SHOWN


@error_messages()
def color_file(path: Path, session: PhotoSession | None, *chosen: Any) -> list[Any]:
    """Colour a file; the files of the session before are removed."""
    wanted, models = settings(*chosen), listed()
    session_now = PhotoSession(colorize_upload(pipeline_of(wanted.model, models), path, wanted))
    forget(session)
    return _show(session_now, wanted.vividness, models)


@error_messages()
def color_again(session: PhotoSession | None, *chosen: Any) -> list[Any]:
    """Colour the same photo with other settings; nothing happens while there is none, nor where they are the same
    (gradio 6.31 tells of a choice from a list twice)."""
    if session is None or session.first.is_made_with(settings(*chosen)):
        return [gr.skip()] * _SHOWN
    return color_file(session.colored.path, session, *chosen)


@error_messages()
def change_vividness(longest: int, session: PhotoSession | None, vividness: float) -> Any:
    """Only composes: the colour layer is kept. Small while the slider moves, larger when it is let go."""
    if session is None or session.colored.passed_through:
        return gr.skip()
    return session.show(vividness, longest)


@error_messages()
def full_size(session: PhotoSession | None, vividness: float) -> str:
    """Write the file to download."""
    return path_and_notes(still_here(session).download(vividness))


def path_and_notes(written: Written) -> str:
    """The path of a file to download; what should be said about writing it is shown on the page."""
    for note in written.notes:
        gr.Info(plain(note), duration=12)
    return str(written.path)


def start_over(session: PhotoSession | None) -> list[Any]:
    """Back to the drop target."""
    forget(session)
    skip, hide = gr.skip(), gr.update(visible=False)
    shown = [None, gr.update(visible=True), hide, None, skip, "", hide, hide, skip, *alternatives.hidden()]
    return [*shown, None, FIELDS["in_color"].default]


def _show(session: PhotoSession, vividness: float, models: "Sequence[ModelInfo]") -> list[Any]:
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
