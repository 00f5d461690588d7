"""A study's rows, out of one database and into another, whichever kind either is."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select
from sqlalchemy.exc import DataError, IntegrityError

from colorhub.study.errors import DatabaseError, ManifestError, StudyError
from colorhub.study.store import schema
from colorhub.study.store.database import Database
from colorhub.study.store.schema import panel, raters, sequences, studies, votes

STATE = "state.json"
_TABLES = (studies, sequences, raters, votes, panel)  # in an order in which they can be filled
_ROWS_A_FILE = 50_000  # below what the Hub would keep outside of git, where history is not forgotten
_ROWS_A_TIME = 1000


@dataclass(frozen=True)
class Snapshot:
    """All rows of a study at one moment: by table, values in the order of its columns."""

    tables: dict[str, list[list[Any]]]

    def count(self, table: str) -> int:
        """Rows of a table."""
        return len(self.tables[table])

    def study(self) -> dict[str, Any]:
        """The study's own row."""
        return dict(zip(studies.c.keys(), self.tables["studies"][0], strict=True))

    def covers(self, other: "Snapshot") -> bool:
        """Whether everything that another one of the study holds is here too, but for who has withdrawn since."""
        rater, withdrawn = raters.c.keys().index("id"), self.study()["withdrawn"] - other.study()["withdrawn"]
        here = {row[rater] for row in self.tables["raters"]}
        gone = {row[rater] for row in other.tables["raters"]} - here
        answers = {tuple(row) for row in self.tables["votes"]}
        kept = (tuple(row) for row in other.tables["votes"] if row[0] not in gone)
        return len(gone) <= withdrawn and answers.issuperset(kept)

    def files(self) -> dict[str, bytes]:
        """As files by name: JSON lines, and ``state.json``, which says what they are and their digests."""
        files = dict(self._lines())
        state = {
            "database_schema": schema.VERSION,
            "sha256": self.study()["sha256"],
            "closed": self.study()["closed"],
            "withdrawn": self.study()["withdrawn"],
            "raters": self.count("raters"),
            "votes": self.count("votes"),
            "columns": {table.name: table.c.keys() for table in _TABLES},
            "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        }
        return {STATE: json.dumps(state, indent=1).encode(), **files}

    def _lines(self) -> Iterator[tuple[str, bytes]]:
        for table, rows in self.tables.items():
            for part, first in enumerate(range(0, max(1, len(rows)), _ROWS_A_FILE)):
                lines = [json.dumps(row, separators=(",", ":")) for row in rows[first : first + _ROWS_A_FILE]]
                yield f"{table}-{part:03}.jsonl", "".join(f"{line}\n" for line in lines).encode()


def take(database: Database, study: str) -> Snapshot:
    """What the database holds of a study. Raises :class:`StudyError` where there is no such study."""
    with database.reading() as connection:
        found = {table.name: [list(row) for row in connection.execute(_rows(table.name, study))] for table in _TABLES}
    if not found["studies"]:
        raise StudyError(f"The database has no study {study[:64]!r}.")
    return Snapshot(found)


def read(files: Mapping[str, bytes], origin: str) -> Snapshot:
    """A snapshot from its files.

    Raises:
        DatabaseError: it was written by a newer version.
        ManifestError: a file is missing or damaged.
    """
    try:
        state = json.loads(files[STATE])
        if state["database_schema"] > schema.VERSION:
            raise DatabaseError(
                f"{origin} has database schema {state['database_schema']}, and this colorhub knows {schema.VERSION}: "
                "install a newer one."
            )
        if state["columns"] != {table.name: table.c.keys() for table in _TABLES}:
            raise ValueError("other columns")
        tables: dict[str, list[list[Any]]] = {table.name: [] for table in _TABLES}
        for name, digest in sorted(state["files"].items()):
            if hashlib.sha256(files[name]).hexdigest() != digest:
                raise ValueError(name)
            tables[name.rpartition("-")[0]] += [json.loads(line) for line in files[name].splitlines()]
        if len(tables["studies"]) != 1:
            raise ValueError("not one study")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, StudyError):
            raise
        raise ManifestError(f"{origin} is corrupted ({error}): its rows are not what its {STATE} says.") from None
    return Snapshot(tables)


def put(connection: Connection, snapshot: Snapshot) -> None:
    """Put a study's rows into a database that has none of it, or has it open and unused.

    Raises:
        StudyError: it has others already, or these do not fit.
    """
    name = snapshot.study()["name"]
    held = connection.execute(select(studies).where(studies.c.name == name)).mappings().first()
    if held is not None:
        begun = connection.scalar(select(func.count()).where(raters.c.study == name)) or held["withdrawn"]
        if begun or held["closed"] or held["sha256"] != snapshot.study()["sha256"]:
            raise StudyError(
                f"The database holds other votes of {name} already: restore into an empty one (COLORHUB_DATABASE_URL, "
                "or another COLORHUB_STUDIES)."
            )
        connection.execute(delete(sequences).where(sequences.c.study == name))
        connection.execute(delete(studies).where(studies.c.name == name))
    try:
        for table in _TABLES:
            rows = [dict(zip(table.c.keys(), row, strict=True)) for row in snapshot.tables[table.name]]
            for first in range(0, len(rows), _ROWS_A_TIME):
                connection.execute(insert(table), rows[first : first + _ROWS_A_TIME])
    except (IntegrityError, DataError, ValueError) as error:
        raise StudyError(f"The rows of {name} do not fit into the database: {type(error).__name__}.") from None


def _rows(table: str, study: str) -> Select[Any]:
    chosen = schema.metadata.tables[table]
    query = select(chosen).order_by(*chosen.primary_key)
    if table == "votes":
        return query.join(raters, votes.c.rater == raters.c.id).where(raters.c.study == study)
    return query.where((studies.c.name if table == "studies" else chosen.c.study) == study)
