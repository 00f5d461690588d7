"""The loader: an endless, exactly resumable stream of batches, decoded in threads beside the training step.

A batch is a pure function of (recipe, process, cursor): rows are shuffled anew every epoch by (seed, epoch), and the random
numbers of a picture come from (seed, epoch, process, position). Resuming skips rows before they are decoded.
"""

import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from datasets import Dataset, IterableDataset
from datasets.distributed import split_dataset_by_node
from PIL import Image
from torch import Tensor

from training.augment import FILM_DRAWS, center_crop, is_grey, random_crop
from training.config import Crop, Data
from training.sources import DataError

_AHEAD = 3  # finished batches that wait for the training step


@dataclass(frozen=True)
class Cursor:
    """Where one process stands in its stream: what has been consumed, in batches and in rows of this epoch."""

    batch: int = 0
    epoch: int = 0
    position: int = 0
    grey: int = 0  # pictures skipped because they have no colour
    broken: int = 0  # pictures skipped because they cannot be decoded


class Batch(NamedTuple):
    """``rgb``: uint8 ``(B, 3, H, W)``; ``draws``: ``(B, FILM_DRAWS)`` in 0..1; ``cursor``: where the stream stands after it."""

    rgb: Tensor
    draws: Tensor
    cursor: Cursor


@dataclass(frozen=True)
class Place:
    """Which part of the rows a process takes."""

    seed: int = 0
    rank: int = 0
    world: int = 1


class Loader:
    """Iterate over batches that a thread prepares ahead. Close it when done (or use it in a ``with`` block)."""

    def __init__(self, dataset: Dataset | IterableDataset, data: Data, place: Place, cursor: Cursor | None = None) -> None:
        self._batches = _batches(dataset, data, place, cursor or Cursor())
        self._ready: queue.Queue[Batch | BaseException] = queue.Queue(_AHEAD)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._fill, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        item = self._ready.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def __enter__(self) -> "Loader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading ahead and let go of open files."""
        self._stopped.set()
        self._thread.join()

    def _fill(self) -> None:
        try:
            for batch in self._batches:
                self._put(batch)
                if self._stopped.is_set():
                    break
        except BaseException as error:  # handed to the training loop, which raises it
            self._put(error)
        finally:
            # An abandoned parquet stream can abort the interpreter at exit (apache/arrow#45214).
            self._batches.close()

    def _put(self, item: Batch | BaseException) -> None:
        while not self._stopped.is_set():
            try:
                return self._ready.put(item, timeout=0.1)
            except queue.Full:
                continue


class _Row(NamedTuple):
    picture: dict[str, Any]
    epoch: int
    position: int


def _batches(dataset: Any, data: Data, place: Place, cursor: Cursor) -> Iterator[Batch]:
    rows = _rows(dataset, data, place, cursor)
    with ThreadPoolExecutor(data.threads) as pool:
        while True:
            crop = _draw_crop(data, place.seed, cursor.batch)
            batch = _collect(rows, crop, data, place, cursor, pool)
            cursor = batch.cursor
            yield batch


def _draw_crop(data: Data, seed: int, batch: int) -> Crop:
    """The crop of the given batch: the same for every process, so that all steps have equal shapes."""
    weights = np.array([crop.weight for crop in data.crops])
    return data.crops[np.random.default_rng((seed, batch)).choice(len(weights), p=weights / weights.sum())]


def _collect(rows: Any, crop: Crop, data: Data, place: Place, cursor: Cursor, pool: ThreadPoolExecutor) -> Batch:
    squares: list[np.ndarray] = []
    draws: list[np.ndarray] = []
    epoch, without_colour = cursor.epoch, 0
    while len(squares) < crop.batch_size:
        wanted = list(islice(rows, crop.batch_size - len(squares)))
        for row, answer in zip(wanted, pool.map(lambda row: _prepare(row, crop, data, place), wanted), strict=True):
            if row.epoch != epoch:
                epoch, without_colour = row.epoch, 0
            if isinstance(answer, str):
                without_colour += 1
                cursor = replace(cursor, **{answer: getattr(cursor, answer) + 1})
                _complain_if_hopeless(without_colour, cursor)
            else:
                squares.append(answer[0])
                draws.append(answer[1])
            cursor = replace(cursor, epoch=row.epoch, position=row.position + 1)
    rgb = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2)
    return Batch(rgb, torch.from_numpy(np.stack(draws)), replace(cursor, batch=cursor.batch + 1))


def _complain_if_hopeless(in_a_row: int, cursor: Cursor) -> None:
    if in_a_row >= 10_000 or (cursor.epoch > 2 and cursor.batch == 0):
        raise DataError(f"No usable picture found: {cursor.grey} are grey, {cursor.broken} cannot be decoded.")


def _prepare(row: _Row, crop: Crop, data: Data, place: Place) -> tuple[np.ndarray, np.ndarray] | str:
    """A square and its random numbers, or the name of the cursor's counter that says why there is none."""
    random = np.random.default_rng((place.seed, row.epoch, place.rank, row.position))
    try:
        picture = decode(row.picture, at_least=int(crop.size / max(crop.cover[0], 1e-2)))
    except OSError:
        return "broken"
    if is_grey(picture, data.grey_threshold):
        return "grey"
    square = random_crop(picture, crop, data, random)
    return np.asarray(square), random.random(FILM_DRAWS, dtype=np.float32)


def decode(picture: dict[str, Any], at_least: int | None = None) -> Image.Image:
    """An undecoded ``datasets`` picture as RGB; a large JPEG is decoded at the smallest scale that keeps ``at_least`` pixels."""
    image = Image.open(BytesIO(picture["bytes"]) if picture.get("bytes") else picture["path"])
    if at_least:
        image.draft("RGB", (at_least, at_least))
    return image.convert("RGB")


def _rows(dataset: Any, data: Data, place: Place, cursor: Cursor) -> Iterator[_Row]:
    epoch, position = cursor.epoch, cursor.position
    while True:
        found = 0
        rows = _epoch(dataset, data, place, epoch, position)
        for found, picture in enumerate(rows, start=1):  # noqa: B007
            yield _Row(picture, epoch, position + found - 1)
        if position + found == 0:
            raise DataError("The dataset is empty: there is no picture to train on.")
        epoch, position = epoch + 1, 0


def _epoch(dataset: Any, data: Data, place: Place, epoch: int, position: int) -> Iterator[dict[str, Any]]:
    if isinstance(dataset, Dataset):
        order = np.random.default_rng((place.seed, epoch)).permutation(len(dataset))[place.rank :: place.world]
        for start in range(position, len(order), 64):
            yield from dataset[order[start : min(start + 64, len(order))]][data.image_column]
        return
    shuffled = dataset.shuffle(place.seed + epoch, buffer_size=data.shuffle_buffer, max_buffer_input_shards=1)
    if place.world > 1:
        shuffled = split_dataset_by_node(shuffled, rank=place.rank, world_size=place.world)
    for row in shuffled.skip(position) if position else shuffled:
        yield row[data.image_column]


def validation_pictures(dataset: Any, data: Data, place: Place) -> Tensor:
    """This process's part of the first ``validation_limit`` pictures with colour, ``(N, 3, size, size)`` uint8."""
    squares = []
    for row in dataset:
        if data.validation_limit is not None and len(squares) >= data.validation_limit:
            break
        picture = decode(row[data.image_column])
        if not is_grey(picture, data.grey_threshold):
            squares.append(np.asarray(center_crop(picture, data.validation_size)))
    if not squares:
        raise DataError("The validation data holds no picture with colour.")
    mine = squares[place.rank :: place.world] or squares[:0]
    stacked = np.stack(mine) if mine else np.empty((0, data.validation_size, data.validation_size, 3), np.uint8)
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous()
