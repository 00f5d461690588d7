"""Where pictures come from: a role under ``$COLORHUB_DATA``, a folder, parquet files or a Hub dataset id."""

import atexit
import gc
import time
from collections.abc import Generator, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset, Image, IterableDataset, Value, concatenate_datasets, load_dataset

from colorhub._data import hub_dataset, local_source, no_source
from colorhub._text import first_line

Pictures: TypeAlias = Dataset | IterableDataset

_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
_FOLDER_SHARDS = 16  # a stream of a folder of pictures is dealt out to processes in so many parts


class DataError(ValueError):
    """Data that cannot be used: the message says what was looked for, and what was found instead."""


def open_pictures(
    names: Sequence[str], split: str, column: str = "image", streaming: bool = True, labels: Sequence[str] = ()
) -> IterableDataset | Dataset:
    """Open one or more sources as one dataset whose ``column`` holds undecoded pictures (``{"bytes", "path"}``).

    Args:
        names: roles, folders, parquet files or Hub ids; several are joined.
        split: split to take, as in the file name ``train-00000-of-00006.parquet`` or the folder name ``train/``.
        column: the column that holds pictures.
        streaming: read rows in passing, in the files' order, instead of copying them to the datasets cache first.
        labels: columns to keep beside the pictures; all others are dropped.

    Raises:
        DataError: nothing found under a name, no such split, or no such column.
    """
    files = [_parquet_files(name, split) for name in names]
    if len(names) > 1 and all(files):  # one set of shards, so that shuffling mixes the sources
        joined = [file for part in files for file in part]
        parts, names = [_load_parquet(joined, streaming)], [" + ".join(names)]
    else:
        parts = [_open_one(name, split, streaming) for name in names]
    parts = [_only(part, name, column, labels) for part, name in zip(parts, names, strict=True)]
    if len({type(part) for part in parts}) > 1:
        parts = [part.to_iterable_dataset() if isinstance(part, Dataset) else part for part in parts]
    return parts[0] if len(parts) == 1 else concatenate_datasets(parts)


def _parquet_files(name: str, split: str) -> list[str]:
    """The parquet files of a split, none when the source is of another kind."""
    path = None if name == "synthetic" else local_source(name)
    if path is None:
        return []
    if path.is_file():
        return [str(path)] if path.suffix == ".parquet" else []
    named = sorted([*path.glob("*.parquet"), *path.glob("data/*.parquet")])
    chosen = [file for file in named if file.name.startswith(f"{split}-") or file.stem == split]
    chosen = chosen or sorted((path / split).glob("*.parquet"))
    if named and not chosen:
        found = ", ".join(sorted({file.stem.split("-")[0] for file in named}))
        raise DataError(f"{path} has no split {split!r}. Splits found: {found}.")
    return [str(file) for file in chosen]


def _load_parquet(files: list[str], streaming: bool) -> Any:
    filled = [file for file in files if _rows(file)]  # the library fails on shards without rows
    if not filled:
        raise DataError(f"{files[0]} is empty: no row in {len(files)} files.")
    try:
        return load_dataset("parquet", data_files=filled, split="train", streaming=streaming)
    except Exception as error:  # the library's errors have no common class
        raise DataError(f"{files[0]} cannot be read as parquet: {first_line(error)}.") from error


def _rows(file: str) -> int:
    try:
        return pq.ParquetFile(file).metadata.num_rows
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{file} cannot be read as parquet: {first_line(error)}.") from error


def _open_one(name: str, split: str, streaming: bool) -> Any:
    if name == "synthetic":
        return _synthetic()
    if files := _parquet_files(name, split):
        return _load_parquet(files, streaming)
    path = local_source(name)
    return _open_hub(name, split, streaming) if path is None else _open_folder(path, split, streaming)


def _open_folder(path: Path, split: str, streaming: bool) -> Any:
    """All pictures below ``path/split``, or below ``path`` when it is not divided into splits."""
    if path.is_file():
        raise DataError(f"{path} is a file; expected a folder of pictures or a .parquet file.")
    usual = [name for name in ("train", "validation", "test") if (path / name).is_dir()]
    if usual and not (path / split).is_dir():
        raise DataError(f"{path} has no split {split!r}. Splits found: {', '.join(usual)}.")
    root = path / split if usual or (path / split).is_dir() else path
    files = sorted(str(file) for file in root.rglob("*") if file.suffix.lower() in _PICTURES and file.is_file())
    if not files:
        raise DataError(f"{root} holds no parquet files and no pictures ({', '.join(_PICTURES)}).")
    pictures = Dataset.from_dict({"image": files}).cast_column("image", Image())
    return pictures.to_iterable_dataset(min(_FOLDER_SHARDS, len(files))) if streaming else pictures


def _open_hub(name: str, split: str, streaming: bool) -> Any:
    dataset = hub_dataset(name)
    if dataset is None:
        raise DataError(f"No data named {name!r}: {no_source()}.")
    try:
        return load_dataset(*dataset, split=split, streaming=streaming)
    except Exception as error:  # the library's and the HTTP client's errors have no common class
        raise DataError(f"Dataset {name!r} (split {split!r}) cannot be opened: {first_line(error)}.") from error


def features_of(dataset: Any) -> dict[str, Any]:
    """The columns of a dataset or stream, by name, with what they hold."""
    return dataset.features if dataset.features is not None else dataset._resolve_features().features or {}


def _only(dataset: Any, name: str, column: str, labels: Sequence[str]) -> Any:
    """The dataset with nothing but the column of pictures and those of labels."""
    features = features_of(dataset)
    if not features:
        raise DataError(f"{name!r} is empty.")
    found = f"Columns found: {', '.join(features)}."
    if column not in features:
        pictures = [key for key, feature in features.items() if isinstance(feature, Image)]
        hint = f" Set data.image_column={pictures[0]}." if pictures else ""
        raise DataError(f"{name!r} has no column {column!r}. {found}{hint}")
    if missing := [label for label in labels if label not in features]:
        raise DataError(f"{name!r} has no column {missing[0]!r}, named in data.label_columns. {found}")
    if not _may_hold_pictures(features[column]):
        raise DataError(f"The column {column!r} of {name!r} holds {_kind(features[column])}, no pictures.")
    if isinstance(dataset, Dataset) and len(dataset) == 0:
        raise DataError(f"{name!r} is empty.")
    return dataset.select_columns([column, *labels]).cast_column(column, Image(decode=False))


def _may_hold_pictures(feature: Any) -> bool:
    if isinstance(feature, Value):
        return feature.dtype in ("binary", "large_binary", "string", "large_string")
    return isinstance(feature, Image) or (isinstance(feature, dict) and "bytes" in feature)


def _kind(feature: Any) -> str:
    return feature.dtype if isinstance(feature, Value) else type(feature).__name__


def stream_rows(dataset: Pictures) -> Generator[dict[str, Any]]:
    """The rows, one after the other; what goes wrong in reading is said as one sentence. Close it when done."""
    _wait_at_exit()
    rows: Any = iter(dataset)
    try:
        yield from rows
    except Exception as error:  # errors of the library, of parquet and of the network have no common class
        raise DataError(f"Reading the data failed: {type(error).__name__}: {first_line(error)}.") from error
    finally:
        rows.close()


@cache
def _wait_at_exit() -> None:
    """Ending the program while an abandoned stream of parquet is still being read can abort it (apache/arrow#45214)."""
    atexit.register(time.sleep, 0.5)
    atexit.register(gc.collect)  # the last one registered is called first


def _synthetic(count: int = 16, size: int = 64) -> Dataset:
    """Coloured discs on coloured ground, the lighter the redder: enough to learn from, made in milliseconds."""
    random = np.random.default_rng(0)
    down, across = np.mgrid[:size, :size]
    rows = []
    for _ in range(count):
        x, y, radius, light = random.uniform(0.2, 0.8, 4)
        disc = (across - x * size) ** 2 + (down - y * size) ** 2 < (radius * size / 2) ** 2
        colour = np.where(disc[..., None], (light, light / 2, 0.1), (0.1, (1 - light) / 2, 1 - light))
        buffer = BytesIO()
        PIL.Image.fromarray((colour * 255).astype(np.uint8)).save(buffer, "PNG")
        rows.append({"bytes": buffer.getvalue(), "path": None})
    kinds = ["one", "two", "three"]
    labels = [kinds[number % len(kinds)] for number in range(count)]
    return Dataset.from_dict({"image": rows, "label": labels}).cast_column("image", Image())
