"""A contact sheet: several pictures of one shape on one page, each with its label."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from colorhub.space.shared.style import TITLE

FOOTER = "The colours are guesses of neural networks, not a record of what was there. Made with colorhub."
_SIDE, _GAP, _LABEL, _EDGE = 560, 28, 74, 48  # pixels: a picture's longer side, between pictures, below one, around all
_PAPER, _INK, _FAINT = "#fbf9f6", "#1c1916", "#655b51"
_WIDEST = 1.5  # width over height that a sheet comes nearest to
_DESCRIPTION, _SOFTWARE = 270, 305  # EXIF


@dataclass(frozen=True)
class Tile:
    """A picture with two lines below it."""

    picture: Path
    name: str
    note: str = ""


@dataclass(frozen=True)
class Sheet:
    """A written sheet, and where each picture is on it: (left, top, right, bottom) in pixels."""

    path: Path
    boxes: tuple[tuple[int, int, int, int], ...]


def write_sheet(tiles: Sequence[Tile], path: Path) -> Sheet:
    """Write pictures of the same shape side by side as JPEG, with their labels; EXIF lists the labels in order."""
    pictures = [_small(tile.picture) for tile in tiles]
    width, height = pictures[0].size
    columns = _columns(len(tiles), width, height)
    rows = math.ceil(len(tiles) / columns)
    page = Image.new(
        "RGB",
        (2 * _EDGE + columns * (width + _GAP) - _GAP, 2 * _EDGE + rows * (height + _LABEL + _GAP) + 6),
        _PAPER,
    )
    draw, boxes = ImageDraw.Draw(page), []
    for number, (tile, picture) in enumerate(zip(tiles, pictures, strict=True)):
        row, column = divmod(number, columns)
        left, top = _EDGE + column * (width + _GAP), _EDGE + row * (height + _LABEL + _GAP)
        page.paste(picture, (left, top))
        boxes.append((left, top, left + width, top + height))
        _write(draw, (left, top + height + 10), tile.name, 26, _INK, width)
        _write(draw, (left, top + height + 42), tile.note, 19, _FAINT, width)
    _write(draw, (_EDGE, page.height - _EDGE - 6), FOOTER, 17, _FAINT, page.width - 2 * _EDGE)
    exif = Image.Exif()
    exif[_DESCRIPTION] = "; ".join(f"{tile.name} ({tile.note})" if tile.note else tile.name for tile in tiles)
    exif[_SOFTWARE] = TITLE.split(":")[0]
    page.save(path, quality=92, exif=exif)
    return Sheet(path, tuple(boxes))


def _small(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    scale = _SIDE / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _columns(count: int, width: int, height: int) -> int:
    """As many columns as bring the sheet nearest to its usual shape."""

    def shape(columns: int) -> float:
        rows = math.ceil(count / columns)
        return abs(math.log(columns * (width + _GAP) / (rows * (height + _LABEL + _GAP)) / _WIDEST))

    return min(range(1, count + 1), key=shape)


def _write(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, color: str, room: int) -> None:
    font = ImageFont.load_default(size)
    while len(text) > 1 and font.getlength(text) > room:
        text = text[:-2].rstrip() + "…"
    draw.text(at, text, color, font)
