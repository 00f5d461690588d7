"""``colorhub colorize --ray local`` beside the network alone, ``colorhub colorize``, and a plain ``map_batches``.

``python benchmarks/ray_throughput.py [--count 60] [--megapixels 2] [--model NAME] [--random NAME] [--repeats 3]``

Each run is a process of its own, timed from its start to its end, and the runs take turns; the network alone answers
for photos that are prepared already, in batches of 8, and is timed without the start. ``--random ddcolor`` takes fresh
weights of that architecture, which cost what trained ones do.
"""

import argparse
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

from colorhub.models import create

NETWORK = """
import sys, time
from pathlib import Path
from colorhub import ColorizationPipeline
folder, _, model = sys.argv[1:]
pipeline, paths = ColorizationPipeline(model, device="cpu"), sorted(Path(folder).iterdir())
prepared = [pipeline.prepare(pipeline.open(path), pipeline.settings) for path in paths[:8]]
started, left = time.perf_counter(), len(paths)
while left > 0:
    pipeline.predict(prepared[:left], batch_size=8)
    left -= 8
print(time.perf_counter() - started)
"""
PLAIN = """
import sys
from pathlib import Path
import ray
from colorhub import ColorizationPipeline
from colorhub._system import cores
folder, results, model = sys.argv[1:]

class Color:
    def __init__(self):
        self.pipeline = ColorizationPipeline(model)
    def __call__(self, batch):
        for path in batch["item"]:
            self.pipeline(path).save(Path(results, Path(path).name))
        return batch

Path(results).mkdir()
ray.init(num_cpus=cores(), include_dashboard=False, log_to_driver=False)
photos = ray.data.from_items([str(path) for path in sorted(Path(folder).iterdir())])
photos.map_batches(Color, batch_size=8, concurrency=cores(), num_cpus=1).materialize()
"""


def make_photos(folder: Path, count: int, megapixels: float) -> None:
    """Grey JPEGs, no two alike."""
    folder.mkdir()
    width, noise = round((megapixels * 1e6 * 4 / 3) ** 0.5), np.random.default_rng(0)
    picture = Image.fromarray(data.astronaut()).convert("L").resize((width, width * 3 // 4))
    for number in range(count):
        grain = noise.normal(0, 6, (picture.height, picture.width))
        Image.fromarray((picture + grain).clip(0, 255).astype(np.uint8)).save(folder / f"{number:05}.jpg", quality=90)


def main() -> None:
    """Print the median seconds and the photos a second of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--megapixels", type=float, default=2)
    parser.add_argument("--model", default="natural")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--random", metavar="ARCHITECTURE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place, model = Path(name), options.model
        if options.random:
            model = str(place / options.random)
            create(options.random).save_pretrained(model)
        make_photos(place / "photos", options.count, options.megapixels)
        colorize = [sys.executable, "-m", "colorhub.cli.main", "colorize", "--model", model]
        ways = {
            "the network alone": [sys.executable, "-c", NETWORK, str(place / "photos"), "", model],
            "colorhub colorize --ray local": [*colorize, "--ray", "local"],
            "colorhub colorize --manifest": [*colorize, "--manifest"],
            "a plain map_batches": [sys.executable, "-c", PLAIN, str(place / "photos"), str(place / "out"), model],
        }
        found: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(options.repeats):
            for way, command in ways.items():
                found[way].append(_seconds(command, place))
        alone = options.count / median(found["the network alone"])
        for way, seconds in found.items():
            rate = options.count / median(seconds)
            print(f"{way:30} {median(seconds):8.1f} s {rate:7.3f} photos/s, {rate / alone:.2f} of the network alone")


def _seconds(command: list[str], place: Path) -> float:
    shutil.rmtree(place / "out", ignore_errors=True)
    if "colorize" in command:
        command = [*command, str(place / "photos"), "-o", str(place / "out")]
    started = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout) if command[2] == NETWORK else time.perf_counter() - started


if __name__ == "__main__":
    main()
