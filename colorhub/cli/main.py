"""The ``colorhub`` command. Each of its commands is a module of :mod:`colorhub.cli` that is light to import."""

import atexit
import logging
import os
import sys
import warnings
from contextlib import suppress
from typing import Annotated

import typer

from colorhub import __version__
from colorhub.cli import card, check, colorize, compose, convert, export, models, publish, static_site, study, verify
from colorhub.cli.console import escape_unencodable

app = typer.Typer(
    name="colorhub",
    help="Colour black-and-white photos: any file, full size, with any model of the hub.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: it wraps paragraphs, fits 80 columns and loads faster
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(colorize.colorize)
app.command()(compose.compose)
app.command()(verify.verify)
app.command()(export.export)
app.command("static-site")(static_site.static_site)
app.command()(convert.convert)
app.command()(models.models)
app.command()(check.check)
app.command()(card.card)
app.command()(publish.publish)
app.add_typer(study.app, name="study")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"colorhub {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point of ``colorhub``. Libraries' warnings about files are kept quiet: what matters we say ourselves."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    logging.getLogger().addHandler(logging.NullHandler())
    escape_unencodable()
    code: list[int] = []
    atexit.register(_exit_at_once, code)  # the first that is registered is the last that is called
    try:
        app()
    except SystemExit as ended:
        code += [ended.code or 0] if isinstance(ended.code, int | None) else []
        raise


def _exit_at_once(code: list[int]) -> None:
    """End the process. Once torch is loaded, taking it down again would cost more than half a second for nothing."""
    if code and "torch" in sys.modules:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):  # whoever read it is gone
                stream.flush()
        os._exit(code[0])


if __name__ == "__main__":
    main()
