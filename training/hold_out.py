"""Hold pictures out of a data set: ``python -m training.hold_out people --rows 300 -o DIR``.

Writes parquet shards of the training rows without some, and of those as ``validation``; further splits are copied. Rows
that stand side by side are often pictures of one scene or person, so they are held out by blocks: runs of rows of one
source. What is drawn depends on the data alone. With the folder that holds ``DIR`` before the others in
``$COLORHUB_DATA`` (``new:old``) the name of the data means the new one.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from colorhub._data import local_source
from training.data.sources import DataError

BLOCK = 20  # rows


def held_out_rows(sources: Sequence[str], count: int, block: int = BLOCK, seed: int = 0) -> np.ndarray:
    """Numbers of ``count`` rows, sorted: of every source as many as its share, in blocks of rows that follow each other
    in that source.

    Raises:
        DataError: fewer than twice as many rows.
    """
    names = np.asarray(sources)
    if not 0 < count <= len(names) // 2:
        raise DataError(f"--rows must be between 1 and {len(names) // 2}, half of the {len(names)} rows, got {count}.")
    random = np.random.default_rng(seed)
    found, counts = np.unique(names, return_counts=True)
    shares = counts * count / len(names)
    quotas = np.floor(shares).astype(int)
    quotas[np.argsort(quotas - shares, kind="stable")[: count - quotas.sum()]] += 1  # the largest remainders
    chosen = [
        _blocks(np.flatnonzero(names == name), quota, block, random) for name, quota in zip(found, quotas, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def _blocks(rows: np.ndarray, quota: int, block: int, random: np.random.Generator) -> np.ndarray:
    starts = random.permutation(np.arange(0, len(rows), block))
    taken = np.concatenate([rows[start : start + block] for start in starts]) if len(rows) else rows
    return taken[:quota]


def hold_out(name: str, count: int, output: Path) -> tuple[int, int]:
    """Write the new folder; answers how many rows are trained on and how many held out.

    Raises:
        DataError: no such data, no column ``source``, or a folder that holds something already.
    """
    folder = local_source(name)
    shards = sorted(folder.glob("train-*.parquet")) if folder else []
    if folder is None or not shards:
        raise DataError(f"{name} is no folder with train-*.parquet; expected data in parquet shards.")
    if output.exists() and any(output.iterdir()):
        raise DataError(f"{output} holds something already: give a new folder.")
    tables = [pq.read_table(shard) for shard in shards]
    if "source" not in tables[0].column_names:
        raise DataError(f"{name} has no column 'source', by which blocks are told apart.")
    whole = pa.concat_tables(tables)
    chosen = held_out_rows(whole["source"].to_pylist(), count)
    kept = np.setdiff1d(np.arange(len(whole)), chosen)
    output.mkdir(parents=True, exist_ok=True)
    pq.write_table(whole.take(chosen), output / "validation-00000-of-00001.parquet")
    for number, part in enumerate(np.array_split(kept, len(shards))):
        pq.write_table(
            whole.take(part), output / f"train-{number:05d}-of-{len(shards):05d}.parquet", row_group_size=100
        )
    for other in folder.glob("test-*.parquet"):
        shutil.copy(other, output)
    return len(kept), len(chosen)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.hold_out", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", help="data under $COLORHUB_DATA, or a folder of parquet shards")
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args(arguments)
    try:
        kept, held = hold_out(given.name, given.rows, given.output)
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{given.output}: {kept} rows to train on, {held} held out")
    return 0


if __name__ == "__main__":
    sys.exit(main())
