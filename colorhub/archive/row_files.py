"""Rows of a manifest that Ray Data writes: parquet files, beside the checkpoint that says which photos have theirs.

All of it is in one folder of the output, until it is joined. A photo that is too large for the first pass has a row of
the status ``postponed`` there, and the row that counts in the second pass's folder.
"""

import io
from collections.abc import Container, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from colorhub.archive.places import Place
from colorhub.archive.rows import Row

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER = "colorhub-manifest.rows"
PASSES = ("photos", "large")
POSTPONED = "postponed"
STAMP = f"{FOLDER}/began"  # is as old as the run


def rows_of(name: str) -> str:
    """The folder with the rows of a pass."""
    return f"{FOLDER}/{name}"


def checkpoint_of(name: str) -> str:
    """The folder with the checkpoint of a pass."""
    return f"{FOLDER}/checkpoint-{name}"


def rows(place: Place) -> Iterator[Row]:
    """All rows that count, in no order: of each photo there is one."""
    for name in PASSES:
        for table in tables(place, rows_of(name)):
            found = (Row.from_values(values) for values in table.to_pylist())
            yield from (row for row in found if row.status != POSTPONED)


def without_row(place: Place, known: Container[int]) -> int:
    """How many photos the checkpoint takes for done though neither a row file nor what is ``known``, the digests of
    their sources, tells of them: none, unless somebody removed what tells."""
    told = {row for table in tables(place, rows_of(PASSES[0])) for row in table["id"].to_pylist()}
    done = (row for table in tables(place, checkpoint_of(PASSES[0])) for row in table["id"].to_pylist())
    return sum(row not in told and row not in known for row in done)


def tables(place: Place, folder: str, besides: frozenset[str] = frozenset()) -> "Iterator[pa.Table]":
    """What the parquet files of a folder hold, each of them a few rows; not of those that are named ``besides``."""
    for name in file_names(place, folder):
        if name not in besides:
            import pyarrow as pa
            import pyarrow.parquet as pq

            # A killed process may have left half of one, of which the checkpoint knows that it is not done.
            with place.reading(name) as file, suppress(pa.ArrowInvalid):
                yield pq.read_table(io.BytesIO(file.read()))


def file_names(place: Place, folder: str) -> list[str]:
    """Of the parquet files in a folder, as the place names them."""
    if not place.is_local:
        place.fs.invalidate_cache()
    found = place.fs.find(place.path(folder))
    inside = (path[len(place.root.rstrip("/")) + 1 :] for path in found)
    return sorted(name for name in inside if name.endswith(".parquet") and not name.endswith(".pending.parquet"))
