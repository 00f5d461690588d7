"""The page's HTML that is made for a photo or a model: Jinja templates beside their tabs, all values escaped."""

from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from colorhub._project import packaged


@cache
def template(name: str) -> Template:
    """A template by its path below ``colorhub/space``."""
    loader = FileSystemLoader(packaged("space"))
    return Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    ).get_template(name)


def render(name: str, **values: Any) -> str:
    """HTML of a template with values."""
    return template(name).render(values)
