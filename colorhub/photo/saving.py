"""A photo's file is written whole or not at all, and in words that name what is wrong."""

import errno
import os
from pathlib import Path

from colorhub._files import flush_folder, replacing, write_flushed
from colorhub._text import one_line
from colorhub.photo.errors import PhotoError

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
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        _refuse_existing(target, overwrite)
        with replacing(target) as aside:
            write_flushed(aside, content)
            if times is not None:
                os.utime(aside, ns=times)
            _refuse_existing(target, overwrite)
    except OSError as error:
        reason = _WORDS.get(error.errno or 0, one_line(error.strerror or error, 100))
        raise PhotoError(f"{path} could not be written: {reason}; nothing was left half-written.") from None
    flush_folder(target.parent)


def _refuse_existing(target: Path, overwrite: bool) -> None:
    if not overwrite and target.exists():
        raise PhotoError(
            f"{target} exists already and was not overwritten; allow it with overwrite, or choose another name."
        )
