"""The studies of $COLORHUB_STUDIES as the API needs them: found, opened once, with what the public may know of them."""

import logging
import time
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from colorhub.study.errors import DatabaseError, StudyError, UnavailableError

if TYPE_CHECKING:
    from colorhub.study.store.store import Store
    from colorhub.study.studies import Study

_LOOK_SECONDS = 2.0
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
        if not self._lock.acquire(blocking=old is None):
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
    """All studies there are, and the store of their votes. New studies are found while the page is up."""

    def __init__(self) -> None:
        self._lock = Lock()
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
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        with self._lock:
            if time.monotonic() - self._looked < _LOOK_SECONDS:
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
