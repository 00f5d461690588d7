"""What all parts of the store share: the database, the manifests, the clock, and finding a rater by token."""

import datetime
import time
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, select

from colorhub.study.design.manifest import Manifest
from colorhub.study.ending import close_if_due, is_due
from colorhub.study.errors import ForeignError, StudyError
from colorhub.study.report.table import trial_rows
from colorhub.study.store.database import Database
from colorhub.study.store.schema import raters, sequences, studies, votes

# Built once: building a statement takes longer than running it.
_RATER = select(raters).where(raters.c.id == bindparam("rater"))
_RATER_LOCKED = _RATER.with_for_update()
_STUDY = select(studies).where(studies.c.name == bindparam("study"))
_STUDY_LOCKED = _STUDY.with_for_update(read=True)


class StoreCore:
    """A database and the manifests of the studies in it. Tests give the clock."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self.database = database
        self._clock = clock
        self._manifests: dict[str, Manifest] = {}

    def rater_of(self, token: str) -> str:
        """The rater whom a token names. Raises :class:`ForeignError`."""
        return self.database.keys.rater_of(token)

    def study_of(self, token: str) -> str:
        """The study that the rater with this token is in. Raises :class:`ForeignError`."""
        with self.database.reading() as connection:
            return self._rater(connection, token)["study"]

    def manifest(self, study: str) -> Manifest:
        """The manifest of a study that was added. Raises :class:`StudyError`."""
        if study not in self._manifests:
            raise StudyError(f"There is no study {study[:64]!r} here.")
        return self._manifests[study]

    def today(self) -> str:
        """The day (UTC) that is written to votes."""
        return datetime.datetime.fromtimestamp(self._clock(), datetime.UTC).date().isoformat()

    def end_if_due(self, study: str) -> None:
        """Close a study whose preregistered end is reached."""
        manifest = self.manifest(study)
        if manifest.demonstration or (
            manifest.config.stopping.date is None and manifest.config.stopping.raters is None
        ):
            return
        with self.database.reading() as connection:
            due = is_due(connection, manifest, self.today(), self._clock())
        if due:
            with self.database.writing() as connection:
                close_if_due(connection, manifest, self.today(), self._clock())
            self.database.forget()

    def _rater(self, connection: Connection, token: str, lock: bool = False) -> RowMapping:
        """The row of the rater whom a token names; with ``lock``, nobody else changes it until the transaction ends."""
        query = _RATER_LOCKED if lock else _RATER
        row = connection.execute(query, {"rater": self.rater_of(token)}).mappings().first()
        if row is None:
            raise ForeignError("This session is not there any more: it was withdrawn, or belongs to another database.")
        return row

    def _sequence(self, rater: Mapping[str, Any]) -> list[dict[str, Any]]:
        return self.manifest(rater["study"]).sequences[rater["number"]]

    def _rows(self, connection: Connection, study: str, rater: str | None = None) -> list[dict[str, Any]]:
        """Rows of the trial table, of one rater or of all."""
        chosen = raters.c.id == rater if rater else raters.c.study == study
        people = {row["id"]: row for row in connection.execute(select(raters).where(chosen)).mappings()}
        given = select(votes).join(raters, votes.c.rater == raters.c.id).where(chosen)
        return trial_rows(self.manifest(study), people, connection.execute(given).mappings().all())


def study_row(connection: Connection, study: str, lock: bool = False) -> RowMapping:
    """A study's row; with ``lock`` it is not closed before the transaction ends. Raises :class:`StudyError`."""
    row = connection.execute(_STUDY_LOCKED if lock else _STUDY, {"study": study}).mappings().first()
    if row is None:
        raise StudyError(f"The database has no study {study[:64]!r}.")
    return row


def held_by(rater: Mapping[str, Any]) -> ColumnElement[bool]:
    """The sequence that a rater still holds; none where it was given to somebody else meanwhile."""
    return and_(
        sequences.c.study == rater["study"], sequences.c.number == rater["number"], sequences.c.holder == rater["id"]
    )
