"""The gallery: the photographs that come with installed packages, made grey and coloured while the pages are built."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from io import BytesIO
from pathlib import Path

import numpy as np
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from colorhub import ColorizationPipeline, Photo, compose
from colorhub.hub.cards.folder import read_folder
from colorhub.settings import DEFAULT_MODEL
from training.readme import model_folders

_MARK = "<!-- generated: gallery -->"
_FOLDERS = (
    ("scikit-image", "skimage/data"),
    ("gradio", "gradio/media_assets/images"),
    ("gradio", "gradio/test_data"),
)
_WORDS = {
    "astronaut": "an astronaut",
    "brick": "bricks",
    "camera": "a cameraman",
    "chelsea": "a cat",
    "cheetah1": "a cheetah",
    "cheetah2": "a cheetah cub",
    "coffee": "a cup of coffee",
    "coins": "coins",
    "grass": "grass",
    "gravel": "gravel",
    "groot": "a figure",
    "hubble_deep_field": "galaxies",
    "ihc": "stained tissue",
    "lion": "a lion",
    "motorcycle_left": "a motorcycle",
    "retina": "a retina",
    "rocket": "a rocket",
    "tower": "a tower",
}
_OF_REPORTS = ("eccv16", "unet-gan")  # the bold ones: what a cautious model leaves out, they get wrong
_SIDE = 240


@dataclass(frozen=True)
class Coloured:
    """A photograph as every row of the gallery shows it. ``gain``: PSNR of the default's answer above that of the grey
    picture in dB; ``None`` where there is no original."""

    name: str
    gain: float | None
    parts: dict[str, Image.Image]

    def path(self, part: str) -> str:
        """Below the folder of the pages."""
        return f"gallery/{self.name}-{part}.webp"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pictures."""
    for photo in coloured():
        for part, picture in photo.parts.items():
            files.append(File.generated(config, photo.path(part), content=_webp(picture)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put the rows where the page has its mark."""
    return markdown.replace(_MARK, _rows()) if _MARK in markdown else markdown


@cache
def coloured() -> list[Coloured]:
    """All photographs, those first whose colours the default model came nearest to."""
    pipelines = {name: ColorizationPipeline(name, device="cpu") for name in _models()}
    found = [_coloured(name, picture, pipelines) for name, picture in _photographs()]
    return sorted(found, key=lambda photo: -(photo.gain if photo.gain is not None else -np.inf))


def _models() -> list[str]:
    names = {folder.name: read_folder(folder).words.group for folder in model_folders()}
    ours = sorted((name for name, group in names.items() if not group and name != DEFAULT_MODEL), reverse=True)
    return [name for name in (DEFAULT_MODEL, *ours, *_OF_REPORTS) if name in names]


def _photographs() -> Iterator[tuple[str, Image.Image]]:
    for package, folder in _FOLDERS:
        for path in sorted(Path(str(distribution(package).locate_file(folder))).glob("*")):
            if path.stem in _WORDS and path.suffix in (".jpg", ".jpeg", ".png"):
                with Image.open(path) as picture:
                    yield path.stem, _shrunk(picture.convert("RGB"))


def _shrunk(picture: Image.Image) -> Image.Image:
    size = (round(picture.width * _SIDE / picture.height), _SIDE)
    return picture.resize(size, Image.Resampling.LANCZOS)


def _coloured(name: str, picture: Image.Image, pipelines: dict[str, ColorizationPipeline]) -> Coloured:
    photo = Photo.open(picture)
    parts: dict[str, Image.Image] = {}
    for model, pipeline in pipelines.items():
        layer = pipeline.predict(pipeline.prepare(photo, in_color="recolor"))
        if not parts:
            parts["grey"] = compose(photo, layer, vividness=0.0).to_pil()
        parts[model] = compose(photo, layer).to_pil()
    if np.ptp(np.asarray(picture, int), axis=-1).max() == 0:
        return Coloured(name, None, parts)
    parts["original"] = picture
    answer, grey = (_psnr(picture, parts[part]) for part in (DEFAULT_MODEL, "grey"))
    return Coloured(name, answer - grey, parts)


def _psnr(original: Image.Image, answer: Image.Image) -> float:
    return float(peak_signal_noise_ratio(np.asarray(original), np.asarray(answer.convert("RGB"))))


def _webp(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    picture.convert("RGB").save(buffer, "WEBP", quality=85)
    return buffer.getvalue()


def _rows() -> str:
    photos = coloured()
    parts = (
        ("Gain above 0", [one for one in photos if one.gain is not None and one.gain > 0]),
        ("Gain of 0 or less", [one for one in photos if one.gain is not None and one.gain <= 0]),
        ("No original in colour", [one for one in photos if one.gain is None]),
    )
    return "\n\n".join(f"## {title}\n\n{''.join(map(_row, some))}" for title, some in parts if some)


def _row(photo: Coloured) -> str:
    words = _WORDS[photo.name]
    gain = "" if photo.gain is None else f": {photo.gain:+.1f} dB"
    figures = "\n".join(
        f"<figure markdown>\n![{words}, {part}]({photo.path(part)}){{ loading=lazy }}\n<figcaption>{part}"
        f"{', the default' if part == DEFAULT_MODEL else ''}</figcaption>\n</figure>"
        for part in photo.parts
    )
    return f'### {words.capitalize()}{gain}\n\n<div class="gallery" markdown>\n{figures}\n</div>\n\n'
