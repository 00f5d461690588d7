"""Remove what a killed run left aside: files that were not yet renamed to their final name."""

import re
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_ASIDE = re.compile(r"\..+\.[0-9a-f]{12}\.tmp")  # as colorhub.photo.saving names them
_AGE = 600.0  # seconds: writing takes a few, and another process may be at work in the same folder


def remove_leftovers(folders: Iterable[Path], age: float = _AGE) -> int:
    """Remove files in ``folders`` that were written aside more than ``age`` seconds ago. Returns how many."""
    removed = 0
    for folder in folders:
        with suppress(OSError):
            for path in [path for path in folder.iterdir() if _ASIDE.fullmatch(path.name)]:
                # Not the time of modification: that is set to the photo's own before the file is renamed.
                if time.time() - path.lstat().st_ctime > age:
                    path.unlink()
                    removed += 1
    return removed
