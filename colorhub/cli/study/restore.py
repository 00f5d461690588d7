"""``colorhub study restore``: a backup onto this machine."""

from typing import Annotated

import typer

from colorhub.cli.study.opening import study_endings

_Repo = Annotated[str, typer.Argument(metavar="ORG/NAME", help="The private dataset with the backup.")]


def restore(repo: _Repo) -> None:
    """Bring the studies of a backup back onto an empty machine: pictures, votes, and the key that raters' sessions
    hang on.

    Everything is verified before anything is written. Raters go on where they were, with the tokens that their browsers
    have. Start the app afterwards, not before.
    """
    with study_endings():
        from colorhub.hub import Hub
        from colorhub.study.place import studies_root
        from colorhub.study.sharing.restore import restore as bring_back
        from colorhub.study.store.database import Database

        opened: list[Database] = []

        def open_database() -> Database:
            opened.append(Database())
            return opened[-1]

        try:
            for study in bring_back(Hub(), repo, studies_root(), open_database):
                what = "restored" if study.new else "here already"
                typer.echo(f"{study.name}: {what}; {study.raters} raters, {study.votes} answers.")
        finally:
            for database in opened:
                database.close()
