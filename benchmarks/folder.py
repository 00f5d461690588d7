"""A folder of photos: ``colorhub colorize`` beside the plain loop that everybody writes first.

``python benchmarks/folder.py [--count 200] [--repeats 5] [--model unet] [--jobs N]``

The plain loop is ``for path in paths: pipeline(path).save(...)``. Each run is a process of its own, timed from its
start to its end: start of Python, imports and loading the model are included on both sides. The runs take turns. The
results are compared pixel by pixel, as PNG: JPEG makes several levels of a difference of one.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image
from skimage import data

LOOP = """
import sys
from pathlib import Path
from colorhub import ColorizationPipeline
folder, results, model, suffix = sys.argv[1:]
Path(results).mkdir()
pipeline = ColorizationPipeline(model)
for path in sorted(Path(folder).iterdir()):
    pipeline(path).save(Path(results, path.stem + suffix))
"""


def make_photos(folder: Path, count: int, seed: int = 0) -> float:
    """Grey JPEGs of 1 to 2 million pixels: crops of scikit-image's photographs, enlarged, with grain as film has it.

    Returns how many million pixels they have together.
    """
    folder.mkdir()
    rng = np.random.default_rng(seed)
    pictures = [
        Image.fromarray(load()).convert("L") for load in (data.astronaut, data.chelsea, data.coffee, data.rocket)
    ]
    total = 0
    for number in range(count):
        picture = pictures[number % len(pictures)]
        pixels, aspect = rng.uniform(1e6, 2e6), rng.uniform(0.66, 1.5)
        width, height = round((pixels * aspect) ** 0.5), round((pixels / aspect) ** 0.5)
        scale = min(picture.width / width, picture.height / height) * rng.uniform(0.8, 1)
        box_width, box_height = width * scale, height * scale
        left, top = rng.uniform(0, picture.width - box_width), rng.uniform(0, picture.height - box_height)
        box = (left, top, left + box_width, top + box_height)
        large = np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC, box=box), np.float32)
        grain = rng.normal(0, 3, large.shape)
        grey = Image.fromarray(np.clip(large + grain, 0, 255).astype(np.uint8))
        grey.save(folder / f"photo-{number:04d}.jpg", quality=92)
        total += width * height
    return total / 1e6


def find_model(name: str, folder: Path) -> tuple[str, str]:
    """The model to use, and what to call it: the named weights, or untrained ones of the bundled model's size.

    The time does not depend on the values of the weights.
    """
    from colorhub import create, load
    from colorhub.models import ModelNotFoundError

    try:
        load(name)
    except ModelNotFoundError:
        create("unet", width=36, depth=6, dropout=0.0, working_size=160).save_pretrained(folder)
        return str(folder), "unet, width 36, depth 6, untrained (no weights of that name here)"
    return name, name


def timed(command: list[str]) -> float:
    """Seconds that a process takes."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(command)[:200]} failed:\n{done.stdout}\n{done.stderr}")
    return seconds


class Contest:
    """Both ways to colour the photos of a folder."""

    def __init__(self, work: Path, model: str, jobs: int | None) -> None:
        self.work, self.model = work, model
        self.options = ["--jobs", str(jobs)] if jobs else []

    def loop(self, photos: Path, suffix: str = ".jpg") -> float:
        """Seconds of the plain loop; results in ``work/loop``."""
        return timed([sys.executable, "-c", LOOP, str(photos), str(self._fresh("loop")), self.model, suffix])

    def ours(self, photos: Path, suffix: str = ".jpg") -> float:
        """Seconds of ``colorhub colorize``; results in ``work/ours``."""
        command = [sys.executable, "-m", "colorhub.cli.main", "colorize", str(photos), "-o", str(self._fresh("ours"))]
        return timed([*command, "--model", self.model, "--format", suffix, *self.options])

    def difference(self, photos: Path) -> str:
        """One line on how the results of both differ, pixel by pixel."""
        self.loop(photos, ".png")
        self.ours(photos, ".png")
        names = sorted(path.name for path in (self.work / "loop").iterdir())
        if names != sorted(path.name for path in (self.work / "ours").iterdir()):
            sys.exit("The two wrote different files.")
        most, pixels, other = 0, 0, 0
        for name in names:
            a, b = (np.asarray(Image.open(self.work / who / name), np.int16) for who in ("loop", "ours"))
            distance = np.abs(a - b).max(axis=2)
            most, pixels, other = (
                max(most, int(distance.max())),
                pixels + distance.size,
                other + int((distance > 0).sum()),
            )
        return f"{len(names)} results compared as PNG: {other} of {pixels} pixels differ, by {most} levels at most"

    def _fresh(self, name: str) -> Path:
        shutil.rmtree(self.work / name, ignore_errors=True)
        return self.work / name


def main() -> None:
    """Run both in turns and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="photos")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--model", default="unet")
    parser.add_argument("--jobs", type=int, help="of colorhub colorize; its default when not given")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        megapixels = make_photos(work / "photos", given.count)
        make_photos(work / "few", min(given.count, 16), seed=1)
        model, description = find_model(given.model, work / "model")
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        print(f"{given.count} grey JPEGs, {megapixels:.0f} million pixels; model: {description}; {cores} cores")
        contest = Contest(work, model, given.jobs)
        print(contest.difference(work / "few"))
        times: dict[str, list[float]] = {"loop": [], "ours": []}
        for repeat in range(given.repeats):
            for name in ("loop", "ours") if repeat % 2 == 0 else ("ours", "loop"):
                times[name].append(getattr(contest, name)(work / "photos"))
            print(f"  run {repeat + 1}: loop {times['loop'][-1]:.2f} s, colorhub colorize {times['ours'][-1]:.2f} s")
    theirs, ours = median(times["loop"]), median(times["ours"])
    print(f"median: plain loop {theirs:.2f} s, colorhub colorize {ours:.2f} s (start and loading included in both)")
    print(f"{given.count / ours:.1f} photos a second; ratio {ours / theirs:.3f}")


if __name__ == "__main__":
    main()
