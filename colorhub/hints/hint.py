"""Hints: pixels of a photo with the colours that are there; as JSON
``{"size": [width, height], "hints": [{"x": 10, "y": 20, "color": "#a33c2e"}, ...]}``."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from PIL import ImageColor
from torch import Tensor

from colorhub._text import short
from colorhub.color import codes_to_lab, fit_gamut
from colorhub.inference.resize import lightness
from colorhub.photo import Photo

_FORM = '{"size": [width, height], "hints": [{"x": 10, "y": 20, "color": "#a33c2e"}]}'


class HintsError(ValueError):
    """Hints that cannot be used: one sentence that names the hint, what is wrong with it and what is expected.

    Example:
        >>> from colorhub import HintsError
        >>> from colorhub.hints import hints_of
        >>> try:
        ...     hints_of([(10, 20, "tael")])
        ... except HintsError as error:
        ...     print(error)
        The colour 'tael' of hint 1 is not known; give one like '#a33c2e' or a CSS name like 'teal'.
    """


class Hint(NamedTuple):
    """``x``, ``y``: a pixel of the full-size photo, right and down from its upper left corner, as the photo is shown:
    after its EXIF orientation. ``color``: ``#rrggbb``, or a name that CSS knows. Its hue and chroma count, not its
    lightness: that is the photo's own.

    Example:
        >>> from colorhub import Hint
        >>> hint = Hint(x=120, y=80, color="#a33c2e")
        >>> hint == (120, 80, "#a33c2e")
        True
    """

    x: int
    y: int
    color: str


def hints_of(given: Iterable[Any], size: tuple[int, int] | None = None) -> list[Hint]:
    """Checked hints with colours as ``#rrggbb``, from (x, y, colour) each. Of several on one pixel the last counts;
    they come sorted by place, so that the order they are given in does not matter otherwise.

    Args:
        given: hints, whole numbers and a colour each.
        size: (width, height) of the photo, if places are to be checked.

    Raises:
        HintsError: something else than that, an unknown colour, or a place outside the photo.

    Example:
        >>> from colorhub.hints import hints_of
        >>> hints_of([(120, 80, "teal"), (3, 5, "#A33C2E")], size=(384, 303))
        [Hint(x=3, y=5, color='#a33c2e'), Hint(x=120, y=80, color='#008080')]
        >>> hints_of([(500, 80, "teal")], size=(384, 303))
        Traceback (most recent call last):
            ...
        colorhub.hints.hint.HintsError: Hint 1 at (500, 80) is outside the picture, whose pixels go from (0, 0) ...
    """
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise HintsError(f"Hints are a list of (x, y, colour), got {short(given)}.")
    by_place = {}
    for number, one in enumerate(given, 1):
        hint = _hint(one, number)
        if size is not None and not (0 <= hint.x < size[0] and 0 <= hint.y < size[1]):
            raise HintsError(
                f"Hint {number} at ({hint.x}, {hint.y}) is outside the picture, whose pixels go from (0, 0) to "
                f"({size[0] - 1}, {size[1] - 1})."
            )
        by_place[hint.y, hint.x] = hint
    return [by_place[place] for place in sorted(by_place)]


def colors_of(hints: Iterable[Hint], photo: Photo) -> tuple[Tensor, Tensor]:
    """Lightness of the photo at the hints, ``(n,)``, and their colours ``(n, 2)`` in CIELAB units, with less chroma
    where sRGB has no such colour of the photo's lightness.

    Example:
        >>> from colorhub import Hint, Photo
        >>> from colorhub.hints import colors_of
        >>> from skimage import data
        >>> L, ab = colors_of([Hint(120, 80, "red"), Hint(3, 5, "teal")], Photo.open(data.coins()))
        >>> L.shape, ab.shape
        (torch.Size([2]), torch.Size([2, 2]))
        >>> [bool(value > 0) for value in ab[:, 0]]  # a: towards red, towards green
        [True, False]
    """
    hints = list(hints)
    codes = torch.tensor([ImageColor.getrgb(hint.color)[:3] for hint in hints], dtype=torch.uint8)
    ab = codes_to_lab(codes.view(1, -1, 1, 3).movedim(3, 1))[1]
    L = lightness_at(photo, hints)
    return L, fit_gamut(L.view(1, 1, -1, 1), ab)[0, :, :, 0].T.contiguous()


def lightness_at(photo: Photo, places: Iterable[tuple]) -> Tensor:
    """The photo's lightness at pixels (x, y, ...), ``(n,)``."""
    columns, rows = zip(*((place[0], place[1]) for place in places), strict=True)
    return lightness(torch.from_numpy(photo.grey[list(rows), list(columns)][None]))[0, 0, 0]


def _hint(given: Any, number: int) -> Hint:
    try:
        x, y, color = given
    except (TypeError, ValueError):
        raise HintsError(f"Hint {number} must be (x, y, colour), got {short(given)}.") from None
    return Hint(_whole(x, number), _whole(y, number), _hex(color, number))


def _whole(value: Any, number: int) -> int:
    try:
        if isinstance(value, (bool, str)) or int(value) != value:
            raise ValueError
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise HintsError(f"Hint {number} must be at a whole pixel, got {short(value)} for x or y.") from None


def _hex(color: Any, number: int) -> str:
    try:
        if not isinstance(color, str):
            raise ValueError
        red, green, blue = ImageColor.getrgb(color.strip())[:3]
    except ValueError:
        raise HintsError(
            f"The colour {short(color)} of hint {number} is not known; give one like '#a33c2e' or a CSS name like "
            "'teal'."
        ) from None
    return f"#{red:02x}{green:02x}{blue:02x}"


def load_hints(path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> list[Hint]:
    """Read hints from a file.

    Args:
        path: as :func:`save_hints` writes it.
        size: (width, height) of the photo that they are meant for, if that is to be checked.

    Raises:
        HintsError: no such file, no hints in it, or hints of a picture of another size.

    Example:
        >>> from colorhub import load_hints, save_hints
        >>> save_hints("hints.json", [(120, 80, "teal")], size=(384, 303))
        >>> load_hints("hints.json", size=(384, 303))
        [Hint(x=120, y=80, color='#008080')]
    """
    path = Path(path)
    try:
        text = path.read_bytes()
    except OSError as error:
        raise HintsError(f"The hints {path} cannot be read ({error.strerror}).") from None
    return parse_hints(text, size, path.name)


def parse_hints(text: str | bytes, size: tuple[int, int] | None = None, name: str = "the file") -> list[Hint]:
    """As :func:`load_hints`, from the text of a file.

    Args:
        text: JSON.
        size: (width, height) of the photo that they are meant for, if that is to be checked.
        name: of the file, for messages.

    Raises:
        HintsError: no hints in it, or hints of a picture of another size.

    Example:
        >>> from colorhub.hints import parse_hints
        >>> parse_hints('{"size": [384, 303], "hints": [{"x": 120, "y": 80, "color": "teal"}]}')
        [Hint(x=120, y=80, color='#008080')]
    """
    found = _parsed(text, name)
    own = _size(found["size"], name)
    if size is not None and own != tuple(size):
        raise HintsError(
            f"The hints in {name} are for a picture of {own[0]} x {own[1]} pixels, but this one has "
            f"{size[0]} x {size[1]}."
        )
    try:
        return hints_of([_places(one, number) for number, one in enumerate(found["hints"], 1)], own)
    except HintsError as error:
        raise HintsError(f"In {name}: {error}") from None


def hints_json(hints: Iterable[Any], size: tuple[int, int]) -> str:
    """The text that :func:`save_hints` writes, for a photo of ``size`` (width, height).

    Raises:
        HintsError: unusable hints.

    Example:
        >>> from colorhub.hints import hints_json
        >>> print(hints_json([(120, 80, "teal")], size=(384, 303)), end="")
        {
          "size": [384, 303],
          "hints": [
            {"x": 120, "y": 80, "color": "#008080"}
          ]
        }
    """
    rows = [hint._asdict() for hint in hints_of(hints, size)]
    listed = ",\n".join(f"    {json.dumps(row)}" for row in rows)
    return f'{{\n  "size": {json.dumps(list(size))},\n  "hints": [\n{listed}\n  ]\n}}\n'


def save_hints(path: str | os.PathLike[str], hints: Iterable[Any], size: tuple[int, int]) -> None:
    """Write hints for a photo of ``size`` (width, height) into a file.

    Raises:
        HintsError: unusable hints.

    Example:
        >>> from colorhub import load_hints, save_hints
        >>> save_hints("hints.json", [(120, 80, "teal"), (10, 9, "#a33c2e")], size=(384, 303))
        >>> [hint.color for hint in load_hints("hints.json")]
        ['#a33c2e', '#008080']
    """
    Path(path).write_text(hints_json(hints, size), encoding="utf-8")


def _parsed(text: str | bytes, name: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise HintsError(f"There is no JSON in {name}; hints look like {_FORM}.") from None
    if not isinstance(found, dict) or "size" not in found or not isinstance(found.get("hints"), list):
        raise HintsError(f"There are no hints in {name}; they look like {_FORM}.")
    return found


def _size(given: Any, name: str) -> tuple[int, int]:
    sides = given if isinstance(given, list) else []
    if len(sides) != 2 or not all(type(side) is int and side > 0 for side in sides):
        raise HintsError(f'"size" in {name} must be [width, height] in pixels; hints look like {_FORM}.')
    return sides[0], sides[1]


def _places(one: Any, number: int) -> tuple[Any, Any, Any]:
    if not isinstance(one, dict) or not {"x", "y", "color"} <= one.keys():
        raise HintsError(f'Hint {number} must have "x", "y" and "color".')
    return one["x"], one["y"], one["color"]
