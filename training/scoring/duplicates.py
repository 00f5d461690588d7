"""Near duplicates between the scored pictures and those a model was trained on, by a perceptual hash."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from training.data.loader import decode
from training.data.sources import open_pictures, stream_rows

NEAR = 3  # bits of 64 that may differ


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
