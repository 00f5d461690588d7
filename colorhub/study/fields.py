"""Typed fields of ``study.toml`` and of raters' answers, and what is said where pydantic refuses one."""

from collections.abc import Mapping
from typing import Any

from pydantic import AfterValidator, ConfigDict

STRICT = ConfigDict(extra="forbid")
_WORDS = {"int_type": "a whole number", "float_type": "a number", "string_type": "text", "bool_type": "true or false"}


def between(low: float, high: float) -> AfterValidator:
    """Numbers from ``low`` to ``high`` alone; not-a-number is none of them."""

    def check(value: Any) -> Any:
        if not low <= value <= high:
            raise ValueError(f"must be between {low} and {high}")
        return value

    return AfterValidator(check)


def complaint(error: Mapping[str, Any]) -> str:
    """What stands after the key in the sentence about one of pydantic's errors: ``must be a whole number``."""
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] == "literal_error":
        return "must be one of " + error["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
    return f"must be {_WORDS.get(error['type'], error['msg'])}"
