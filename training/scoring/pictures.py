"""The pictures that are scored: cut to squares, named, fingerprinted, dealt out to processes in chunks; and which of
them are nearly in a training set, by a perceptual hash."""

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from training.config import Data
from training.data.augment import center_crop
from training.data.labels import UNKNOWN, Labels
from training.data.loader import Shard, decode, decode_colored
from training.data.sources import DataError, open_pictures, stream_rows
from training.scoring.judge import CLASSES
from training.scoring.protocol import Cut

NEAR = 3  # bits of 64 that may differ between hashes of near duplicates
CHUNK = 8  # pictures that are measured together: always the same ones, however many processes there are


@dataclass(frozen=True)
class Picture:
    """One picture to score. ``pixels``: the cut, ``(S, S, 3)`` uint8; ``shape``: height and width of the whole;
    ``label``: what it shows, by its number among ImageNet's classes, or a negative number."""

    index: int
    name: str
    pixels: np.ndarray
    shape: tuple[int, int]
    label: int = UNKNOWN


@dataclass
class Pictures:
    """All pictures of a source, of which one process holds its own chunks.

    ``names``, ``kinds`` (the data's ``source`` column, empty where it has none), ``labels`` and ``hashes`` are of all;
    ``own`` are chunk number -> pictures. ``grey`` and ``broken`` name those left out.
    """

    source: str
    split: str
    names: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    hashes: list[int] = field(default_factory=list)
    grey: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    own: dict[int, list[Picture]] = field(default_factory=dict)
    fingerprint: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """What scores.json says about the data."""
        return {
            "source": self.source,
            "split": self.split,
            "pictures": len(self.names),
            "grey_skipped": len(self.grey),
            "grey": self.grey,
            "broken": self.broken,
            "fingerprint": self.fingerprint,
        }


def load_pictures(
    source: str, split: str, cut: Cut, limit: int | None = None, shard: Shard | None = None, column: str = "image"
) -> Pictures:
    """Read a source and cut its pictures as a protocol says.

    Raises:
        DataError: the source cannot be read, or holds no picture that counts.
    """
    shard = shard or Shard()
    pictures, digest = Pictures(source, split), hashlib.sha256()
    at_most = min(limit or cut.at_most or 2**62, cut.at_most or 2**62)
    rows, labels = _rows(source, split, column)
    numbers = [*CLASSES.values(), UNKNOWN]  # the last is that of an unknown label, -1
    with closing(stream_rows(rows)) as stream:
        for number, row in enumerate(stream):
            if len(pictures.names) >= at_most:
                break
            name = Path(row[column].get("path") or f"{number:06d}").stem
            whole = decode_colored(row[column], Data().grey_threshold if cut.skip_grey else 0)
            if isinstance(whole, str):
                (pictures.grey if whole == "grey" else pictures.broken).append(name)
                continue
            square, index = cut_square(whole, cut), len(pictures.names)
            digest.update(square.tobytes())
            pictures.names.append(name)
            pictures.kinds.append(str(row.get("source") or ""))
            pictures.labels.append(numbers[labels.number(row)])
            pictures.hashes.append(difference_hash(whole))
            if index // CHUNK % shard.world_size == shard.rank:
                chunk = pictures.own.setdefault(index // CHUNK, [])
                chunk.append(Picture(index, name, square, (whole.height, whole.width), pictures.labels[-1]))
    if not pictures.names:
        left_out = f" {len(pictures.grey)} grey and {len(pictures.broken)} broken ones were left out."
        raise DataError(f"{source!r} (split {split!r}) holds no picture with colour.{left_out}")
    pictures.fingerprint = digest.hexdigest()[:16]
    return pictures


def check_source(source: str, split: str, column: str = "image") -> None:
    """Raises :class:`DataError` where :func:`load_pictures` could not begin. No picture is read."""
    _rows(source, split, column)


def cut_square(picture: Image.Image, cut: Cut) -> np.ndarray:
    """A whole picture as the protocol's square, uint8 ``(S, S, 3)``."""
    if cut.crop == "stretch":
        return np.asarray(picture.resize((cut.size, cut.size), Image.Resampling.BICUBIC, reducing_gap=3))
    return np.asarray(center_crop(picture, cut.size))


def _rows(source: str, split: str, column: str) -> tuple[Any, Labels]:
    """The source's rows with its columns ``source`` and ``label``, where it has them; and what reads a row's label."""
    failure = DataError()
    for columns in (("source", "label"), ("source",), ("label",), ()):
        try:
            rows = open_pictures([source], split, column, labels=columns)
        except DataError as error:
            failure = error
            continue
        return rows, Labels(rows, [name for name in columns if name == "label"], tuple(CLASSES))
    raise DataError(str(failure).replace("Set data.image_column=", "Use --image-column ")) from failure


def difference_hash(picture: Image.Image) -> int:
    """64 bits: whether each cell of an 8 x 8 grid is darker than the one to its right (dHash). The grid covers the
    whole picture, so a stretched or resized copy has the same hash."""
    small = picture.convert("L").resize((9, 8), Image.Resampling.BOX).tobytes()
    cells = np.frombuffer(small, np.uint8).reshape(8, 9)
    return int.from_bytes(np.packbits(cells[:, 1:] > cells[:, :-1]).tobytes(), "big")


def nearest(hashes: Sequence[int], others: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """For each hash, the fewest differing bits to any of ``others``, and which of them that is."""
    ours, theirs = np.array(hashes, np.uint64), np.array(others, np.uint64)
    found = [np.bitwise_count(theirs ^ one) for one in ours]
    which = np.array([bits.argmin() for bits in found])
    return np.array([bits.min() for bits in found]), which


def count_duplicates(names: Sequence[str], hashes: Sequence[int], train: Sequence[str], split: str) -> dict[str, Any]:
    """Scored pictures that are nearly in the training data, as they are or mirrored.

    Raises:
        DataError: the training data cannot be read.
    """
    seen = train_hashes(train, split)
    bits, which = nearest(hashes, seen)
    near = [i for i in range(len(names)) if bits[i] <= NEAR]
    return {
        "train_data": list(train),
        "train_pictures": len(seen) // 2,
        "method": f"64-bit difference hash, at most {NEAR} bits apart, mirrored pictures included",
        "count": len(near),
        "pictures": [{"name": names[i], "train_row": int(which[i]) // 2, "bits": int(bits[i])} for i in near],
    }


def train_hashes(train: Sequence[str], split: str) -> list[int]:
    """The hash of every picture, then of its mirror image: two a row."""
    hashes: list[int] = []
    with closing(stream_rows(open_pictures(train, split))) as rows:
        for row in rows:
            try:
                picture = decode(row["image"], at_least=64)
            except Exception:  # what broken files raise in Pillow has no common class
                picture = Image.new("L", (9, 8))  # keeps the rows' numbers; flat, so near to no photograph
            hashes += [difference_hash(picture), difference_hash(ImageOps.mirror(picture))]
    return hashes
