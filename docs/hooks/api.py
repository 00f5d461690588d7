"""A page of the API for every room, from the names that it says are public; references in docstrings as links."""

import importlib
import inspect
import re
import warnings
from collections.abc import Iterator
from types import ModuleType

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

# The order in which names are documented: a name that two rooms have is on the first one's page.
ROOMS = (
    "colorhub",
    "colorhub.color",
    "colorhub.metrics",
    "colorhub.photo",
    "colorhub.models",
    "colorhub.inference.compose",
    "colorhub.hints",
    "colorhub.hub",
    "colorhub.hub.cards",
    "colorhub.hub.publish",
    "colorhub.export",
    "colorhub.space",
)
_ROLE = re.compile(r":(?:func|class|meth|mod|data|attr|exc):<code>~?([\w.]+)</code>")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add ``api/ROOM.md`` for every room."""
    documented: set[str] = set()
    for room in ROOMS:
        text = _page(room, documented)
        name = room.removeprefix("colorhub.")
        files.append(File.generated(config, f"api/{name}.md", content=text))
    return files


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn roles such as ``:class:`Photo``` of docstrings into links where the name has a place on these pages."""
    return _ROLE.sub(lambda found: _link(found.group(1)), html)


def _link(name: str) -> str:
    place = _canonical(name)
    code = f"<code>{name}</code>"
    return f'<autoref identifier="{place}" optional>{code}</autoref>' if place else code


def _canonical(name: str) -> str:
    """Where a name that a docstring writes is documented, or nothing for one that is not ours."""
    for room in ("", *(f"{room}." for room in ROOMS)):
        try:
            with warnings.catch_warnings(action="error", category=FutureWarning):  # no former names
                return _place(*_resolve(f"{room}{name}"))
        except (ImportError, AttributeError, ValueError, FutureWarning):
            continue
    return ""


def _resolve(dotted: str) -> tuple[str, object]:
    """The object of a dotted name. Raises what ``getattr`` and the import raise where there is none."""
    if not dotted.startswith("colorhub"):
        raise ValueError(dotted)
    package, *rest = dotted.split(".")
    found: object = importlib.import_module(package)
    for part in rest:
        found = getattr(found, part)
    return dotted, found


def _place(dotted: str, found: object) -> str:
    """The name under which an object is documented: that of the module which defines it, where it can be told."""
    if inspect.ismodule(found):
        return found.__name__
    module, name = getattr(found, "__module__", None), getattr(found, "__qualname__", None)
    return f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else dotted


def _page(room: str, documented: set[str]) -> str:
    module = importlib.import_module(room)
    parts = [f"# {room} {{ #{room} }}", inspect.getdoc(module) or ""]
    elsewhere: list[str] = []
    for name in _public(module):
        found = getattr(module, name)
        if inspect.ismodule(found):
            continue
        place = _place(f"{room}.{name}", found)
        (elsewhere if place in documented else parts).append(_entry(name, place, found, place in documented))
        documented.add(place)
    if elsewhere:
        parts.append(f"Also here: {', '.join(elsewhere)}.")
    return "\n\n".join(parts) + "\n"


def _entry(name: str, place: str, found: object, again: bool) -> str:
    if again:
        return f"[`{name}`][{place}]"
    if inspect.isclass(found) or inspect.isfunction(found):
        return f"::: {place}"
    return f"## `{name}` {{ #{place} }}\n\n{_constant(found)}"


def _constant(found: object) -> str:
    """What a constant is, in a line."""
    if isinstance(found, dict):
        return f"{type(found).__name__} with the keys {', '.join(f'`{key}`' for key in found)}."
    if isinstance(found, list | tuple) and found and callable(found[0]):
        return f"{', '.join(f'`{item.__module__}.{item.__name__}`' for item in found)}."
    return f"`{found!r}`"


def _public(module: ModuleType) -> Iterator[str]:
    """What ``__all__`` names; else every function, class and constant that the module itself defines."""
    if hasattr(module, "__all__"):
        yield from sorted(module.__all__)
        return
    for name, value in vars(module).items():
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__:
            yield name
