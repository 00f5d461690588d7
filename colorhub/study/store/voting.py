"""Votes: checked, counted once, on disk before they are acknowledged."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, insert, select, update

from colorhub.study.ending import is_over
from colorhub.study.errors import (
    ClosedError,
    FinishedError,
    InvalidError,
    OutOfOrderError,
    RefusedError,
    ReplayedError,
)
from colorhub.study.report.table import outcome
from colorhub.study.store.answers import Answer, parse_answer
from colorhub.study.store.progress import Progress, progress_of
from colorhub.study.store.schema import raters, sequences, votes
from colorhub.study.store.store_core import StoreCore, study_row

_log = logging.getLogger(__name__)
# Built once: building a statement takes longer than running it.
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
class Receipt:
    """A vote that is on disk. ``repeated``: it was there before. ``correct``: in practice only, else ``None``.
    ``progress``: where the rater is after it."""

    position: int
    repeated: bool
    finished: bool
    correct: bool | None
    progress: Progress


class Voting(StoreCore):
    """Taking answers."""

    def vote(self, token: str, position: int, values: Mapping[str, Any]) -> Receipt:
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
        except RefusedError as error:
            _log.info("a vote was refused: %s", error.code)
            raise

    def _vote(self, token: str, position: int, values: Mapping[str, Any]) -> Receipt:
        if isinstance(position, bool) or not isinstance(position, int) or not 0 <= position < 10_000:
            raise InvalidError("A position is a whole number from 0 on.")
        self.rater_of(token)  # a forged token does not even reach the database
        with self.database.writing() as connection:
            rater = self._rater(connection, token, lock=True)
            manifest = self.manifest(rater["study"])
            answer = parse_answer(values, manifest.protocol)
            sequence = self._sequence(rater)
            if position < rater["position"]:
                return self._repeated(connection, rater, position, answer)
            if rater["finished"] or position >= len(sequence):
                raise FinishedError("All pictures have been judged already. Thank you.")
            if position > rater["position"]:
                raise OutOfOrderError(f"The picture to judge next is number {rater['position']}, not {position}.")
            if is_over(study_row(connection, rater["study"], lock=True), manifest, self.today()):
                raise ClosedError("This study has ended; what you answered before is kept. Thank you.")
            finished = position + 1 == len(sequence)
            self._keep(connection, rater, position, answer, finished)
        if finished:
            self.end_if_due(manifest.name)
        return self._receipt(rater, position, answer, repeated=False, finished=finished)

    def _keep(
        self, connection: Connection, rater: Mapping[str, Any], position: int, answer: Answer, finished: bool
    ) -> None:
        who = {"_rater": rater["id"], "_study": rater["study"], "_number": rater["number"]}
        values = {"rater": rater["id"], "position": position, "day": self.today(), **asdict(answer)}
        connection.execute(_INSERT, values)
        connection.execute(_MOVE, {"_rater": rater["id"], "position": position + 1, "finished": finished})
        connection.execute(_TOUCH, {**who, "touched": 0 if finished else int(self._clock()), "finished": finished})

    def _repeated(self, connection: Connection, rater: Mapping[str, Any], position: int, answer: Answer) -> Receipt:
        """A vote that is there already: the same one was sent again because its receipt was lost, or it is a replay."""
        this = and_(votes.c.rater == rater["id"], votes.c.position == position)
        stored = connection.scalar(select(votes.c.answer).where(this))
        if stored != answer.answer:
            raise ReplayedError("This picture has been judged already: an answer cannot be changed.")
        return self._receipt(rater, position, answer, repeated=True, finished=rater["finished"])

    def _receipt(
        self, rater: Mapping[str, Any], position: int, answer: Answer, *, repeated: bool, finished: bool
    ) -> Receipt:
        item = self._sequence(rater)[position]
        correct = None
        if item["kind"] == "practice":
            correct = outcome(self.manifest(rater["study"]), item, answer.answer)["correct"]
        moved = rater if repeated else {**rater, "position": position + 1, "finished": finished}
        return Receipt(position, repeated, finished, correct, progress_of(moved, self._sequence(rater)))
