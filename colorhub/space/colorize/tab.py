"""The tab Colorize: one photo with a before/after slider, several photos with a zip, and the public endpoint."""

from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.context import Context

from colorhub.settings import FIELDS, FieldInfo
from colorhub.space.colorize import several, single
from colorhub.space.shared import static_site
from colorhub.space.shared.catalogue import CACHE, find, listed
from colorhub.space.shared.files import new_folder
from colorhub.space.shared.jobs import colorize_upload, open_photo, write_full_size
from colorhub.space.shared.limits import MAX_SIZE, error_messages, upload_path
from colorhub.space.shared.panel import ON_GPU, QUIET, SettingsPanel, about_model, fill_models, settings_of

# The endpoint's parameters after the photo. ``in_color`` stands where ``recolor`` stood in version 0.1, whose True and
# False are still taken.
PARAMETERS = ("model", "vividness", "size", "in_color", "views", "restore", "temperature", "format", "quality")
_HERE = {
    "model": "Name of a model of this page; empty for the default.",
    "size": f"{FIELDS['size'].help} Here at most {MAX_SIZE[1]}, with three views {MAX_SIZE[3]}; 0 is not given.",
}


def tab() -> single.SinglePhoto:
    """Build the tab inside an open ``gr.Tabs()``. Returns its stage for one photo."""
    with gr.Tab("Colorize", id="colorize"), gr.Row(elem_id="bench"):
        with gr.Column(scale=3, min_width=320, elem_id="stage"), gr.Tabs(elem_id="modes"):
            with gr.Tab("One photo", id="single"):
                one = single.SinglePhoto()
            with gr.Tab("Several photos", id="album"):
                album = several.SeveralPhotos()
        with gr.Column(scale=1, min_width=280, elem_id="panel"):
            panel = SettingsPanel()
            if in_browser := static_site.link():
                gr.HTML(in_browser, padding=False, elem_id="in-browser")
    single.wire(one, panel)
    several.wire(album, panel)
    panel.model.input(about_model, panel.model, panel.about, queue=False, **QUIET)
    page = Context.root_block
    if page is None:
        raise RuntimeError("a tab is built inside gr.Blocks()")
    page.load(fill_models, panel.model, [panel.model, panel.about, panel.groups], **QUIET)
    return one


def endpoints() -> None:
    """The public endpoints ``/colorize`` and ``/in_color``, inside an open ``gr.Blocks()``. Their components only
    describe them to callers; a photo is the file as it was sent, not as Pillow would read and write it."""
    image = gr.Image(visible=False, type="filepath", image_mode=None, label="photo, at most 50 MB and 50 megapixels")
    chosen = [_described(name, FIELDS[name]) for name in PARAMETERS]
    recolor = gr.Checkbox(False, visible=False, label="of version 0.1: now in_color='recolor'")
    file = gr.File(visible=False, label="full-size photo in colour")
    answer = gr.Textbox(visible=False, label="yes, no or unsure")
    public = {**ON_GPU, "api_visibility": "public", "preprocess": False}
    gr.Button(visible=False).click(colorize, [image, *chosen, recolor], file, api_name="colorize", **public)
    gr.Button(visible=False).click(in_color, image, answer, api_name="in_color", preprocess=False)


@error_messages()
def in_color(image: Any) -> str:
    """Whether a photo is in colour already: yes (/colorize sends it back as it is), no, or unsure.

    One of which it is not sure is coloured, unless in_color is keep.
    """
    return str(open_photo(upload_path(image)).in_color)


def _described(name: str, info: FieldInfo) -> Component:
    """A component that says of a setting what is said of it everywhere."""
    label = _HERE.get(name, info.help)
    if info.choices and info.kind is str:
        return gr.Radio(list(info.choices), value=info.default, visible=False, label=label)
    if info.kind is bool:
        return gr.Checkbox(info.default, visible=False, label=label)
    if info.kind is str:
        return gr.Textbox(info.default or "", visible=False, label=label)
    precision = 0 if info.kind is int else None
    return gr.Number(info.default, visible=False, label=f"{label} ({info.range})", precision=precision)


@error_messages()
def colorize(
    image: Any,
    model: str = "",
    vividness: float = 1.0,
    size: int | None = None,
    in_color: str = "auto",
    views: int = 1,
    restore: bool = True,
    temperature: float | None = None,
    format: str = "",
    quality: int | None = None,
    recolor: bool = False,
) -> str:
    """Colour a black-and-white photo: returns the full-size file, in the format that was sent, with its metadata.

    A photo that is already in colour comes back unchanged unless in_color is recolor. Where that is not sure (/in_color
    tells), it is coloured unless in_color is keep.
    """
    old = in_color if isinstance(in_color, bool) else recolor or None
    given = {"views": views, "restore": restore, "temperature": temperature, "format": format, "quality": quality}
    given |= {"in_color": in_color} if old is None else {"recolor": old}
    wanted = settings_of(model=model, vividness=vividness, size=size, **given)
    pipeline = CACHE.pipeline(find(wanted.model, listed()))
    colored = colorize_upload(pipeline, upload_path(image), wanted)
    return str(write_full_size(colored, wanted.vividness, new_folder()).path)
