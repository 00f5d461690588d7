"""The page's HTML that is made for a photo or a model: Jinja templates beside their tabs, all values escaped."""

from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from colorhub._project import packaged


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(packaged("space")),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template(name)


def html(name: str, macro: str, *values: Any) -> str:
    """HTML by a macro of a template.

    Args:
        name: path of the template below ``colorhub/space``.
        macro: its name.
        values: the macro's arguments.
    """
    return str(getattr(_template(name).module, macro)(*values))
