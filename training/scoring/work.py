"""Chunks of pictures measured by all processes, each kept in a file once it is done, so that a crash loses little.

A chunk's file is named by everything its figures depend on: the program's own source, the versions of libraries, the
protocol, the data's fingerprint, what is scored and how.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import gather_object, parse_flag_from_env
from tqdm import tqdm

from colorhub._files import replacing
from colorhub._system import cores
from training.data.loader import Shard
from training.scoring.pictures import Picture, Pictures
from training.scoring.summary import Figures

LIBRARIES = (
    "torch",
    "torchvision",
    "torchmetrics",
    "timm",
    "scikit-image",
    "numpy",
    "pillow",
    "opencv-python-headless",
)
FOLDER = Path("runs/scoring")
_ROOT = Path(__file__).parents[2]

Measure = Callable[[Sequence[Picture]], Figures]


class Work:
    """Measures pictures chunk by chunk. ``key``: what all its figures depend on, beside the program itself."""

    def __init__(self, pictures: Pictures, key: dict[str, Any]) -> None:
        self.pictures, self._key = pictures, key
        self._used: set[Path] = set()

    def each(self, stage: str, key: Any, measure: Measure, picked: Sequence[int] | None = None) -> Figures:
        """``measure`` applied to all pictures, or to those with the given numbers: arrays with a row for each.

        Args:
            stage: what is measured, in words.
            key: what it depends on: an entry's weights, settings.
            measure: pictures to arrays with a row for each.
        """
        folder = FOLDER / _digest([self._key, self.pictures.fingerprint, stage, key, picked, _program()])
        self._used.add(folder)
        wanted = None if picked is None else set(picked)

        def one(number: int) -> tuple[int, Figures]:
            path = folder / f"{number:05d}.npz"
            found = _read(path)
            if found is None:
                found = measure(chunks[number])
                _write(path, found)
            return number, found

        chunks = dict(self._chunks(wanted))
        with (
            single_threaded(),
            ThreadPoolExecutor(_workers(), initializer=torch.set_num_threads, initargs=(1,)) as pool,
        ):
            show = {"desc": stage, "unit": "chunk", "leave": False, "disable": None if is_main() else True}
            done = list(tqdm(pool.map(one, chunks), total=len(chunks), **show))
        parts = [part for _, part in sorted(gather_object(done), key=lambda pair: pair[0])]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _chunks(self, wanted: set[int] | None) -> Iterator[tuple[int, list[Picture]]]:
        for number, pictures in sorted(self.pictures.own.items()):
            chunk = [one for one in pictures if wanted is None or one.index in wanted]
            if chunk:
                yield number, chunk

    def forget(self) -> None:
        """Remove what was kept, once all of it has become scores."""
        _state().wait_for_everyone()
        if is_main():
            for folder in self._used:
                shutil.rmtree(folder, ignore_errors=True)


def _state() -> PartialState:
    """Accelerate's. It has to be told that there is no accelerator, or that none is wanted: else it takes the processes
    of ``torchrun`` for strangers, and each of them does all the work."""
    return PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU") or not torch.accelerator.is_available())


def shard() -> Shard:
    """Which of the processes this is, under ``accelerate launch`` or ``torchrun``; the only one otherwise."""
    state = _state()
    return Shard(rank=state.process_index, world_size=state.num_processes)


def device() -> str | None:
    """The device of this process among several; ``None`` where it may choose for itself."""
    state = _state()
    return str(state.device) if state.num_processes > 1 else None


def _workers() -> int:
    return max(1, cores() // shard().world_size)


def is_main() -> bool:
    """Whether this process is the one that prints and writes."""
    return _state().is_main_process


@contextmanager
def single_threaded() -> Iterator[None]:
    """Sums of floats depend on how many threads share them, and an answer can turn on the last bit: every chunk is
    coloured and measured on one thread, several chunks at a time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _digest(parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


@cache
def _program() -> list[str]:
    """The source of all that computes figures, and the versions of what it uses."""
    return [source_digest(_ROOT), *(version(name) for name in LIBRARIES)]


def source_digest(root: Path) -> str:
    """Digest of the program in the project at ``root``: every Python file of its two packages, at any depth, and the
    protocols and recipes. No folder is named, so that one that is moved or added cannot be forgotten."""
    digest = hashlib.sha256()
    for package in ("colorhub", "training"):
        for path in sorted((root / package).rglob("*")):
            if path.suffix in (".py", ".toml") and path.is_file():
                content = path.read_bytes()
                digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _read(path: Path) -> Figures | None:
    if not path.is_file():
        return None
    with np.load(path) as stored:
        return dict(stored)


def _write(path: Path, figures: Figures) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as aside, aside.open("wb") as file:
        np.savez(file, **figures)  # type: ignore[arg-type]  # numpy's annotations take its flag for them
