"""Files appear whole or not at all: they are written aside in the same folder and renamed. How long names may be."""

import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LONGEST_NAME = 255  # bytes, not letters: so it is on nearly every file system, and a Japanese letter takes three
_ASIDE = re.compile(r"\.colorhub-[0-9a-f]{12}\.tmp|\..+\.[0-9a-f]{12}\.tmp")  # today's, and those of version 0.1
_AGE = 600.0  # seconds: writing takes a few, and another process may be at work in the same folder


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write beside ``path``, which takes its place when the block ends well and is gone when it does not. Its
    name is short whatever ``path`` is called."""
    aside = path.with_name(f".colorhub-{secrets.token_hex(6)}.tmp")
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


def fitting(stem: str, ending: str) -> str:
    """The file name ``stem + ending``. Where it would be longer than file systems take, the stem is cut between two
    letters, and ends in a few digits that tell it from others that begin alike.

    Example:
        >>> from colorhub._files import fitting
        >>> fitting("scan", ".color.jpg")
        'scan.color.jpg'
        >>> long = fitting("\N{HIRAGANA LETTER A}" * 83, ".color.jpg")  # would be 259 bytes
        >>> len(long.encode()), long.endswith(".color.jpg")
        (253, True)
    """
    if len(os.fsencode(stem + ending)) <= LONGEST_NAME:
        return stem + ending
    ending = f"~{hashlib.blake2b(os.fsencode(stem), digest_size=4).hexdigest()}{ending}"
    while stem and len(os.fsencode(stem + ending)) > LONGEST_NAME:
        stem = stem[:-1]
    return stem + ending
