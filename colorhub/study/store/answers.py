"""What a rater sends, checked before it comes near the database."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, StrictBool, StrictFloat, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from colorhub.study.errors import InvalidError, TooLargeError
from colorhub.study.fields import STRICT, between, complaint

ANSWERS = {"realfake": ("real", "fake"), "2afc": ("left", "right")}
_LONGEST = 64  # characters of any text in an answer
_MOST_KEYS = 20

Milliseconds = Annotated[StrictFloat, between(0, 3_600_000)]


@dataclass(frozen=True, config=STRICT)
class Answer:
    """One answer. Times in milliseconds; ``exposure_ms``, ``frames``: how long the picture was really shown;
    ``viewport``: small, medium, large or empty."""

    answer: str
    rt_ms: Milliseconds
    exposure_ms: Milliseconds | None = None
    frames: Annotated[StrictFloat, between(0, 1_000_000), AfterValidator(int)] | None = None
    focus_lost: StrictBool = False
    refresh_hz: Annotated[StrictFloat, between(1, 1000)] | None = None
    pixel_ratio: Annotated[StrictFloat, between(0.1, 20)] | None = None
    viewport: Literal["small", "medium", "large", ""] = ""
    seen_before: StrictBool = False


_ANSWER = TypeAdapter(Answer)


def parse_answer(values: Any, protocol: str) -> Answer:
    """An answer from what a browser sent.

    Raises:
        TooLargeError: longer than any answer can be.
        InvalidError: no object, a missing or unknown key, a wrong type, a time that cannot be.
    """
    if not isinstance(values, Mapping):
        raise InvalidError("An answer is a JSON object.")
    texts = [text for pair in values.items() for text in pair if isinstance(text, str)]
    if len(values) > _MOST_KEYS or any(len(text) > _LONGEST for text in texts):
        raise TooLargeError("This answer is longer than any answer can be.")
    if values.get("answer") not in ANSWERS[protocol]:
        raise InvalidError(f"The answer must be {' or '.join(ANSWERS[protocol])}.")
    if values.get("rt_ms") is None:
        raise InvalidError("rt_ms, the response time, is missing.")
    try:
        return _ANSWER.validate_python(dict(values))
    except ValidationError as refused:
        error = refused.errors()[0]
        key = error["loc"][0]
        if error["type"] == "unexpected_keyword_argument":
            raise InvalidError(f"An answer has no key {key!r}.") from None
        raise InvalidError(f"{key} {complaint(error).removesuffix(', ')}.") from None
