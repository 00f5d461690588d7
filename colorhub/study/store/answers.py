"""What a rater sends, checked before it comes near the database."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from colorhub.study.errors import InvalidError, TooLargeError

ANSWERS = {"realfake": ("real", "fake"), "2afc": ("left", "right")}
VIEWPORTS = ("", "small", "medium", "large")
_LONGEST = 64  # characters of any text in an answer
_MOST_KEYS = 20
_HOUR_MS = 3_600_000
_RANGES = {
    "rt_ms": (0, _HOUR_MS),
    "exposure_ms": (0, _HOUR_MS),
    "frames": (0, 1_000_000),
    "refresh_hz": (1, 1000),
    "pixel_ratio": (0.1, 20),
}


@dataclass(frozen=True)
class Answer:
    """One answer. Times in milliseconds; ``exposure_ms``, ``frames``: how long the picture was really shown;
    ``viewport``: small, medium, large or empty."""

    answer: str
    rt_ms: float
    exposure_ms: float | None = None
    frames: int | None = None
    focus_lost: bool = False
    refresh_hz: float | None = None
    pixel_ratio: float | None = None
    viewport: str = ""
    seen_before: bool = False


def parse_answer(values: Any, protocol: str) -> Answer:
    """An answer from what a browser sent.

    Raises:
        TooLargeError: longer than any answer can be.
        InvalidError: no object, a missing or unknown key, a wrong type, a time that cannot be.
    """
    if not isinstance(values, Mapping):
        raise InvalidError("An answer is a JSON object.")
    if len(values) > _MOST_KEYS or any(len(text) > _LONGEST for text in _texts(values)):
        raise TooLargeError("This answer is longer than any answer can be.")
    known = {part.name for part in fields(Answer)}
    if unknown := sorted(set(values) - known):
        raise InvalidError(f"An answer has no key {unknown[0]!r}.")
    if values.get("answer") not in ANSWERS[protocol]:
        raise InvalidError(f"The answer must be {' or '.join(ANSWERS[protocol])}.")
    for key in ("focus_lost", "seen_before"):
        if not isinstance(values.get(key, False), bool):
            raise InvalidError(f"{key} must be true or false.")
    if values.get("viewport", "") not in VIEWPORTS:
        raise InvalidError(f"viewport must be one of {', '.join(VIEWPORTS[1:])}.")
    numbers = {key: _number(values, key) for key in _RANGES}
    if numbers["rt_ms"] is None:
        raise InvalidError("rt_ms, the response time, is missing.")
    frames = None if numbers["frames"] is None else int(numbers["frames"])
    return Answer(**{**values, **numbers, "frames": frames})


def _texts(values: Mapping[Any, Any]) -> list[str]:
    return [text for pair in values.items() for text in pair if isinstance(text, str)]


def _number(values: Mapping[str, Any], key: str) -> float | None:
    value, (low, high) = values.get(key), _RANGES[key]
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidError(f"{key} must be a number.")
    if not low <= value <= high:  # not for NaN either
        raise InvalidError(f"{key} must be between {low} and {high}.")
    return float(value)
