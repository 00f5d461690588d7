"""The files below a place, by the relative paths that a manifest's rows have."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader, BytesIO
from pathlib import Path

from colorhub.archive import lease, manifest, row_files
from colorhub.archive.listing import Entry, entries
from colorhub.archive.places import Place
from colorhub.archive.rows import as_text

_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")  # as rows.as_text writes a byte that is no text


def walk(place: Place) -> Iterator[Entry]:
    """All files below."""
    if not place.is_local:
        yield from entries(place, recursive=True)
        return
    for folder, _, names in os.walk(place.root, followlinks=True):
        for name in names:
            path = Path(folder, name)
            with suppress(FileNotFoundError):  # a link to nothing
                yield Entry(as_text(path.relative_to(place.root)), path.stat().st_size)


def is_ours(name: str) -> bool:
    """Whether a file is a manifest's, or a lease: none of the results, and no stranger."""
    *folders, file = name.split("/")
    return file.startswith((manifest.PREFIX, lease.PREFIX)) or row_files.FOLDER in folders[:1]


def open_file(place: Place, name: str) -> BufferedReader | BytesIO:
    """A file of a row's path, also where bytes of its name are no text.

    Raises:
        OSError: it is not there, or cannot be read.
    """
    if not place.is_local:
        with place.reading(name) as file:
            return BytesIO(file.read())
    path = Path(place.path(name))
    if "\\x" in name and not path.exists():
        raw = _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), name.encode("utf-8"))
        path = Path(place.root) / os.fsdecode(raw)
    return path.open("rb")
