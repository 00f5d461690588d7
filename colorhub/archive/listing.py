"""The files below a place, by the relative paths that a manifest's rows have."""

import os
import re
from collections.abc import Iterator
from functools import partial
from io import BufferedReader
from pathlib import Path

from colorhub.archive import lease, manifest
from colorhub.archive.places import Place
from colorhub.archive.rows import as_text

_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")  # as rows.as_text writes a byte that is no text


def walk(place: Place) -> Iterator[str]:
    """All files below."""
    if place.is_local:
        folders = os.walk(place.root, followlinks=True)
        relative = partial(os.path.relpath, start=place.root)
    else:
        folders = place.fs.walk(place.root)
        relative = partial(_below, place.root)
    for folder, _, names in folders:
        base = relative(folder)
        yield from (as_text(name if base in (".", "") else f"{base}/{name}") for name in names if name)


def is_ours(name: str) -> bool:
    """Whether a file is a manifest's, or a lease: none of the results, and no stranger."""
    return name.rpartition("/")[2].startswith((manifest.PREFIX, lease.PREFIX))


def open_file(place: Place, name: str) -> BufferedReader:
    """A file of a row's path, also where bytes of its name are no text.

    Raises:
        OSError: it is not there, or cannot be read.
    """
    if not place.is_local:
        return place.fs.open(place.path(name), "rb")  # type: ignore[no-any-return]
    path = Path(place.path(name))
    if "\\x" in name and not path.exists():
        raw = _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), name.encode("utf-8"))
        path = Path(place.root) / os.fsdecode(raw)
    return path.open("rb")


def _below(root: str, folder: str) -> str:
    return folder.removeprefix(root).strip("/")
