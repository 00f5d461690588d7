"""What there is to colour in a place; in a store a page of names at a time, never all of them in memory."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from colorhub.archive.places import Place
from colorhub.archive.retrying import retried
from colorhub.archive.rows import as_text
from colorhub.folder.find import folders_of, is_picture, is_result

_PAGE = 1000  # the most that S3 gives
_NAMELESS = "a folder without a name is in its key (//), which results cannot have everywhere: copy it to another key"


@dataclass(frozen=True)
class Entry:
    """A file below a place. ``name``: its path from there; ``size``: bytes; ``problem``: why it cannot be fetched,
    where that is known."""

    name: str
    size: int
    problem: str = ""


def pictures(place: Place, *, recursive: bool) -> Iterator[Entry]:
    """The pictures below a place, by their names; hidden ones and results of earlier runs (``*.color.*``) are not.

    Args:
        place: a folder or prefix.
        recursive: also what is deeper.
    """
    if place.is_local:
        yield from _of_folder(place, recursive)
        return
    for entry in entries(place, recursive=recursive):
        *folders, name = entry.name.split("/")
        hidden = any(folder.startswith(".") for folder in folders)
        if is_picture(name) and not is_result(name) and not hidden:
            yield entry if all(folders) else replace(entry, problem=_NAMELESS)


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
        yield from (as_text(entry.name) for entry in pictures(place, recursive=True))
        return
    left_out = Path(leave_out.root) if leave_out.is_local else None
    for _, found in folders_of(Path(place.root), True, left_out):
        yield from (as_text(path.relative_to(place.root)) for path in found.files)


def _of_folder(place: Place, recursive: bool) -> Iterator[Entry]:
    """As a run over folders finds them: no link is followed for ever, and what cannot be read is told."""
    for _, found in folders_of(Path(place.root), recursive):
        for problem in found.problems:
            yield Entry(_below(place, problem.path), 0, problem.reason)
        for path in found.files:
            with suppress(FileNotFoundError):  # it went meanwhile
                yield Entry(_below(place, path), path.stat().st_size)


def _below(place: Place, path: Path) -> str:
    return path.relative_to(place.root).as_posix()


def entries(place: Place, *, recursive: bool) -> Iterator[Entry]:
    """All files below a place in a store."""
    if "s3" in place.protocols:
        yield from _of_s3(place, recursive)
        return
    yield from _of_store(place, recursive)


def _of_store(place: Place, recursive: bool) -> Iterator[Entry]:
    """Folder by folder; fsspec's own walk passes over those that the store gives no answer for."""
    to_list = [place.root]
    while to_list:
        folder = to_list.pop()
        found = retried(partial(place.fs.ls, folder, detail=True))
        inside = sorted((info for info in found if info["name"].rstrip("/") != folder), key=lambda info: info["name"])
        for info in inside:
            if info["type"] != "directory":
                yield Entry(os.path.relpath(info["name"], place.root).replace(os.sep, "/"), int(info.get("size") or 0))
        if recursive:
            to_list += [info["name"].rstrip("/") for info in reversed(inside) if info["type"] == "directory"]


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
