"""Two versions beside each other, in turns: a photo at full size, a folder of photos, the start of the page.

``python benchmarks/versions.py BEFORE [NOW] [--rounds 9] [--only fullsize folder start]``

BEFORE and NOW are checkouts of colorhub; NOW is this one when not given. A round measures both, the one that comes
first changes from round to round, and every measurement is a process of its own. Full size: ``pipeline(x).save(y)`` of
a grey JPEG of 12 million pixels, warm, the median of three. Folder: ``colorhub colorize`` of 60 grey JPEGs of 1 to 2
million pixels, from the start of the process to its end. Both are coloured by ``unet``, so that versions of the code
are compared, and not of the default's weights. Start: from the start of ``python app.py`` to its first page.

Printed are medians, and the ratio NOW / BEFORE: the median over rounds, with its 95 % bootstrap interval.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from folder import make_photos
from start import seconds_to_first_page

ROOT = Path(__file__).resolve().parents[1]
PHOTOS, RESAMPLES = 60, 10_000
WARM = """
import sys, time
from statistics import median
from colorhub import ColorizationPipeline
source, target = sys.argv[1:]
pipeline, taken = ColorizationPipeline("unet"), []
for _ in range(4):
    start = time.perf_counter()
    pipeline(source).save(target)
    taken.append(time.perf_counter() - start)
print(median(taken[1:]))
"""


def fullsize(package: Path, folder: Path) -> float:
    """Seconds of a photo of 12 million pixels, from its file to its result."""
    command = [sys.executable, "-c", WARM, str(folder / "large.jpg"), str(folder / "answer.jpg")]
    return float(_run(command, package).splitlines()[-1])


def photos(package: Path, folder: Path) -> float:
    """Seconds of a folder of photos."""
    shutil.rmtree(folder / "answers", ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        "colorhub.cli.main",
        "colorize",
        str(folder / "photos"),
        "-o",
        str(folder / "answers"),
        "--model",
        "unet",
    ]
    start = time.perf_counter()
    _run(command, package)
    return time.perf_counter() - start


def start(package: Path, folder: Path) -> float:
    """Seconds until the page is served."""
    return seconds_to_first_page(package / "app.py", "colorhub")


WAYS: dict[str, Callable[[Path, Path], float]] = {"fullsize": fullsize, "folder": photos, "start": start}


def _run(command: list[str], package: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(package), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=package, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{package}: {' '.join(command)[:120]} failed:\n{done.stderr}")
    return done.stdout


def make_inputs(folder: Path) -> None:
    """The photos that both versions are given."""
    from fullsize import grey_jpeg

    grey_jpeg(folder / "large.jpg", 4000, 3000)
    make_photos(folder / "photos", PHOTOS)


def ratio(before: list[float], now: list[float]) -> tuple[float, float, float]:
    """Median over rounds of NOW / BEFORE, and its 95 % percentile bootstrap interval."""
    ratios = np.array(now) / np.array(before)
    drawn = np.random.default_rng(0).choice(ratios, (RESAMPLES, len(ratios)))
    low, high = np.percentile(np.median(drawn, axis=1), (2.5, 97.5))
    return float(np.median(ratios)), float(low), float(high)


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("now", type=Path, nargs="?", default=ROOT)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", nargs="+", choices=WAYS, default=list(WAYS))
    given = parser.parse_args()
    packages = [given.before.resolve(), given.now.resolve()]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_inputs(folder)
        for what in given.only:
            taken: list[list[float]] = [[], []]
            for number in range(given.rounds + 1):  # the first fills the disk's cache and is not counted
                for version in (0, 1) if number % 2 else (1, 0):
                    seconds = WAYS[what](packages[version], folder)
                    taken[version] += [seconds] if number else []
            middle, low, high = ratio(*taken)
            before, now = (float(np.median(times)) for times in taken)
            print(
                f"{what:9s} before {before:6.2f} s, now {now:6.2f} s, ratio {middle:.3f} [{low:.3f}, {high:.3f}]",
                flush=True,
            )


if __name__ == "__main__":
    main()
