"""The controls that the tabs share, above all the settings: model and working size at the side, vividness where the
picture is. Their defaults, ranges and words are those of :data:`colorhub.settings.FIELDS`, as everywhere."""

import json
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from colorhub.settings import FIELDS, Settings
from colorhub.space.shared.catalogue import NO_MODELS, default_model, describe, listed
from colorhub.space.shared.limits import MAX_SIZE, RefusedError

if TYPE_CHECKING:
    from colorhub.hub.loading import ModelInfo

# What every event of the page says to gradio, and those that need the network as well: they wait in one queue.
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
ON_GPU: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "gpu", "concurrency_limit": 1}
BARE: dict[str, Any] = {"padding": False, "apply_default_css": False}  # of gr.HTML
DOWNLOAD = """(file) => {
  const link = Object.assign(document.createElement('a'), {href: file.url, download: file.orig_name});
  link.click();
}"""
ASKED = ("model", "vividness", "size", "views", "restore", "in_color")  # what a visitor chooses, in this order
_SIZES = (96, 128, 160, 192, 256, 320, 384, 512)
_STEP = 0.05  # of vividness
GROUPS = {"": "For your photos", "reports": "Models of the reports"}


class SettingsPanel:
    """The components of the side panel. The models are filled in when the page has loaded: listing them imports
    torch."""

    def __init__(self) -> None:
        self.model = model_picker("model")
        self.about = gr.Markdown(elem_id="about-model", elem_classes="hint")
        self.groups = gr.HTML(padding=False, elem_id="groups")
        with gr.Accordion("Advanced", open=False, elem_id="advanced"):
            sizes = [("Automatic (best)", 0), *((f"{size} pixels", size) for size in _SIZES)]
            self.size = gr.Dropdown(sizes, value=0, filterable=False, **_setting("size", "Working size"))
            self.views = _radio("views", "Views")
            self.restore = gr.Checkbox(FIELDS["restore"].default, **_setting("restore", "Restore old prints"))
            self.in_color = _radio("in_color", "In colour already")

    def inputs(self, vividness: gr.Slider) -> list[Any]:
        """The components whose values :func:`settings` takes."""
        return [self.model, vividness, *self.advanced]

    @property
    def advanced(self) -> list[Any]:
        """The components whose change colours the photo anew, but for the model."""
        return [self.size, self.views, self.restore, self.in_color]


def _setting(name: str, label: str) -> dict[str, Any]:
    return {"label": label, "info": FIELDS[name].help, "elem_id": name.replace("_", "-")}


def _radio(name: str, label: str) -> gr.Radio:
    choices = [(str(choice), choice) for choice in FIELDS[name].choices]
    return gr.Radio(choices, value=FIELDS[name].default, **_setting(name, label))


def model_picker(elem_id: str) -> gr.Dropdown:
    """A list of models to choose from, empty at first."""
    return gr.Dropdown(
        [], label="Model", info="Looking for models…", interactive=True, elem_id=elem_id, filterable=False
    )


def photo_box(elem_id: str, label: str, placeholder: str, height: int, **keywords: Any) -> gr.Image:
    """A place to drop, paste or choose a photo. Its value is the path of the file as it was sent.

    Args:
        elem_id: of the component.
        label: for screen readers.
        placeholder: what it says while it is empty, in Markdown.
        height: in pixels.
        keywords: further ones of ``gradio.Image``.
    """
    look: dict[str, Any] = {"label": label, "elem_id": elem_id, "placeholder": placeholder, "height": height}
    look |= {"show_label": False, "buttons": [], "sources": ["upload", "clipboard"], **keywords}
    return gr.Image(type="filepath", image_mode=None, alt_text="The photo you chose", **look)


def before_after(elem_id: str, label: str, **keywords: Any) -> gr.ImageSlider:
    """Two pictures on top of each other, with a line between them to drag."""
    look: dict[str, Any] = {"show_label": False, "interactive": False, "buttons": ["fullscreen"], **keywords}
    return gr.ImageSlider(label=label, elem_id=elem_id, type="filepath", max_height=640, **look)


def vividness_slider(elem_id: str) -> gr.Slider:
    """A slider for the factor on chroma."""
    info = FIELDS["vividness"]
    look: dict[str, Any] = {"minimum": info.low, "maximum": info.high, "value": info.default, "step": _STEP}
    return gr.Slider(label="Vividness", info=info.help, elem_id=elem_id, **look)


def fill_picker(current: str | None, label: Callable[["ModelInfo"], str]) -> tuple[dict[str, Any], str]:
    """Updates for a picker of models, whose choice stays where it can, and for the line about the chosen model."""
    models = listed()
    if not models:
        return gr.update(choices=[], value=None, info="", visible=False), NO_MODELS
    chosen = current if current in [info.name for info in models] else default_model(models)
    choices = [(label(info), info.name) for info in models]
    return gr.update(choices=choices, value=chosen, info="", visible=True), about_model(chosen, models)


def fill_models(current: str | None = None) -> tuple[dict[str, Any], str, str]:
    """Updates for the picker, the line about the chosen model, and the groups that the picker's headings name."""
    picker, about = fill_picker(current, lambda info: f"{info.name} · {describe(info)}")
    groups = json.dumps({info.name: GROUPS.get(info.group, info.group) for info in listed()})
    return picker, about, f'<span hidden data-groups="{escape(groups)}"></span>'


def about_model(name: str | None, models: "Sequence[ModelInfo] | None" = None) -> str:
    """The line about a model."""
    found = [info for info in (listed() if models is None else models) if info.name == name]
    return describe(found[0]) if found else "No model is on this machine yet: choose one to download it."


def settings(*chosen: Any) -> Settings:
    """What the visitor chose, in the order of :data:`ASKED`, checked."""
    return settings_of(**dict(zip(ASKED, chosen, strict=True)))


def settings_of(**given: Any) -> Settings:
    """Settings from what came over the wire, checked: nothing, and 0 for the size, is the default.

    Raises:
        SettingsError: one out of range.
        RefusedError: a working size that takes too much memory for this page.
    """
    said = {name: value for name, value in given.items() if value not in (None, "") and (name, value) != ("size", 0)}
    settings = Settings().changed(**said)
    most = MAX_SIZE[settings.views]
    if (settings.size or 0) > most:
        raise RefusedError(
            f"size must be at most {most} pixels on this page with views={settings.views}, got {settings.size}."
        )
    return settings
