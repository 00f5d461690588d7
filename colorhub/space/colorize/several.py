"""Several photos at once: a list of files in, one zip out, and a list of what could not be done."""

from typing import Any

import gradio as gr

from colorhub.space.shared.catalogue import listed, pipeline_of
from colorhub.space.shared.files import new_folder
from colorhub.space.shared.jobs import Album, fill_album
from colorhub.space.shared.limits import MAX_FILES, RefusedError, error_messages, plain, upload_path
from colorhub.space.shared.panel import QUIET, SettingsPanel, settings, vividness_slider


class SeveralPhotos:
    """The components of the stage for several photos."""

    def __init__(self) -> None:
        self.photos = gr.File(
            file_count="multiple", label=f"Drop up to {MAX_FILES} photos", height=300, elem_id="photos"
        )
        self.vividness = vividness_slider("vividness-album")
        with gr.Row():
            self.go = gr.Button("Colour them all", variant="primary", elem_id="go-album")
            self.zip = gr.DownloadButton(
                "Download all (zip)", variant="primary", visible=False, elem_id="download-album"
            )
        self.report = gr.Markdown(elem_id="report", elem_classes="hint")


def wire(stage: SeveralPhotos, panel: SettingsPanel) -> None:
    """Connect the stage with the settings."""
    stage.go.click(
        color_album,
        [stage.photos, *panel.inputs(stage.vividness)],
        [stage.zip, stage.report],
        show_progress="full",
        show_progress_on=stage.report,
        concurrency_id="album",  # an album takes long: it must not keep single photos waiting
        concurrency_limit=1,
        api_visibility="private",
        preprocess=False,
    )
    stage.photos.change(lambda: (gr.update(value=None, visible=False), ""), None, [stage.zip, stage.report], **QUIET)


@error_messages()
def color_album(uploads: Any, *chosen: Any) -> tuple[Any, str]:
    """Colour every photo; the broken ones are listed in words."""
    if not uploads:
        raise RefusedError("Please choose some photos first.")
    if len(uploads) > MAX_FILES:
        raise RefusedError(f"Please send at most {MAX_FILES} photos at once; these are {len(uploads)}.")
    wanted = settings(*chosen)
    progress, done = gr.Progress(), iter(range(len(uploads)))
    album = fill_album(
        pipeline_of(wanted.model, listed()),
        uploads,
        wanted,
        new_folder(),
        receive=upload_path,
        progress=lambda name: progress((next(done), len(uploads)), desc=name, unit="photos"),
    )
    if album.colored + len(album.kept) == 0:
        raise RefusedError(" ".join(album.failed))
    return gr.update(value=str(album.path), visible=True), in_prose(album)


def in_prose(album: Album) -> str:
    """What became of the photos, in Markdown."""
    lines = [f"**{_photos(album.colored)} coloured.**"]
    if album.kept:
        lines.append(f"Left as sent, because they have colours of their own: {', '.join(map(plain, album.kept))}.")
    if album.unsure:
        names = ", ".join(map(plain, album.unsure))
        lines.append(
            f"Coloured, though they may have been in colour already: {names}. *Advanced* can leave them as sent."
        )
    if album.failed:
        lines.append(f"{_photos(len(album.failed))} could not be coloured:")
        lines.append("\n".join(f"- {plain(reason)}" for reason in album.failed))
    return "\n\n".join([*lines, *map(plain, album.notes)])


def _photos(number: int) -> str:
    return f"{number} photo" if number == 1 else f"{number} photos"
