"""The studies of $COLORHUB_STUDIES as the API needs them: found, opened once, with what the public may know of them."""

import logging
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from colorhub.study.errors import DatabaseError, OutOfOrderError, StudyError, UnavailableError

if TYPE_CHECKING:
    from colorhub.study.design.manifest import Manifest
    from colorhub.study.store.store import Store
    from colorhub.study.studies import Study

_KEEP_SECONDS = 3.0
_SHARE = 20  # what takes a second to find out is kept for so many

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Remembered(Generic[T]):
    """Answers of a slow function, kept for some seconds. One caller at a time asks again; the others get the last."""

    def __init__(self, ask: Callable[[str], T], seconds: float = _KEEP_SECONDS) -> None:
        self._ask, self._seconds = ask, seconds
        self._lock = Lock()
        self._kept: dict[str, tuple[T, float]] = {}

    def __call__(self, name: str) -> T:
        """The answer for a name."""
        last = self._fresh(name)
        if last is not None:
            return last
        old = self._kept.get(name)
        if not self._lock.acquire(blocking=old is None) and old is not None:
            return old[0]
        try:
            last = self._fresh(name)
            if last is None:
                start = time.monotonic()
                last = self._ask(name)
                end = time.monotonic()
                self._kept[name] = (last, end + max(self._seconds, _SHARE * (end - start)))
            return last
        finally:
            self._lock.release()

    def _fresh(self, name: str) -> T | None:
        answer, until = self._kept.get(name, (None, 0.0))
        return answer if time.monotonic() < until else None


class StudyCatalogue:
    """All studies there are, the store of their votes, and the reports of those that have ended.

    New studies are found while the page is up, at the earliest ``look_seconds`` after the last look. One report is
    worked out at a time: the bootstrap and the mixed model take the whole processor.
    """

    def __init__(self, look_seconds: float = 2.0) -> None:
        self._look_seconds = look_seconds
        self._lock, self._report_lock = Lock(), Lock()
        self._reports: dict[tuple[str, ...], str] = {}  # by what a report depends on
        self._store: Store | None = None
        self._studies: dict[str, Study] = {}
        self._seen: dict[str, int] = {}  # manifests, by when they were written: also those that cannot be opened
        self._looked = float("-inf")
        self.state: Remembered[dict[str, Any]] = Remembered(lambda name: self.store().state(name))
        self.counts: Remembered[dict[str, Any]] = Remembered(lambda name: self.store().counts(name))

    def names(self) -> list[str]:
        """Studies that can be voted in or looked at."""
        self._look()
        return sorted(self._studies)

    def study(self, name: str) -> "Study":
        """A study by name. Raises :class:`StudyError`."""
        self._look()
        if name not in self._studies:
            raise StudyError(f"There is no study {name[:64]!r} here.")
        return self._studies[name]

    def store(self) -> "Store":
        """The store with all studies in it. Raises :class:`UnavailableError`."""
        self._look()
        with self._lock:
            return self._opened()

    def report(self, name: str) -> str:
        """The report of a study that has ended, as HTML to be put into a page.

        Raises:
            OutOfOrderError: it is still open: only counts are public then.
            StudyError: there is no such study.
            UnavailableError: the database cannot be reached.
        """
        from colorhub.study.report.document import to_fragment
        from colorhub.study.report.report import finished_trials, make_report

        manifest, state = self._ended(name)
        version = (name, manifest.sha256, str(state["closed"]), str(state["withdrawn"]))
        with self._report_lock:
            if version not in self._reports:
                blocks = make_report(manifest.data, *finished_trials(self.store(), name)).blocks
                others = {key: kept for key, kept in self._reports.items() if key[0] != name}
                self._reports = others | {version: to_fragment(blocks)}
            return self._reports[version]

    def trials(self, name: str) -> str:
        """The trial table of a study that has ended, as CSV. Raises as :meth:`report` does."""
        from colorhub.study.report.report import finished_trials

        self._ended(name)
        return finished_trials(self.store(), name)[0].to_csv(index=False)

    def _ended(self, name: str) -> "tuple[Manifest, Mapping[str, Any]]":
        manifest, state = self.study(name).manifest, self.store().state(name)
        if state["closed"] is None:
            raise OutOfOrderError("This study is still open: results and trials are shown when it has ended.")
        return manifest, state

    def _opened(self) -> "Store":
        if self._store is None:
            try:
                from colorhub.study.store.database import Database
                from colorhub.study.store.store import Store

                self._store = Store(Database())
            except (DatabaseError, OSError, ImportError) as error:
                _log.error("votes cannot be taken: %s", error)
                raise UnavailableError("The votes' database cannot be reached just now. Try again.") from None
        return self._store

    def _look(self) -> None:
        """Open studies that are new, and forget those that are gone."""
        if time.monotonic() - self._looked < self._look_seconds:
            return
        with self._lock:
            if time.monotonic() - self._looked < self._look_seconds:
                return
            found = _manifests()
            for name in set(self._studies) - set(found):
                del self._studies[name]
            for name, written in found.items():
                if self._seen.get(name) != written:
                    self._open(name)
            self._seen = found
            self._looked = time.monotonic()

    def _open(self, name: str) -> None:
        from colorhub.study.studies import open_study

        self._studies.pop(name, None)
        try:
            study = open_study(name)
            self._opened().add(study.manifest)
        except UnavailableError:
            raise
        except StudyError as error:  # the others go on
            _log.error("the study %s is left out: %s", name, error)
        else:
            self._studies[name] = study


def _manifests() -> dict[str, int]:
    from colorhub.study.design.manifest import NAME
    from colorhub.study.studies import studies_root, study_names

    root = studies_root()
    return {name: (root / name / NAME).stat().st_mtime_ns for name in study_names(root)}
