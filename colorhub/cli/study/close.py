"""``colorhub study close``: end a study."""

from typing import Annotated

import typer

from colorhub.cli.study.opening import Name, opened_store, study_endings
from colorhub.cli.study.publish import renew_backup

_Why = Annotated[str, typer.Option(metavar="TEXT", help="Why it ends before the preregistered end; recorded.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def close(name: Name, why: _Why = "", yes: _Yes = False) -> None:
    """End a study for good and write its trials to trials.csv in its folder.

    No more votes are taken, and panel ids are deleted, from the private backup too. Before the preregistered end, the
    report says that it was early.
    """
    from colorhub.study.report.export import write_trials

    with study_endings(), opened_store(name) as (store, [study]):
        state = store.state(name)
        if state["closed"] is None:
            counts = store.counts(name)
            if not yes:
                typer.confirm(
                    f"End {name} with {counts['finished']} finished raters? Votes are not taken again.", abort=True
                )
            state = store.close(name, why)
        path = write_trials(study.folder, store.rows(name))
        early = " before its preregistered end" if state["closed_early"] else ""
        typer.echo(f"{name} was closed on {state['closed']}{early}: {state['closed_why']}.")
        typer.echo(f"{path}: {store.counts(name)['trials']} trials; colorhub study report {name} analyses them.")
        if renew_backup(store, study, "panel ids"):
            typer.echo("The private backup was brought up to date, without panel ids.")
