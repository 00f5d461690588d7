"""``colorhub models``: which weights there are."""

import json
from shutil import get_terminal_size
from textwrap import wrap
from typing import Annotated, Any

import typer

from colorhub.cli.console import quiet_exits
from colorhub.settings import DEFAULT_MODEL

_HEADINGS = ("name", "architecture", "MB", "gain (dB)", "from", "what")
_LEAST = 16  # columns for what a model is, however narrow the terminal
_WHOLE = (10_000, 24)  # where there is no terminal, a model is one line
_NONE = "No models: COLORHUB_MODELS can name folders that hold some."


@quiet_exits()
def models(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a model, one a line.")] = False,
) -> None:
    """List the models that --model knows by name: the default, others for photos, then those of the reports.

    The gain is the mean PSNR above that of the grey picture, as measured and written down beside the weights.
    Among each, folders named in COLORHUB_MODELS come first. A folder with config.json and model.safetensors
    works as a model as well, and so does a Hub id. Those marked network are other authors' weights: they are fetched
    when they are first used, under their own licences, which --json tells, as well as where each model is.
    """
    from colorhub.hub.loading import list_models

    listed = sorted(list_models(), key=lambda info: (info.name != DEFAULT_MODEL, info.group))  # stable
    if as_json:
        for info in listed:
            typer.echo(json.dumps(_facts(info)))
    else:
        rows = [_row(_facts(info)) for info in listed]
        typer.echo(_table([_HEADINGS, *rows]) if rows else _NONE)


def _facts(info: Any) -> dict[str, Any]:
    return {
        "name": info.name,
        "architecture": info.architecture,
        "megabytes": None if info.megabytes is None else round(info.megabytes, 2),
        "gain_db": info.gain,
        "source": info.source,
        "location": info.location,
        "summary": info.summary,
        "license": info.license,
        "authors": info.authors,
    }


def _row(facts: dict[str, Any]) -> tuple[str, ...]:
    size, gain = facts["megabytes"], facts["gain_db"]
    return (
        facts["name"],
        facts["architecture"],
        "-" if size is None else f"{size:.1f}",
        "-" if gain is None else f"{gain:+.2f}",
        facts["source"],
        facts["summary"] or "-",
    )


def _table(rows: list[tuple[str, ...]]) -> str:
    """Columns as wide as they need to be; the last one goes on in further lines where the terminal ends."""
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    indent = " " * (sum(widths) + 2 * len(widths))
    room = max(_LEAST, get_terminal_size(_WHOLE).columns - len(indent))
    lines: list[str] = []
    for *cells, last in rows:
        folded = wrap(last, room) or [""]
        start = "".join(f"{cell.ljust(width)}  " for cell, width in zip(cells, widths, strict=True))
        lines += [f"{start}{folded[0]}", *(f"{indent}{line}" for line in folded[1:])]
    return "\n".join(lines)
