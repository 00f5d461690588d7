"""What the commands of ``colorhub study`` share: opening a study's votes, and errors in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from colorhub.cli.console import FAILED, fail, quiet_exits

if TYPE_CHECKING:
    from colorhub.study.store.store import Store
    from colorhub.study.studies import Study

Name = Annotated[str, typer.Argument(metavar="NAME", help="The study's name.")]


@contextmanager
def study_endings() -> Iterator[None]:
    """What a study cannot do is said in one sentence, with exit code 1."""
    with quiet_exits():
        try:
            yield
        except ValueError as error:  # StudyError and what photos and tables raise
            raise fail(error, FAILED) from None


@contextmanager
def opened_store(*names: str) -> Iterator[tuple["Store", list["Study"]]]:
    """The store with these studies in it; all there are, if none is named."""
    from colorhub.study.store.database import Database
    from colorhub.study.store.store import Store
    from colorhub.study.studies import open_study, study_names

    studies = [open_study(name) for name in names or study_names()]
    database = Database()
    try:
        store = Store(database)
        for study in studies:
            store.add(study.manifest)
        yield store, studies
    finally:
        database.close()
