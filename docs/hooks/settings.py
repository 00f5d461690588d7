"""The settings of a training recipe as tables, from its typed sections and the comments beside their fields."""

import inspect
import json
import re
from typing import Any, Literal, get_args, get_origin

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from colorhub.hub.cards.tables import table
from training.config import Crop, Data, Model, Optimizer, ParameterGroup, Recipe, Run
from training.objectives import TASK_SECTIONS

_MARK = "<!-- generated: settings -->"
_SECTIONS: dict[str, type[BaseModel]] = {
    "Above all sections": Recipe,
    "`[data]`": Data,
    "`[[data.crops]]`": Crop,
    "`[optimizer]`": Optimizer,
    "`[run]`": Run,
    "`[model]`": Model,
    "`[[parts]]`": ParameterGroup,
    **{f'`[task]`, `name = "{name}"`': section for name, section in TASK_SECTIONS.items()},
}
_LINE = re.compile(r"^    (?:(?P<field>\w+): [^#]*)?(?:# (?P<comment>.*))?$")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put the tables where the page has its mark."""
    return markdown.replace(_MARK, settings_tables()) if _MARK in markdown else markdown


def settings_tables() -> str:
    """A table for every section and every task, each under its name and its docstring."""
    return "\n\n".join(_part(title, section) for title, section in _SECTIONS.items())


def _part(title: str, section: type[BaseModel]) -> str:
    words = " ".join((section.__doc__ or "").replace("``", "`").split())
    said = _comments(section)
    rows = [
        (f"`{name}`", _default(name, field), _meaning(field, said.get(name, "")))
        for name, field in section.model_fields.items()
        if not _has_a_table(field.annotation) and not _is_fixed(field.annotation)
    ]
    shown = table(("key", "default", "meaning"), rows) if rows else ""
    return "\n\n".join(filter(None, (f"**{title}**", words, shown)))


def _has_a_table(annotation: Any) -> bool:
    """Whether a field is a section of its own, or a list of them."""
    return any(isinstance(kind, type) and issubclass(kind, BaseModel) for kind in (annotation, *get_args(annotation)))


def _is_fixed(annotation: Any) -> bool:
    """Whether a field can have one value only, as the name of a task."""
    return get_origin(annotation) is Literal and len(get_args(annotation)) == 1


def _default(name: str, field: FieldInfo) -> str:
    """As TOML has it; ``none`` where nothing is set."""
    if field.is_required():
        return "the file's name" if name == "name" else "to be given"
    return "none" if field.default is None else f"`{json.dumps(field.default)}`"


def _meaning(field: FieldInfo, comment: str) -> str:
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    words = ", ".join(f"`{choice}`" for choice in choices)
    return "; ".join(filter(None, (words, comment)))


def _comments(section: type[BaseModel]) -> dict[str, str]:
    """What the source says about each field: above it, or behind it."""
    said: dict[str, str] = {}
    for owner in reversed(section.__mro__):
        if not issubclass(owner, BaseModel) or owner is BaseModel:
            continue
        above: list[str] = []
        for line in inspect.getsource(owner).splitlines():
            found = _LINE.match(line)
            field, comment = found.groups() if found else (None, None)
            if field:
                said[field] = " ".join([*above, *filter(None, [comment])])
            above = [*above, comment] if comment and not field else []
    return said
