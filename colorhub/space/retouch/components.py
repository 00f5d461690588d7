"""The components of the tab Retouch and where they stand."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from colorhub.space.colorize.single import build_examples
from colorhub.space.retouch.desk import INTRO, bar, stage, tools
from colorhub.space.shared.limits import KEEP_SESSION
from colorhub.space.shared.panel import vividness_slider
from colorhub.space.shared.photo_box import photo_box
from colorhub.space.shared.session import forget

_PLACEHOLDER = "# Drop a photo to retouch\nor click to choose one. Paste works too."
# retouch.js asks by these events; each kind of answer comes in a component of its own and is handed on to it.
_ASK = "retouch.start((event, asked) => trigger({draw: 'draw', run: 'run', point: 'point'}[event], asked))"
_HAND_ON = "watch('value', () => retouch.answer('{kind}', props.value))"
_KINDS = ("opened", "drawn", "suggested")


@dataclass(frozen=True)
class Mailboxes:
    """Components that carry answers to retouch.js, and ``now``, which carries its hints here."""

    opened: gr.HTML
    drawn: gr.HTML
    suggested: gr.HTML
    now: gr.Textbox


@dataclass(frozen=True)
class Actions:
    """What is below the picture."""

    vividness: gr.Slider
    download: gr.Button
    save: gr.Button
    load: gr.UploadButton
    another: gr.Button


@dataclass(frozen=True)
class Retouch:
    """The components of the tab."""

    session: gr.State
    model: gr.Dropdown
    about: gr.Markdown
    empty: gr.Column
    photo: gr.Image
    examples: list[tuple[gr.Button, Path]]
    desk: gr.Column
    stage: gr.HTML
    note: gr.Markdown
    actions: Actions
    mail: Mailboxes
    file: gr.File

    @property
    def shown(self) -> list[Any]:
        """The components that a photo changes, in the order of ``retouch._show``."""
        mail, vividness = self.mail.opened, self.actions.vividness
        return [self.session, self.empty, self.desk, self.note, self.model, self.about, vividness, mail]


def build() -> Retouch:
    """Put the tab's components on the page."""
    session = gr.State(None, time_to_live=KEEP_SESSION, delete_callback=forget)
    html = {"padding": False, "apply_default_css": False}
    with gr.Row(elem_id="retouch-models"):
        model = gr.Dropdown(
            [], label="Model", info="Looking for models…", elem_id="retouch-model", filterable=False, interactive=True
        )
        about = gr.Markdown(elem_id="retouch-about", elem_classes="hint", container=False)
    with gr.Column(elem_id="retouch-empty") as empty:
        gr.HTML(INTRO, **html)
        photo = photo_box("retouch-photo", "Photo to retouch", _PLACEHOLDER, 400, elem_classes="drop")
        examples = build_examples("retouch-examples")
    with gr.Column(visible=False, elem_id="retouch-answer") as desk:
        with gr.Row(elem_id="retouch-desk"):
            with gr.Column(scale=3, min_width=320):
                picture = gr.HTML(stage(), js_on_load=_ASK, elem_id="retouch-top", **html)
                gr.HTML(bar(), js_on_load="retouch.mount()", **html)
            with gr.Column(scale=1, min_width=290):
                gr.HTML(tools(), js_on_load="retouch.mount()", **html)
        note = gr.Markdown(elem_id="retouch-note", elem_classes="hint")
        actions = _build_actions()
    mail = [
        gr.HTML(html_template="<i></i>", js_on_load=_HAND_ON.replace("{kind}", kind), visible="hidden", **html)
        for kind in _KINDS
    ]
    now, file = gr.Textbox(visible=False), gr.File(visible=False)
    return Retouch(
        session, model, about, empty, photo, examples, desk, picture, note, actions, Mailboxes(*mail, now), file
    )


def _build_actions() -> Actions:
    vividness = vividness_slider("retouch-vividness")
    with gr.Row(elem_id="retouch-actions"):
        return Actions(
            vividness,
            gr.Button("Download full size", variant="primary", elem_id="retouch-download"),
            gr.Button("Save hints", variant="secondary", elem_id="retouch-save"),
            gr.UploadButton("Load hints", variant="secondary", file_types=[".json"], elem_id="retouch-load"),
            gr.Button("Another photo", variant="secondary", elem_id="retouch-another"),
        )
