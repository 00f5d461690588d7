"""The manifest in an output: read, and its parts joined.

While a run colours, it writes lines of JSON into parts of its own, ``colorhub-manifest.0-of-1.jsonl`` or those of its
shard. A part is numbered above all that are there when it is begun, ``colorhub-manifest.0-of-1.000001.jsonl``: so no
clock is asked which of two runs told last of a photo. At the end the parts are joined to ``colorhub-manifest.parquet``
and removed. A run's lines are of four kinds: a header (it has :data:`~colorhub.archive.rows.KEY`);
``{"started": source}``, before a result appears under its name; the rows; and ``{"ended": time}``, where the run came
to its end.
"""

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from colorhub.archive import row_files
from colorhub.archive.places import Place
from colorhub.archive.rows import FORMAT, KEY, ManifestError, Row, digest, schema

PARQUET = "colorhub-manifest.parquet"
PREFIX = "colorhub-manifest."
PART = re.compile(r"colorhub-manifest\.(\d+)-of-(\d+)(?:\.(\d+))?\.jsonl")
_RUN, _STARTED = "colorhub_run", "colorhub_started"  # in the metadata of the parquet file's schema, beside KEY
_ROWS = 4096  # in memory at once
_RESTORE = (
    "restore it from a copy; without one, move it away, and the same command with --overwrite colours all anew and "
    "writes another"
)


@dataclass(frozen=True)
class Header:
    """What a run says of itself before its rows. ``settings``: JSON; ``shard``: ``i/n``."""

    version: str
    settings: str
    model: str
    model_sha256: str
    shard: str
    machine: str
    begun: str

    def to_line(self) -> str:
        """As one line of JSON."""
        return json.dumps({KEY: FORMAT, **asdict(self)}, ensure_ascii=False) + "\n"


Line = Header | Row | str  # the string: what was started


class Digests:
    """Names, as sorted digests: eight bytes each, in the array ``sorted``.

    Example:
        >>> from colorhub.archive.manifest import Digests
        >>> names = Digests.of(["a.jpg", "b.jpg"])
        >>> "b.jpg" in names, "c.jpg" in names, len(names)
        (True, False, 2)
    """

    def __init__(self, digests: Iterable[int] = ()) -> None:
        self.sorted = np.unique(np.fromiter(digests, np.uint64))

    @classmethod
    def of(cls, names: Iterable[str]) -> "Digests":
        """Of names."""
        return cls(digest(name) for name in names)

    def __contains__(self, name: str) -> bool:
        wanted = np.uint64(digest(name))
        place = int(np.searchsorted(self.sorted, wanted))
        return place < len(self.sorted) and bool(self.sorted[place] == wanted)

    def __len__(self) -> int:
        return len(self.sorted)


def read_rows(output: str | Place) -> Iterator[Row]:
    """The rows of a manifest, joined or not: one a source file, its last.

    Args:
        output: the folder or address that the results are in.

    Raises:
        ManifestError: there is none, or it cannot be read.
    """
    place = output if isinstance(output, Place) else Place.of(output)
    if not place.names(PREFIX):
        raise no_manifest(place)
    return _last_rows(place)


def no_manifest(place: Place) -> ManifestError:
    """What is said of a place without one."""
    return ManifestError(f"{place.name} has no manifest: colorhub colorize --manifest writes one")


def all_rows(place: Place) -> Iterator[Row]:
    """The rows in the order they were written: a file that was tried twice has two."""
    yield from (row for _, row in told(place) if row is not None)


def told(place: Place) -> Iterator[tuple[int, Row | None]]:
    """What is told of sources, in the order it was written: the digest of one, and its row; none where its result was
    about to appear."""
    yield from ((digest(row.source), row) for row in _joined(place))
    yield from ((source, None) for source in _metadata(place, _STARTED, []))
    yield from ((digest(row.source), row) for row in row_files.rows(place))
    for name in part_names(place):
        for line in read_part(place, name):
            if isinstance(line, Row):
                yield digest(line.source), line
            elif isinstance(line, str):
                yield digest(line), None


def last_of_each(sources: npt.NDArray[np.uint64]) -> npt.NDArray[np.intp]:
    """Where each source stands last."""
    return len(sources) - 1 - np.unique(sources[::-1], return_index=True)[1]


def part_names(place: Place) -> list[str]:
    """Of the parts, in the order of their numbers."""
    return sorted((name for name in place.names(PREFIX) if PART.fullmatch(name)), key=_order)


def next_number(place: Place) -> int:
    """Of a part that is begun now."""
    return max((_order(name)[0] + 1 for name in part_names(place)), default=0)


def part_name(shard: tuple[int, int], number: int) -> str:
    """Of a part; the first has no number."""
    return f"{PREFIX}{shard[0]}-of-{shard[1]}{f'.{number:06}' if number else ''}.jsonl"


def _order(name: str) -> list[int]:
    match = PART.fullmatch(name)
    return [int(number or 0) for number in reversed(match.groups())] if match else []


def read_part(place: Place, name: str) -> Iterator[Line]:
    """The lines of a part, but for the last where a killed run left it unfinished, and for those that say the end.

    Raises:
        ManifestError: it is of a newer version, or damaged.
    """
    with place.reading(name) as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                found = _parsed(json.loads(line), place, name)
            except (ValueError, KeyError, TypeError) as error:
                if isinstance(error, ManifestError):
                    raise
                raise ManifestError(
                    f"{place.path(name)} is damaged in line {number}: remove that line, and what it told of is done "
                    "again"
                ) from None
            if found is not None:
                yield found


def last_header(place: Place) -> Header | None:
    """Of the run that was begun last of those the manifest tells of, joined or not."""
    for name in reversed(part_names(place)):
        if headers := [line for line in read_part(place, name) if isinstance(line, Header)]:
            return headers[-1]
    return _header(_metadata(place, _RUN, {}))


def has_ended(place: Place, names: Iterable[str]) -> bool:
    """Whether the last of a part's segments says that its run came to its end, and nothing was begun since."""
    ended = False
    for name in names:
        with place.reading(name) as file:
            for line in file:
                ended = line.startswith(b'{"ended"')
    return ended


def join(output: str | Place) -> int:
    """Join the parts to the parquet file and remove them: one row a source file, its last. Returns how many. Which
    results were about to appear, as a killed run leaves it, is kept beside the rows.

    Killed in between it loses nothing: joined again, the same rows come out.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = output if isinstance(output, Place) else Place.of(output)
    parts, count, header = part_names(place), 0, last_header(place)
    kept = {_RUN: json.dumps(asdict(header) if header else {}), _STARTED: json.dumps(_started(place))}
    columns = schema().with_metadata({**schema().metadata, **kept})
    with tempfile.TemporaryDirectory(prefix="colorhub-") as folder:
        aside = Path(folder) / PARQUET
        with pq.ParquetWriter(aside, columns, compression="zstd") as writer:
            last = _last_rows(place)
            while rows := list(islice(last, _ROWS)):
                writer.write_table(pa.Table.from_pylist([asdict(row) for row in rows], columns))
                count += len(rows)
        place.put(aside, PARQUET)
    for name in parts:
        place.remove(name)
    place.remove_folder(row_files.FOLDER)
    return count


def _last_rows(place: Place) -> Iterator[Row]:
    """Of each source the last row. Only digests of all names are kept, and the rows of what has several."""
    digests = np.fromiter((digest(row.source) for row in all_rows(place)), np.uint64)
    found, counts = np.unique(digests, return_counts=True)
    repeated = {int(one) for one in found[counts > 1]}
    last: dict[int, Row] = {}
    for row in all_rows(place):
        if (key := digest(row.source)) in repeated:
            last[key] = row
        else:
            yield row
    yield from last.values()


def _started(place: Place) -> list[int]:
    """The digests of sources of which it was told last that their results were about to appear."""
    kinds = np.dtype([("source", np.uint64), ("started", np.bool_)])
    found = np.fromiter(((source, row is None) for source, row in told(place)), kinds)
    latest = found[last_of_each(found["source"])]
    return [int(source) for source in latest["source"][latest["started"]]]


def _metadata(place: Place, key: str, default: Any) -> Any:
    """What the joined manifest has beside its rows."""
    if place.size(PARQUET) is None:
        return default
    with _parquet(place) as file:
        found = file.schema_arrow.metadata.get(key.encode())
    return default if found is None else json.loads(found)


def _joined(place: Place) -> Iterator[Row]:
    if place.size(PARQUET) is None:
        return
    with _parquet(place) as file:
        batches = file.iter_batches(_ROWS)
        while True:
            try:
                rows = next(batches, None)
            except (ValueError, OSError):  # pyarrow has both for pages that are damaged
                raise ManifestError(f"{place.path(PARQUET)} is damaged: {_RESTORE}") from None
            if rows is None:
                return
            yield from map(Row.from_values, rows.to_pylist())


class _parquet:  # noqa: N801 a context manager
    """The joined manifest as pyarrow reads it."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def __enter__(self) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        place = self.place
        self.file = open(place.path(PARQUET), "rb") if place.is_local else place.fs.open(place.path(PARQUET), "rb")
        try:
            found = pq.ParquetFile(self.file)
        except pa.ArrowInvalid:
            self.file.close()
            raise ManifestError(f"{self.place.path(PARQUET)} is damaged: {_RESTORE}") from None
        _expect_format(dict(found.schema_arrow.metadata or {}).get(KEY.encode(), b"0"), self.place, PARQUET)
        return found

    def __exit__(self, *error: object) -> None:
        self.file.close()


def _parsed(values: Mapping[str, Any], place: Place, name: str) -> Line | None:
    if KEY in values:
        _expect_format(values[KEY], place, name)
        return _header(values)
    if "ended" in values:
        return None
    return values["started"] if "started" in values else Row.from_values(values)


def _header(values: Mapping[str, Any]) -> Header | None:
    names = Header.__dataclass_fields__
    return Header(**{name: values.get(name, "") for name in names}) if values else None


def _expect_format(found: Any, place: Place, name: str) -> None:
    if int(found) < 1:
        raise ManifestError(
            f"{place.path(name)} lacks what colorhub writes beside the rows, as where another program has saved it: "
            f"{_RESTORE}"
        )
    if int(found) > FORMAT:
        raise ManifestError(
            f"{place.path(name)} was written by another version of colorhub (format {int(found)}, and this one reads "
            f"up to {FORMAT}): upgrade colorhub to go on with it"
        )
