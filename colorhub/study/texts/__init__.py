"""What raters read, a file a language beside this one. ``study.toml`` replaces any of it or adds languages."""

import tomllib
from pathlib import Path

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from colorhub.study.fields import STRICT


@dataclass(frozen=True, config=STRICT)
class Texts:
    """The texts of one language; an empty line separates paragraphs."""

    title: str = ""
    consent: str = ""
    instructions: str = ""
    debrief: str = ""


@dataclass(frozen=True, config=STRICT)
class DefaultTexts(Texts):
    """Also the instructions for ``pairs``, the sentences of the consent where there is a ``panel`` or a check of colour
    ``vision``, and what stands for the last day of withdrawal where none is given."""

    pairs: str = ""
    panel: str = ""
    vision: str = ""
    withdraw_open: str = "the end of the study"


_FILES = sorted(Path(__file__).parent.glob("*.toml"))
DEFAULTS = {
    path.stem: TypeAdapter(DefaultTexts).validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    for path in _FILES
}
