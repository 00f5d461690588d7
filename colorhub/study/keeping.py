"""Backups from a running app: every few minutes, in a thread, and once more when it ends."""

import logging
import os
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from colorhub.hub import Hub
from colorhub.study.backup import PICTURES, back_up, pack
from colorhub.study.database import Database
from colorhub.study.place import Study

VARIABLE = "COLORHUB_STUDY_BACKUP"
MINUTES = 5.0
_log = logging.getLogger(__name__)


def start_backups(
    database: Database, studies: Sequence[Study], repo_id: str | None = None, minutes: float = MINUTES
) -> "Backups | None":
    """Begin to back up all studies but demonstrations.

    Args:
        database: that holds them.
        studies: with their folders.
        repo_id: of the private dataset; not given: ``$COLORHUB_STUDY_BACKUP``, and without that nothing is done.
        minutes: between two backups.
    """
    repo_id = repo_id or os.environ.get(VARIABLE)
    wanted = [study for study in studies if not study.manifest.demonstration]
    if not repo_id or not wanted:
        return None
    backups = Backups(database, wanted, repo_id, minutes)
    backups.start()
    return backups


class Backups(threading.Thread):
    """The thread. What goes wrong is logged, and tried again the next time; votes never wait for it."""

    def __init__(self, database: Database, studies: Sequence[Study], repo_id: str, minutes: float) -> None:
        super().__init__(name="backups of studies", daemon=True)
        self._database, self._studies, self._repo_id = database, studies, repo_id
        self._seconds, self._ended = 60 * minutes, threading.Event()

    def run(self) -> None:
        hub = Hub()
        with tempfile.TemporaryDirectory() as folder:
            pictures: dict[str, Path] = {}
            while True:
                last = self._ended.is_set()
                for study in self._studies:
                    self._save(hub, study, pictures, Path(folder))
                if last:
                    return
                self._ended.wait(self._seconds)

    def stop(self, timeout: float = 60) -> None:
        """Make a last backup, and end."""
        self._ended.set()
        self.join(timeout)

    def _save(self, hub: Hub, study: Study, pictures: dict[str, Path], folder: Path) -> None:
        name = study.manifest.name
        try:
            if name not in pictures:
                pictures[name] = pack(study, folder / f"{name}-{PICTURES}")
            saved = back_up(hub, self._database, study, self._repo_id, pictures[name])
            if saved.changed:
                _log.info("%s was backed up to %s as %s", name, self._repo_id, saved.commit)
        except Exception as error:  # whatever it is, the next one is due in a few minutes
            _log.warning("%s was not backed up to %s: %s", name, self._repo_id, error)
