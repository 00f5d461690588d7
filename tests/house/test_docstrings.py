"""Examples in docstrings: everything public has one, and all of them do what they show."""

import doctest
import inspect
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from test_public_names import public_names

import colorhub

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path for path in (ROOT / "colorhub").rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))
SLOW = ("export/parity.py", "export/writing.py")  # torch traces models: seconds each
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
# Classes whose methods people call; of the others the class's own example is enough.
CALLED = ("ColorLayer", "ColorPhoto", "ColorizationPipeline", "Photo", "Retouching", "Settings")
FORMER = {"ColorizationPipeline.retouch"}  # names of version 0.1, which warn

load_once = cache(colorhub.load)


def documented(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Name and docstring of the functions and classes that a module defines, and of what these define.

    ``doctest``'s own finder passes over functions that a decorator of another module has wrapped.
    """
    for name, one in vars(module).items():
        if callable(one) and getattr(one, "__module__", "") == module.__name__:
            yield name, inspect.getdoc(one) or ""
            for member, value in vars(one).items() if inspect.isclass(one) else ():
                if isinstance(value, (classmethod, staticmethod, property)) or inspect.isroutine(value):
                    yield f"{name}.{member}", value.__doc__ or ""


def has_example(one: Any) -> bool:
    """Whether the docstring of this very object shows something."""
    return ">>> " in (one.__doc__ or "")


def public_objects() -> Iterator[tuple[str, Any]]:
    """Functions and classes by dotted name: the public ones, those of public modules, and the methods people call."""
    for dotted in public_names():
        package, _, name = dotted.rpartition(".")
        one = getattr(import_module(package), name)
        if inspect.ismodule(one):
            own = [(key, value) for key, value in vars(one).items() if inspect.isroutine(value) and key[0] != "_"]
            yield from ((f"{dotted}.{key}", value) for key, value in own if value.__module__ == one.__name__)
        elif inspect.isclass(one) or inspect.isroutine(one):
            yield dotted, one
    for name in CALLED:
        for member, value in vars(getattr(colorhub, name)).items():
            is_method = isinstance(value, (classmethod, staticmethod)) or inspect.isroutine(value)
            if is_method and not member.startswith("_") and f"{name}.{member}" not in FORMER:
                yield f"colorhub.{name}.{member}", value


def modules_with_examples() -> Iterator[Any]:
    """Their files as parameters of a test, those that take long with the mark for it."""
    for path in EXAMPLES:
        inside = path.relative_to(ROOT / "colorhub").as_posix()
        yield pytest.param(path, id=inside, marks=[pytest.mark.slow] if inside in SLOW else [])


@pytest.mark.parametrize("path", modules_with_examples())
def test_examples_do_what_they_show(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in an empty folder and with nothing imported, as whoever copies it; weights are read once for all."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    module = import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    monkeypatch.setattr("colorhub.pipeline.load", load_once)
    parser, said = doctest.DocTestParser(), []
    runner = doctest.DocTestRunner(optionflags=OPTIONS, verbose=False)
    for number, (name, text) in enumerate(documented(module)):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        runner.run(parser.get_doctest(text, {}, name, str(path), 0), out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)
    assert runner.tries > 0


def test_everything_public_has_an_example() -> None:
    assert [name for name, one in public_objects() if not has_example(one)] == []
