"""The study's documents as jinja2 templates beside this file: what goes into HTML is escaped."""

import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

_ENVIRONMENT = Environment(
    loader=PackageLoader("colorhub.study"),
    autoescape=select_autoescape(["html.j2"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def plain(text: str) -> str:
    """Text in which nothing is taken for Markdown or HTML: names of models and studies may hold anything."""
    return " ".join(re.sub(r"([\\`*_\[\]|<>])", r"\\\1", text).replace("&", "&amp;").split())


_ENVIRONMENT.filters["plain"] = plain


def render(name: str, **values: Any) -> str:
    """A template, filled in. Every field must be given."""
    return _ENVIRONMENT.get_template(name).render(values)


def unwrapped(markdown: str) -> str:
    """Each paragraph and list item of a Markdown text in one line."""
    return re.sub(r"(?<=[^\n])\n(?!\n|#|\||- |$)", " ", markdown)
