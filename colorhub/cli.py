"""The ``colorhub`` command. Each of its commands is a module of :mod:`colorhub.commands` that is light to import."""

import logging
import sys
import warnings
from typing import Annotated

import typer

from colorhub import __version__
from colorhub.commands import colorize, export, models

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
app.command()(export.export)
app.command()(models.models)


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
    app()


if __name__ == "__main__":
    main()
