"""Hints as JSON: ``{"size": [width, height], "hints": [{"x": 10, "y": 20, "color": "#a33c2e"}, ...]}``."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from colorhub.hints.hint import Hint, HintsError, hints_of

_FORM = '{"size": [width, height], "hints": [{"x": 10, "y": 20, "color": "#a33c2e"}]}'


def load_hints(path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> list[Hint]:
    """Read hints from a file.

    Args:
        path: as :func:`save_hints` writes it.
        size: (width, height) of the photo that they are meant for, if that is to be checked.

    Raises:
        HintsError: no such file, no hints in it, or hints of a picture of another size.
    """
    path = Path(path)
    try:
        text = path.read_bytes()
    except OSError as error:
        raise HintsError(f"The hints {path} cannot be read ({error.strerror}).") from None
    return parse_hints(text, size, path.name)


def parse_hints(text: str | bytes, size: tuple[int, int] | None = None, name: str = "the file") -> list[Hint]:
    """As :func:`load_hints`, from the text of a file called ``name``."""
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
    """The text that :func:`save_hints` writes."""
    rows = [hint._asdict() for hint in hints_of(hints, size)]
    listed = ",\n".join(f"    {json.dumps(row)}" for row in rows)
    return f'{{\n  "size": {json.dumps(list(size))},\n  "hints": [\n{listed}\n  ]\n}}\n'


def save_hints(path: str | os.PathLike[str], hints: Iterable[Any], size: tuple[int, int]) -> None:
    """Write hints for a photo of ``size`` (width, height) into a file.

    Raises:
        HintsError: unusable hints.
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
