"""Files appear whole or not at all: they are written aside in the same folder and renamed."""

import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ASIDE = re.compile(r"\..+\.[0-9a-f]{12}\.tmp")
_AGE = 600.0  # seconds: writing takes a few, and another process may be at work in the same folder


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write beside ``path``, which takes its place when the block ends well and is gone when it does not."""
    aside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        yield aside
        aside.replace(path)
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def write_flushed(path: Path, content: bytes) -> None:
    """Write a new file, onto the disk."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """So that a new name survives a power cut too. Not every system lets folders be opened; the file itself is safe."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def clean_up(folders: Iterable[Path], age: float = _AGE) -> int:
    """Remove what a killed process wrote aside in ``folders`` more than ``age`` seconds ago. Returns how many files."""
    removed = 0
    for folder in folders:
        with suppress(OSError):
            for path in [path for path in folder.iterdir() if _ASIDE.fullmatch(path.name)]:
                # Not the time of modification: that is set to the photo's own before the file is renamed.
                if time.time() - path.lstat().st_ctime > age:
                    path.unlink()
                    removed += 1
    return removed
