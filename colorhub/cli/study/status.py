"""``colorhub study status``: how studies stand, without a hint of results."""

import json
from typing import Annotated

import typer

from colorhub.cli.study.opening import opened_store, study_endings

_Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Studies; all of them, if none is named.")
]
_Json = Annotated[bool, typer.Option("--json", help="One JSON object a study, one a line.")]


def status(names: _Names = None, as_json: _Json = False) -> None:
    """Show counts: raters, trials, answers flagged by each preregistered rule. Estimates wait for the end."""
    with study_endings(), opened_store(*(names or [])) as (store, studies):
        if not studies:
            typer.echo("No studies here: colorhub study create makes one.")
        for study in studies:
            name = study.manifest.name
            state, counts = store.state(name), store.counts(name)
            if as_json:
                typer.echo(json.dumps({"name": name, "sha256": study.manifest.sha256, **state, **counts}))
                continue
            mark = " (demonstration, not evidence)" if study.manifest.demonstration else ""
            stands = f"closed on {state['closed']}: {state['closed_why']}" if state["closed"] else "open"
            planned = study.manifest.config.stopping.raters
            typer.echo(f"{name}{mark}: {stands}")
            typer.echo(
                f"  raters: {counts['raters']} begun, {counts['finished']} finished"
                f"{f' of {planned} planned' if planned else ''}, {state['withdrawn']} withdrawn"
            )
            flagged = ", ".join(f"{rule} {count}" for rule, count in counts["flagged"].items()) or "none"
            typer.echo(f"  trials: {counts['trials']}; flagged: {flagged}")
