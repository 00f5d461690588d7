"""Reports of studies that have ended, worked out once and kept while the page is up."""

from threading import Lock
from typing import TYPE_CHECKING

from colorhub.space.study.catalogue import StudyCatalogue
from colorhub.study.errors import OutOfOrderError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from colorhub.study.design.manifest import Manifest

_STILL_OPEN = "This study is still open: results and trials are shown when it has ended."


class Reports:
    """Reports by study. One is worked out at a time: the bootstrap and the mixed model take the whole processor."""

    def __init__(self, catalogue: StudyCatalogue) -> None:
        self.catalogue = catalogue
        self._lock = Lock()
        self._kept: dict[tuple[str, ...], str] = {}  # by what a report depends on

    def fragment(self, name: str) -> str:
        """The report of a study as HTML to be put into a page.

        Raises:
            OutOfOrderError: it is still open: only counts are public then.
            StudyError: there is no such study.
            UnavailableError: the database cannot be reached.
        """
        manifest, state = self._ended(name)
        version = (manifest.name, manifest.sha256, str(state["closed"]), str(state["withdrawn"]))
        with self._lock:
            if version not in self._kept:
                made = self._work_out(manifest)
                self._kept = {key: kept for key, kept in self._kept.items() if key[0] != name} | {version: made}
            return self._kept[version]

    def trials(self, name: str) -> str:
        """The trial table of a study as CSV. Raises as :meth:`fragment` does."""
        from colorhub.study.report.report import finished_trials

        manifest, _ = self._ended(name)
        table, _ = finished_trials(self.catalogue.store(), manifest.name)
        return table.to_csv(index=False)

    def _ended(self, name: str) -> "tuple[Manifest, Mapping[str, Any]]":
        manifest = self.catalogue.study(name).manifest
        state = self.catalogue.store().state(manifest.name)
        if state["closed"] is None:
            raise OutOfOrderError(_STILL_OPEN)
        return manifest, state

    def _work_out(self, manifest: "Manifest") -> str:
        from colorhub.study.report.document import to_fragment
        from colorhub.study.report.report import finished_trials, make_report

        table, ending = finished_trials(self.catalogue.store(), manifest.name)
        return to_fragment(make_report(manifest.data, table, ending).blocks)
