"""How often colours occur in a data set: ``python -m training.prior --data photos people -o FILE.json``.

The file holds counts of the 313 colour bins over the pictures' pixels, and what they were counted in. Smoothing and
rebalancing (Zhang et al. 2016, section 2.2) happen when it is read.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from colorhub.ab_bins import COUNT, count_bins, rebalancing_weights, smoothed
from colorhub.color import rgb_to_lab
from training.config import Data, RecipeError
from training.data.augment import center_crop
from training.data.loader import decode_colored
from training.data.sources import DataError, open_pictures, stream_rows

_GROUP = 64
_ROOT = Path(__file__).parents[1]


def bin_weights(path: str, mix: float) -> Tensor:
    """Rebalancing weights ``(313,)`` from a prior's file, whose path may be relative to the project.

    Raises:
        RecipeError: there is no such file, or it is no prior.
    """
    found = next((base / path for base in (Path(), _ROOT) if (base / path).is_file()), None)
    make = "python -m training.prior makes one"
    if found is None:
        raise RecipeError(f"task.prior={path}: no such file; {make}.")
    try:
        counts = torch.tensor(json.loads(found.read_text(encoding="utf-8"))["counts"], dtype=torch.float64)
        return rebalancing_weights(smoothed(counts / counts.sum()), mix).float()
    except (ValueError, KeyError, TypeError) as error:
        raise RecipeError(f"task.prior={path} is no prior of {COUNT} colour bins ({error}); {make}.") from error


def count_colors(names: Sequence[str], split: str, size: int, limit: int | None) -> tuple[int, Tensor]:
    """Pictures counted, and pixels of each bin ``(313,)``, over the centred squares at ``size`` pixels of those with
    colour."""
    data = Data()
    pictures, counts = 0, torch.zeros(COUNT, dtype=torch.long)
    with closing(stream_rows(open_pictures(names, split, data.image_column))) as rows:
        squares = _squares(tqdm(rows, unit="picture"), size, data)
        while group := list(islice(squares, min(_GROUP, (limit or _GROUP + pictures) - pictures))):
            rgb = torch.from_numpy(np.stack(group)).permute(0, 3, 1, 2).float() / 255
            counts += count_bins(rgb_to_lab(rgb)[1]).long()
            pictures += len(group)
    if not pictures:
        raise DataError(f"The data {', '.join(names)} holds no picture with colour.")
    return pictures, counts


def _squares(rows: Iterable[dict[str, Any]], size: int, data: Data) -> Iterator[np.ndarray]:
    for row in rows:
        picture = decode_colored(row[data.image_column], data.grey_threshold, size)
        if not isinstance(picture, str):
            yield np.asarray(center_crop(picture, size))


def main(arguments: Sequence[str]) -> None:
    """Count, and write the file."""
    parser = argparse.ArgumentParser(prog="python -m training.prior", description="Count the colours of a data set.")
    parser.add_argument("--data", nargs="+", required=True, help="roles, folders, parquet files or Hub ids")
    parser.add_argument("--split", default="train")
    parser.add_argument("--size", type=int, default=64, help="side in pixels of the squares that are counted")
    parser.add_argument("--limit", type=int, help="pictures at most")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args(arguments)
    pictures, counts = count_colors(given.data, given.split, given.size, given.limit)
    facts = {"data": given.data, "split": given.split, "size": given.size, "pictures": pictures}
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps({**facts, "counts": counts.tolist()}) + "\n", encoding="utf-8")
    print(f"{given.output}: {pictures} pictures, {int((counts == 0).sum())} of {COUNT} bins empty.")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except DataError as error:
        sys.exit(str(error))
