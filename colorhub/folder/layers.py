"""A folder of colour layers: what is kept of many photos' colours, small, to be put onto the photos later.

Two files a shard. ``layers-00000.tar`` holds one picture a photo, ``000000000.webp`` and so on: lossless, three
channels, of which red is a* + 128, blue b* + 128, in whole CIELAB units (so at most half a unit off), and green 128.
``layers-00000.jsonl`` is its index: a line on all of them, then one a photo (:class:`Entry`), with the place of its
picture in the tar. The lightness at working size is not kept: it is the photo's own, and made of it again. Tools that
read tar and WebP read the pictures, such as WebDataset.
"""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import IO, Any, Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorhub._files import replacing
from colorhub._text import one_line
from colorhub.folder.plan import Job, Shard, relative_path
from colorhub.inference.layer import ColorLayer, LayerError, provenance_of
from colorhub.inference.resize import lightness_of_shape
from colorhub.photo import Photo
from colorhub.settings import Settings

SUFFIX = ".jsonl"
_KEY, _VERSION = "colorhub_layers", 1
_ZERO = 128  # the code of a* = 0 and b* = 0
_SHARD_BYTES = 2**30
_WEBP_SIDE = 16383  # pixels that the format takes


@dataclass(frozen=True)
class Entry:
    """A photo's line in the index.

    ``source``: its path below the folder of photos, with forward slashes. ``source_size``, ``source_sha256``: of its
    file. ``offset``, ``length``: where the bytes of its picture are in the tar; none for a photo that is left as it is,
    for which there is no ``provenance`` either. ``photo_size``: width and height.
    """

    source: str
    source_size: int
    source_sha256: str
    photo_size: tuple[int, int]
    offset: int = 0
    length: int = 0
    provenance: dict[str, Any] | None = None


@dataclass(frozen=True)
class Made:
    """What all layers of a folder have in common. ``sidecars``: whether photos were turned as their sidecars say."""

    settings: Settings
    weights_sha256: str
    sidecars: bool = False

    def otherwise(self, other: "Made") -> str:
        """In what they differ, in so far as it changes layers; empty where in nothing."""
        if self.weights_sha256 != other.weights_sha256:
            return "another model"
        mine, theirs = self.settings.to_dict(), other.settings.to_dict()
        names = [name for name in mine if name != "model" and mine[name] != theirs[name]]
        return " and ".join(names) or ("" if self.sidecars == other.sidecars else "sidecars")


class LayerFolder:
    """A folder of layers, of all its shards. Of each photo it holds in memory where its line is, and no more.

    Raises:
        LayerError: an index that cannot be read, is of a newer version, or has other settings than another one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: Made | None = None
        self._indices = sorted(folder.glob(f"layers-*{SUFFIX}"))
        self._places: dict[str, tuple[int, int, int]] = {}  # of a source: its index, its line, its file's size
        for number, path in enumerate(self._indices):
            index = Index(path)
            if self.made and (difference := self.made.otherwise(index.made)):
                raise LayerError(f"{path} was made with {difference} of its own: keep such layers in another folder.")
            self.made = self.made or index.made
            for place, entry in index.entries():
                self._places[entry.source] = number, place, entry.source_size

    @property
    def sources(self) -> Set[str]:
        """Of all photos whose layers are there."""
        return self._places.keys()

    def expect(self, made: Made) -> None:
        """Raises :class:`LayerError` where the layers that are there have something else in common."""
        if self.made and (difference := self.made.otherwise(made)):
            raise LayerError(
                f"The layers in {self.folder} were made with other settings ({difference}): the same command as then "
                "goes on with them, and another folder takes new ones."
            )

    def has(self, job: Job) -> bool:
        """Whether a photo's layer is there. Not where its file has another size by now."""
        with suppress(OSError):
            return job.relative in self._places and self._places[job.relative][2] == job.source.stat().st_size
        return False

    def load(self, source: str, photo: Photo) -> ColorLayer | None:
        """A photo's layer; ``None`` for one that is left as it is.

        Raises:
            LayerError: it cannot be read, or the photo's file has changed.
        """
        number, place, _ = self._places[source]
        index = self._indices[number]
        try:
            with index.open("rb") as lines:
                lines.seek(place)
                entry = _entry(lines.readline())
            if photo.path is None or sha256_of(photo.path) != entry.source_sha256:
                raise LayerError(f"{photo.path or source} has changed since its colour layer was made: colour it anew.")
            if entry.provenance is None:
                return None
            with index.with_suffix(".tar").open("rb") as tar:
                tar.seek(entry.offset)
                ab = decoded(tar.read(entry.length))
            made = provenance_of(entry.provenance)
        except LayerError:
            raise
        except (OSError, KeyError, TypeError, ValueError, SyntaxError) as error:
            reason = f"{photo.path or source}: the colour layer cannot be read from {index.with_suffix('.tar')}"
            raise LayerError(f"{reason} ({one_line(error, 100)}): colour it anew with --overwrite.") from None
        return ColorLayer(ab, lightness_of_shape(photo, (ab.shape[2], ab.shape[3])), entry.photo_size, made)


class LayerWriter:
    """Adds layers to a folder. Several threads may; of two processes each needs a shard of its own.

    A layer is in the index only once it is in the tar, on the disk: what a killed process left unfinished is cut off.

    Args:
        folder: where they go; it is made.
        made: what they have in common.
        shard: of the photos.

    Raises:
        LayerError: there are layers of other settings already.
        OSError: the folder cannot be written to.
    """

    def __init__(self, folder: Path, made: Made, shard: Shard | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.made = folder, made
        self._part = f"{shard.index:05d}-of-{shard.count:05d}-" if shard else ""
        self._lock = Lock()
        self._tar: IO[bytes] | None = None
        self._index: IO[bytes] | None = None
        LayerFolder(folder).expect(made)
        mine = sorted(path for path in folder.glob(f"layers-{self._part}?????{SUFFIX}"))
        self._number = int(mine[-1].stem[-5:]) if mine else 0

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def add(self, job: Job, photo: Photo, layer: ColorLayer | None) -> Path:
        """Keep a photo's layer, or that it is left as it is. Returns the tar.

        Raises:
            OSError: it cannot be written.
        """
        content = encoded(layer.ab) if layer else b""
        made = asdict(layer.provenance) if layer else None
        size, digest = job.source.stat().st_size, sha256_of(job.source)
        with self._lock:
            if self._tar is None or self._index is None:
                raise ValueError("a LayerWriter is used inside a with block")
            if self._tar.tell() > _SHARD_BYTES:
                self._close()
                self._number += 1
                self._open()
            offset = _append(self._tar, content) if content else 0
            self._index.write(_line(asdict(Entry(job.relative, size, digest, photo.size, offset, len(content), made))))
            self._index.flush()
            return self._path(".tar")

    def _path(self, suffix: str) -> Path:
        return self.folder / f"layers-{self._part}{self._number:05d}{suffix}"

    def _open(self) -> None:
        """Begin a shard, or go on with one where its last layer ends."""
        path, end = self._path(SUFFIX), 0
        self._tar = open(self._path(".tar"), "ab+")  # noqa: SIM115 closed by _close
        if not path.exists():
            common = {"settings": self.made.settings.to_dict(), "weights_sha256": self.made.weights_sha256}
            with replacing(path) as aside:
                aside.write_bytes(_line({_KEY: _VERSION, **common, "sidecars": self.made.sidecars}))
        self._index = open(path, "rb+")  # noqa: SIM115 closed by _close
        index = Index(path)
        end = max((_padded(entry.offset + entry.length) for _, entry in index.entries()), default=0)
        self._tar.truncate(end)
        self._index.truncate(index.end)
        self._index.seek(index.end)

    def _close(self) -> None:
        if self._tar:
            self._tar.write(bytes(2 * tarfile.BLOCKSIZE))  # the end of an archive
            self._tar.close()
        if self._index:
            self._index.close()
        self._tar = self._index = None


class Index:
    """What a shard's index says: what is common to its layers (``made``) and, after that, a line each.

    It ends where a line was not finished, or where the picture of one is not there (``end``, in bytes): a killed
    process left that.

    Raises:
        LayerError: it cannot be read, or is of a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._tar_size = path.with_suffix(".tar").stat().st_size
            with path.open("rb") as file:
                first = json.loads(file.readline())
                self.end = file.tell()
            version = first[_KEY]
            if version <= _VERSION:
                self.made = Made(Settings.from_dict(first["settings"]), first["weights_sha256"], first["sidecars"])
        except OSError as error:
            raise LayerError(f"The colour layers {error.filename} cannot be read ({error.strerror}).") from None
        except (KeyError, TypeError, ValueError):
            raise LayerError(
                f"{path} is no index of colour layers: expected what colorhub colorize --layers wrote."
            ) from None
        if version > _VERSION:
            raise LayerError(
                f"{path} holds colour layers of version {version}, and this colorhub knows up to {_VERSION}: install a "
                "newer one."
            )

    def entries(self) -> Iterator[tuple[int, Entry]]:
        """Where in the file each line is, and what it says. Sets ``end``.

        Raises:
            LayerError: a line that says something else.
        """
        with self.path.open("rb") as file:
            file.readline()
            self.end = file.tell()
            for line in file:
                if not line.endswith(b"\n"):
                    return
                try:
                    entry = _entry(line)
                except (KeyError, TypeError, ValueError):
                    raise LayerError(
                        f"{self.path} is damaged at byte {self.end}: move it and its tar elsewhere, and colour those "
                        "photos anew."
                    ) from None
                if entry.offset + entry.length > self._tar_size:
                    return
                yield self.end, entry
                self.end += len(line)


def encoded(ab: Tensor) -> bytes:
    """The picture of a colour layer ``(1, 2, h, w)``: in whole units, so at most half a unit off.

    Example:
        >>> import torch
        >>> from colorhub.folder.layers import decoded, encoded
        >>> ab = torch.tensor([12.4, -30.6]).view(1, 2, 1, 1)
        >>> decoded(encoded(ab)).flatten().tolist()
        [12.0, -31.0]
    """
    codes = (ab[0].float().cpu() + _ZERO).round().clamp(0, 255).to(torch.uint8).numpy()
    picture = np.full((*codes.shape[1:], 3), _ZERO, np.uint8)
    picture[..., 0], picture[..., 2] = codes
    file = io.BytesIO()
    if max(codes.shape) > _WEBP_SIDE:
        Image.fromarray(picture).save(file, "PNG")
    else:
        Image.fromarray(picture).save(file, "WEBP", lossless=True, method=2, quality=50)
    return file.getvalue()


def decoded(content: bytes) -> Tensor:
    """ab ``(1, 2, h, w)`` of what :func:`encoded` gave. Raises ``OSError`` or ``ValueError`` for anything else."""
    with Image.open(io.BytesIO(content), formats=["WEBP", "PNG"]) as picture:
        codes = np.asarray(picture.convert("RGB"))
    ab = np.stack([codes[..., 0], codes[..., 2]]).astype(np.float32) - _ZERO
    return torch.from_numpy(ab)[None]


def sha256_of(path: Path) -> str:
    """In hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _kind(content: bytes) -> str:
    return "png" if content.startswith(b"\x89PNG") else "webp"


def _padded(size: int) -> int:
    """A size up to the next whole block of a tar."""
    return -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values).encode() + b"\n"


def _entry(line: bytes) -> Entry:
    values = json.loads(line)
    return Entry(**{**values, "photo_size": tuple(values["photo_size"])})


def _append(tar: IO[bytes], content: bytes) -> int:
    """Add a picture to a tar, and onto the disk. Returns where its bytes begin."""
    place = tar.seek(0, os.SEEK_END)
    info = tarfile.TarInfo(f"{place // tarfile.BLOCKSIZE:09d}.{_kind(content)}")
    info.size = len(content)
    header = info.tobuf(tarfile.USTAR_FORMAT)
    try:
        tar.write(header + content + bytes(_padded(len(content)) - len(content)))
        tar.flush()
        os.fsync(tar.fileno())
    except OSError:
        tar.truncate(place)
        raise
    return place + len(header)


class StoredLayers:
    """Layers of a folder in the place of a pipeline: what it "predicts" is what was kept. No network runs.

    Args:
        folder: of layers.
        made: what is common to them, in the place of a model: it has the model's ``weights_sha256``.
        base: the folder that the layers' ``source`` is told from.
        max_pixels: larger photos are refused before they are decoded.
    """

    device = torch.device("cpu")

    def __init__(self, folder: LayerFolder, made: Made, base: str, max_pixels: int) -> None:
        self._folder, self.model, self._base, self._max_pixels = folder, made, base, max_pixels

    @classmethod
    def of(cls, folder: Path, base: str, max_pixels: int) -> Self:
        """Of a folder's path. Raises :class:`~colorhub.LayerError`."""
        kept = LayerFolder(folder)
        if kept.made is None:
            raise LayerError(f"{folder} holds no colour layers.")
        return cls(kept, kept.made, base, max_pixels)

    def open(self, source: Any) -> Photo:
        """Read a photo. Raises ``PhotoError``."""
        return Photo.open(source, max_pixels=self._max_pixels)

    def prepare(self, photos: Photo, settings: Settings, *, hints: Any = None) -> ColorLayer | None:
        """The photo's layer; ``None`` where it is left as it is. Raises :class:`~colorhub.LayerError`."""
        if photos.path is None:
            raise LayerError(f"{photos.name} is no file: its colour layer is found by its path.")
        return self._folder.load(relative_path(Path(photos.path), self._base), photos)

    def predict(self, prepared: Any, *, batch_size: int = 1, hints: Any = None) -> Any:
        """What was prepared."""
        return prepared
