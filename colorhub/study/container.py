"""Studies in a container: what its own disk holds is gone with it, so they need a volume."""

import os
from pathlib import Path

from colorhub.study.errors import StudyError
from colorhub.study.studies import studies_root

_VARIABLE = "COLORHUB_CONTAINER"  # set by the Dockerfile
_PASSING = {"overlay", "ramfs", "rootfs", "tmpfs"}  # kinds of filesystem that end with the container or the machine
MOUNTS = Path("/proc/self/mounts")


def check_lasting(*elsewhere: str, mounts: Path = MOUNTS) -> None:
    """Refuse studies in a container whose folder of studies is no volume.

    Args:
        elsewhere: variables of the environment, any of which says that what matters is kept elsewhere.
        mounts: a list in the form of ``/proc/self/mounts``.

    Raises:
        StudyError: what is written there would be gone with the container.
    """
    if not os.environ.get(_VARIABLE) or any(os.environ.get(name) for name in elsewhere):
        return
    root = studies_root().resolve()
    if not _is_volume(root, mounts.read_text(encoding="utf-8")):
        raise StudyError(
            f"The studies in {root} would be gone with this container, as no volume is mounted there: start it with "
            f"one, as in `docker run -v colorhub:{root.parent}`, or let COLORHUB_STUDY_BACKUP name a private dataset"
        )


def _is_volume(folder: Path, mounts: str) -> bool:
    """Whether the innermost mount that holds the folder is another than the container's own disk."""
    kinds = {Path(line.split()[1].replace(r"\040", " ")): line.split()[2] for line in mounts.splitlines()}
    innermost = next(parent for parent in (folder, *folder.parents) if parent in kinds or parent == parent.parent)
    return innermost != innermost.parent and kinds[innermost] not in _PASSING
