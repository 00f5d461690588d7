"""One database for all studies: SQLite beside them by default, PostgreSQL by ``$COLORHUB_DATABASE_URL``."""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, make_url, select, update
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from colorhub._text import first_line
from colorhub.study.errors import DatabaseError, UnavailableError
from colorhub.study.store import schema
from colorhub.study.store.tokens import Keys, key_from_file, key_to_file
from colorhub.study.studies import studies_root

_BUSY_SECONDS = 30
_CONNECT_SECONDS = 5
_LOCK = 7_203_114  # any number: PostgreSQL's lock while tables are made


class Database:
    """Connections, the schema's version, and the secret key that is kept beside the data.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql://...``; not given: ``$COLORHUB_DATABASE_URL``, else ``votes.sqlite`` in
            the folder of studies.

    Raises:
        DatabaseError: it cannot be reached, or was written by a newer version.
    """

    def __init__(self, url: str | None = None) -> None:
        given = url or os.environ.get("COLORHUB_DATABASE_URL") or f"sqlite:///{studies_root() / 'votes.sqlite'}"
        self._turn = Lock()
        try:
            self.engine = _engine(given)
            self.is_sqlite = self.engine.dialect.name == "sqlite"
            self._prepare()
            self.keys = Keys(self._key())
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise DatabaseError(f"COLORHUB_DATABASE_URL is no usable address: {first_line(error)}.") from None
        except (SQLAlchemyError, OSError) as error:
            where = make_url(given).render_as_string(hide_password=True)
            raise DatabaseError(f"The database {where} cannot be opened: {first_line(error)}.") from None

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that nobody else writes into; on disk when the block has ended without an error.

        Raises:
            UnavailableError: the database cannot be reached or is too busy; whether the transaction took place is not
                known then, so what is sent again must be recognized.
        """
        with self._my_turn(), self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view, without stopping writers. Raises :class:`UnavailableError`."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        """SQLite has one writer at a time, and who finds it busy sleeps: the threads of this process line up before."""
        if self.is_sqlite and not self._turn.acquire(timeout=_BUSY_SECONDS):
            raise UnavailableError("The votes' database is too busy. Try again.")
        try:
            yield
        finally:
            if self.is_sqlite:
                self._turn.release()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        # SQLite's transactions see one state anyway; PostgreSQL's usual ones see a new one with every query.
        one_state = begin == "BEGIN" and not self.is_sqlite
        options = {"isolation_level": "REPEATABLE READ"} if one_state else {}
        try:
            with (
                self.engine.connect().execution_options(colorhub_begin=begin, **options) as connection,
                connection.begin(),
            ):
                yield connection
        except IntegrityError:
            raise
        except DBAPIError as error:
            raise UnavailableError(f"The votes' database cannot be reached: {first_line(error)}. Try again.") from None
        except SQLAlchemyError as error:  # no connection free, or none to be had
            raise UnavailableError(f"The votes' database is too busy: {type(error).__name__}. Try again.") from None

    def forget(self) -> None:
        """Leave nothing of what was deleted in SQLite's write-ahead log, where it would lie for a while."""
        if self.is_sqlite:
            raw = self.engine.raw_connection()  # a checkpoint is no part of a transaction
            with closing(raw), suppress(sqlite3.Error):  # busy for long: the next one does it
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def adopt(self, key: bytes) -> None:
        """Take over the key of a database that is restored into this one, so that its raters' tokens stay valid.

        Raises:
            DatabaseError: this one has raters already, or its key comes from ``$COLORHUB_STUDY_SECRET``.
        """
        if Keys(key).fingerprint() == self.keys.fingerprint():
            return
        if self.key_is_given:
            raise DatabaseError("COLORHUB_STUDY_SECRET is another key than the backup's: unset it.")
        with self.writing() as connection:
            if connection.execute(select(schema.raters.c.id).limit(1)).first():
                raise DatabaseError("This database has raters, whose sessions hang on its key: restore into another.")
            if self._key_file:
                key_to_file(self._key_file, key)
            else:
                secret = update(schema.about).where(schema.about.c.key == "secret")
                connection.execute(secret.values(value=key.hex()))
        self.keys = Keys(key)

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        """A transaction while no other replica starts."""
        with (
            self.engine.connect().execution_options(colorhub_begin="BEGIN IMMEDIATE") as connection,
            connection.begin(),
        ):
            if not self.is_sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            yield connection

    def _prepare(self) -> None:
        with self._alone() as connection:
            schema.about.create(connection, checkfirst=True)
            version = _value(connection, "schema_version")
            if version is None:
                schema.metadata.create_all(connection)
                connection.execute(insert(schema.about).values(key="schema_version", value=str(schema.VERSION)))
            elif int(version) > schema.VERSION:
                raise DatabaseError(
                    f"The database has schema {version}, and this colorhub knows {schema.VERSION}: install a newer one."
                )

    @property
    def key_is_given(self) -> bool:
        """Whether the key comes from ``$COLORHUB_STUDY_SECRET`` instead of being kept beside the data."""
        return bool(os.environ.get("COLORHUB_STUDY_SECRET"))

    @property
    def _key_file(self) -> Path | None:
        path = self.engine.url.database
        return Path(path).with_suffix(".secret") if self.is_sqlite and path and path != ":memory:" else None

    def _key(self) -> bytes:
        if given := os.environ.get("COLORHUB_STUDY_SECRET"):
            return given.encode()
        if self._key_file:
            return key_from_file(self._key_file)
        with self._alone() as connection:
            found = _value(connection, "secret")
            if found is None:
                found = secrets.token_hex(32)
                connection.execute(insert(schema.about).values(key="secret", value=found))
            return bytes.fromhex(found)


def _value(connection: Connection, key: str) -> str | None:
    return connection.scalar(select(schema.about.c.value).where(schema.about.c.key == key))


def _engine(given: str) -> Engine:
    url = make_url(given)
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        waits = {"connect_timeout": _CONNECT_SECONDS} if url.get_backend_name() == "postgresql" else {}
        return create_engine(
            url, connect_args=waits, pool_pre_ping=True, pool_size=10, max_overflow=20, pool_timeout=_BUSY_SECONDS
        )
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # the driver begins no transactions by itself: _begin_sqlite does
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("colorhub_begin", "BEGIN"))
