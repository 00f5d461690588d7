"""The tab Compare: one photo through several models; the answers stream in and are looked at side by side."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from colorhub.photo import ColorAnswer
from colorhub.space.colorize.single import SAVE, build_examples
from colorhub.space.compare.comparison import Comparison, chosen, chosen_at_first, open_photo
from colorhub.space.compare.grid import TOOLBAR, grid
from colorhub.space.compare.sheet import Tile, write_sheet
from colorhub.space.shared.catalogue import NO_MODELS, folder_of, listed
from colorhub.space.shared.limits import GONE, KEEP_SESSION, RefusedError, in_words, plain, received
from colorhub.space.shared.photo_box import photo_box
from colorhub.space.shared.session import forget

_PLACEHOLDER = "# Drop a photo\nor click to choose one. Paste works too."
_SHOW_PAIR = "Both pictures lie on top of each other: drag the line between them."
Updates = dict[Any, Any]


@dataclass(frozen=True)
class Compare:
    """The components of the tab."""

    session: gr.State
    photo: gr.Image
    examples: list[tuple[gr.Button, Path]]
    models: gr.CheckboxGroup
    note: gr.Markdown
    go: gr.Button
    status: gr.Markdown
    answers: gr.Column
    grid: gr.HTML
    left: gr.Dropdown
    right: gr.Dropdown
    pair: gr.ImageSlider
    sheet: gr.DownloadButton
    zip: gr.Button
    file: gr.File


def tab() -> None:
    """Build the tab inside an open ``gr.Tabs()``."""
    with gr.Tab("Compare", id="compare", elem_id="compare-tab") as page:
        parts = _build()
    _wire(parts)
    page.select(
        fill_models,
        parts.models,
        [parts.models, parts.note],
        api_visibility="private",
        show_progress="hidden",
        queue=False,
    )


def _build() -> Compare:
    session = gr.State(None, time_to_live=KEEP_SESSION, delete_callback=forget)
    with gr.Row(elem_id="compare-bench"):
        with gr.Column(scale=1, min_width=300):
            photo = photo_box("compare-photo", "Photo to compare on", _PLACEHOLDER, 300, elem_classes="drop")
            examples = build_examples("compare-examples")
        with gr.Column(scale=1, min_width=300):
            models = gr.CheckboxGroup(
                [], label="Models", info="Looking for models…", show_select_all=True, elem_id="compare-models"
            )
            note = gr.Markdown(elem_id="compare-note", elem_classes="hint", visible=False)
            go = gr.Button("Compare", variant="primary", elem_id="compare-go")
            status = gr.Markdown(elem_id="compare-status", elem_classes="hint")
    with gr.Column(visible=False, elem_id="compare-answers") as answers:
        with gr.Tabs(elem_id="compare-views"):
            with gr.Tab("Side by side", id="grid"):
                gr.HTML(TOOLBAR, padding=False, apply_default_css=False)
                pictures = gr.HTML(padding=False, elem_id="compare-pictures", apply_default_css=False)
            with gr.Tab("Two with a slider", id="pair"):
                left, right, pair = _build_pair()
        with gr.Row(elem_id="compare-actions"):
            sheet = gr.DownloadButton("Contact sheet", variant="primary", visible=False, elem_id="compare-sheet")
            zipped = gr.Button("All at full size (zip)", variant="secondary", visible=False, elem_id="compare-zip")
    file = gr.File(visible=False)
    return Compare(
        session, photo, examples, models, note, go, status, answers, pictures, left, right, pair, sheet, zipped, file
    )


def _build_pair() -> tuple[gr.Dropdown, gr.Dropdown, gr.ImageSlider]:
    gr.Markdown(_SHOW_PAIR, elem_classes="hint")
    with gr.Row(elem_id="pair-pick"):
        left = gr.Dropdown([], label="Left", elem_id="pair-left", filterable=False, min_width=140, interactive=True)
        right = gr.Dropdown([], label="Right", elem_id="pair-right", filterable=False, min_width=140, interactive=True)
    pair = gr.ImageSlider(
        label="Two answers",
        show_label=False,
        interactive=False,
        type="filepath",
        max_height=640,
        buttons=["fullscreen"],
        elem_id="pair",
        elem_classes="mat",
    )
    return left, right, pair


def _wire(parts: Compare) -> None:
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    for button, path in parts.examples:
        button.click(partial(_path_of, path), None, parts.photo, queue=False, **quiet)
    shown = [parts.session, parts.status, parts.answers, parts.grid, parts.left, parts.right, parts.pair]
    parts.go.click(
        partial(run, parts),
        [parts.session, parts.photo, parts.models],
        [*shown, parts.sheet, parts.zip],
        show_progress="hidden",  # the page says in words how far it is, and shows what there is
        concurrency_id="gpu",
        concurrency_limit=1,
        api_visibility="private",
        preprocess=False,
    )
    for picker in (parts.left, parts.right):
        picker.input(show_pair, [parts.session, parts.left, parts.right], parts.pair, queue=False, **quiet)
    saved = parts.zip.click(
        all_at_full_size,
        parts.session,
        parts.file,
        show_progress_on=parts.zip,
        concurrency_id="album",
        concurrency_limit=1,
        api_visibility="private",
    )
    saved.success(None, parts.file, None, js=SAVE, **quiet)


def fill_models(current: list[str] | None = None) -> tuple[Any, Any]:
    """Updates for the list of models and for the line instead of it. What a visitor has ticked stays ticked."""
    models = listed()
    if not models:
        return gr.update(choices=[], value=[], visible=False), gr.update(value=NO_MODELS, visible=True)
    choices = [(_choice(info), info.name) for info in models]
    known = {info.name for info in models}
    kept = [name for name in current or [] if name in known]
    return gr.update(choices=choices, value=kept or chosen_at_first(models), info=""), gr.update(visible=False)


def run(parts: Compare, session: Comparison | None, upload: Any, names: Any) -> Iterator[Updates]:
    """Ask one model after the other; the page is brought up to date before and after each."""
    with in_words():
        models = chosen(names)
        path = received(upload)
        photo = open_photo(path)
        comparison = Comparison(path, photo, models)
        forget(session)
        for number, info in enumerate(models):
            words = f"{info.name} is at work: {number + 1} of {len(models)}."
            yield _update(parts, comparison, words, working=info.name, first=number == 0)
            comparison.ask(info, photo)
        yield _finish(parts, comparison)


def _update(parts: Compare, comparison: Comparison, words: str, working: str = "", first: bool = False) -> Updates:
    changed: Updates = {
        parts.session: comparison,
        parts.status: plain(words),
        parts.grid: grid(comparison, working),
    }
    if first:
        changed[parts.answers] = gr.update(visible=True)
        changed[parts.sheet] = changed[parts.zip] = gr.update(visible=False)
        changed[parts.pair] = None
        changed[parts.left] = changed[parts.right] = gr.update(choices=[], value=None)
    return changed


def _finish(parts: Compare, comparison: Comparison) -> Updates:
    changed = _update(parts, comparison, in_prose(comparison))
    done = [answer for answer in comparison.answers.values() if answer.picture is not None]
    if not done:
        return changed
    names = list(comparison.pictures)
    left, right = (names[1], names[2]) if len(done) > 1 else (names[0], names[1])
    changed[parts.left] = gr.update(choices=names, value=left)
    changed[parts.right] = gr.update(choices=names, value=right)
    changed[parts.pair] = show_pair(comparison, left, right)
    changed[parts.sheet] = gr.update(value=str(contact_sheet(comparison)), visible=True)
    changed[parts.zip] = gr.update(visible=True)
    return changed


def show_pair(session: Comparison | None, left: str | None, right: str | None) -> tuple[str, str]:
    """Files for the slider between two of a comparison's pictures."""
    with in_words():
        pictures = _kept(session).pictures
        for name in (left, right):
            if name not in pictures:
                raise RefusedError("There is no such picture. Please choose one of those shown.")
        return str(pictures[left]), str(pictures[right])


def contact_sheet(comparison: Comparison) -> Path:
    """One picture with the grey photo and every answer, each with its name and time."""
    times = {name: answer.time for name, answer in comparison.answers.items()}
    tiles = [Tile(path, name, times.get(name, "")) for name, path in comparison.pictures.items()]
    return write_sheet(tiles, comparison.folder / f"{comparison.path.stem}-contact-sheet.jpg").path


def all_at_full_size(
    session: Comparison | None,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> str:
    """Write the zip to download."""
    with in_words():
        return str(_kept(session).write_zip(lambda name: progress(None, desc=name)))


def in_prose(comparison: Comparison) -> str:
    """What became of the photo, in plain words."""
    failed = [answer for answer in comparison.answers.values() if answer.picture is None]
    width, height = comparison.size
    done = len(comparison.answers) - len(failed)
    lines = [f"{done} {'answer' if done == 1 else 'answers'} for {width} x {height} pixels."]
    if failed:
        lines.append(f"{len(failed)} failed: {', '.join(answer.model for answer in failed)}.")
    if comparison.in_color is not ColorAnswer.NO:
        surely = "is" if comparison.in_color else "may be"
        lines.append(f"This photo {surely} in colour: the models saw only its lightness.")
    return " ".join([*lines, *comparison.notes])


def _choice(info: Any) -> str:
    if folder_of(info) is None:
        return f"{info.name} (download)"
    return info.name if info.gain is None else f"{info.name} ({info.gain:+.2f} dB)"


def _path_of(path: Path) -> str:
    return str(path)


def _kept(session: Comparison | None) -> Comparison:
    if session is None:
        raise RefusedError(GONE)
    return session
