"""Typed fields of ``study.toml`` and of raters' answers, and one sentence for what pydantic refuses."""

from typing import Any

from pydantic import AfterValidator, ConfigDict
from pydantic_core import ErrorDetails, PydanticCustomError

STRICT = ConfigDict(extra="forbid")
_WORDS = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
}


def between(low: float, high: float) -> AfterValidator:
    """Numbers from ``low`` to ``high`` alone; not-a-number is none of them."""

    def check(value: Any) -> Any:
        if not low <= value <= high:
            raise PydanticCustomError("between", "between {low} and {high}", {"low": low, "high": high})
        return value

    return AfterValidator(check)


def expected(error: ErrorDetails) -> str:
    """What stands after "must be" where a value has the wrong type or is out of range."""
    if error["type"] == "literal_error":
        return "one of " + error["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
    return _WORDS.get(error["type"], error["msg"])
