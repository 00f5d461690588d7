"""The loader: an endless, exactly resumable stream of batches, decoded in threads beside the training step.

A batch is a pure function of (recipe, process, cursor): rows are shuffled anew every epoch by (seed, epoch), and the
random numbers of a picture come from (seed, epoch, process, position). Resuming skips rows before they are decoded.
"""

import os
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from itertools import islice
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from datasets import Dataset, Image, IterableDataset
from datasets.distributed import split_dataset_by_node
from PIL import Image as PillowImage
from PIL import ImageOps
from torch import Tensor

from training.config import Crop, Data
from training.data.augment import FILM_DRAWS, is_grey, random_crop
from training.data.labels import Labels
from training.data.sources import DataError, stream_rows

_AHEAD = 3  # finished batches that wait for the training step
_HOPELESS = 10_000  # unusable pictures in a row after which a run gives up
_ORIENTATION = 0x0112  # EXIF tag


@dataclass(frozen=True)
class Cursor:
    """Where one process stands in its stream: what has been consumed, in batches and in rows of this epoch."""

    batch: int = 0
    epoch: int = 0
    position: int = 0
    grey: int = 0  # pictures skipped because they have no colour
    broken: int = 0  # pictures skipped because they cannot be decoded


class Batch(NamedTuple):
    """``rgb``: uint8 ``(B, 3, H, W)``; ``draws``: ``(B, FILM_DRAWS)`` in 0..1; ``labels``: class numbers ``(B,)``, -1
    where unknown; ``cursor``: where the stream then is."""

    rgb: Tensor
    draws: Tensor
    labels: Tensor
    cursor: Cursor


@dataclass(frozen=True)
class Shard:
    """Which part of the rows a process takes: every ``world_size``-th from ``rank`` on, shuffled by ``seed``."""

    seed: int = 0
    rank: int = 0
    world_size: int = 1


class _Row(NamedTuple):
    picture: dict[str, Any]
    label: int
    epoch: int
    position: int


class Loader:
    """Iterate over batches that a thread prepares ahead. Close it when done (or use it in a ``with`` block)."""

    def __init__(
        self,
        dataset: Dataset | IterableDataset,
        data: Data,
        shard: Shard,
        cursor: Cursor | None = None,
        class_names: Sequence[str] = (),
    ) -> None:
        self._dataset: Any = dataset
        self._data, self._shard = data, shard
        self._labels = Labels(dataset, data.label_columns, class_names)
        self._batches = self._make_batches(cursor or Cursor())
        self._thread = ThreadPoolExecutor(1)
        self._ahead = deque(self._thread.submit(next, self._batches) for _ in range(_AHEAD))

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        batch = self._ahead.popleft().result()
        self._ahead.append(self._thread.submit(next, self._batches))
        return batch

    def __enter__(self) -> "Loader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading ahead and let go of open files."""
        self._thread.shutdown(cancel_futures=True)
        self._batches.close()

    def _make_batches(self, cursor: Cursor) -> Generator[Batch]:
        pool = ThreadPoolExecutor(self._data.threads, initializer=_stand_back)
        with closing(self._rows(cursor.epoch, cursor.position)) as rows, pool:
            watch = _Watch()
            while True:
                crop = draw_crop(self._data, self._shard.seed, cursor.batch)
                taken: list[tuple[np.ndarray, np.ndarray, int]] = []
                while len(taken) < crop.batch_size:
                    wanted = list(islice(rows, crop.batch_size - len(taken)))
                    for row, answer in zip(wanted, pool.map(partial(self._prepare, crop), wanted), strict=True):
                        cursor = replace(cursor, epoch=row.epoch, position=row.position + 1)
                        if isinstance(answer, str):
                            cursor = replace(cursor, **{answer: getattr(cursor, answer) + 1})
                            watch.unusable(row, cursor)
                        else:
                            watch.usable()
                            taken.append((*answer, row.label))
                cursor = replace(cursor, batch=cursor.batch + 1)
                squares, draws, labels = zip(*taken, strict=True)
                rgb = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2)
                yield Batch(rgb, torch.from_numpy(np.stack(draws)), torch.tensor(labels), cursor)

    def _prepare(self, crop: Crop, row: _Row) -> tuple[np.ndarray, np.ndarray] | str:
        """A square and its random numbers, or the name of the cursor's counter that says why there is none."""
        random = np.random.default_rng((self._shard.seed, row.epoch, self._shard.rank, row.position))
        at_least = int(crop.size / max(crop.cover[0], 1e-2))
        picture = decode_colored(row.picture, self._data.grey_threshold, at_least)
        if isinstance(picture, str):
            return picture
        square = random_crop(picture, crop, self._data, random)
        return np.asarray(square), random.random(FILM_DRAWS, dtype=np.float32)

    def _rows(self, epoch: int, position: int) -> Generator[_Row]:
        while True:
            start = position
            with closing(self._rows_of_epoch(epoch, position)) as rows:
                for row in rows:
                    yield _Row(row[self._data.image_column], self._labels.number(row), epoch, position)
                    position += 1
            if start == position == 0:
                raise DataError(
                    f"There is no picture to train on for process {self._shard.rank + 1} of {self._shard.world_size}: "
                    "the dataset is empty, or has fewer pictures than there are processes."
                )
            epoch, position = epoch + 1, 0

    def _rows_of_epoch(self, epoch: int, position: int) -> Generator[dict[str, Any]]:
        """The rows of this process, shuffled anew every epoch, from a position on."""
        seed, rank, world_size = self._shard.seed, self._shard.rank, self._shard.world_size
        if isinstance(self._dataset, Dataset):
            order = np.random.default_rng((seed, epoch)).permutation(len(self._dataset))[rank::world_size]
            for start in range(position, len(order), 64):
                columns = self._dataset[order[start : min(start + 64, len(order))]]
                for values in zip(*columns.values(), strict=True):
                    yield dict(zip(columns, values, strict=True))
            return
        size = self._data.shuffle_buffer
        stream = self._dataset.shuffle(seed + epoch, buffer_size=size, max_buffer_input_shards=1)
        # Rows are dealt one by one where the files' shards cannot be.
        dealt = world_size > 1 and self._dataset.num_shards % world_size != 0
        if dealt:
            position *= world_size
        elif world_size > 1:
            stream = split_dataset_by_node(stream, rank=rank, world_size=world_size)
        with closing(stream_rows(stream.skip(position) if position else stream)) as rows:
            yield from islice(rows, rank, None, world_size) if dealt else rows


def _stand_back() -> None:
    """Decode in what the training step leaves of the processor: its threads wait for the one that is interrupted."""
    if sys.platform == "linux":  # where a thread has a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


def draw_crop(data: Data, seed: int, batch: int) -> Crop:
    """The crop of the given batch: the same for every process, so that all steps have equal shapes."""
    weights = np.array([crop.weight for crop in data.crops])
    return data.crops[np.random.default_rng((seed, batch)).choice(len(weights), p=weights / weights.sum())]


class _Watch:
    """Gives up on data without any usable picture: a whole epoch of them, or very many in a row."""

    def __init__(self) -> None:
        self.usable()

    def usable(self) -> None:
        self._first_epoch: int | None = None
        self._count = 0

    def unusable(self, row: _Row, cursor: Cursor) -> None:
        if self._first_epoch is None:
            self._first_epoch = row.epoch + (row.position > 0)  # the first epoch that may be unusable as a whole
        self._count += 1
        if row.epoch > self._first_epoch or self._count >= _HOPELESS:
            raise DataError(
                f"The training data holds no usable picture: {cursor.grey} are grey (data.grey_threshold), "
                f"{cursor.broken} cannot be decoded."
            )


def decode_colored(
    picture: dict[str, Any], threshold: float, at_least: int | None = None
) -> PillowImage.Image | Literal["broken", "grey"]:
    """What :func:`decode` gives, or why the picture is of no use: it cannot be decoded, or it is grey, its mean chroma
    being below ``threshold`` (of 255)."""
    try:
        decoded = decode(picture, at_least)
    except Exception:  # what broken files raise in Pillow has no common class
        return "broken"
    return "grey" if is_grey(decoded, threshold) else decoded


def decode(picture: dict[str, Any], at_least: int | None = None) -> PillowImage.Image:
    """An undecoded ``datasets`` picture as upright RGB; a large JPEG is decoded at the smallest scale that keeps
    ``at_least`` pixels."""
    if picture.get("bytes"):
        image: PillowImage.Image = PillowImage.open(BytesIO(picture["bytes"]))
    elif "://" in picture["path"]:  # a file on the Hub or in an archive, which only the library can open
        return Image().decode_example(picture).convert("RGB")
    else:
        image = PillowImage.open(picture["path"])
    if at_least:
        image.draft("RGB", (at_least, at_least))
    if image.getexif().get(_ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
    return image.convert("RGB")
