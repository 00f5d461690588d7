"""Sample sheets: ``python -m training.samples unet [--output FILE]`` shows what a model makes of photographs.

Only photographs that come with installed packages are used, so that the sheet may be published. A column is a picture:
the grey photo, the model's answer, the original.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from skimage import data

from colorhub import ColorizationPipeline, Photo, compose
from colorhub.hub.loading import model_folder

_HEIGHT, _GAP, _LABEL = 232, 6, 26
_ROWS = ("grey photo", "colorhub", "original")


def package_photographs() -> dict[str, Image.Image]:
    """Colour photographs of scikit-image and gradio that need no download."""
    assets = Path(str(distribution("gradio").locate_file("gradio/media_assets/images")))  # without importing gradio
    found = {name: Image.fromarray(getattr(data, name)()) for name in ("astronaut", "coffee", "chelsea", "rocket")}
    return found | {name: Image.open(assets / f"{name}.jpg").convert("RGB") for name in ("lion", "cheetah1", "tower")}


def sheet(pipeline: ColorizationPipeline, pictures: Sequence[Image.Image]) -> Image.Image:
    """Grey, coloured and original above each other, one column a picture."""
    columns = [_column(pipeline, picture) for picture in pictures]
    width = sum(column.width + _GAP for column in columns) + _GAP
    answer = Image.new("RGB", (width, columns[0].height + 2 * _GAP), "white")
    left = _GAP
    for column in columns:
        answer.paste(column, (left, _GAP))
        left += column.width + _GAP
    draw = ImageDraw.Draw(answer)
    for row, words in enumerate(_ROWS):
        place = (2 * _GAP, _GAP + row * (_HEIGHT + _GAP) + _HEIGHT - _LABEL)
        font = ImageFont.load_default(16)
        draw.rectangle(draw.textbbox(place, words, font=font, anchor="la"), fill="black")
        draw.text(place, words, font=font, fill="white")
    return answer


def _column(pipeline: ColorizationPipeline, picture: Image.Image) -> Image.Image:
    picture = picture.resize((round(picture.width * _HEIGHT / picture.height), _HEIGHT), Image.Resampling.LANCZOS)
    photo = Photo.open(picture)
    layer = pipeline.predict(pipeline.prepare(photo, in_color="recolor"))
    grey, colored = (compose(photo, layer, vividness).to_pil() for vividness in (0.0, 1.0))
    column = Image.new("RGB", (picture.width, 3 * _HEIGHT + 2 * _GAP), "white")
    for row, part in enumerate((grey, colored, picture)):
        column.paste(part, (0, row * (_HEIGHT + _GAP)))
    return column


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Writes ``samples.webp`` into the model's folder when no output is named."""
    parser = argparse.ArgumentParser(prog="python -m training.samples", description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args(arguments)
    try:
        pipeline = ColorizationPipeline(given.model)
        path = given.output or model_folder(given.model) / "samples.webp"
    except (LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet(pipeline, list(package_photographs().values())).save(path, quality=88, method=6)
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
