"""What a manifest says of one file, and how that is written down: as a line of JSON Lines, and as a row of parquet."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Self

FORMAT = 1  # raised when what is written can no longer be read by an older version
KEY = "colorhub_manifest"  # holds FORMAT: in a part's first line, and in the metadata of the parquet file's schema
STATUSES = ("colored", "unchanged", "failed", "passed_over")
HAS_OUTPUT = ("colored", "unchanged")  # the rows that have an output
_ESCAPED = re.compile(r"\\x(?=[0-9a-f]{2})")
_ESCAPED_BYTES = re.compile(rb"\\x([0-9a-f]{2})")


class ManifestError(ValueError):
    """A manifest that cannot be read or gone on with: one sentence that says which, why, and what to do."""


@dataclass(frozen=True)
class Row:
    """One source file. Only what has an output has the fields on it; only what was coloured has a model.

    ``source``, ``output``: paths below the source's and the output's roots, with forward slashes. ``source_size``,
    ``output_size``: bytes. ``source_sha256``, ``output_sha256``, ``model_sha256``: in hexadecimal digits.
    ``settings``: a JSON object. ``status``: ``colored``, ``unchanged`` (copied as it is), ``failed`` or
    ``passed_over``; ``reason``: why, in one sentence. ``notes``: what the result does not have of the photo, or was
    wrong with it. ``seconds``: of work. ``machine``: its host name. ``version``: colorhub's. ``finished``: UTC, ISO
    8601.
    """

    source: str
    status: str
    output: str | None = None
    source_size: int | None = None
    source_sha256: str | None = None
    output_size: int | None = None
    output_sha256: str | None = None
    model: str | None = None
    model_sha256: str | None = None
    settings: str = "{}"
    reason: str = ""
    notes: tuple[str, ...] = field(default=())
    seconds: float = 0.0
    machine: str = ""
    version: str = ""
    finished: str = ""

    def to_line(self) -> str:
        r"""As one line of JSON.

        Example:
            >>> from colorhub.archive.rows import Row
            >>> row = Row("a/b.jpg", "colored", "a/b.jpg", notes=("its alpha was lost",))
            >>> Row.from_values(__import__("json").loads(row.to_line())) == row
            True
        """
        return json.dumps(asdict(self), ensure_ascii=False) + "\n"

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Of what JSON or parquet holds. A column that this version does not know is left out.

        Raises:
            KeyError, TypeError: they are no row's.
        """
        known = {name: values[name] for name in _NAMES if name in values}
        return cls(**{**known, "source": values["source"], "notes": tuple(values.get("notes") or ())})


_NAMES = tuple(info.name for info in fields(Row))


def schema() -> Any:
    """The columns of the parquet file, as pyarrow's schema, with the format's version in its metadata."""
    import pyarrow as pa

    kinds = {"source_size": pa.int64(), "output_size": pa.int64(), "seconds": pa.float64()}
    kinds["notes"] = pa.list_(pa.string())
    columns = [pa.field(name, kinds.get(name, pa.string())) for name in _NAMES]
    return pa.schema(columns, metadata={KEY: str(FORMAT)})


def as_text(path: str | os.PathLike[str]) -> str:
    r"""A relative path as a row has it: forward slashes, and in UTF-8; bytes of a name that are none are escaped, and
    so is a backslash where it would look like that. Two names never have one text.

    Example:
        >>> from colorhub.archive.rows import as_text
        >>> as_text("a/b\udcff.jpg"), as_text(r"a/b\xff.jpg")
        ('a/b\\xff.jpg', 'a/b\\x5cxff.jpg')
    """
    text = _ESCAPED.sub(lambda _: r"\x5cx", os.fspath(path).replace(os.sep, "/"))
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def as_path(text: str) -> str:
    r"""The path that :func:`as_text` gave a text.

    Example:
        >>> from colorhub.archive.rows import as_path, as_text
        >>> names = ["a/b\udcff.jpg", r"a/b\xff.jpg", r"a\x5cxff", "a"]
        >>> [as_path(as_text(name)) for name in names] == names
        True
    """
    raw = _ESCAPED_BYTES.sub(lambda match: bytes([int(match[1], 16)]), text.encode("utf-8"))
    return raw.decode("utf-8", "surrogateescape")


def is_utf8(path: str) -> bool:
    """Whether a path is text, and not any bytes."""
    return not any("\udc80" <= character <= "\udcff" for character in path)


def utc_now() -> str:
    """Now, in UTC, as ISO 8601 writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def digest(source: str) -> int:
    """Of a row's ``source``, 64 bits: what a run remembers of names, which may be a hundred million."""
    return int.from_bytes(hashlib.blake2b(source.encode("utf-8"), digest_size=8).digest(), "big")
