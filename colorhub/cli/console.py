"""How commands speak: errors in one sentence with an exit code, and no traceback for what a user can cause."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

FAILED = 1  # something could not be done
WRONG_USAGE = 2  # nothing could be done: the call itself cannot work
INTERRUPTED = 130
PIPE_CLOSED = 141


def say(text: str) -> None:
    """Write a line for people to stderr."""
    typer.echo(text, err=True)


def shown(path: Path | str) -> str:
    """A path as it can be printed: bytes that are no text and control characters replaced."""
    text = os.fsencode(path).decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def leave(reason: Exception | str, code: int) -> typer.Exit:
    """Say why, and give the exit to raise. The name of a file that stands first keeps its small letters."""
    text = " ".join(str(reason).split()) or type(reason).__name__
    first = text[:1].upper() if text.split()[0].isalpha() else text[:1]
    say(f"Error: {first}{text[1:]}{'' if text.endswith('.') else '.'}")
    return typer.Exit(code)


@contextmanager
def plain_endings() -> Iterator[None]:
    """Ctrl-C and a closed pipe end a command quietly, with the exit codes that shells expect."""
    try:
        yield
        sys.stdout.flush()
    except KeyboardInterrupt:
        say("Interrupted.")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # else Python complains when it flushes at the end
        raise typer.Exit(PIPE_CLOSED) from None
