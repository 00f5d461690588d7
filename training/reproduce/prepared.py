"""Parts of a data set written as a source of their own, where a comparison needs other pictures than all of a
role's."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from colorhub._files import replacing
from training.data.sources import DataError, open_pictures, stream_rows

Rows = list[dict[str, Any]]


def rows_of(role: str, split: str, labels: Sequence[str] = (), limit: int | None = None, **wanted: str) -> Rows:
    """Rows of a role with undecoded pictures; those alone whose columns have the ``wanted`` values.

    Raises:
        DataError: there are none.
    """
    with closing(stream_rows(open_pictures([role], split, labels=[*labels, *wanted]))) as stream:
        fitting = (row for row in stream if all(row[name] == value for name, value in wanted.items()))
        found = list(islice(fitting, limit))
    if not found:
        words = ", ".join(f"{name} = {value}" for name, value in wanted.items())
        raise DataError(f"The role {role!r} (split {split!r}) has no row with {words}.")
    return found


def write_rows(folder: Path, split: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows as one parquet file, which is a source under the folder's path."""
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / f"{split}-00000-of-00001.parquet") as aside:
        pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), aside)


def is_written(folder: Path) -> bool:
    """Whether the last of a source's splits, ``test``, is there."""
    return (folder / "test-00000-of-00001.parquet").is_file()
