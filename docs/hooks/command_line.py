"""The page of the command line: what ``--help`` says of every command."""

from collections.abc import Iterator
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from typer.main import get_command
from typer.testing import CliRunner

from colorhub.cli.main import app

_INTRODUCTION = "Every command, as `--help` tells of it. [Colour photos](../colour-photos.md#in-a-terminal) shows some."


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add ``api/command-line.md``."""
    parts = ["# The command line", _INTRODUCTION, *map(_part, _commands(get_command(app), ()))]
    files.append(File.generated(config, "api/command-line.md", content="\n\n".join(parts) + "\n"))
    return files


def _commands(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The words behind ``colorhub`` of every command that is not given up, those of a group after it."""
    for name, one in getattr(command, "commands", {}).items():
        if not (one.hidden or one.deprecated):
            yield (*words, name)
            yield from _commands(one, (*words, name))


def _part(words: tuple[str, ...]) -> str:
    said = CliRunner().invoke(app, [*words, "--help"], prog_name="colorhub", terminal_width=80).stdout.strip()
    return f'## colorhub {" ".join(words)}\n\n<div class="help" markdown>\n```text\n{said}\n```\n</div>'
