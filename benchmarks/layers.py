"""Colour layers beside results: bytes, how far composed results are from direct ones, and the time of each way.

``python benchmarks/layers.py [--count 60] [--repeats 3] [--model natural] [--photos FOLDER]``

Without a folder the photos are JPEGs of 1 to 2 million pixels as ``benchmarks/folder.py`` makes them. Every run is a
process of its own, timed from its start to its end; the three ways take turns. Differences are those of PNG files,
which add none of their own.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from folder import make_photos, timed
from PIL import Image

MANY = 100_000_000
COMMAND = [sys.executable, "-m", "colorhub.cli.main"]


def size_of(folder: Path) -> int:
    """Bytes of all files below."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def fresh(folder: Path) -> Path:
    """The folder, without what was in it."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def differences(first: Path, second: Path) -> tuple[int, float, float]:
    """Of two folders of pictures: the largest difference in codes, the mean one, and the largest in a photo's mean."""
    largest, means = 0, []
    for path in sorted(first.rglob("*.png")):
        a, b = (
            np.asarray(Image.open(folder / path.relative_to(first)).convert("RGB"), int) for folder in (first, second)
        )
        distance = np.abs(a - b)
        largest = max(largest, int(distance.max()))
        means.append(float(distance.mean()))
    return largest, float(np.mean(means)), max(means)


def terabytes(size: float) -> str:
    """Of so many photos."""
    return f"{size * MANY / 1e12:.1f} TB"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--model", default="natural")
    parser.add_argument("--photos", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        photos = given.photos or work / "photos"
        if not given.photos:
            make_photos(photos, given.count)
        count = sum(1 for path in photos.iterdir() if path.is_file())
        direct, layers, out = work / "direct", work / "layers", work / "out"
        color = [*COMMAND, "colorize", str(photos), "--in-color", "recolor", "--model", given.model]
        compose = [*COMMAND, "compose", str(layers), "--source", str(photos)]
        seconds: dict[str, list[float]] = {"colour directly": [], "keep layers": [], "compose": []}
        for _ in range(given.repeats):
            seconds["colour directly"].append(timed([*color, "-o", str(fresh(direct))]))
            seconds["keep layers"].append(timed([*color, "--layers", "-o", str(fresh(layers))]))
            seconds["compose"].append(timed([*compose, "-o", str(fresh(out))]))
        kept, results = size_of(layers) / count, size_of(out) / count
        pixels = sum(width * height for width, height in (Image.open(path).size for path in out.iterdir())) / count
        timed([*color, "--format", "png", "-o", str(fresh(direct))])
        timed([*compose, "--format", "png", "-o", str(fresh(out))])
        largest, mean, worst = differences(direct, out)
    print(f"{count} photos of {pixels / 1e6:.2f} megapixels on average, model {given.model}")
    for name, times in seconds.items():
        print(f"{name:16s} {median(times):6.1f} s, {median(times) / count * 1000:5.0f} ms a photo, start included")
    print(f"bytes a photo    {kept:,.0f} of layers, {results:,.0f} of results")
    print(f"of {MANY:,} photos {terabytes(kept)} of layers, {terabytes(results)} of results")
    print(f"composed beside direct: at most {largest} of 255, {mean:.2f} on average, {worst:.2f} in the worst photo")


if __name__ == "__main__":
    main()
