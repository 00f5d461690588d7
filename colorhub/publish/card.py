"""Whether a model's card says what was measured: the one question that publishing asks about cards."""

import json
import re
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard

_BEGIN, _END = "<!-- models -->", "<!-- /models -->"
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?![\w])")


def card_problem(folder: Path) -> str | None:
    """Why a model folder's README.md cannot be published, or None where it is as it should be.

    Every number between its markers must be a figure of ``scores.json``, rounded as it is written: so a card of older
    scores is found. A model without ``scores.json`` needs no table.
    """
    text = (folder / "README.md").read_text(encoding="utf-8")
    try:
        data = ModelCard(text).data
    except ValueError as error:
        return f"its metadata cannot be read: {' '.join(str(error).split())[:200]}"
    if data.library_name != "colorhub":
        return f"library_name: colorhub is missing from its metadata (found: {data.library_name})"
    if not data.license:
        return "its metadata names no license"
    return _numbers_problem(text, folder) if (folder / "scores.json").is_file() else None


def _numbers_problem(text: str, folder: Path) -> str | None:
    _, begin, rest = text.partition(_BEGIN)
    table, end, _ = rest.partition(_END)
    if not begin or not end:
        return f"the scores of scores.json are not in it, between {_BEGIN} and {_END}"
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    figures = {*_figures(scores), (folder / "model.safetensors").stat().st_size / 1e6}
    strange = [number for number in _NUMBER.findall(table) if not _occurs(number, figures)]
    return (
        f"it says {strange[0]}, which is no figure of scores.json: it was written from other scores"
        if strange
        else None
    )


def _figures(value: Any) -> set[float]:
    """All numbers in a JSON value, the names of keys and the words of texts among them."""
    if isinstance(value, dict):
        return {figure for key, inner in value.items() for figure in (*_figures(key), *_figures(inner))}
    if isinstance(value, list):
        return {figure for inner in value for figure in _figures(inner)}
    if isinstance(value, str):
        return {float(number) for number in _NUMBER.findall(value)}
    return {float(value)} if isinstance(value, int | float) and not isinstance(value, bool) else set()


def _occurs(number: str, figures: set[float]) -> bool:
    digits = len(number.partition(".")[2])
    return any(f"{figure:.{digits}f}" == number.removeprefix("+") for figure in figures)
