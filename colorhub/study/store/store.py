"""The store: deals sequences out to raters, takes their votes, and never loses or doubles one.

Every public method is one transaction. What it acknowledges is on disk. All of a rater's state is in the database and
in the signed token, so that any process with the same database can answer any request.
"""

from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from colorhub.study.design.manifest import Manifest
from colorhub.study.ending import close_if_due, close_in
from colorhub.study.errors import ManifestError, OutOfOrderError, StudyError
from colorhub.study.store.progress import Progress
from colorhub.study.store.schema import panel, raters, sequences, studies, votes
from colorhub.study.store.sessions import Session, Sessions
from colorhub.study.store.store_core import held_by, study_row
from colorhub.study.store.tokens import code_digest
from colorhub.study.store.voting import Receipt, Voting

__all__ = ["Progress", "Receipt", "Session", "Store"]


class Store(Sessions, Voting):
    """The votes of studies in one database: with sessions and votes, also results, counts, closing and withdrawal."""

    def add(self, manifest: Manifest) -> None:
        """Open a study in the database, or go on with it. Raises :class:`ManifestError` if it is another one now."""
        with self.database.writing() as connection:
            found = connection.execute(select(studies).where(studies.c.name == manifest.name)).mappings().first()
            if found is None:
                self._open(connection, manifest)
            elif found["sha256"] != manifest.sha256:
                raise ManifestError(
                    f"The votes of {manifest.name} belong to another manifest ({found['sha256'][:12]}..., this is "
                    f"{manifest.sha256[:12]}...): restore that one, or choose another database."
                )
        self._manifests[manifest.name] = manifest

    def result(self, token: str) -> dict[str, Any]:
        """A finished rater's own result: trials, how many were right, the positions where a fake was taken for real and
        which picture there it was (0, or 1 for the right one), attention items missed, withdrawal code.

        Raises :class:`OutOfOrderError` before the end.
        """
        with self.database.reading() as connection:
            rater = self._rater(connection, token)
            if not rater["finished"]:
                raise OutOfOrderError("The result is shown when all pictures have been judged.")
            rows = self._rows(connection, rater["study"], rater["id"])
        trials = [row for row in rows if row["kind"] == "trial"]
        attention = [row["correct"] for row in rows if row["kind"] == "attention"]
        rules = self.manifest(rater["study"]).config.exclusions
        return {
            "trials": len(trials),
            "correct": sum(row["correct"] for row in trials),
            "fooled_at": [row["position"] for row in trials if row["fooled"]],
            "fooled_by": [int(row["answer"] == "right") for row in trials if row["fooled"]],
            "attention_failed": bool(attention) and sum(attention) < rules.attention * len(attention),
            "withdrawal_code": self.database.keys.withdrawal_code(rater["id"]),
        }

    def counts(self, study: str) -> dict[str, Any]:
        """What the public may know while a study is open: raters, finished ones, answers in trials, flags by rule."""
        with self.database.reading() as connection:
            begun = connection.scalar(select(func.count()).where(raters.c.study == study))
            rows = self._rows(connection, study)
            finished = connection.scalar(select(func.count()).where(raters.c.study == study, raters.c.finished))
        flags: dict[str, int] = {}
        for row in rows:
            if row["kind"] == "trial" and row["excluded"]:
                flags[row["excluded"]] = flags.get(row["excluded"], 0) + 1
        trials = sum(row["kind"] == "trial" for row in rows)
        return {"raters": begun, "finished": finished, "trials": trials, "flagged": dict(sorted(flags.items()))}

    def rows(self, study: str) -> list[dict[str, Any]]:
        """The trial table as rows (:data:`~colorhub.study.report.table.COLUMNS`)."""
        with self.database.reading() as connection:
            return self._rows(connection, study)

    def state(self, study: str) -> dict[str, Any]:
        """The study's row: opened, closed (day or ``None``), closed_early, closed_why, withdrawn. Closes it if due."""
        self.end_if_due(study)
        with self.database.reading() as connection:
            return dict(study_row(connection, study))

    def close(self, study: str, why: str = "") -> dict[str, Any]:
        """End a study: no more votes, panel ids deleted. That it was before the preregistered end is recorded."""
        manifest = self.manifest(study)
        with self.database.writing() as connection:
            if not close_if_due(connection, manifest, self.today(), self._clock()):
                if study_row(connection, study)["closed"] is not None:
                    raise StudyError(f"The study {study} is closed already.")
                close_in(connection, study, self.today(), early=True, why=why[:200] or "closed by the organizer")
            row = dict(study_row(connection, study))
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
            rater = (
                connection.execute(select(raters).where(raters.c.withdrawal == digest).with_for_update())
                .mappings()
                .first()
            )
            if rater is None:
                raise StudyError("No rater has this withdrawal code: check its letters, or it was used already.")
            study = study_row(connection, rater["study"])
            removed = connection.execute(delete(votes).where(votes.c.rater == rater["id"])).rowcount
            connection.execute(delete(panel).where(panel.c.rater == rater["id"]))
            connection.execute(delete(raters).where(raters.c.id == rater["id"]))
            free = {"holder": None, "touched": 0, "finished": False}
            connection.execute(update(sequences).where(held_by(rater)).values(**free))
            more = studies.c.withdrawn + 1
            connection.execute(update(studies).where(studies.c.name == rater["study"]).values(withdrawn=more))
        self.database.forget()
        return {"study": rater["study"], "votes": removed, "closed": study["closed"] is not None}

    def _open(self, connection: Connection, manifest: Manifest) -> None:
        connection.execute(
            insert(studies).values(name=manifest.name, sha256=manifest.sha256, opened=self.today(), closed=None)
        )
        rows = [{"study": manifest.name, "number": number} for number in range(len(manifest.sequences))]
        connection.execute(insert(sequences), rows)
