"""How commands speak: errors in one sentence with an exit code, and no traceback for what a user can cause."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path

import typer

from colorhub._text import one_line

FAILED = 1  # something could not be done
WRONG_USAGE = 2  # nothing could be done: the call itself cannot work
INTERRUPTED = 130
PIPE_CLOSED = 141


def echo_err(text: str) -> None:
    """Write a line for people to stderr."""
    typer.echo(text, err=True)


def printable(path: Path | str) -> str:
    """A path as it can be printed: bytes that are no text and control characters replaced."""
    text = os.fspath(path)  # bytes of a name that are no text are lone surrogates in it, which are not printable
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def escape_unencodable() -> None:
    """Let stdout and stderr escape what their encoding does not have, such as an emoji in cp1252: a name that cannot be
    printed is no reason to end a run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # else its owner decides: a test, a notebook
            stream.reconfigure(errors="backslashreplace")


def fail(reason: Exception | str, code: int) -> typer.Exit:
    """Say why, and give the exit to raise. The name of a file that stands first keeps its small letters."""
    text = one_line(reason, None)
    word = text.split()[0]
    first = text[:1].upper() if word.isalpha() and not Path(word).exists() else text[:1]
    echo_err(f"Error: {first}{text[1:]}.")
    return typer.Exit(code)


def confirm(question: str) -> None:
    """Ask, and end the command unless the answer is yes. Where there is no terminal, nobody is asked: a script must not
    wait for an answer, and is told which option gives it."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise fail(f"{question} There is no terminal to ask at: --yes answers, and nothing was changed", WRONG_USAGE)
    if not typer.confirm(question):
        echo_err("Nothing was changed.")
        raise typer.Exit(FAILED)


def mute_stdout() -> None:
    """Drop what is still printed once stdout cannot be written to; else Python complains when it flushes at the end."""
    with suppress(OSError):  # it is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def failing(code: int, *errors: type[Exception]) -> Iterator[None]:
    """Errors of these kinds end the command: with their own sentence, and with ``code``."""
    try:
        yield
    except errors as error:
        raise fail(error, code) from error


@contextmanager
def quiet_exits() -> Iterator[None]:
    """Ctrl-C and a closed pipe end a command quietly, with the exit codes that shells expect."""
    try:
        yield
        sys.stdout.flush()
    except KeyboardInterrupt:
        echo_err("Interrupted.")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        mute_stdout()
        raise typer.Exit(PIPE_CLOSED) from None
