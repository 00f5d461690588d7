"""Files appear whole or not at all: written aside in the same folder, flushed to the disk, renamed."""

import contextlib
import errno
import os
import secrets
from pathlib import Path

from colorhub.photo.errors import PhotoError, short

_WORDS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "there is no permission to write there",
    errno.EPERM: "there is no permission to write there",
    errno.EROFS: "the file system is read-only",
    errno.ENOENT: "its folder does not exist",
    errno.ENOTDIR: "its folder does not exist",
    errno.EISDIR: "there is a folder of that name",
    errno.ENAMETOOLONG: "its name is too long",
}


def write_whole(path: Path, content: bytes, times: tuple[int, int] | None, *, overwrite: bool) -> None:
    """Write ``content`` to ``path``; ``times`` are (access, modification) in ns to set on the file.

    Raises :class:`PhotoError` if it cannot be written, or if it exists and ``overwrite`` is off; then nothing is left
    behind.
    """
    target = path.resolve() if path.is_symlink() else path
    aside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        _refuse_existing(target, overwrite)
        _write_flushed(aside, content)
        if times is not None:
            os.utime(aside, ns=times)
        _refuse_existing(target, overwrite)
        aside.replace(target)
    except OSError as error:
        reason = _WORDS.get(error.errno or 0, short(error.strerror or error))
        raise PhotoError(f"{path} could not be written: {reason}; nothing was left half-written.") from None
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
    _flush_folder(target.parent)


def _refuse_existing(target: Path, overwrite: bool) -> None:
    if not overwrite and target.exists():
        raise PhotoError(
            f"{target} exists already and was not overwritten; allow it with overwrite, or choose another name."
        )


def _write_flushed(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """So that the new name survives a power cut too. Not every system lets folders be opened; the file itself is
    safe."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
