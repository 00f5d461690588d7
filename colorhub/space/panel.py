"""The settings: model and working size at the side, for one photo and for several; vividness where the picture is."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from colorhub.space.jobs import Settings
from colorhub.space.limits import MAX_VIVIDNESS, checked_size
from colorhub.space.models import NO_MODELS, default_model, describe, listed

if TYPE_CHECKING:
    from colorhub.models import ModelInfo

_SIZES = (96, 128, 160, 192, 256, 320, 384, 512)


@dataclass(frozen=True)
class Panel:
    """The components of the side panel."""

    model: gr.Dropdown
    about: gr.Markdown
    families: gr.HTML
    size: gr.Dropdown
    recolor: gr.Checkbox


def build_panel() -> Panel:
    """Put the settings on the page. The models are filled in when the page has loaded: listing them imports torch."""
    model = gr.Dropdown(
        [], label="Model", info="Looking for models…", interactive=True, elem_id="model", filterable=False
    )
    about = gr.Markdown(elem_id="about-model", elem_classes="hint")
    families = gr.HTML(padding=False, elem_id="families")
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        size = gr.Dropdown(
            [
                ("Automatic (best)", 0),
                ("Three sizes together", "auto"),
                *((f"{size} pixels", size) for size in _SIZES),
            ],
            value=0,
            label="Working size",
            info="Short side of what the network sees. Automatic is what the model was trained at.",
            elem_id="size",
            filterable=False,
        )
        recolor = gr.Checkbox(
            label="Recolour photos that are already in colour",
            info="Otherwise they are left as they are. Sepia and other toned prints always count as black-and-white.",
            elem_id="recolor",
        )
    return Panel(model, about, families, size, recolor)


def vividness_slider(elem_id: str) -> gr.Slider:
    """A slider for the factor on chroma."""
    hint = "0 is grey, 1 is what the model says, 2 is twice as colourful."
    return gr.Slider(0, MAX_VIVIDNESS, value=1.0, step=0.05, label="Vividness", info=hint, elem_id=elem_id)


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


def settings(model: str | None, size: Any, recolor: Any) -> Settings:
    """What the visitor chose, checked.

    Raises:
        RefusedError: a working size out of range.
    """
    return Settings(model or "", checked_size(size), bool(recolor))
