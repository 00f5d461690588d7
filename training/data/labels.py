"""What pictures are called: label columns joined to one name, and the names mapped once to numbers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import numpy as np
from datasets import Dataset

from training.data.sources import DataError, Pictures, features_of, stream_rows

UNKNOWN = -1  # the number of a picture whose name is missing, or not among the classes
_JOINT = "/"


class Labels:
    """Reads a row's class number.

    Args:
        dataset: where the rows come from; its features say how a label is written.
        columns: of which the name is joined, for example ``("source", "label")``; with none, all is unknown.
        class_names: in the order of their numbers.
    """

    def __init__(self, dataset: Pictures, columns: Sequence[str], class_names: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self._readers = _readers(dataset, columns)
        self._numbers = {name: number for number, name in enumerate(class_names)}

    def number(self, row: Mapping[str, Any]) -> int:
        """The class of a row, :data:`UNKNOWN` where it has none."""
        name = _name([row[column] for column in self.columns], self._readers)
        return self._numbers.get(name, UNKNOWN) if name else UNKNOWN


def class_names(dataset: Pictures, columns: Sequence[str], most: int | None = None) -> tuple[str, ...]:
    """The names that the data holds, sorted; with ``most``, only so many, the most frequent.

    Raises:
        DataError: fewer than ``most``, or than two.
    """
    counts = Counter(name for name in _names(dataset, columns) if name)
    wanted = most or 2
    if len(counts) < wanted:
        found = ", ".join(sorted(counts)[:5]) or "none"
        raise DataError(
            f"The model tells {wanted} classes apart, the columns {_JOINT.join(columns)} of the training data name "
            f"{len(counts)} ({found}): set model.classes to no more than these, or give other data.label_columns."
        )
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    return tuple(sorted(ranked[: most or len(ranked)]))


def labelled_part(dataset: Pictures, columns: Sequence[str], names: Sequence[str], fraction: float, seed: int) -> Any:
    """The same random ``fraction`` of every class: what a classifier is given when labels are few.

    Raises:
        DataError: a stream, or a fraction that leaves a class without a picture.
    """
    if not isinstance(dataset, Dataset):
        raise DataError("data.label_fraction below 1 chooses among all rows: set data.streaming=false.")
    rows = np.array([name or "" for name in _names(dataset, columns)])
    random = np.random.default_rng(seed)
    chosen: list[int] = []
    for name in names:
        of_class = np.flatnonzero(rows == name)
        count = int(len(of_class) * fraction + 0.5)
        if count == 0:
            raise DataError(
                f"data.label_fraction={fraction:g} leaves the class {name!r} empty ({len(of_class)} pictures in all): "
                f"use at least {1 / max(len(of_class), 1):.2g}."
            )
        chosen.extend(random.permutation(of_class)[:count].tolist())
    return dataset.select(sorted(chosen))


def _names(dataset: Pictures, columns: Sequence[str]) -> list[str | None]:
    """The name of every row, in order."""
    readers = _readers(dataset, columns)
    if isinstance(dataset, Dataset):
        values = [dataset[column] for column in columns]
        return [_name(row, readers) for row in zip(*values, strict=True)]
    with closing(stream_rows(dataset.select_columns(list(columns)))) as rows:
        return [_name([row[column] for column in columns], readers) for row in rows]


def _readers(dataset: Pictures, columns: Sequence[str]) -> list[Any]:
    features = features_of(dataset) if columns else {}
    return [getattr(features[column], "int2str", str) for column in columns]  # ClassLabel holds numbers


def _name(values: Sequence[Any], readers: Sequence[Any]) -> str | None:
    """``source/label``; none where a part is missing (for a class number the usual sign is -1)."""
    if not values or any(value in (None, "", -1) for value in values):
        return None
    return _JOINT.join(reader(value) for reader, value in zip(readers, values, strict=True))
