"""Photos as rows of a block: what is listed of one, and what became of it."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import pyarrow as pa

from colorhub.archive.rows import Row, as_text, digest, schema

LISTED = pa.schema(
    [
        ("id", pa.uint64()),
        ("name", pa.binary()),
        ("target", pa.binary()),
        ("size", pa.int64()),
        ("problem", pa.string()),
    ]
)
_TOLD = pa.schema([("width", pa.int64()), ("height", pa.int64()), ("unsure", pa.bool_())])
OUTCOMES = pa.schema([*LISTED, *_TOLD, *schema()])


@dataclass(frozen=True)
class Listed:
    """A photo to colour. ``name``: its path below the source; ``target``: that of its result below the output, empty
    where that is found out later; ``size``: bytes; ``problem``: why it cannot be coloured, in one sentence."""

    name: str
    target: str = ""
    size: int = 0
    problem: str = ""

    @property
    def id(self) -> int:
        """What a checkpoint knows it by: 64 bits, whatever its name."""
        return digest(as_text(self.name))

    def values(self) -> dict[str, Any]:
        """As a row of a block; names that are no text are kept byte by byte."""
        names = {"name": os.fsencode(self.name), "target": os.fsencode(self.target)}
        return {"id": self.id, **names, "size": self.size, "problem": self.problem}

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """Of a row of a block."""
        names = os.fsdecode(values["name"]), os.fsdecode(values["target"])
        return cls(*names, values["size"], values["problem"])


@dataclass(frozen=True)
class Outcome:
    """What became of a photo: its row in the manifest, and what only the run's own report has."""

    photo: Listed
    row: Row
    size: tuple[int, int] | None = None  # width, height
    unsure: bool = False

    def values(self) -> dict[str, Any]:
        """As a row of a block."""
        width, height = self.size or (None, None)
        told = {"width": width, "height": height, "unsure": self.unsure}
        return {**self.photo.values(), **told, **asdict(self.row)}


def listed_block(photos: Sequence[Listed]) -> pa.Table:
    """Photos as a block."""
    return pa.Table.from_pylist([photo.values() for photo in photos], LISTED)


def photos_in(block: pa.Table) -> Iterator[Listed]:
    """The photos of a block; of one with outcomes, too."""
    yield from map(Listed.of, block.select(LISTED.names).to_pylist())


def outcome_block(outcomes: Iterable[Outcome]) -> pa.Table:
    """Outcomes as a block, whose columns are also those of a manifest's row."""
    return pa.Table.from_pylist([outcome.values() for outcome in outcomes], OUTCOMES)
