"""What the loader costs: ``python benchmarks/loader.py [--steps 30] [--batches 100] [--repeats 5] [--recipe FILE]``.

1. The training loop of a recipe (reading, decoding, cropping, lightness and film response, step, guard, log) beside the
   bare step: the same model and batches, already as lightness and colour on the device. Aim: at least 0.9 of its speed.
2. The loader alone beside ``datasets`` as its manual shows it: a shuffled stream, decoded in the loop, the same crop.

Needs the real shards of the recipe under ``$COLORHUB_DATA``. Both sides take turns; figures are medians of the repeats.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from datasets import load_dataset
from torch import Tensor

from training.checkpoint import Progress
from training.config import Crop, Data, Recipe, RecipeError, load_recipe
from training.data.augment import random_crop
from training.data.loader import Loader, Shard
from training.data.sources import DataError, open_pictures, resolve
from training.initial import initial_model
from training.run_logger import RunLogger
from training.tasks import create_task
from training.tasks.base import Task
from training.watchdog import Watchdog

WARM_UP = 5  # steps before the clock starts, after which the loader's queue is as full as it stays


def training_loop(task: Task, recipe: Recipe, dataset: Any, steps: int) -> tuple[float, int]:
    """Seconds and pictures of the loop of ``training/train.py`` between two validations."""
    progress, pictures = Progress(), 0
    with (
        tempfile.TemporaryDirectory() as folder,
        Watchdog(task.accelerator, Path(folder)) as watchdog,
        Loader(dataset, recipe.data, Shard(recipe.run.seed)) as loader,
        RunLogger(task.accelerator, recipe, Path(folder), progress) as logger,
    ):
        for number in range(WARM_UP + steps):
            if number == WARM_UP:
                _wait(task)
                start = time.perf_counter()
            batch = next(loader)
            losses = watchdog.check(task.step([batch], number), number + 1)
            progress.step, progress.pictures = number + 1, progress.pictures + len(batch.rgb)
            logger.step(losses, task.learning_rate, batch.cursor)
            pictures += len(batch.rgb) if number >= WARM_UP else 0
        _wait(task)
        return time.perf_counter() - start, pictures


def bare_steps(task: Task, ready: list[tuple[Tensor, Tensor, Tensor]]) -> tuple[float, int]:
    """Seconds and pictures of forward, loss, backward, clipping, optimizer and average alone."""
    for number, tensors in enumerate(ready):
        if number == WARM_UP:
            _wait(task)
            start = time.perf_counter()
        task.step([tensors], number)
    _wait(task)
    return time.perf_counter() - start, sum(len(L) for L, *_ in ready[WARM_UP:])


def compare_steps(recipe: Recipe, dataset: Any, steps: int, repeats: int) -> None:
    """Print the first comparison."""
    accelerator = Accelerator(mixed_precision=recipe.run.precision, cpu=not torch.cuda.is_available())
    task = create_task(recipe, initial_model(recipe, print), accelerator)
    from_loader = task.tensors
    task.tensors = lambda batch: batch if type(batch) is tuple else from_loader(batch)
    with Loader(dataset, recipe.data, Shard(recipe.run.seed)) as loader:
        ready = [from_loader(batch) for batch in islice(loader, WARM_UP + steps)]
    loop, bare = [], []
    for _ in range(repeats):
        for found, (seconds, pictures) in (
            (loop, training_loop(task, recipe, dataset, steps)),
            (bare, bare_steps(task, ready)),
        ):
            found.append(pictures / seconds)
    ratios = [ours / theirs for ours, theirs in zip(loop, bare, strict=True)]
    print(f"{accelerator.device.type}, {recipe.run.precision} precision, {torch.get_num_threads()} threads for a step")
    print(f"training loop   {median(loop):9.1f} pictures/s   ({_spread(loop)})")
    print(f"bare step       {median(bare):9.1f} pictures/s   ({_spread(bare)})")
    print(f"ratio           {median(ratios):9.3f}              ({_spread(ratios, 3)}), aim: at least 0.9")


def our_loader(data: Data, batches: int) -> float:
    """Pictures a second of the loader, from opening the data on."""
    start = time.perf_counter()
    dataset = open_pictures(data.train, data.train_split, data.image_column, data.streaming)
    with Loader(dataset, data, Shard()) as loader:
        pictures = sum(len(batch.rgb) for batch in islice(loader, batches))
        return pictures / (time.perf_counter() - start)


def plain_datasets(files: list[str], data: Data, batches: int) -> float:
    """Pictures a second of ``load_dataset(..., streaming=True).shuffle()`` with everything done in the loop."""
    start = time.perf_counter()
    stream = load_dataset("parquet", data_files=files, split="train", streaming=True)
    rows = iter(stream.shuffle(seed=0, buffer_size=data.shuffle_buffer, max_buffer_input_shards=1))
    pictures = sum(len(batch) for batch in islice(_plain_batches(rows, data), batches))
    seconds = time.perf_counter() - start
    rows.close()
    return pictures / seconds


def _plain_batches(rows: Iterator[dict[str, Any]], data: Data) -> Iterator[Tensor]:
    random, crop = np.random.default_rng(0), data.crops[0]
    while True:
        squares = [
            np.asarray(random_crop(row[data.image_column].convert("RGB"), crop, data, random))
            for row in islice(rows, crop.batch_size)
        ]
        yield torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2)


def compare_loaders(data: Data, batches: int, repeats: int) -> None:
    """Print the second comparison."""
    crop = Crop(size=128, batch_size=32)
    sides: dict[str, list[float]] = {"loader, streaming": [], "loader, map-style": [], "datasets, plain": []}
    files = [str(file) for name in data.train for file in sorted(resolve(name).glob(f"{data.train_split}-*.parquet"))]
    alone = data.model_copy(update={"crops": [crop]})
    open_pictures(data.train, data.train_split, data.image_column, streaming=False)  # fills the datasets cache once
    for _ in range(repeats):
        for name, streaming in (("loader, streaming", True), ("loader, map-style", False)):
            sides[name].append(our_loader(alone.model_copy(update={"streaming": streaming}), batches))
        sides["datasets, plain"].append(plain_datasets(files, alone, batches))
    what = f"{batches} batches of {crop.batch_size} crops of {crop.size} px"
    print(f"\n{what}, {data.threads} decoding threads, from opening the files on")
    for name, found in sides.items():
        factor = median(found) / median(sides["datasets, plain"])
        print(f"{name:18} {median(found):9.0f} pictures/s   ({_spread(found, 0)})   {factor:.2f}x")


def _spread(values: list[float], digits: int = 1) -> str:
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def _wait(task: Task) -> None:
    if task.accelerator.device.type == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    """Run both comparisons, or say what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=30, help="optimizer steps a repeat, after 5 to warm up")
    parser.add_argument("--batches", type=int, default=100, help="batches a repeat for the loader alone")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--recipe", default=str(Path(__file__).parents[1] / "training/recipes/unet.toml"))
    given = parser.parse_args()
    try:
        recipe = load_recipe(given.recipe, ["run.tensorboard=false", "optimizer.accumulate=1"])
        missing = [name for name in recipe.data.train if resolve(name) is None]
        if missing:
            root = os.environ.get("COLORHUB_DATA", "not set")
            sys.exit(f"Nothing measured: the data {', '.join(missing)} is not under $COLORHUB_DATA ({root}).")
        data = recipe.data
        dataset = open_pictures(data.train, data.train_split, data.image_column, data.streaming)
    except (RecipeError, DataError) as error:
        sys.exit(f"Nothing measured: {error}")
    compare_steps(recipe, dataset, given.steps, given.repeats)
    compare_loaders(data, given.batches, given.repeats)


if __name__ == "__main__":
    main()
