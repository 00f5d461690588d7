"""What there is to colour in a place; in a store a page of names at a time, never all of them in memory."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from colorhub.archive.places import Place
from colorhub.archive.retrying import retried
from colorhub.archive.rows import as_text
from colorhub.folder.find import find_photos, is_picture, is_result

_PAGE = 1000  # the most that S3 gives


@dataclass(frozen=True)
class Entry:
    """A file below a place. ``name``: its path from there; ``size``: bytes."""

    name: str
    size: int


def pictures(place: Place, *, recursive: bool) -> Iterator[Entry]:
    """The pictures below a place, by their names; hidden ones and results of earlier runs (``*.color.*``) are not.

    Args:
        place: a folder or prefix.
        recursive: also what is deeper.
    """
    for entry in entries(place, recursive=recursive):
        *folders, name = entry.name.split("/")
        hidden = any(folder.startswith(".") for folder in folders)
        if is_picture(name) and not is_result(name) and not hidden:
            yield entry


def photos_in(place: Place, *, recursive: bool) -> tuple[Place, Iterator[Entry], bool]:
    """What there is to colour: the place that names are told from, the pictures, and whether the place named a single
    one, which it then lies in."""
    folder, _, name = place.root.rpartition("/")
    if folder and is_picture(name) and retried(lambda: place.fs.isfile(place.root)):
        above = replace(place, root=folder)
        return above, iter([Entry(name, above.size(name) or 0)]), True
    return place, pictures(place, recursive=recursive), False


def photo_names(place: Place, leave_out: Place) -> Iterator[str]:
    """The paths below a place of what a recursive run from it into ``leave_out`` colours, as a manifest's rows have
    them."""
    if not place.is_local:
        yield from (entry.name for entry in pictures(place, recursive=True))
        return
    found = find_photos([place.root], True, Path(leave_out.root) if leave_out.is_local else None)
    yield from (as_text(path.relative_to(place.root)) for path in found.files)


def entries(place: Place, *, recursive: bool) -> Iterator[Entry]:
    """All files below a place."""
    if "s3" in place.protocols:
        yield from _of_s3(place, recursive)
        return
    for folder, _, files in place.fs.walk(place.root, maxdepth=None if recursive else 1, detail=True):
        for name in sorted(files):
            path = os.path.relpath(f"{folder}/{name}", place.root).replace(os.sep, "/")
            yield Entry(path, int(files[name].get("size") or 0))


def _of_s3(place: Place, recursive: bool) -> Iterator[Entry]:
    """Pages of ``list_objects_v2``; fsspec's own walk holds a whole folder's objects, which may be all there are."""
    bucket, _, key = place.root.partition("/")
    prefix = f"{key}/" if key else ""
    wanted: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": _PAGE}
    if not recursive:
        wanted["Delimiter"] = "/"
    while True:
        page = retried(lambda: place.fs.call_s3("list_objects_v2", **wanted))
        for found in page.get("Contents", ()):
            if not found["Key"].endswith("/"):
                yield Entry(found["Key"][len(prefix) :], int(found["Size"]))
        if not page.get("IsTruncated"):
            return
        wanted["ContinuationToken"] = page["NextContinuationToken"]
