"""Several photos at once: a list of files in, one zip out, and a list of what could not be done."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from colorhub.space.shared.catalogue import SHELF, find, listed, loading
from colorhub.space.shared.jobs import Album, fill_album
from colorhub.space.shared.limits import MAX_FILES, RefusedError, in_words, plain, received, tell
from colorhub.space.shared.panel import Panel, settings, vividness_slider
from colorhub.space.shared.session import new_folder


@dataclass(frozen=True)
class AlbumStage:
    """The components of the stage for several photos."""

    photos: gr.File
    vividness: gr.Slider
    go: gr.Button
    report: gr.Markdown
    zip: gr.DownloadButton


def build_album() -> AlbumStage:
    """Put the stage on the page."""
    photos = gr.File(file_count="multiple", label=f"Drop up to {MAX_FILES} photos", height=300, elem_id="photos")
    vividness = vividness_slider("vividness-album")
    with gr.Row():
        go = gr.Button("Colour them all", variant="primary", elem_id="go-album")
        zipped = gr.DownloadButton("Download all (zip)", variant="primary", visible=False, elem_id="download-album")
    report = gr.Markdown(elem_id="report", elem_classes="hint")
    return AlbumStage(photos, vividness, go, report, zipped)


def wire(stage: AlbumStage, panel: Panel) -> None:
    """Connect the stage with the settings."""
    stage.go.click(
        color_album,
        [stage.photos, *panel.asked(stage.vividness)],
        [stage.zip, stage.report],
        show_progress="full",
        show_progress_on=stage.report,
        concurrency_id="album",  # an album takes long: it must not keep single photos waiting
        concurrency_limit=1,
        api_visibility="private",
        preprocess=False,
    )
    stage.photos.change(
        lambda: (gr.update(value=None, visible=False), ""),
        None,
        [stage.zip, stage.report],
        api_visibility="private",
        show_progress="hidden",
    )


def color_album(uploads: Any, *asked: Any) -> tuple[Any, str]:
    """Colour every photo; the broken ones are listed in words."""
    with in_words():
        if not uploads:
            raise RefusedError("Please choose some photos first.")
        if len(uploads) > MAX_FILES:
            raise RefusedError(f"Please send at most {MAX_FILES} photos at once; these are {len(uploads)}.")
        wanted = settings(*asked)
        info = find(wanted.model, listed())
        tell(loading(info))
        progress, done = gr.Progress(), iter(range(len(uploads)))
        album = fill_album(
            SHELF.pipeline(info),
            uploads,
            wanted,
            new_folder(),
            receive=received,
            tell=lambda name: progress((next(done), len(uploads)), desc=name, unit="photos"),
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
    lines += [plain(note) for note in album.notes]
    return "\n\n".join(lines)


def _photos(number: int) -> str:
    return f"{number} photo" if number == 1 else f"{number} photos"
