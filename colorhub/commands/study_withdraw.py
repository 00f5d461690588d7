"""``colorhub study withdraw``: remove a rater."""

from typing import Annotated

import typer

from colorhub.commands.study_opening import opened_store, study_endings

_Code = Annotated[str, typer.Argument(metavar="CODE", help="The withdrawal code that the rater was shown.")]


def withdraw(code: _Code) -> None:
    """Delete everything of a rater from the database, and from trials.csv of a closed study.

    What has been published before cannot be recalled from those who copied it; the next release is without it.
    """
    from colorhub.study.export import TRIALS, write_trials

    with study_endings(), opened_store() as (store, studies):
        done = store.withdraw(code)
        typer.echo(f"Removed from {done['study']}: one rater with {done['votes']} answers.")
        study = next(study for study in studies if study.manifest.name == done["study"])
        if not done["closed"]:
            return
        if (study.folder / TRIALS).exists():
            write_trials(study.folder, store.rows(done["study"]))
            typer.echo(f"{study.folder / TRIALS} was written anew: write the report and publish the trials again.")
        typer.echo("Copies of what was published before, and reports made from it, cannot be recalled.")
        until = study.manifest.config.withdraw_until
        if until is not None and store.today() > until:
            typer.echo(f"The consent page promised removal until {until}; that day has passed.")
