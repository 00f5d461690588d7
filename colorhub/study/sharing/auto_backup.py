"""Backups from a running app: brought back when it starts on an empty disk, renewed every few minutes, and once more at
its end."""

import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from colorhub.hub import Hub
from colorhub.study.sharing.backup import PICTURES, back_up, pack
from colorhub.study.sharing.restore import Restored, restore
from colorhub.study.store.database import Database
from colorhub.study.studies import Study, open_study, studies_root, study_names

VARIABLE = "COLORHUB_STUDY_BACKUP"
MINUTES = 5.0
_log = logging.getLogger(__name__)


def restore_at_start() -> list[Restored]:
    """Bring back what the dataset in ``$COLORHUB_STUDY_BACKUP`` holds, where this machine has no study of its own.

    To be called before any study is opened. A demonstration is no study of its own.

    Raises:
        PublishError, StudyError: it cannot be brought back. Without it an app would begin the study anew: better not.
    """
    repo_id, root = os.environ.get(VARIABLE), studies_root()
    if not repo_id or any(not open_study(name, root).manifest.demonstration for name in study_names(root)):
        return []
    hub = Hub()
    if hub.state(repo_id, "dataset") is None:  # the first start of all
        return []
    return restore(hub, repo_id, root)


def start_backups(
    database: Callable[[], Database], studies: Callable[[], Iterable[Study]], minutes: float = MINUTES
) -> "AutoBackup | None":
    """Begin to back up all studies but demonstrations to the dataset in ``$COLORHUB_STUDY_BACKUP``; without it, nothing
    is done.

    Args:
        database: gives the one that holds them; asked every time, as it may not be there at first.
        studies: gives them with their folders; asked every time, as there may be new ones.
        minutes: between two backups.
    """
    repo_id = os.environ.get(VARIABLE)
    if not repo_id:
        return None
    backups = AutoBackup(database, studies, repo_id, minutes)
    backups.start()
    return backups


class AutoBackup(threading.Thread):
    """The thread. What goes wrong is logged, and tried again the next time; votes never wait for it."""

    def __init__(
        self, database: Callable[[], Database], studies: Callable[[], Iterable[Study]], repo_id: str, minutes: float
    ) -> None:
        super().__init__(name="backups of studies", daemon=True)
        self._database, self._studies, self._repo_id = database, studies, repo_id
        self._seconds, self._ended = 60 * minutes, threading.Event()
        self._packed: dict[str, Path] = {}

    def run(self) -> None:
        """Back up until :meth:`stop`."""
        hub = Hub()
        with tempfile.TemporaryDirectory() as folder:
            while True:
                last = self._ended.is_set()
                for study in self._own():
                    self._save(hub, study, Path(folder))
                if last:
                    return
                self._ended.wait(self._seconds)

    def stop(self, timeout: float = 60) -> None:
        """Make a last backup, and end."""
        self._ended.set()
        self.join(timeout)

    def _own(self) -> list[Study]:
        try:
            return [study for study in self._studies() if not study.manifest.demonstration]
        except Exception as error:  # whatever it is, the next backup is due in a few minutes
            _log.warning("no backup to %s: %s", self._repo_id, error)
            return []

    def _save(self, hub: Hub, study: Study, folder: Path) -> None:
        key, name = study.manifest.sha256, study.manifest.name
        try:
            if key not in self._packed:
                self._packed[key] = pack(study, folder / f"{key}-{PICTURES}")
            saved = back_up(hub, self._database(), study, self._repo_id, self._packed[key])
        except Exception as error:
            _log.warning("no backup of %s to %s: %s", name, self._repo_id, error)
        else:
            if saved.changed:
                _log.info("%s was backed up to %s as %s", name, self._repo_id, saved.commit)
