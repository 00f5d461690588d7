"""Words that several error messages share."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Two sentences for an error message: the nearest known name, and all of them.

    Example:
        >>> from colorhub._text import did_you_mean
        >>> did_you_mean("vividnes", ["size", "vividness"])
        "Did you mean 'vividness'? Known: size, vividness."
    """
    known, near = _with_nearest(name, known)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return f"{hint}Known: {', '.join(sorted(known)) or 'none'}."


def nearest(name: str, known: Iterable[str]) -> str:
    """The same for brackets within a sentence: the nearest known name, or all of them where none is near.

    Example:
        >>> from colorhub._text import nearest
        >>> nearest("vividnes", ["size", "vividness"])
        "did you mean 'vividness'?"
    """
    known, near = _with_nearest(name, known)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"


def _with_nearest(name: str, known: Iterable[str]) -> tuple[list[str], list[str]]:
    """The known names, and the one that is nearest, if any is near."""
    names = list(known)
    return names, get_close_matches(name, names, n=1, cutoff=0.5)


def short(value: Any) -> str:
    """What was given, as Python writes it, in at most 60 characters.

    Example:
        >>> from colorhub._text import short
        >>> short("x" * 100)
        "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..."
    """
    try:
        text = repr(value)
    except ValueError:  # more digits than Python writes
        text = "a number of thousands of digits"
    return text if len(text) <= 60 else text[:57] + "..."


def listed(names: Sequence[str], most: int = 8) -> str:
    """The first names of a list, and how many more there are; ``none`` where it is empty.

    Example:
        >>> from colorhub._text import listed
        >>> listed(["a", "b", "c"], most=2)
        'a, b and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "none") + more


def first_line(error: BaseException) -> str:
    """The first line of an error's message, without its full stop: the system's or the driver's own words where it has
    such, its type where it has none."""
    text = str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error).strip()
    return (text.splitlines() or [type(error).__name__])[0].rstrip(".")


def one_line(error: BaseException | str, longest: int | None = 200) -> str:
    """An error's message on one line, without its full stop; the error's type where it has none.

    Args:
        error: or a text.
        longest: characters; more are cut off. ``None``: all of it.

    Example:
        >>> from colorhub._text import one_line
        >>> one_line(ValueError("No such\\n  file."))
        'No such file'
    """
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return text if longest is None or len(text) <= longest else f"{text[: longest - 3]}..."
