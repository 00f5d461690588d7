"""Where files are: a folder, or what stands behind an address that fsspec knows, such as ``s3://bucket/scans``."""

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from colorhub._files import flush_folder, replacing
from colorhub.archive.retrying import retried

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


def is_address(text: str | os.PathLike[str]) -> bool:
    """Whether a text is an address, and not a path. A drive's letter is no protocol.

    Example:
        >>> from colorhub.archive.places import is_address
        >>> is_address("s3://bucket/scans"), is_address("scans/1910"), is_address("C://scans")
        (True, False, False)
    """
    protocol, mark, _ = os.fspath(text).partition("://")
    return bool(mark) and len(protocol) > 1 and protocol.isalnum()


@dataclass(frozen=True)
class Place:
    """A folder, here or in object storage. ``name``: as it was given, for messages."""

    name: str
    fs: "AbstractFileSystem"
    root: str

    @classmethod
    def of(cls, address: str | os.PathLike[str]) -> Self:
        """Of a path or an address.

        Raises:
            ImportError: the packages for such addresses are not installed.
            ValueError: nobody knows such addresses.
        """
        from fsspec import filesystem
        from fsspec.core import url_to_fs

        text = os.fspath(address)
        if not is_address(text):  # a path is no URL: spaces, "%", "#" and "::" in it mean themselves
            return cls(text, filesystem("file"), Path(text).absolute().as_posix())
        fs, root = url_to_fs(text)
        return cls(text, fs, root.rstrip("/") or "/")

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine's file system."""
        return "file" in self.protocols

    @property
    def protocols(self) -> tuple[str, ...]:
        """What its addresses begin with, such as ``("s3", "s3a")``."""
        return (self.fs.protocol,) if isinstance(self.fs.protocol, str) else tuple(self.fs.protocol)

    def below(self, folder: str) -> "Place":
        """A folder in it; an empty name is itself."""
        return replace(self, root=self.path(folder)) if folder else self

    def holds(self, other: "Place") -> bool:
        """Whether another one lies in it, or is it."""
        if self.is_local and other.is_local:
            return Path(os.path.realpath(other.root)).is_relative_to(os.path.realpath(self.root))
        return self.protocols == other.protocols and f"{other.root}/".startswith(f"{self.root.rstrip('/')}/")

    def path(self, name: str) -> str:
        """Of a file in it, as its file system wants it."""
        return f"{self.root.rstrip('/')}/{name}"

    def names(self, prefix: str) -> list[str]:
        """Of the files directly in it that begin so, sorted."""
        if self.is_local:
            with suppress(FileNotFoundError), os.scandir(self.root) as entries:
                return sorted(entry.name for entry in entries if entry.name.startswith(prefix) and entry.is_file())
            return []
        self.fs.invalidate_cache()
        found = retried(lambda: self.fs.find(self.root, prefix=prefix))
        inside = [path[len(self.root) + 1 :] for path in found]
        return sorted(name for name in inside if name.startswith(prefix) and "/" not in name)  # some stores list all

    def size(self, name: str) -> int | None:
        """Bytes of a file in it; ``None`` where there is none."""
        with suppress(FileNotFoundError, NotADirectoryError):
            if "s3" in self.protocols:  # fsspec lists what is below the name, too, at twelve times the price
                bucket, _, key = self.path(name).partition("/")
                return int(retried(lambda: self.fs.call_s3("head_object", Bucket=bucket, Key=key))["ContentLength"])
            if not self.is_local:
                self.fs.invalidate_cache()
            return int(retried(lambda: self.fs.info(self.path(name)))["size"])
        return None

    def changed(self, name: str) -> float | None:
        """When a file in it was last written, in seconds, by the clock of what keeps it, whatever times the file was
        given; ``None`` where there is none."""
        with suppress(FileNotFoundError, NotADirectoryError):
            if self.is_local:
                return Path(self.path(name)).stat().st_ctime
            self.fs.invalidate_cache()
            return float(retried(lambda: self.fs.modified(self.path(name))).timestamp())
        return None

    @contextmanager
    def reading(self, name: str) -> Iterator[BinaryIO]:
        """A file in it, to be read from its start to its end."""
        if self.is_local:
            with self.fs.open(self.path(name), "rb") as file:
                yield file
        else:
            yield io.BytesIO(retried(lambda: self.fs.cat_file(self.path(name))))

    def put(self, file: Path, name: str, **options: Any) -> None:
        """Copy a file into it. It is there whole, in place of one of its name, or not at all."""
        if self.is_local:
            target = Path(self.path(name))
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as aside:
                shutil.copyfile(file, aside)
                with aside.open("rb+") as written:
                    os.fsync(written.fileno())
            flush_folder(target.parent)
        else:
            retried(lambda: self.fs.put_file(str(file), self.path(name), **options))

    def fetch(self, name: str, file: Path) -> None:
        """Copy a file out of it."""
        if self.is_local:
            shutil.copyfile(self.path(name), file)
        else:
            retried(lambda: self.fs.get_file(self.path(name), str(file)))

    def write(self, name: str, content: bytes) -> None:
        """Write a small file, in place of one of its name."""
        retried(lambda: self.fs.pipe_file(self.path(name), content))

    def make_folder(self, name: str) -> None:
        """A folder in it, where there are such things."""
        if self.is_local:
            Path(self.path(name)).mkdir(parents=True, exist_ok=True)

    def remove(self, name: str) -> None:
        """Delete a file in it; none is no error."""
        with suppress(FileNotFoundError):
            retried(lambda: self.fs.rm_file(self.path(name)))

    def remove_folder(self, name: str) -> None:
        """Delete a folder in it with all that is there; none is no error."""
        with suppress(FileNotFoundError):
            if not self.is_local:
                self.fs.invalidate_cache()
            retried(lambda: self.fs.rm(self.path(name), recursive=True))
