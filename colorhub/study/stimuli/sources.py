"""Where a study's photos come from: the pictures of installed packages, a folder, parquet files or a Hub dataset."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from colorhub._data import hub_dataset, local_source, no_source
from colorhub._project import package_file
from colorhub._text import first_line
from colorhub.photo import Photo
from colorhub.study.errors import StudyError

PACKAGED = "packaged"
MAX_PIXELS = 100_000_000
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".avif"}
# Photographs inside installed packages: (package, path). Free to show: they come with scikit-image and gradio.
_PACKAGED = (
    ("skimage", "data/astronaut.png"),
    ("skimage", "data/chelsea.png"),
    ("skimage", "data/coffee.png"),
    ("skimage", "data/motorcycle_left.png"),
    ("skimage", "data/rocket.jpg"),
    ("gradio", "media_assets/images/cheetah.jpg"),
    ("gradio", "media_assets/images/lion.jpg"),
    ("gradio", "media_assets/images/tower.jpg"),
)


@dataclass(frozen=True)
class PhotoSource:
    """Photos by number. ``name`` of a photo says where it is in the source; ``read`` opens it and raises
    :class:`~colorhub.photo.PhotoError` where it cannot be read."""

    title: str
    names: list[str]
    read: Callable[[int], Photo]

    def __len__(self) -> int:
        return len(self.names)


def open_source(title: str, split: str | None = None, size: int = 256) -> PhotoSource:
    """Open the source that a word means.

    Args:
        title: ``packaged``; a role under ``$COLORHUB_DATA``; a folder of pictures or of parquet files; a parquet file;
            or a Hub dataset id (``owner/name`` or ``owner/name:configuration``).
        split: of a dataset; the first there is of test, validation and train when not given.
        size: pictures of installed packages are few, so each is cut into as many squares of this side as it holds.

    Raises:
        StudyError: nothing is found, or it cannot be read.
    """
    if title == PACKAGED:
        return _packaged(size)
    path = local_source(title)
    if path is None:
        return _hub(title, split)
    files = _parquet_files(path, split)
    return _parquet(title, files) if files else _folder(title, path)


def _packaged(size: int) -> PhotoSource:
    squares = []
    for package, inside in _PACKAGED:
        path = package_file(package, inside)
        if path is None:
            continue
        width, height = Photo.open(path).size
        columns, rows = width // size, height // size
        left, top = (width - columns * size) // 2, (height - rows * size) // 2
        squares += [(path, left + n % columns * size, top + n // columns * size) for n in range(columns * rows)]

    def read(number: int) -> Photo:
        path, left, top = squares[number]
        whole = _opened(path)
        pixels = whole.rgb if whole.rgb is not None else whole.grey
        return Photo.open(np.ascontiguousarray(pixels[top : top + size, left : left + size]), name=names[number])

    names = [f"{path.name}+{left}+{top}" for path, left, top in squares]
    return PhotoSource(PACKAGED, names, read)


@lru_cache(maxsize=len(_PACKAGED))
def _opened(path: Path) -> Photo:
    return Photo.open(path)


def _folder(title: str, path: Path) -> PhotoSource:
    if path.is_file():
        raise StudyError(f"{path} is a file; --photos takes a folder, a .parquet file, a dataset id or {PACKAGED}.")
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in _SUFFIXES and file.is_file())
    if not files:
        raise StudyError(f"{path} holds no pictures and no parquet files.")
    names = [file.relative_to(path).as_posix() for file in files]
    return PhotoSource(title, names, lambda number: Photo.open(files[number], max_pixels=MAX_PIXELS))


def _parquet_files(path: Path, split: str | None) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix == ".parquet" else []
    named = sorted([*path.glob("*.parquet"), *path.glob("data/*.parquet")])
    splits: dict[str, list[Path]] = {}
    for file in named:
        splits.setdefault(file.stem.split("-")[0], []).append(file)
    for folder in sorted(folder for folder in path.iterdir() if folder.is_dir() and folder.name != "data"):
        if inner := sorted(folder.glob("*.parquet")):
            splits.setdefault(folder.name, []).extend(inner)
    if not splits:
        return []
    usual = [name for name in ("test", "validation", "train", *splits) if name in splits]
    if split is not None and split not in splits:
        raise StudyError(f"{path} has no split {split!r}: there are {', '.join(sorted(splits))}.")
    return splits[split or usual[0]]


def _parquet(title: str, files: list[Path]) -> PhotoSource:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        opened = [pq.ParquetFile(file) for file in files]
        places = [
            (file, group, row)
            for file, parquet in zip(files, opened, strict=True)
            for group in range(parquet.num_row_groups)
            for row in range(parquet.metadata.row_group(group).num_rows)
        ]
    except (OSError, pa.ArrowInvalid) as error:
        raise StudyError(f"{title} cannot be read as parquet: {first_line(error)}.") from None
    if not places:
        raise StudyError(f"{title} has no rows.")
    if "image" not in opened[0].schema_arrow.names:
        raise StudyError(f"{files[0]} has no column 'image': there are {', '.join(opened[0].schema_arrow.names)}.")
    by_file = dict(zip(files, opened, strict=True))
    names = [f"{file.name}#{group}.{row}" for file, group, row in places]

    def read(number: int) -> Photo:
        file, group, row = places[number]
        cell = by_file[file].read_row_group(group, columns=["image"])["image"][row].as_py()
        return _decoded(cell, names[number])

    return PhotoSource(title, names, read)


def _hub(title: str, split: str | None) -> PhotoSource:
    dataset = hub_dataset(title)
    if dataset is None:
        raise StudyError(f"No photos {title!r}: {no_source()}.")
    from datasets import Image, load_dataset

    try:
        rows = load_dataset(*dataset, split=split or "test")
        rows = rows.cast_column("image", Image(decode=False))
    except Exception as error:  # the library's and the HTTP client's errors have no common class
        where = f"The dataset {title!r} (split {split or 'test'!r})"
        raise StudyError(f"{where} cannot be opened: {first_line(error)}.") from None
    names = [f"{split or 'test'}#{number}" for number in range(len(rows))]
    return PhotoSource(title, names, lambda number: _decoded(rows[number]["image"], names[number]))


def _decoded(cell: Any, name: str) -> Photo:
    content = cell.get("bytes") if isinstance(cell, dict) else cell
    if content is None and isinstance(cell, dict) and cell.get("path"):
        return Photo.open(cell["path"], max_pixels=MAX_PIXELS, name=name)
    return Photo.open(content or b"", max_pixels=MAX_PIXELS, name=name)
