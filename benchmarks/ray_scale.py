"""Whether a photo costs the same among a thousand and among a hundred thousand: ``colorhub colorize --ray local``.

``python benchmarks/ray_scale.py [--counts 1000 10000 100000] [--names 1000000]``

The pictures are tiny and so is the network: what is left is what Ray, the checkpoint and the manifest cost. Prints
seconds a photo, and how much memory the driver had at most. ``--names`` are listed, and read back from a checkpoint and
a manifest, without being coloured; what each process that filters by the checkpoint holds is printed, too.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from skimage import data

from colorhub.archive.journal import Journal
from colorhub.archive.manifest import join
from colorhub.archive.places import Place
from colorhub.archive.rows import Row
from colorhub.cluster.listing import listed
from colorhub.cluster.run import prepare
from colorhub.models import create


def main() -> None:
    """Print a line a number of photos."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--names", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        create("unet", width=4, depth=3).save_pretrained(place / "tiny")
        picture = Image.fromarray(data.astronaut()).convert("L").resize((24, 18))
        for count in options.counts:
            make_files(place / f"{count}", picture, count)
            seconds, memory = _run(place / f"{count}", place / f"{count}-out", place / "tiny")
            print(
                f"{count:8} photos: {1000 * seconds / count:7.2f} ms a photo, the driver had {memory / 2**20:.0f} MiB"
            )
        if options.names:
            make_files(place / "names", picture, options.names)
            _names(place / "names", place / "names-out", options.names)


def make_files(folder: Path, picture: Image.Image, count: int) -> None:
    """So many, a thousand a folder, of which each is a link to one of the same: ten times as many cost no more."""
    for number in range(0, count, 1000):
        inside = folder / f"{number // 1000:04}"
        inside.mkdir(parents=True)
        picture.save(inside / "000.jpg")
        for rest in range(1, min(1000, count - number)):
            (inside / f"{rest:03}.jpg").hardlink_to(inside / "000.jpg")


def _run(source: Path, output: Path, model: Path) -> tuple[float, int]:
    command = [sys.executable, "-m", "colorhub.cli.main", "colorize", str(source), "-o", str(output), "-r"]
    started, memory = time.perf_counter(), 0
    with subprocess.Popen([*command, "--model", str(model), "--ray", "local"], stderr=subprocess.DEVNULL) as driver:
        watched = psutil.Process(driver.pid)
        while driver.poll() is None:
            memory = max(memory, watched.memory_info().rss)
            time.sleep(0.2)
    if driver.returncode:
        raise SystemExit(f"the run of {source} failed")
    return time.perf_counter() - started, memory


def _names(source: Path, output: Path, count: int) -> None:
    place, started = Place.of(output), time.perf_counter()
    names = [photo.name for photo in listed(Place.of(source), place, format=None, recursive=True)]
    _print("listing", started, count)
    journal, started = Journal(place, "{}"), time.perf_counter()
    journal.begin("tiny", "")
    for name in names:
        journal.add(Row(name, "colored", name, 700, "0" * 64, 900, "0" * 64))
    journal.close()
    _print("writing a manifest", started, count)
    started = time.perf_counter()
    join(place)
    _print("joining it", started, count)
    started = time.perf_counter()
    known = Journal(place, "{}")
    _print("reading it", started, count)
    started = time.perf_counter()
    prepare(place, known, overwrite=False)
    _print("making a checkpoint of it", started, count)
    held = np.asarray(known.known.done.sorted).nbytes
    print(f"what a process that filters by the checkpoint holds: {held / 2**20:.1f} MiB")


def _print(what: str, started: float, count: int) -> None:
    print(f"{what}: {1e6 * (time.perf_counter() - started) / count:.1f} microseconds a name")


if __name__ == "__main__":
    main()
