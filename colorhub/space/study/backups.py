"""AutoBackup of studies while the page is served, where ``$COLORHUB_STUDY_BACKUP`` names a dataset for them."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread

from colorhub.space.study import demonstration
from colorhub.space.study.catalogue import StudyCatalogue

_VARIABLE = "COLORHUB_STUDY_BACKUP"


def refuse_passing_studies() -> None:
    """Raises :class:`StudyError` where there is a study whose votes would be gone with the container."""
    from colorhub.study.container import check_lasting
    from colorhub.study.studies import study_names

    if set(study_names()) - {demonstration.NAME}:
        check_lasting("COLORHUB_DATABASE_URL", _VARIABLE)


@contextmanager
def kept_safe(catalogue: StudyCatalogue) -> Iterator[None]:
    """Bring back at the start what an empty disk has lost, back up while the block runs, and once more at its end.

    Being told to end by SIGTERM, as containers are, counts as an end as Ctrl-C does. Without the variable nothing
    happens.

    Raises:
        PublishError, StudyError: there is a backup, and it cannot be brought back.
    """
    if not os.environ.get(_VARIABLE):
        yield
        return
    from colorhub.study.sharing.auto_backup import restore_at_start, start_backups

    if current_thread() is main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    restore_at_start()
    backups = start_backups(
        lambda: catalogue.store().database, lambda: [catalogue.study(name) for name in catalogue.names()]
    )
    try:
        yield
    finally:
        if backups is not None:
            backups.stop()
