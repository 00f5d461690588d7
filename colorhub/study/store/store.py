"""The store: deals sequences out to raters, takes their votes, and never loses or doubles one.

Every public method is one transaction. What it acknowledges is on disk. All of a rater's state is in the database and
in the signed token, so that any process with the same database can answer any request.
"""

import datetime
import hmac
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from colorhub.study import errors
from colorhub.study.design.config import Stopping
from colorhub.study.design.manifest import Manifest
from colorhub.study.store import ending
from colorhub.study.store.answers import Answer, parse_answer
from colorhub.study.store.database import Database
from colorhub.study.store.schema import panel, raters, sequences, studies, votes
from colorhub.study.store.tokens import code_digest, new_rater
from colorhub.study.trials import attention_failed, outcome, trial_rows

ABANDONED_SECONDS = 3600

_log = logging.getLogger(__name__)
# Built once: building a statement takes longer than running it.
_RATER = select(raters).where(raters.c.id == bindparam("rater"))
_RATER_LOCKED = _RATER.with_for_update()
_STUDY = select(studies).where(studies.c.name == bindparam("study"))
_STUDY_LOCKED = _STUDY.with_for_update(read=True)
_INSERT = insert(votes)
_MOVE = update(raters).where(raters.c.id == bindparam("_rater"))
_MOVE = _MOVE.values(position=bindparam("position"), finished=bindparam("finished"))
_TOUCH = update(sequences).values(touched=bindparam("touched"), finished=bindparam("finished"))
_TOUCH = _TOUCH.where(
    sequences.c.study == bindparam("_study"),
    sequences.c.number == bindparam("_number"),
    sequences.c.holder == bindparam("_rater"),  # not where it was given to somebody else meanwhile
)


@dataclass(frozen=True)
class Session:
    """A rater's session: ``token`` goes to the browser, ``resumed`` says that it was begun before."""

    rater: str
    token: str
    study: str
    resumed: bool = False


@dataclass(frozen=True)
class Progress:
    """Where a rater is. ``kind``: of the item at ``position``, "" at the end; ``pictures``: one, or two side by side.
    Whether a trial is an attention item is not told."""

    study: str
    position: int
    total: int
    kind: str
    pictures: int
    finished: bool
    language: str
    plates_read: int | None

    @classmethod
    def of(cls, rater: Mapping[Any, Any], sequence: Sequence[Mapping[str, Any]]) -> "Progress":
        """The progress of a rater, given the row and the sequence."""
        position = min(rater["position"], len(sequence))
        item: Mapping[str, Any] = sequence[position] if position < len(sequence) else {"kind": "", "stimuli": []}
        kind = "trial" if item["kind"] == "attention" else item["kind"]
        about = {key: rater[key] for key in ("study", "finished", "language", "plates_read")}
        return cls(position=position, total=len(sequence), kind=kind, pictures=len(item["stimuli"]), **about)


@dataclass(frozen=True)
class Receipt:
    """A vote that is on disk. ``repeated``: it was there before. ``correct``: in practice only, else ``None``.
    ``progress``: where the rater is after it."""

    position: int
    repeated: bool
    finished: bool
    correct: bool | None
    progress: Progress


class Store:
    """The votes of studies in one database: sessions, votes, results, counts, closing and withdrawal.

    Args:
        database: may hold several studies; :meth:`add` gives each one's manifest.
        clock: seconds since 1970.
    """

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
            raise errors.StudyError(f"There is no study {study[:64]!r} here.")
        return self._manifests[study]

    def today(self) -> str:
        """The day (UTC) that is written to votes."""
        return datetime.datetime.fromtimestamp(self._clock(), datetime.UTC).date().isoformat()

    def add(self, manifest: Manifest) -> None:
        """Open a study in the database, or go on with it. Raises :class:`ManifestError` if it is another one now."""
        with self.database.writing() as connection:
            found = connection.execute(select(studies).where(studies.c.name == manifest.name)).mappings().first()
            if found is None:
                opened = {"name": manifest.name, "sha256": manifest.sha256, "opened": self.today(), "closed": None}
                connection.execute(insert(studies).values(**opened))
                rows = [{"study": manifest.name, "number": number} for number in range(len(manifest.sequences))]
                connection.execute(insert(sequences), rows)
            elif found["sha256"] != manifest.sha256:
                raise errors.ManifestError(
                    f"The votes of {manifest.name} belong to another manifest ({found['sha256'][:12]}..., this is "
                    f"{manifest.sha256[:12]}...): restore that one, or choose another database."
                )
        self._manifests[manifest.name] = manifest

    def begin(self, study: str, language: str = "", panel_id: str | None = None) -> Session:
        """Give a new rater the next free sequence.

        One that nobody answered for an hour is given again. A panel's participant who comes back gets the same session.

        Raises:
            ClosedError, FullError: no more raters are wanted.
            TookPartError: this participant has finished.
            InvalidError: a language without texts.
        """
        manifest = self.manifest(study)
        if language not in {"", *manifest.config.spoken()}:
            raise errors.InvalidError("The study has no texts in this language.")
        digest = self.database.keys.panel_digest(study, panel_id) if panel_id else None
        try:
            with self.database.writing() as connection:
                return self._begin(connection, manifest, language or manifest.config.language, digest)
        except IntegrityError:  # the same participant, twice at once: the other one was first
            return self.begin(study, language, panel_id)

    def progress(self, token: str) -> Progress:
        """Where a rater is, after a reload for instance."""
        with self.database.reading() as connection:
            rater = self._rater(connection, token)
        return Progress.of(rater, self._sequence(rater))

    def picture(self, token: str, position: int, number: int = 0) -> tuple[str, str]:
        """The study and the stimulus that a rater may see at a position: this one and the next, to have it ready; all
        those answered once the session is finished. ``number``: 1 for the right one of a pair.

        Raises:
            ForeignError: not his to see, now or ever.
        """
        with self.database.reading() as connection:
            rater = self._rater(connection, token)
        sequence = self._sequence(rater)
        allowed = range(len(sequence)) if rater["finished"] else range(rater["position"], rater["position"] + 2)
        if position not in allowed or not 0 <= position < len(sequence):
            raise errors.ForeignError("This picture is not part of what you are judging now.")
        stimuli = sequence[position]["stimuli"]
        if not 0 <= number < len(stimuli):
            raise errors.ForeignError("There is no such picture.")
        return rater["study"], stimuli[number]

    def record_plates(self, token: str, readings: Any) -> int:
        """Keep how many plates a rater read, once and before the first answer; the number. What was typed is not kept.

        Raises:
            InvalidError: another number of readings than there are plates, or no texts.
            OutOfOrderError: after the first answer, or for the second time.
        """
        with self.database.writing() as connection:
            rater = self._rater(connection, token, lock=True)
            plates = self.manifest(rater["study"]).data["plates"]
            if not isinstance(readings, Sequence) or isinstance(readings, str) or len(readings) != len(plates):
                raise errors.InvalidError(f"The readings of {len(plates)} plates are expected.")
            if rater["position"] > 0 or rater["plates_read"] is not None:
                raise errors.OutOfOrderError("The plates have been read already.")
            read = sum(
                isinstance(reading, str) and hmac.compare_digest(reading.strip()[:4].encode(), plate["answer"].encode())
                for reading, plate in zip(readings, plates, strict=True)
            )
            connection.execute(update(raters).where(raters.c.id == rater["id"]).values(plates_read=read))
        return read

    def vote(self, token: str, position: Any, values: Mapping[str, Any]) -> Receipt:
        """Record the answer to the item at a position. The same answer sent again is acknowledged again.

        Args:
            token: the rater's.
            position: of the item; answers come in order.
            values: see :class:`~colorhub.study.store.answers.Answer`.

        Raises:
            RefusedError: one of its kinds; nothing has changed then. After :class:`UnavailableError` send it again.
        """
        try:
            return self._vote(token, position, values)
        except errors.RefusedError as error:
            _log.info("a vote was refused: %s", error.code)
            raise

    def result(self, token: str) -> dict[str, Any]:
        """A finished rater's own result: trials, how many were right, the positions where a fake was taken for real and
        which picture there it was (0, or 1 for the right one), attention items missed, withdrawal code.

        Raises :class:`OutOfOrderError` before the end.
        """
        with self.database.reading() as connection:
            rater = self._rater(connection, token)
            if not rater["finished"]:
                raise errors.OutOfOrderError("The result is shown when all pictures have been judged.")
            rows = self._rows(connection, rater["study"], rater["id"])
        trials = [row for row in rows if row["kind"] == "trial"]
        return {
            "trials": len(trials),
            "correct": sum(row["correct"] for row in trials),
            "fooled_at": [row["position"] for row in trials if row["fooled"]],
            "fooled_by": [int(row["answer"] == "right") for row in trials if row["fooled"]],
            "attention_failed": attention_failed(rows, self.manifest(rater["study"]).config.exclusions),
            "withdrawal_code": self.database.keys.withdrawal_code(rater["id"]),
        }

    def counts(self, study: str) -> dict[str, Any]:
        """What the public may know while a study is open: raters, finished ones, answers in trials, flags by rule."""
        with self.database.reading() as connection:
            begun = connection.scalar(select(func.count()).where(raters.c.study == study))
            rows = self._rows(connection, study)
            finished = connection.scalar(select(func.count()).where(raters.c.study == study, raters.c.finished))
        trials = [row for row in rows if row["kind"] == "trial"]
        flags = Counter(row["excluded"] for row in trials if row["excluded"])
        return {"raters": begun, "finished": finished, "trials": len(trials), "flagged": dict(sorted(flags.items()))}

    def rows(self, study: str) -> list[dict[str, Any]]:
        """The trial table as rows (:data:`~colorhub.study.trials.COLUMNS`)."""
        with self.database.reading() as connection:
            return self._rows(connection, study)

    def state(self, study: str) -> dict[str, Any]:
        """The study's row: opened, closed (day or ``None``), closed_early, closed_why, withdrawn. Closes it if due."""
        self.end_if_due(study)
        with self.database.reading() as connection:
            return dict(_study_row(connection, study))

    def close(self, study: str, why: str = "") -> dict[str, Any]:
        """End a study: no more votes, panel ids deleted. That it was before the preregistered end is recorded."""
        manifest = self.manifest(study)
        with self.database.writing() as connection:
            if not ending.close_if_due(connection, manifest, self.today(), self._clock()):
                if _study_row(connection, study)["closed"] is not None:
                    raise errors.StudyError(f"The study {study} is closed already.")
                ending.close(connection, study, self.today(), early=True, why=why[:200] or "closed by the organizer")
            row = dict(_study_row(connection, study))
        self.database.forget()
        return row

    def withdraw(self, code: str) -> dict[str, Any]:
        """Delete everything of a rater by the withdrawal code.

        Returns:
            ``study``, number of ``votes`` deleted, whether the study was ``closed``.

        Raises:
            StudyError: no such code, or its rater has withdrawn already.
        """
        digest = code_digest(code)
        with self.database.writing() as connection:
            found = connection.execute(select(raters).where(raters.c.withdrawal == digest).with_for_update())
            rater = found.mappings().first()
            if rater is None:
                raise errors.StudyError("No rater has this withdrawal code: check its letters, or it was used already.")
            study = _study_row(connection, rater["study"])
            removed = connection.execute(delete(votes).where(votes.c.rater == rater["id"])).rowcount
            connection.execute(delete(panel).where(panel.c.rater == rater["id"]))
            connection.execute(delete(raters).where(raters.c.id == rater["id"]))
            free = {"holder": None, "touched": 0, "finished": False}
            held = sequences.c.study == rater["study"], sequences.c.holder == rater["id"]
            connection.execute(update(sequences).where(*held, sequences.c.number == rater["number"]).values(**free))
            more = studies.c.withdrawn + 1
            connection.execute(update(studies).where(studies.c.name == rater["study"]).values(withdrawn=more))
        self.database.forget()
        return {"study": rater["study"], "votes": removed, "closed": study["closed"] is not None}

    def end_if_due(self, study: str) -> None:
        """Close a study whose preregistered end is reached."""
        manifest = self.manifest(study)
        if manifest.demonstration or manifest.config.stopping == Stopping(raters=None, date=None):
            return
        with self.database.reading() as connection:
            due = ending.is_due(connection, manifest, self.today(), self._clock())
        if due:
            with self.database.writing() as connection:
                ending.close_if_due(connection, manifest, self.today(), self._clock())
            self.database.forget()

    def _begin(self, connection: Connection, manifest: Manifest, language: str, digest: str | None) -> Session:
        now = int(self._clock())
        if ending.is_over(_study_row(connection, manifest.name, lock=True), manifest, self.today()):
            raise errors.ClosedError("This study has ended. Thank you for your interest.")
        if digest:
            of_panel = select(raters).join(panel, panel.c.rater == raters.c.id).where(panel.c.digest == digest)
            known = connection.execute(of_panel.where(panel.c.study == manifest.name)).mappings().first()
            if known and known["finished"]:
                raise errors.TookPartError("You have taken part in this study already. Thank you.")
            if known:
                return Session(known["id"], self.database.keys.token(known["id"]), manifest.name, resumed=True)
        number, rater = self._free_sequence(connection, manifest, now), new_rater()
        withdrawal = code_digest(self.database.keys.withdrawal_code(rater))
        about = {"study": manifest.name, "number": number, "language": language, "day": self.today()}
        connection.execute(insert(raters).values(id=rater, withdrawal=withdrawal, **about))
        held = {"holder": rater, "touched": now, "finished": False, "given": sequences.c.given + 1}
        chosen = sequences.c.study == manifest.name, sequences.c.number == number
        connection.execute(update(sequences).where(*chosen).values(**held))
        if digest:
            connection.execute(insert(panel).values(study=manifest.name, digest=digest, rater=rater))
        return Session(rater, self.database.keys.token(rater), manifest.name)

    def _free_sequence(self, connection: Connection, manifest: Manifest, now: int) -> int:
        """The first sequence that nobody has, or that was abandoned; locked. A demonstration never runs out."""
        planned = manifest.config.stopping.raters
        if planned is not None and not manifest.demonstration:
            of_study = raters.c.study == manifest.name, raters.c.finished
            if (connection.scalar(select(func.count()).where(*of_study)) or 0) >= planned:
                raise errors.FullError("As many people as planned have taken part. Thank you for your interest.")
        abandoned = sequences.c.touched < now - ABANDONED_SECONDS
        free = sequences.c.finished.is_(False) & or_(sequences.c.holder.is_(None), abandoned)
        query = select(sequences.c.number).where(sequences.c.study == manifest.name)
        number = connection.scalar(
            query.where(free).order_by(sequences.c.number).limit(1).with_for_update(skip_locked=True)
        )
        if number is None and manifest.demonstration:
            order = sequences.c.given, sequences.c.number
            number = connection.scalar(query.order_by(*order).limit(1).with_for_update(skip_locked=True))
        if number is None:
            raise errors.FullError("All places are taken just now: come back in an hour, some become free again.")
        return number

    def _vote(self, token: str, position: Any, values: Mapping[str, Any]) -> Receipt:
        if isinstance(position, bool) or not isinstance(position, int) or not 0 <= position < 10_000:
            raise errors.InvalidError("A position is a whole number from 0 on.")
        self.rater_of(token)  # a forged token does not even reach the database
        with self.database.writing() as connection:
            rater = self._rater(connection, token, lock=True)
            manifest = self.manifest(rater["study"])
            answer = parse_answer(values, manifest.protocol)
            sequence = self._sequence(rater)
            if position < rater["position"]:
                return self._repeated(connection, rater, position, answer)
            if rater["finished"] or position >= len(sequence):
                raise errors.FinishedError("All pictures have been judged already. Thank you.")
            if position > rater["position"]:
                raise errors.OutOfOrderError(
                    f"The picture to judge next is number {rater['position']}, not {position}."
                )
            if ending.is_over(_study_row(connection, rater["study"], lock=True), manifest, self.today()):
                raise errors.ClosedError("This study has ended; what you answered before is kept. Thank you.")
            finished = position + 1 == len(sequence)
            who = {"_rater": rater["id"], "_study": rater["study"], "_number": rater["number"]}
            values = {"rater": rater["id"], "position": position, "day": self.today(), **asdict(answer)}
            connection.execute(_INSERT, values)
            connection.execute(_MOVE, {"_rater": rater["id"], "position": position + 1, "finished": finished})
            connection.execute(_TOUCH, {**who, "touched": 0 if finished else int(self._clock()), "finished": finished})
        if finished:
            self.end_if_due(manifest.name)
        return self._receipt(rater, position, answer, repeated=False, finished=finished)

    def _repeated(self, connection: Connection, rater: Mapping[Any, Any], position: int, answer: Answer) -> Receipt:
        """A vote that is there already: the same one was sent again because its receipt was lost, or it is a replay."""
        this = votes.c.rater == rater["id"], votes.c.position == position
        if connection.scalar(select(votes.c.answer).where(*this)) != answer.answer:
            raise errors.ReplayedError("This picture has been judged already: an answer cannot be changed.")
        return self._receipt(rater, position, answer, repeated=True, finished=rater["finished"])

    def _receipt(
        self, rater: Mapping[Any, Any], position: int, answer: Answer, *, repeated: bool, finished: bool
    ) -> Receipt:
        item = self._sequence(rater)[position]
        correct = None
        if item["kind"] == "practice":
            correct = outcome(self.manifest(rater["study"]), item, answer.answer)["correct"]
        moved = rater if repeated else {**rater, "position": position + 1, "finished": finished}
        return Receipt(position, repeated, finished, correct, Progress.of(moved, self._sequence(rater)))

    def _rater(self, connection: Connection, token: str, lock: bool = False) -> RowMapping:
        """The row of the rater whom a token names; with ``lock``, nobody else changes it until the transaction ends."""
        query = _RATER_LOCKED if lock else _RATER
        row = connection.execute(query, {"rater": self.rater_of(token)}).mappings().first()
        if row is None:
            raise errors.ForeignError(
                "This session is not there any more: it was withdrawn, or belongs to another database."
            )
        return row

    def _sequence(self, rater: Mapping[Any, Any]) -> list[dict[str, Any]]:
        return self.manifest(rater["study"]).sequences[rater["number"]]

    def _rows(self, connection: Connection, study: str, rater: str | None = None) -> list[dict[str, Any]]:
        """Rows of the trial table, of one rater or of all."""
        chosen = raters.c.id == rater if rater else raters.c.study == study
        people = {row["id"]: row for row in connection.execute(select(raters).where(chosen)).mappings()}
        given = select(votes).join(raters, votes.c.rater == raters.c.id).where(chosen)
        return trial_rows(self.manifest(study), people, connection.execute(given).mappings().all())


def _study_row(connection: Connection, study: str, lock: bool = False) -> RowMapping:
    """A study's row; with ``lock`` it is not closed before the transaction ends. Raises :class:`StudyError`."""
    row = connection.execute(_STUDY_LOCKED if lock else _STUDY, {"study": study}).mappings().first()
    if row is None:
        raise errors.StudyError(f"The database has no study {study[:64]!r}.")
    return row
