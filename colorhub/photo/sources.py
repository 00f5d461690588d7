"""Where a photo comes from: a path, bytes or an open file, checked before anything is decoded."""

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from colorhub._text import one_line
from colorhub.photo.errors import PhotoError, unreadable

_WORDS = {
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "does not exist",
    errno.EACCES: "may not be read (no permission)",
    errno.EPERM: "may not be read (no permission)",
    errno.ENAMETOOLONG: "has a name that is too long",
    errno.ELOOP: "is a link that leads to itself",
}


@dataclass(frozen=True)
class Source:
    """An open, seekable file, its name for messages, and for a path also the path and its (access, modification) times
    in ns."""

    file: BinaryIO
    name: str
    path: Path | None = None
    times: tuple[int, int] | None = None
    original: bytes | None = None


@contextmanager
def open_source(source: Any, name: str | None) -> Iterator[Source]:
    """A path, bytes or readable binary file as a :class:`Source`. Raises :class:`PhotoError` where there is nothing to
    read."""
    if isinstance(source, bytes | bytearray | memoryview):
        raw = bytes(source)
        yield _in_memory(raw, name or "the picture")
    elif isinstance(source, str | os.PathLike):
        with _open_path(source, name) as opened:
            yield opened
    elif callable(getattr(source, "read", None)):
        yield _in_memory(_read_stream(source, name), name or _stream_name(source))
    else:
        raise PhotoError(
            f"A photo cannot be opened from {type(source).__name__}; "
            "expected a path, bytes, an open binary file, a PIL image or a NumPy array."
        )


def _in_memory(raw: bytes, name: str) -> Source:
    if not raw:
        raise unreadable(name, "is empty")
    return Source(io.BytesIO(raw), name, original=raw)


def _stream_name(stream: Any) -> str:
    name = getattr(stream, "name", None)
    return Path(name).name if isinstance(name, str) and name else "the picture"


def _read_stream(stream: Any, name: str | None) -> bytes:
    try:
        raw = stream.read()
    except Exception as error:
        raise unreadable(name or _stream_name(stream), f"could not be read ({one_line(error, 100)})") from None
    if not isinstance(raw, bytes | bytearray):
        raise unreadable(name or _stream_name(stream), "was opened as text", "open it in binary mode ('rb')")
    return bytes(raw)


@contextmanager
def _open_path(source: str | os.PathLike, name: str | None) -> Iterator[Source]:
    path = Path(os.fsdecode(source))
    name = name or path.name or str(path)
    try:
        status = path.stat()
    except OSError as error:
        raise _not_opened(name, error) from None
    except ValueError:  # a NUL in the name
        raise unreadable(repr(name), "is no valid file name") from None
    _check_kind(status, name)
    try:
        file = path.open("rb")
    except OSError as error:
        raise _not_opened(name, error) from None
    with file:
        yield Source(file, name, path, (status.st_atime_ns, status.st_mtime_ns))


def _not_opened(name: str, error: OSError) -> PhotoError:
    return unreadable(name, _WORDS.get(error.errno or 0, f"could not be opened ({one_line(error, 100)})"))


def _check_kind(status: os.stat_result, name: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise unreadable(name, "is a folder, not a picture")
    if not stat.S_ISREG(status.st_mode):
        raise unreadable(name, "is a device or a pipe, not a file")
    if status.st_size == 0:
        raise unreadable(name, "is empty")
