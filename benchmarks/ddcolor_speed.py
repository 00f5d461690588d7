"""DDColor, plain torch as its authors run it beside ours: the network at 512 pixels, and a 12-megapixel photo.

``python benchmarks/ddcolor_speed.py [--sizes tiny large] [--repeats 5] [--megapixels 12] [--compiled]``

The authors' way: float32, weights as they are stored with spectral normalization worked out at every call, the photo
squashed to 512 x 512, colours enlarged to the nearest pixel, OpenCV's CIELAB. Ours is the pipeline, on the same file:
it keeps the aspect (about 512 x 680 for a photo of 4 to 3), enlarges along edges and keeps what else the file held.
Random weights of the released shapes: time does not depend on them. ``tests/released.py`` has the network in the order
of the paper.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from fullsize import grey_jpeg
from torch import Tensor, nn

from colorhub import ColorizationPipeline
from colorhub.models import DDColor
from colorhub.models.ddcolor import SIZES

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "helpers"))
released = import_module("released")
released.sines = cache(released.sines)  # the authors work the places out in whole tensors, not number by number
_SIDE = 512


def released_network(size: str) -> nn.Module:
    """The network of the paper's shapes, as the authors store it."""
    depths, channels = SIZES[size]
    return released.ddcolor_release(depths=depths, widths=channels, nf=512, queries=100, layers=9).eval()


@torch.inference_mode()
def usual_path(network: nn.Module, source: Path, target: Path) -> None:
    """Grey file to colour file as the authors' programs do it."""
    picture = cv2.imread(str(source)).astype(np.float32) / 255
    height, width = picture.shape[:2]
    lightness = cv2.cvtColor(picture, cv2.COLOR_BGR2Lab)[..., :1]
    small = cv2.cvtColor(cv2.resize(picture, (_SIDE, _SIDE)), cv2.COLOR_BGR2Lab)
    small[..., 1:] = 0
    grey = torch.from_numpy(cv2.cvtColor(small, cv2.COLOR_Lab2RGB).transpose(2, 0, 1).copy())[None]
    ab = F.interpolate(network(grey), size=(height, width))[0].permute(1, 2, 0).numpy()
    answer = cv2.cvtColor(np.concatenate([lightness, ab], axis=2), cv2.COLOR_Lab2BGR)
    cv2.imwrite(str(target), (answer * 255).round().clip(0, 255).astype(np.uint8))


def timed(ways: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each way, taken in turns after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    return {name: found[1:] for name, found in seconds.items()}


def report(what: str, seconds: dict[str, list[float]]) -> None:
    """Print medians, ranges, and each as a part of the first."""
    print(what)
    first = median(next(iter(seconds.values())))
    for name, found in seconds.items():
        middle = median(found)
        print(f"  {name:34s} {middle:7.2f} s ({min(found):.2f} to {max(found):.2f}), {middle / first:.2f}x", flush=True)


def networks(network: nn.Module, pipeline: ColorizationPipeline, compiled: bool) -> dict[str, Callable[[], Tensor]]:
    """The network alone on a square of 512 pixels, by its way of being run."""
    L = torch.rand(1, 1, _SIDE, _SIDE) * 100
    rgb = torch.rand(1, 1, _SIDE, _SIDE).expand(-1, 3, -1, -1).contiguous()
    plain = DDColor.from_release(network.state_dict())
    ways = {
        "authors' way, float32": lambda: network(rgb),
        "ours, float32, contiguous": lambda: plain(L).ab,
        f"ours, {pipeline.network.precision}, channels last": lambda: pipeline.network(L).ab,
    }
    if compiled:
        faster = torch.compile(pipeline.model)
        channels_last = L.to(memory_format=torch.channels_last)

        def run() -> Tensor:
            with torch.autocast("cpu", torch.bfloat16, enabled=pipeline.network.precision == "bf16"):
                return faster(channels_last).ab

        ways[f"ours, {pipeline.network.precision}, compiled"] = run
    return ways


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=["tiny", "large"], choices=list(SIZES))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--compiled", action="store_true", help="also with torch.compile, which needs a C++ compiler")
    given = parser.parse_args()
    height = round((given.megapixels * 1e6 * 3 / 4) ** 0.5)
    with tempfile.TemporaryDirectory() as name:
        source = grey_jpeg(Path(name) / "photo.jpg", height * 4 // 3, height)
        for size in given.sizes:
            network = released_network(size)
            pipeline = ColorizationPipeline(DDColor.from_release(network.state_dict()), device="cpu")
            count = sum(weight.numel() for weight in pipeline.model.parameters())
            print(f"DDColor {size}: {count:,} parameters, {torch.get_num_threads()} threads, median of {given.repeats}")
            with torch.inference_mode():
                report(
                    f"network at {_SIDE} x {_SIDE}",
                    timed(networks(network, pipeline, given.compiled), given.repeats),
                )
            ways: dict[str, Callable[[], object]] = {
                "authors' way": lambda network=network: usual_path(network, source, source.with_name("usual.jpg")),
                "ours": lambda pipeline=pipeline: pipeline(source).save(source.with_name("ours.jpg"), overwrite=True),
                f"ours, size={_SIDE * 3 // 4}": lambda pipeline=pipeline: pipeline(source, size=_SIDE * 3 // 4).save(
                    source.with_name("ours.jpg"), overwrite=True
                ),
            }
            report(f"whole path, {given.megapixels:g} MP JPEG to colour JPEG", timed(ways, given.repeats))


if __name__ == "__main__":
    main()
