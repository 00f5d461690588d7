"""``colorhub study withdraw``: remove a rater."""

from typing import TYPE_CHECKING, Annotated

import typer

from colorhub.commands.saying import FAILED, leave
from colorhub.commands.study_opening import opened_store, study_endings

if TYPE_CHECKING:
    from colorhub.study.place import Study
    from colorhub.study.store import Store

_Code = Annotated[str, typer.Argument(metavar="CODE", help="The withdrawal code that the rater was shown.")]


def withdraw(code: _Code) -> None:
    """Delete everything of a rater: from the database, from trials.csv of a closed study, and from the private backup.

    Published data are never changed by themselves: the next colorhub study publish is without the rater, and this says
    what cannot be recalled from those who copied it.
    """
    from colorhub.study import copies
    from colorhub.study.export import TRIALS, write_trials

    with study_endings(), opened_store() as (store, studies):
        done = store.withdraw(code)
        name = done["study"]
        typer.echo(f"Removed from {name}: one rater with {done['votes']} answers.")
        study = next(study for study in studies if study.manifest.name == name)
        known = copies.known(study.folder)
        if done["closed"]:
            if (study.folder / TRIALS).exists():
                write_trials(study.folder, store.rows(name))
                typer.echo(f"{study.folder / TRIALS} was written anew: write the report again.")
            where = known.get("release")
            again = f"colorhub study publish {name} --to {where or 'ORG/NAME'}"
            typer.echo(f"{'Published: ' if where else 'If it was published: '}{again} makes the next revision without.")
            typer.echo("Earlier revisions, copies that others made, and reports from them cannot be recalled.")
            until = study.manifest.config.withdraw_until
            if until is not None and store.today() > until:
                typer.echo(f"The consent page promised removal from everything until {until}; that day has passed.")
        if "backup" in known:
            _clean(store, study, known["backup"])


def _clean(store: "Store", study: "Study", repo_id: str) -> None:
    """The backup is made anew and keeps no history, so that nothing of the rater is left in it."""
    from colorhub.hub import Hub, PublishError
    from colorhub.study.backup import back_up

    try:
        back_up(Hub(), store.database, study, repo_id)
    except PublishError as error:
        again = f"colorhub study publish {study.manifest.name} --to {repo_id}"
        raise leave(f"The private backup still holds the rater: run {again}. {error}", FAILED) from None
    typer.echo(f"The private backup {repo_id} and its history are without the rater.")
