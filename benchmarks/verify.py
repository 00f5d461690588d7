"""How long ``colorhub verify`` takes, and that it finds nothing in a sound archive.

``python benchmarks/verify.py [--count 10000] [--large 40]``

Many tiny pictures, coloured by a tiny untrained network; then a few of 1 to 2 million pixels as
``benchmarks/folder.py`` makes them, coloured by the default model, once with all results opened and once with none:
what is left is the hashing.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from folder import make_photos
from PIL import Image

COMMAND = [sys.executable, "-m", "colorhub.cli.main"]


def make_tiny_photos(folder: Path, count: int, seed: int = 0) -> None:
    """Grey pictures of 24 x 16 to 40 x 32 pixels, a thousand a folder."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        place = folder / f"{number // 1000:03d}" / f"{number:06d}.{('jpg', 'png', 'tif')[number % 3]}"
        place.parent.mkdir(parents=True, exist_ok=True)
        shape = int(rng.integers(16, 33)), int(rng.integers(24, 41))
        Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(place)


def tiny_model(folder: Path) -> Path:
    """An untrained network, as small as there is."""
    from colorhub import create
    from colorhub.models import MODELS

    create("unet", **MODELS["unet"].tiny()).save_pretrained(folder)
    return folder


def run(*arguments: object) -> tuple[float, str]:
    """Seconds of a command, and what it printed."""
    start = time.perf_counter()
    done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(
            f"colorhub {' '.join(map(str, arguments))[:200]} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        )
    return seconds, done.stdout


def report(name: str, photos: Path, out: Path, *options: object) -> None:
    """Verify an archive, and print how it went."""
    seconds, printed = run("verify", out, "--source", photos, "--json", *options)
    summary = json.loads(printed.splitlines()[-1])["summary"]
    each = seconds / summary["rows"] * 1000
    counts = f"{summary['rows']} rows, {summary['opened']} opened, {summary['findings']} findings"
    print(f"{name}: {counts}, {seconds:.1f} s, {each:.1f} s a thousand")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=40)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        tiny, large, model = work / "tiny", work / "large", tiny_model(work / "model")
        make_tiny_photos(tiny, given.count)
        seconds, _ = run("colorize", tiny, "-r", "--manifest", "-o", work / "tiny-out", "--model", model)
        print(f"tiny pictures: coloured in {seconds:.1f} s")
        report("tiny pictures", tiny, work / "tiny-out")
        make_photos(large, given.large)
        run("colorize", large, "--manifest", "-o", work / "large-out")
        report("1 to 2 megapixels", large, work / "large-out")
        report("1 to 2 megapixels, hashed only", large, work / "large-out", "--sample", 0)


if __name__ == "__main__":
    main()
