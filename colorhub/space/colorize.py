"""The tab Colorize: one photo with a before/after slider, several photos with a zip, and the public endpoint."""

from typing import Any

import gradio as gr
from gradio.context import Context

from colorhub.space import album, single
from colorhub.space.jobs import colorize_upload, write_full_size
from colorhub.space.limits import MAX_SIZE, MAX_VIVIDNESS, MIN_SIZE, checked_vividness, in_words, received
from colorhub.space.panel import about_model, build_panel, fill_models, settings
from colorhub.space.session import new_folder


def tab() -> single.Single:
    """Build the tab inside an open ``gr.Tabs()``. Returns its stage for one photo."""
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
    Context.root_block.load(
        fill_models,
        panel.model,
        [panel.model, panel.about, panel.families],
        api_visibility="private",
        show_progress="hidden",
    )
    return one


def endpoint() -> None:
    """The public endpoint ``/colorize``, inside an open ``gr.Blocks()``. Its components only describe it to callers."""
    sizes = f"{MIN_SIZE} to {MAX_SIZE}, or 0 for what the model was trained at"
    image = gr.Image(visible=False, type="filepath", image_mode=None, label="photo, at most 50 MB and 50 megapixels")
    model = gr.Textbox("", visible=False, label="name of a model of this page, or empty for the best one")
    vividness = gr.Number(1.0, visible=False, label=f"factor on chroma, 0 (grey) to {MAX_VIVIDNESS:g}")
    size = gr.Number(
        0, visible=False, precision=0, label=f"working size: short side in pixels the network sees, {sizes}"
    )
    recolor = gr.Checkbox(False, visible=False, label="colour photos anew that are in colour already")
    file = gr.File(visible=False, label="full-size photo in colour")
    gr.Button(visible=False).click(
        colorize,
        [image, model, vividness, size, recolor],
        file,
        api_name="colorize",
        concurrency_id="gpu",
        concurrency_limit=1,
        preprocess=False,  # the file as it was sent, not as Pillow would read and write it
    )


def colorize(image: Any, model: str = "", vividness: float = 1.0, size: int = 0, recolor: bool = False) -> str:
    """Colour a black-and-white photo: returns the full-size file, in the format that was sent, with its metadata.

    A photo that is already in colour comes back unchanged unless recolor is set.
    """
    with in_words():
        factor = checked_vividness(vividness)
        colored = colorize_upload(received(image), settings(model, size, recolor))
        return str(write_full_size(colored, factor, new_folder()).path)
