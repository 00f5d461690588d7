"""What the experiments share: runs of ``training/train.py`` that are kept in a folder, pictures and intervals.

An experiment is many runs of one recipe with other words. Each is a process of its own; ``finished.json`` in its folder
says with which settings it ended and how long it took. Such a run is not trained again; one that was stopped goes on.
"""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from colorhub._system import cores
from colorhub.color import rgb_to_lab
from training.checkpoint import checkpoints
from training.config import Recipe, load_recipe
from training.data.augment import center_crop
from training.data.labels import Labels
from training.data.loader import decode
from training.data.sources import Pictures, stream_rows

ROOT = Path(__file__).resolve().parents[1]
_LIBRARIES = ("colorhub", "torch", "accelerate", "datasets", "numpy", "pillow")


class RunError(RuntimeError):
    """A run that failed or was stopped: the message says which, and where its output is."""


class Trainer:
    """Trains runs, ``jobs`` at a time. Use it in a ``with`` block: an error or Ctrl-C drops those not yet begun."""

    def __init__(self, output: Path, jobs: int = 1) -> None:
        """``output``: the folder of all runs."""
        self.output = output.resolve()
        self.output.mkdir(parents=True, exist_ok=True)
        self._threads = max(1, cores() // jobs)
        self._pool = ThreadPoolExecutor(jobs)

    def __enter__(self) -> "Trainer":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def start(self, recipe: str, name: str, words: Sequence[str] = ()) -> Future[Path]:
        """Train ``recipe`` with overriding ``words`` under ``name``, unless that is done; answers its folder ``best``.

        Raises:
            RunError: (out of the future) the run failed, or was stopped before its last step.
        """
        return self._pool.submit(self._train, recipe, name, tuple(words))

    def _train(self, recipe: str, name: str, words: tuple[str, ...]) -> Path:
        path = ROOT / "training" / "recipes" / f"{recipe}.toml"
        own = (f"name={json.dumps(name)}", f"run.output={json.dumps(str(self.output))}", "run.tensorboard=false")
        settings = load_recipe(path, [*words, *own])
        folder = self.output / name
        if _finished(folder) == settings.model_dump(mode="json"):
            print(f"{name}: kept", flush=True)
            return folder / "best"
        start = time.perf_counter()
        self._run([sys.executable, str(ROOT / "training" / "train.py"), str(path), *words, *own], name)
        seconds = round(time.perf_counter() - start, 1)
        _finish(folder, settings, seconds)
        print(f"{name}: trained in {seconds:.0f} s", flush=True)
        return folder / "best"

    def _run(self, command: list[str], name: str) -> None:
        log = self.output / f"{name}.log"
        threads = {"OMP_NUM_THREADS": str(self._threads), "OMP_WAIT_POLICY": "PASSIVE"}
        with log.open("w", encoding="utf-8") as written:
            done = subprocess.run(command, stdout=written, stderr=subprocess.STDOUT, env={**threads, **os.environ})
        if done.returncode:
            lines = log.read_text(encoding="utf-8").split("\n")
            last = next((line for line in reversed(lines) if line.strip()), "no output")
            raise RunError(f"The run {name} failed: {last} (all its output: {log})")


def _finished(folder: Path) -> dict[str, Any] | None:
    try:
        return json.loads((folder / "finished.json").read_text(encoding="utf-8"))["settings"]
    except (OSError, ValueError, KeyError):
        return None


def _finish(folder: Path, settings: Recipe, seconds: float) -> None:
    last = int(checkpoints(folder)[-1].name.split("-")[1]) if checkpoints(folder) else 0
    if last < settings.run.steps:
        raise RunError(f"{folder} was stopped at step {last} of {settings.run.steps}: start again to go on.")
    facts = {"seconds": seconds, "settings": settings.model_dump(mode="json")}
    (folder / "finished.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def read_squares(dataset: Pictures, size: int, limit: int | None = None) -> Tensor:
    """The first ``limit`` pictures as centred squares ``(n, 3, size, size)`` in 0..1, grey ones as well."""
    with closing(stream_rows(dataset)) as rows:
        squares = [np.asarray(center_crop(decode(row["image"]), size)) for row in islice(rows, limit)]
    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).float() / 255


def lightness_and_color(dataset: Pictures, size: int, limit: int | None = None) -> tuple[Tensor, Tensor]:
    """L ``(n, 1, size, size)`` and ab ``(n, 2, size, size)`` of :func:`read_squares`."""
    parts = [rgb_to_lab(part) for part in read_squares(dataset, size, limit).split(64)]
    return torch.cat([L for L, _ in parts]), torch.cat([ab for _, ab in parts])


def read_labels(dataset: Pictures, columns: Sequence[str], names: Sequence[str], limit: int | None = None) -> Tensor:
    """The class numbers of the first ``limit`` pictures, ``(n,)``."""
    labels = Labels(dataset, columns, names)
    with closing(stream_rows(dataset)) as rows:
        return torch.tensor([labels.number(row) for row in islice(rows, limit)])


def over_seeds(values: Sequence[float]) -> dict[str, float | int | None]:
    """Mean of a figure over runs that differ in their seed, with a 95 % interval of Student's t distribution (none for
    a single run)."""
    mean, count = float(np.mean(values)), len(values)
    if count < 2:
        return {"mean": mean, "low": None, "high": None, "n": count}
    half = float(stats.t.ppf(0.975, count - 1) * np.std(values, ddof=1) / count**0.5)
    return {"mean": mean, "low": mean - half, "high": mean + half, "n": count}


def shown(value: Mapping[str, Any], digits: int = 1, signed: bool = False) -> str:
    """``mean [low, high]``."""
    form = f"{'+' if signed else ''}.{digits}f"
    if value["low"] is None:
        return format(value["mean"], form)
    return f"{value['mean']:{form}} [{value['low']:{form}}, {value['high']:{form}}]"


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as they must be, the first flush left."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join((first.strip().ljust(widths[0]), *others)).rstrip())


def write(path: Path | None, facts: Mapping[str, Any]) -> None:
    """Write the facts as JSON, with the versions they were found with, if there is a path."""
    if path is not None:
        versions = {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**facts, "versions": versions}, indent=2) + "\n", encoding="utf-8")
