"""``colorhub study withdraw``: remove a rater."""

from typing import TYPE_CHECKING, Annotated

import typer

from colorhub.cli.study.opening import opened_store, study_endings
from colorhub.cli.study.publish import renew_backup

if TYPE_CHECKING:
    from colorhub.study.place import Study

_Code = Annotated[str, typer.Argument(metavar="CODE", help="The withdrawal code that the rater was shown.")]


def withdraw(code: _Code) -> None:
    """Delete everything of a rater: from the database, from trials.csv of a closed study, and from the private backup.

    Published data are never changed by themselves: the next colorhub study publish is without the rater, and this says
    what cannot be recalled from those who copied it.
    """
    from colorhub.study.report.export import TRIALS, write_trials

    with study_endings(), opened_store() as (store, studies):
        done = store.withdraw(code)
        name = done["study"]
        typer.echo(f"Removed from {name}: one rater with {done['votes']} answers.")
        study = next(study for study in studies if study.manifest.name == name)
        if done["closed"]:
            if (study.folder / TRIALS).exists():
                write_trials(study.folder, store.rows(name))
                typer.echo(f"{study.folder / TRIALS} was written anew: write the report again.")
            _tell_published(study, store.today())
        if renew_backup(store, study, "the rater"):
            typer.echo("The private backup and its history are without the rater.")


def _tell_published(study: "Study", today: str) -> None:
    """What published data need, and what cannot be recalled."""
    from colorhub.study.sharing import copies

    name, until = study.manifest.name, study.manifest.config.withdraw_until
    if until is not None and today <= until:
        typer.echo(f"Nothing was published yet: answers can be withdrawn completely until {until}.")
        return
    where = copies.known(study.folder).get("release")
    again = f"colorhub study publish {name} --to {where or 'ORG/NAME'}"
    typer.echo(f"{'Published: ' if where else 'If it was published: '}{again} makes the next revision without.")
    typer.echo("Earlier revisions, copies that others made, and reports from them cannot be recalled.")
    if until is not None:
        typer.echo(f"The consent page promised removal from everything until {until}; that day has passed.")
