"""Full size: a grey JPEG in, a colour JPEG out, ours beside the usual path, in time and in memory.

``python benchmarks/fullsize.py [--repeats 5] [--model unet]``

The usual path is what colorization demos do: Pillow, scikit-image Lab both ways, bilinear chroma. Both paths use the
same network at the same working size; "outside the network" leaves its time out. Memory is measured in a process of its
own per size.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image
from skimage import data
from skimage.color import lab2rgb, rgb2lab

from colorhub import ColorizationPipeline, Photo, create
from colorhub.hub.loading import load
from colorhub.models import ModelNotFoundError

Timer = Callable[[], float]


def any_model(name: str) -> torch.nn.Module:
    """The named weights, or an untrained model of the bundled one's size: time and memory do not depend on the
    weights."""
    try:
        return load(name)
    except ModelNotFoundError:
        return create("unet", width=36, depth=6, dropout=0.0, working_size=160).eval()


def grey_jpeg(path: Path, width: int, height: int) -> Path:
    """A photograph of scikit-image, enlarged, with some grain, as a grey JPEG."""
    picture = Image.fromarray(data.astronaut()).convert("L").resize((width, height), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(0).normal(0, 3, (height, width)).astype(np.float32)
    noisy = np.clip(np.asarray(picture, np.float32) + grain, 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(path, quality=92)
    return path


def usual_path(pipeline: ColorizationPipeline, source: Path, target: Path) -> float:
    """Pillow + scikit-image + bilinear chroma; answers the seconds spent in the network."""
    rgb = np.asarray(Image.open(source).convert("RGB"))
    lightness = rgb2lab(rgb)[..., 0]
    height, width = lightness.shape
    size = pipeline.model.working_size
    scale = size / min(height, width)
    small = Image.fromarray(lightness.astype(np.float32)).resize((round(width * scale), round(height * scale)))
    start = time.perf_counter()
    with torch.inference_mode():
        ab = pipeline.network(torch.tensor(np.asarray(small))[None, None]).ab.float()
    seconds = time.perf_counter() - start
    chroma = torch.nn.functional.interpolate(ab, size=(height, width), mode="bilinear")[0].permute(1, 2, 0).numpy()
    answer = lab2rgb(np.concatenate([lightness[..., None], chroma], axis=2))
    Image.fromarray((answer * 255).round().astype(np.uint8)).save(target, quality=95, subsampling=0)
    return seconds


def our_path(pipeline: ColorizationPipeline, source: Path, target: Path) -> float:
    """The pipeline's own steps; answers the seconds spent in the network."""
    photo = Photo.open(source)
    start = time.perf_counter()
    layer = pipeline.predict(photo)
    seconds = time.perf_counter() - start
    pipeline.compose(photo, layer).save(target)
    return seconds


def compare(pipeline: ColorizationPipeline, source: Path, repeats: int) -> None:
    """Whole path and everything outside the network, interleaved, medians and ratios."""
    rows: dict[str, list[tuple[float, float]]] = {"ours": [], "usual": []}
    for path in (our_path, usual_path):
        path(pipeline, source, source.with_name("warm.jpg"))
    for _ in range(repeats):
        for name, path in (("ours", our_path), ("usual", usual_path)):
            start = time.perf_counter()
            network = path(pipeline, source, source.with_name(f"{name}.jpg"))
            rows[name].append((time.perf_counter() - start, network))
    whole = {name: median(total for total, _ in values) for name, values in rows.items()}
    outside = {name: median(total - network for total, network in values) for name, values in rows.items()}
    width, height = Image.open(source).size
    print(f"{width * height / 1e6:.0f} MP grey JPEG -> colour JPEG, median of {repeats}")
    for what, seconds in (("outside the network", outside), ("whole path", whole)):
        ours, usual = seconds["ours"], seconds["usual"]
        print(f"  {what:19s}: ours {ours:.2f} s, usual {usual:.2f} s, {usual / ours:.1f}x")


def batches(pipeline: ColorizationPipeline, repeats: int) -> None:
    """32 small photos of mixed sizes in batches of 8 and 32, beside one at a time."""
    random = np.random.default_rng(0)
    picture = Image.fromarray(data.astronaut()).convert("L")
    sizes = [(int(w), int(h)) for w, h in random.integers(160, 320, (32, 2))]
    photos = [np.asarray(picture.resize(size)) for size in sizes]
    ways = {"one at a time": lambda: [pipeline(photo) for photo in photos]}
    for count in (8, 32):
        ways[f"batch of {count}"] = lambda count=count: pipeline(photos, batch_size=count, progress=False)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - start)
    medians = {name: median(values[1:]) for name, values in times.items()}
    single = medians["one at a time"]
    print(f"32 small photos of mixed sizes, median of {repeats}")
    for name, seconds in medians.items():
        print(f"  {name:14s} {seconds:.2f} s, {single / seconds:.2f}x")


def peak_megabytes(model: str, source: Path) -> float:
    """Peak memory over the loaded process, of one photo, in MB: measured in a fresh process."""
    command = [sys.executable, __file__, "--peak", str(source), "--model", model]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(answer.stdout.splitlines()[-1])


def _measure_peak(model: str, source: Path) -> float:
    pipeline = ColorizationPipeline(any_model(model))
    pipeline(np.zeros((64, 64), np.uint8))  # everything that is loaded once is loaded
    before = _memory("VmRSS")
    our_path(pipeline, source, source.with_name("peak.jpg"))
    return _memory("VmHWM") - before


def _memory(what: str) -> float:
    """Of this process, in MB: ``VmRSS`` is what it holds now, ``VmHWM`` the most it ever held (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--model", default="unet")
    parser.add_argument("--peak", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peak:
        print(_measure_peak(given.model, given.peak))
        return
    pipeline = ColorizationPipeline(any_model(given.model))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, large = grey_jpeg(folder / "12.jpg", 4000, 3000), grey_jpeg(folder / "48.jpg", 8000, 6000)
        compare(pipeline, small, given.repeats)
        print(f"  peak memory over the loaded process: {peak_megabytes(given.model, small):.0f} MB")
        print(f"48 MP: peak memory over the loaded process: {peak_megabytes(given.model, large):.0f} MB")
    batches(pipeline, given.repeats)


if __name__ == "__main__":
    main()
