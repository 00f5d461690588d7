"""One hint: a pixel of a photo and the colour that is there."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from PIL import ImageColor
from torch import Tensor

from colorhub._text import short
from colorhub.color import codes_to_lab, fit_gamut
from colorhub.inference.resize import lightness
from colorhub.photo import Photo


class HintsError(ValueError):
    """Hints that cannot be used: one sentence that names the hint, what is wrong with it and what is expected."""


class Hint(NamedTuple):
    """``x``, ``y``: a pixel of the full-size photo, right and down from its upper left corner, as the photo is shown:
    after its EXIF orientation. ``color``: ``#rrggbb``, or a name that CSS knows. Its hue and chroma count, not its
    lightness: that is the photo's own."""

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
    where sRGB has no such colour of the photo's lightness."""
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
