"""The tab Colorize: one photo with a before/after slider, several photos with a zip, and the public endpoint."""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from colorhub.space import album, single
from colorhub.space.jobs import colorize_upload, write_full_size
from colorhub.space.limits import checked_vividness, in_words, received
from colorhub.space.panel import about_model, build_panel, fill_models, settings
from colorhub.space.session import new_folder


def tab() -> None:
    """Build the tab inside an open ``gr.Tabs()``."""
    with gr.Tab("Colorize", id="colorize"), gr.Row(elem_id="bench"):
        with gr.Column(scale=3, min_width=320, elem_id="stage"), gr.Tabs(elem_id="modes"):
            with gr.Tab("One photo", id="single"):
                one = single.build_single()
            with gr.Tab("Several photos", id="album"):
                several = album.build_album()
        with gr.Column(scale=1, min_width=280, elem_id="panel"):
            panel = build_panel()
    single.wire(one, panel)
    album.wire(several, panel)
    panel.model.input(
        about_model, panel.model, panel.about, api_visibility="private", queue=False, show_progress="hidden"
    )
    page = gr.context.Context.root_block
    page.load(fill_models, panel.model, [panel.model, panel.about], api_visibility="private", show_progress="hidden")


def endpoint() -> None:
    """The public endpoint ``/colorize``, inside an open ``gr.Blocks()``."""
    gr.api(colorize, api_name="colorize", concurrency_id="gpu", concurrency_limit=1)


def colorize(
    image: FileData, model: str = "", vividness: float = 1.0, size: int = 0, recolor: bool = False
) -> FileData:
    """Colour a black-and-white photo: returns the full-size file, in the format that was sent, with its metadata.

    Args:
        image: the photo (JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC, AVIF; at most 50 MB and 50 megapixels).
        model: name of a model of this page; the best one when empty.
        vividness: factor on chroma, 0 (grey) to 2; 1 is what the model says.
        size: short side in pixels the network works at, 16 to 1024; 0 for what the model was trained at.
        recolor: colour a photo that is already in colour anew from its lightness instead of returning it unchanged.
    """
    return FileData(path=str(colorize_file(image, model, vividness, size, recolor)))


def colorize_file(image: Any, model: str, vividness: float, size: int, recolor: bool) -> Path:
    """What :func:`colorize` does, from an upload to a file."""
    with in_words():
        vividness = checked_vividness(vividness)
        colored = colorize_upload(received(image), settings(model, size, recolor))
        return write_full_size(colored, vividness, new_folder())
