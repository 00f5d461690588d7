"""Reports of studies that have ended, worked out once and kept while the page is up."""

from threading import Lock
from typing import TYPE_CHECKING

from colorhub.space.voting.shelf import Shelf
from colorhub.study.errors import OutOfOrderError

if TYPE_CHECKING:
    from colorhub.study.report import Report

_STILL_OPEN = "This study is still open: results and trials are shown when it has ended."


class Reports:
    """Reports by study. One is worked out at a time: the bootstrap and the mixed model take the whole processor."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self._lock = Lock()
        self._kept: dict[str, tuple[tuple[str, ...], Report]] = {}

    def report(self, name: str) -> "Report":
        """The report of a study.

        Raises:
            OutOfOrderError: it is still open: only counts are public then.
            StudyError: there is no such study.
            UnavailableError: the database cannot be reached.
        """
        from colorhub.study.finished import finished_trials
        from colorhub.study.report import make_report

        manifest = self.shelf.study(name).manifest
        state = self.shelf.store().state(manifest.name)
        if state["closed"] is None:
            raise OutOfOrderError(_STILL_OPEN)
        version = (manifest.sha256, str(state["closed"]), str(state["withdrawn"]))
        with self._lock:
            known, made = self._kept.get(name, (None, None))
            if made is None or known != version:
                table, ending = finished_trials(self.shelf.store(), name)
                made = make_report(manifest.data, table, ending)
                self._kept[name] = version, made
        return made

    def fragment(self, name: str) -> str:
        """The report as HTML to be put into a page. Raises as :meth:`report` does."""
        from colorhub.study.document import to_fragment

        return to_fragment(self.report(name).blocks)

    def trials(self, name: str) -> str:
        """The trial table as CSV. Raises as :meth:`report` does."""
        return self.report(name).table.to_csv(index=False)
