"""Where pictures come from: a role under ``$COLORHUB_DATA``, a folder, a parquet file or a Hub dataset id."""

import os
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from datasets import Dataset, Image, IterableDataset, concatenate_datasets, load_dataset
from datasets.exceptions import DatasetNotFoundError

_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


class DataError(ValueError):
    """Data that cannot be used: the message says what was looked for, and what was found instead."""


def open_pictures(
    names: Sequence[str], split: str, column: str = "image", streaming: bool = True
) -> IterableDataset | Dataset:
    """Open one or more sources as one dataset whose ``column`` holds undecoded pictures (``{"bytes", "path"}``).

    Args:
        names: roles, folders, parquet files or Hub ids; several are joined.
        split: split to take, as in the file name ``train-00000-of-00006.parquet``.
        column: the column that holds pictures; the other columns are dropped.

    Raises:
        DataError: nothing found under a name, no such split, or no such column.
    """
    files = [_parquet_files(name, split) for name in names]
    if len(names) > 1 and all(files):  # one set of shards, so that shuffling mixes the sources
        joined = [file for part in files for file in part]
        parts, names = [_load_parquet(joined, streaming)], [" + ".join(names)]
    else:
        parts = [_open_one(name, split, streaming) for name in names]
    parts = [_only_pictures(part, name, column) for part, name in zip(parts, names, strict=True)]
    return parts[0] if len(parts) == 1 else concatenate_datasets(parts)


def resolve(name: str) -> Path | None:
    """The local file or folder a source name stands for, or None when it can only be a Hub id."""
    roots = [Path()]
    if "COLORHUB_DATA" in os.environ:
        roots.insert(0, Path(os.environ["COLORHUB_DATA"]))
    return next((root / name for root in roots if (root / name).exists()), None)


def _parquet_files(name: str, split: str) -> list[str]:
    """The parquet files of a split, none when the source is of another kind."""
    path = resolve(name)
    if path is None:
        return []
    if path.is_file():
        return [str(path)] if path.suffix == ".parquet" else []
    files = sorted(path.glob("*.parquet"))
    chosen = [str(file) for file in files if file.name.startswith(f"{split}-")]
    if files and not chosen:
        found = ", ".join(sorted({file.name.split("-")[0] for file in files}))
        raise DataError(f"{path} has no split {split!r}. Splits found: {found}.")
    return chosen


def _load_parquet(files: list[str], streaming: bool) -> Any:
    return load_dataset("parquet", data_files=files, split="train", streaming=streaming)


def _open_one(name: str, split: str, streaming: bool) -> Any:
    if name == "synthetic":
        return _synthetic()
    if files := _parquet_files(name, split):
        return _load_parquet(files, streaming)
    path = resolve(name)
    if path is None:
        return _open_hub(name, split, streaming)
    if not any(file.suffix.lower() in _PICTURES for file in path.rglob("*")):
        raise DataError(f"{path} holds no parquet files and no pictures ({', '.join(_PICTURES)}).")
    folder = path / split if (path / split).is_dir() else path
    return load_dataset("imagefolder", data_dir=str(folder), split="train", streaming=streaming)


def _open_hub(name: str, split: str, streaming: bool) -> Any:
    if "/" not in name or name.startswith(("/", ".")):
        root = os.environ.get("COLORHUB_DATA", "not set")
        raise DataError(
            f"No data named {name!r}: not under $COLORHUB_DATA ({root}), no such file or folder, and a Hub dataset id "
            "has the form owner/name."
        )
    try:
        return load_dataset(name, split=split, streaming=streaming)
    except (DatasetNotFoundError, ConnectionError, OSError, ValueError) as error:
        raise DataError(f"Dataset {name!r} (split {split!r}) cannot be opened: {error}") from error


def _only_pictures(dataset: Any, name: str, column: str) -> Any:
    found = list(dataset.column_names or next(iter(dataset), {}))
    if not found:
        raise DataError(f"{name!r} is empty.")
    if column not in found:
        raise DataError(f"{name!r} has no column {column!r}. Columns found: {', '.join(found)}.")
    return dataset.select_columns([column]).cast_column(column, Image(decode=False))


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
    return Dataset.from_dict({"image": rows}).cast_column("image", Image())
