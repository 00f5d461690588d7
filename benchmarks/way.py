"""The way of a photo through the program: how many files and functions it touches, in one version beside another.

``python benchmarks/way.py [--package PATH ...] [--model unet] [--rounds 3]``

A package is a checkout of colorhub; this one when none is given. Counted by ``sys.setprofile`` are functions of the
package alone, comprehensions and what runs while a module is imported left out: files and functions that differ, and
moves, which are calls from a function of one file to one of another. ``pipeline(x).save(y)`` and the page are warm:
what is done once a process has been done. ``colorhub colorize x`` is a process of its own, with loading.

The page's events are called as gradio calls them. Reads are openings of files in the folders of models. Milliseconds
are medians without counting; the versions take turns, round by round, each in a fresh process.
"""

import argparse
import inspect
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from types import FrameType
from typing import Any

import numpy as np
from PIL import Image
from skimage import data

ROOT = Path(__file__).resolve().parents[1]
UPLOADS, MOVES = 9, 25  # timed in each round
_PARTS = ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>")


class Way:
    """Counts what functions of a package are called while it is entered, in all threads.

    Args:
        package: the folder with the package's files.
    """

    def __init__(self, package: Path) -> None:
        self._prefix = f"{package}{os.sep}"
        self.files: set[str] = set()
        self.functions: set[tuple[str, str, int]] = set()
        self.moves = 0
        self._begun: set[FrameType] = set()

    def __enter__(self) -> "Way":
        threading.setprofile(self._event)
        sys.setprofile(self._event)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    @property
    def facts(self) -> dict[str, int]:
        """Files, functions and moves so far."""
        return {"files": len(self.files), "functions": len(self.functions), "moves": self.moves}

    def _event(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event != "call" or not self._ours(frame) or not code.co_flags & inspect.CO_OPTIMIZED:
            return
        if code.co_flags & inspect.CO_GENERATOR:  # going on is no new call
            if frame in self._begun:
                return
            self._begun.add(frame)
        caller = frame.f_back
        while caller is not None and not self._ours(caller):
            caller = caller.f_back
        if caller is not None and not caller.f_code.co_flags & inspect.CO_OPTIMIZED:
            return  # a module or a class that is being made
        self.files.add(code.co_filename)
        self.functions.add((code.co_filename, code.co_qualname, code.co_firstlineno))
        self.moves += caller is not None and caller.f_code.co_filename != code.co_filename

    def _ours(self, frame: FrameType) -> bool:
        return frame.f_code.co_filename.startswith(self._prefix) and frame.f_code.co_name not in _PARTS


class Reads:
    """Counts openings of files below some folders, from when it is made."""

    def __init__(self, *folders: Path) -> None:
        self._prefixes, self.count = tuple(f"{folder}{os.sep}" for folder in folders), 0
        sys.addaudithook(self._heard)

    def _heard(self, event: str, details: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(details[0], (str, Path)):
            self.count += str(details[0]).startswith(self._prefixes)


def grey_jpeg(path: Path, width: int = 1600, height: int = 1200) -> Path:
    """A photograph of scikit-image as a grey JPEG with some grain."""
    large = Image.fromarray(data.camera()).resize((width, height), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(0).normal(0, 3, (height, width))
    Image.fromarray(np.clip(np.asarray(large) + grain, 0, 255).astype(np.uint8)).save(path, quality=92)
    return path


# One version, in a process of its own: its package leads PYTHONPATH.


def in_python(folder: Path, model: str) -> dict[str, Any]:
    """Counts of ``pipeline(x).save(y)``."""
    from colorhub import ColorizationPipeline

    source, pipeline = grey_jpeg(folder / "photo.jpg"), ColorizationPipeline(model)
    pipeline(source).save(folder / "warm.jpg")
    with Way(_package()) as way:
        pipeline(source).save(folder / "answer.jpg")
    return {"pipeline(x).save(y)": way.facts}


def in_the_terminal(folder: Path, model: str) -> dict[str, Any]:
    """Counts of ``colorhub colorize x``, with loading."""
    from colorhub.cli.main import app

    source = grey_jpeg(folder / "photo.jpg")
    with Way(_package()) as way:
        app(["colorize", str(source), "--model", model], standalone_mode=False)
    return {"colorhub colorize x": way.facts}


def on_the_page(folder: Path, model: str) -> dict[str, Any]:
    """Counts of an upload, a move of the vividness slider and a download, and the models' files that each reads."""
    page = Page(folder, model)
    page.download(page.upload())
    found: dict[str, Any] = {}
    reads = Reads(_package().parent / "model_cards")
    session: Any = None

    def counted(name: str, event: Callable[[], Any]) -> Any:
        before = reads.count
        with Way(_package()) as way:
            answer = event()
        found[name] = {**way.facts, "reads": reads.count - before}
        return answer

    session = counted("page: upload", page.upload)
    counted("page: slider move", lambda: page.move(session))
    counted("page: download", lambda: page.download(session))
    return found


def timed_page(folder: Path, model: str) -> dict[str, Any]:
    """Milliseconds of every upload and slider move of a round."""
    page = Page(folder, model)
    page.move(page.upload())
    uploads = [_milliseconds(page.upload) for _ in range(UPLOADS)]
    session = page.upload()
    moves = [_milliseconds(partial(page.move, session, 0.5 + number / MOVES)) for number in range(MOVES)]
    return {"upload": uploads, "slider move": moves}


class Page:
    """The page's events for one photo, as gradio calls them."""

    def __init__(self, folder: Path, model: str) -> None:
        from colorhub.space.colorize import single
        from colorhub.space.shared import panel

        self._events = single
        self._upload = {"path": str(grey_jpeg(folder / "photo.jpg"))}
        names = getattr(panel, "ASKED", None)
        if names is None:  # version 0.1: model, vividness, size, whether photos in colour are coloured anew
            self._asked = [model, 1.0, 0, False]
        else:
            from colorhub.settings import FIELDS

            self._asked = [{"model": model, "size": 0}.get(name, FIELDS[name].default) for name in names]

    def upload(self) -> Any:
        """Colour the photo; answers the session."""
        return self._events.color_upload(None, self._upload, *self._asked)[0]

    def move(self, session: Any, vividness: float = 1.5) -> Any:
        """Let the slider go at a vividness."""
        return self._events.change_vividness(self._events.PREVIEW, session, vividness)

    def download(self, session: Any) -> Any:
        """Write the file at full size."""
        return self._events.full_size(session, 1.5)


TASKS: dict[str, Callable[[Path, str], dict[str, Any]]] = {
    task.__name__: task for task in (in_python, in_the_terminal, on_the_page, timed_page)
}


def _package() -> Path:
    import colorhub

    return Path(colorhub.__file__).resolve().parent


def _milliseconds(event: Callable[[], object]) -> float:
    start = time.perf_counter()
    event()
    return 1000 * (time.perf_counter() - start)


@contextmanager
def _answers_alone() -> Iterator[Any]:
    """What is printed goes to stderr, so that stdout holds the answer alone."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        yield answers


# Both versions, side by side.


def run(task: str, package: Path, model: str) -> dict[str, Any]:
    """A task's answer, from a process that uses that package; empty where it fails, with the reason on stderr."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "PYTHONPATH": str(package),
            "GRADIO_TEMP_DIR": folder,
            "GRADIO_ANALYTICS_ENABLED": "False",
            "HF_HUB_OFFLINE": "1",
        }
        command = [sys.executable, __file__, "--task", task, "--model", model]
        done = subprocess.run(command, cwd=package, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{package}: {task} failed: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return {}
    return json.loads(done.stdout)


def report(found: dict[str, dict[str, Any]]) -> None:
    """Print counts, a column a version."""
    print(f"{'':22s}" + "".join(f"{name:>44s}" for name in found))
    ways = list(dict.fromkeys(way for facts in found.values() for way in facts))
    for way in ways:
        cells = [", ".join(f"{n} {what}" for what, n in facts.get(way, {}).items()) for facts in found.values()]
        print(f"{way:22s}" + "".join(f"{cell or 'not measured':>44s}" for cell in cells))


def report_times(found: dict[str, dict[str, list[float]]], rounds: int) -> None:
    """Print medians, a column a version."""
    for event in ("upload", "slider move"):
        cells = [f"{median(times[event]):.1f} ms" if times.get(event) else "not measured" for times in found.values()]
        print(f"{f'page: {event}':22s}" + "".join(f"{cell:>44s}" for cell in cells))
    print(f"milliseconds: median of {rounds * UPLOADS} uploads and {rounds * MOVES} moves of a version")


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--package", nargs="+", type=Path, default=[ROOT], help="checkouts; this one when not given")
    parser.add_argument("--model", default="unet")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task:
        with _answers_alone() as answers:
            answers.write(json.dumps(TASKS[given.task](Path(os.environ["GRADIO_TEMP_DIR"]), given.model)))
        return
    packages = {str(path): path.resolve() for path in given.package}
    found: dict[str, dict[str, Any]] = {name: {} for name in packages}
    for task in ("in_python", "in_the_terminal", "on_the_page"):
        for name, package in packages.items():
            found[name] |= run(task, package, given.model)
    report(found)
    times: dict[str, dict[str, list[float]]] = {name: {} for name in packages}
    for _ in range(given.rounds):
        for name, package in packages.items():
            for event, values in run("timed_page", package, given.model).items():
                times[name].setdefault(event, []).extend(values)
    report_times(times, given.rounds)


if __name__ == "__main__":
    main()
