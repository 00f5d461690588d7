"""The settings: model and working size at the side, for one photo and for several; vividness where the picture is.
Their defaults, ranges and words are those of :data:`colorhub.settings.FIELDS`, as everywhere."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from colorhub.settings import FIELDS, Settings
from colorhub.space.shared.catalogue import NO_MODELS, default_model, describe, listed
from colorhub.space.shared.limits import MAX_SIZE, RefusedError

if TYPE_CHECKING:
    from colorhub.hub.loading import ModelInfo

ASKED = ("model", "vividness", "size", "views", "restore", "in_color")  # what a visitor chooses, in this order
_SIZES = (96, 128, 160, 192, 256, 320, 384, 512)
_STEP = 0.05  # of vividness


@dataclass(frozen=True)
class Panel:
    """The components of the side panel."""

    model: gr.Dropdown
    about: gr.Markdown
    families: gr.HTML
    size: gr.Dropdown
    views: gr.Radio
    restore: gr.Checkbox
    in_color: gr.Radio

    def asked(self, vividness: gr.Slider) -> list[Any]:
        """The components whose values :func:`settings` takes."""
        return [self.model, vividness, self.size, self.views, self.restore, self.in_color]

    @property
    def advanced(self) -> list[Any]:
        """The components whose change colours the photo anew, but for the model."""
        return [self.size, self.views, self.restore, self.in_color]


def build_panel() -> Panel:
    """Put the settings on the page. The models are filled in when the page has loaded: listing them imports torch."""
    model = gr.Dropdown(
        [], label="Model", info="Looking for models…", interactive=True, elem_id="model", filterable=False
    )
    about = gr.Markdown(elem_id="about-model", elem_classes="hint")
    families = gr.HTML(padding=False, elem_id="families")
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        size = gr.Dropdown(
            [("Automatic (best)", 0), *((f"{size} pixels", size) for size in _SIZES)],
            value=0,
            label="Working size",
            info=FIELDS["size"].help,
            elem_id="size",
            filterable=False,
        )
        views = _radio("views", "Views")
        restore = gr.Checkbox(
            FIELDS["restore"].default,
            label="Restore old prints",
            info=FIELDS["restore"].help,
            elem_id="restore",
        )
        in_color = _radio("in_color", "In colour already")
    return Panel(model, about, families, size, views, restore, in_color)


def _radio(name: str, label: str) -> gr.Radio:
    info = FIELDS[name]
    choices = [(str(choice), choice) for choice in info.choices]
    return gr.Radio(choices, value=info.default, label=label, info=info.help, elem_id=name.replace("_", "-"))


def vividness_slider(elem_id: str) -> gr.Slider:
    """A slider for the factor on chroma."""
    info = FIELDS["vividness"]
    return gr.Slider(
        info.low, info.high, value=info.default, step=_STEP, label="Vividness", info=info.help, elem_id=elem_id
    )


def fill_models(current: str | None = None) -> tuple[dict[str, Any], str, str]:
    """Updates for the picker, the line about the chosen model, and the families that the picker's headings name."""
    models = listed()
    if not models:
        return gr.update(choices=[], value=None, info="", visible=False), NO_MODELS, ""
    names = [info.name for info in models]
    chosen = current if current in names else default_model(models)
    choices = [(f"{info.name} · {describe(info)}", info.name) for info in models]
    families = json.dumps({info.name: info.architecture for info in models})
    picker = gr.update(choices=choices, value=chosen, info="", visible=True)
    return picker, about_model(chosen, models), f'<span hidden data-families="{escape(families)}"></span>'


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
