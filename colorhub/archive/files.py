"""The files below a place, by the relative paths that a manifest's rows have."""

from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader, BytesIO
from pathlib import Path

from colorhub.archive import lease, manifest, row_files
from colorhub.archive.listing import Entry, entries
from colorhub.archive.places import Place
from colorhub.archive.rows import as_path, as_text
from colorhub.folder.find import walk_folders


def walk(place: Place) -> Iterator[Entry]:
    """All files below."""
    if not place.is_local:
        yield from (Entry(as_text(entry.name), entry.size) for entry in entries(place, recursive=True))
        return
    for folder, names in walk_folders(place.root, lambda path: True):
        for path in (folder / name for name in names):
            with suppress(OSError):  # a link to nothing, or to itself
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
        with place.reading(as_path(name)) as file:
            return BytesIO(file.read())
    return Path(place.path(as_path(name))).open("rb")
