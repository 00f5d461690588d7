"""Sessions: a new rater takes the next free sequence, a known one goes on where he was."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from colorhub.study.design.manifest import Manifest
from colorhub.study.ending import is_over
from colorhub.study.errors import (
    ClosedError,
    ForeignError,
    FullError,
    InvalidError,
    OutOfOrderError,
    TookPartError,
)
from colorhub.study.store.progress import Progress, progress_of
from colorhub.study.store.schema import panel, raters, sequences
from colorhub.study.store.store_core import StoreCore, study_row
from colorhub.study.store.tokens import code_digest, new_rater

ABANDONED_SECONDS = 3600


@dataclass(frozen=True)
class Session:
    """A rater's session: ``token`` goes to the browser, ``resumed`` says that it was begun before."""

    rater: str
    token: str
    study: str
    resumed: bool = False


class Sessions(StoreCore):
    """Beginning, going on, seeing pictures."""

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
            raise InvalidError("The study has no texts in this language.")
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
        return progress_of(rater, self._sequence(rater))

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
            raise ForeignError("This picture is not part of what you are judging now.")
        stimuli = sequence[position]["stimuli"]
        if not 0 <= number < len(stimuli):
            raise ForeignError("There is no such picture.")
        return rater["study"], stimuli[number]

    def record_plates(self, token: str, readings: Sequence[str]) -> int:
        """Keep how many plates a rater read, once and before the first answer; the number. What was typed is not kept.

        Raises:
            InvalidError: another number of readings than there are plates, or no texts.
            OutOfOrderError: after the first answer, or for the second time.
        """
        with self.database.writing() as connection:
            rater = self._rater(connection, token, lock=True)
            plates = self.manifest(rater["study"]).data["plates"]
            if not isinstance(readings, Sequence) or isinstance(readings, str) or len(readings) != len(plates):
                raise InvalidError(f"The readings of {len(plates)} plates are expected.")
            if rater["position"] > 0 or rater["plates_read"] is not None:
                raise OutOfOrderError("The plates have been read already.")
            read = sum(
                isinstance(reading, str) and hmac.compare_digest(reading.strip()[:4].encode(), plate["answer"].encode())
                for reading, plate in zip(readings, plates, strict=True)
            )
            connection.execute(update(raters).where(raters.c.id == rater["id"]).values(plates_read=read))
        return read

    def _begin(self, connection: Connection, manifest: Manifest, language: str, digest: str | None) -> Session:
        now = int(self._clock())
        if is_over(study_row(connection, manifest.name, lock=True), manifest, self.today()):
            raise ClosedError("This study has ended. Thank you for your interest.")
        known = (
            digest
            and connection.execute(
                select(raters)
                .join(panel, panel.c.rater == raters.c.id)
                .where(panel.c.study == manifest.name, panel.c.digest == digest)
            )
            .mappings()
            .first()
        )
        if known:
            if known["finished"]:
                raise TookPartError("You have taken part in this study already. Thank you.")
            return Session(known["id"], self.database.keys.token(known["id"]), manifest.name, resumed=True)
        number, rater = self._free_sequence(connection, manifest, now), new_rater()
        connection.execute(
            insert(raters).values(
                id=rater,
                study=manifest.name,
                number=number,
                language=language,
                day=self.today(),
                withdrawal=code_digest(self.database.keys.withdrawal_code(rater)),
            )
        )
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
                raise FullError("As many people as planned have taken part. Thank you for your interest.")
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
            raise FullError("All places are taken just now: come back in an hour, some become free again.")
        return number
