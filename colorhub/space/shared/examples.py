"""Example photographs that come with installed packages, made black-and-white on the first start. No download."""

import tempfile
from contextlib import suppress
from pathlib import Path

import gradio as gr
from PIL import Image, ImageOps

from colorhub._files import replacing
from colorhub._project import package_file

# (package, path inside it, name): astronaut, cat, coffee and rocket come with scikit-image, the others with gradio.
_SOURCES = (
    ("skimage", "data/astronaut.png", "astronaut"),
    ("gradio", "media_assets/images/tower.jpg", "tower"),
    ("skimage", "data/chelsea.png", "cat"),
    ("gradio", "media_assets/images/cheetah.jpg", "cheetah"),
    ("skimage", "data/coffee.png", "coffee"),
    ("gradio", "media_assets/images/lion.jpg", "lion"),
    ("skimage", "data/rocket.jpg", "rocket"),
)


def example_photos(folder: Path | None = None) -> list[Path]:
    """Paths of black-and-white JPEG files, made when they are not there yet. A missing package means fewer examples.

    Args:
        folder: where they are kept; a folder for temporary files when not given.
    """
    folder = folder or Path(tempfile.gettempdir()) / "colorhub-examples"
    photos = []
    for package, inside, name in _SOURCES:
        target = folder / f"{name}.jpg"
        source = package_file(package, inside)
        if not target.is_file() and source is not None:
            with suppress(OSError):  # a page without examples is better than no page
                _write_grey(source, target)
        photos += [target] if target.is_file() else []
    return photos


def example_buttons(elem_id: str = "examples") -> list[tuple[gr.Button, Path]]:
    """Put the example photographs on the page: buttons with the files they stand for."""
    photos = example_photos()
    if photos:
        gr.HTML('<p class="hint">No photo at hand? Try one of these.</p>', padding=False)
    with gr.Row(elem_id=elem_id, elem_classes="examples"):
        return [(gr.Button(path.stem, icon=str(path), min_width=72, elem_classes="example"), path) for path in photos]


def _write_grey(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(source) as image, replacing(target) as aside:  # two starts at once never see half a file
        ImageOps.grayscale(image).save(aside, format="JPEG", quality=92)
