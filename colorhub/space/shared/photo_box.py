"""Where a photo is dropped, on whatever tab."""

from collections.abc import Sequence
from typing import Any

import gradio as gr


def photo_box(
    elem_id: str,
    label: str,
    placeholder: str,
    height: int,
    sources: Sequence[str] = ("upload", "clipboard"),
    **look: Any,
) -> gr.Image:
    """A place to drop, paste or choose a photo. Its value is the path of the file as it was sent.

    Args:
        elem_id: of the component.
        label: for screen readers.
        placeholder: what it says while it is empty, in Markdown.
        height: in pixels.
        sources: where a photo may come from.
        look: further keywords of ``gradio.Image``.
    """
    return gr.Image(
        type="filepath",
        image_mode=None,
        sources=list(sources),
        label=label,
        show_label=False,
        placeholder=placeholder,
        height=height,
        buttons=[],
        elem_id=elem_id,
        alt_text="The photo you chose",
        **look,
    )
