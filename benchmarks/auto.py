"""Three views and restoring of old prints: how far the colours move, and how good they are, with and without.

``COLORHUB_DATA=... python benchmarks/auto.py [--models unet eccv16] [--data photos] [--split test] [--limit 60]``

Stability: the mean ab distance between the answers to one photo at short sides of 192 to 768 pixels. "fixed sizes"
lets the network work at each of them; "own size" and "3 views" are given the photo rescaled to each of them. Score:
mean gain in PSNR over grey, and colourfulness, with the time of prediction.

Prints: the same photo faded, darkened, lightened or with a white border. Moved is the mean ab distance to the answer to
the untouched photo; gain is that over the print's own grey, the original's colours being the truth, without the border.
"""

import argparse
import io
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from colorhub import ColorizationPipeline, Photo
from colorhub.color import fit_gamut, grey_to_lightness, lab_to_rgb, lightness_to_grey, rgb_to_lab
from colorhub.metrics import colorfulness, grey_picture, psnr
from training.data.sources import open_pictures

SIZES = (192, 256, 384, 512, 768)
BORDER = 0.08  # of the short side
PRINTS: dict[str, Callable[[Tensor], Tensor]] = {
    "untouched": lambda grey: grey,
    "faded to 0.2..0.85": lambda grey: 0.2 + 0.65 * grey,
    "faded to 0.35..0.75": lambda grey: 0.35 + 0.4 * grey,
    "faded to 0.5..0.8": lambda grey: 0.5 + 0.3 * grey,
    "gamma 0.5": lambda grey: grey**0.5,
    "gamma 2": lambda grey: grey**2,
    "white border": lambda grey: F.pad(grey, [round(BORDER * min(grey.shape[2:]))] * 4, value=1.0),
    "border and fading": lambda grey: F.pad(0.3 + 0.5 * grey, [round(BORDER * min(grey.shape[2:]))] * 4, value=0.85),
}


def pictures(data: str, split: str, limit: int) -> Iterator[np.ndarray]:
    """RGB pictures, evenly spread over a split."""
    rows = list(open_pictures([data], split))
    for row in rows[:: max(1, len(rows) // limit)][:limit]:
        yield np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB"))


def rescaled(grey: np.ndarray, side: int) -> np.ndarray:
    """A picture with a short side of that many pixels."""
    scale = side / min(grey.shape)
    shape = (round(grey.shape[1] * scale), round(grey.shape[0] * scale))
    return cv2.resize(grey, shape, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def distance(one: Tensor, other: Tensor) -> float:
    """Mean ab distance of two colour layers ``(1, 2, h, w)`` of one picture, at a short side of 192 pixels."""
    height, width = one.shape[2:]
    shape = [round(side * 192 / min(height, width)) for side in (height, width)]
    alike = [F.interpolate(ab, size=shape, mode="bilinear", antialias=True) for ab in (one, other)]
    return float((alike[0] - alike[1]).norm(dim=1).mean())


def score(pipeline: ColorizationPipeline, photo: Photo, truth: Tensor, **settings: Any) -> tuple[float, float, float]:
    """Gain in dB over the photo's own grey, colourfulness, and seconds of prediction. ``truth``: ab of what is in the
    middle of the photo."""
    start = time.perf_counter()
    layer = pipeline.predict(photo, **settings)
    seconds = time.perf_counter() - start
    answer = torch.from_numpy(pipeline.compose(photo, layer).pixels).permute(2, 0, 1)[None] / 65535
    top, left = ((photo.grey.shape[i] - truth.shape[2 + i]) // 2 for i in (0, 1))
    middle = np.s_[..., top : top + truth.shape[2], left : left + truth.shape[3]]
    L = grey_to_lightness(torch.from_numpy(photo.grey.astype(np.float32) / 65535))[None, None][middle]
    original = lab_to_rgb(L, fit_gamut(L, truth)).clamp(0, 1)
    found = answer[middle].float()
    gain = psnr(found, original) - psnr(grey_picture(L), original)
    return float(gain), float(colorfulness(found)), seconds


def sizes(pipeline: ColorizationPipeline, pictures: list[np.ndarray]) -> None:
    """Print stability and score with one view and with three."""
    moved, scores = defaultdict(list), defaultdict(list)
    for rgb in pictures:
        truth, grey = _parts(rgb)
        photos = {side: _photo(rescaled(grey, side)) for side in SIZES}
        layers = {
            "fixed sizes": [pipeline.predict(photos[768], size=side) for side in SIZES],
            "own size": [pipeline.predict(photo) for photo in photos.values()],
            "3 views": [pipeline.predict(photo, views=3) for photo in photos.values()],
        }
        for name, found in layers.items():
            pairs = [distance(one.ab, other.ab) for one, other in combinations(found, 2)]
            moved[name].append((np.mean(pairs), max(pairs)))
        ways: dict[str, dict[str, Any]] = {"own size": {}, "3 views": {"views": 3}}
        ways |= {f"{side} pixels": {"size": side} for side in SIZES}
        for name, settings in ways.items():
            scores[name].append(score(pipeline, _photo(grey), truth, **settings))
    print(f"ab change between {', '.join(map(str, SIZES))} pixels: mean of pairs, mean of each photo's largest")
    for name, found in moved.items():
        print("  {:22s} {:6.2f} {:6.2f}".format(name, *np.mean(found, axis=0)))
    print("gain over grey (dB, mean and median), colourfulness, seconds of prediction (median)")
    for name, found in scores.items():
        gain, colors, seconds = np.array(found).T
        print(
            f"  {name:22s} {gain.mean():+6.3f} {np.median(gain):+6.3f} {colors.mean():6.1f} {np.median(seconds):7.3f}"
        )


def prints(pipeline: ColorizationPipeline, pictures: list[np.ndarray]) -> None:
    """Print how far colours move and how good they are without and with restoring, for each kind of print."""
    rows = defaultdict(list)
    for rgb in pictures:
        truth, grey = _parts(rgb)
        plain = pipeline.predict(_photo(grey), restore=False).ab
        for kind, change in PRINTS.items():
            photo = _photo(change(torch.from_numpy(grey)[None, None])[0, 0].numpy())
            found = []
            for restore in (False, True):
                ab = pipeline.predict(photo, restore=restore).ab
                found += [distance(_middle(ab, photo, grey.shape), plain)]
                found += score(pipeline, photo, truth, restore=restore)[:2]
            rows[kind].append(found)
    print("print                    moved   gain  colourf. |  moved   gain  colourf. restored")
    for kind, found in rows.items():
        print("  {:20s} {:7.2f} {:+6.3f} {:7.1f}   | {:6.2f} {:+6.3f} {:7.1f}".format(kind, *np.mean(found, axis=0)))


def _parts(rgb: np.ndarray) -> tuple[Tensor, np.ndarray]:
    L, ab = rgb_to_lab(torch.tensor(rgb).permute(2, 0, 1)[None].float() / 255)
    return ab, lightness_to_grey(L)[0, 0].numpy()


def _photo(grey: np.ndarray) -> Photo:
    return Photo.open((grey.clip(0, 1) * 65535).round().astype(np.uint16))


def _middle(ab: Tensor, photo: Photo, shape: tuple[int, int]) -> Tensor:
    """Without what lies around the middle of a photo, at the layer's own size."""
    parts = [(1 - inner / whole) / 2 for inner, whole in zip(shape, photo.grey.shape, strict=True)]
    top, left = (round(part * side) for part, side in zip(parts, ab.shape[2:], strict=True))
    return ab[..., top : ab.shape[2] - top, left : ab.shape[3] - left]


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["unet"])
    parser.add_argument("--data", default="photos")
    parser.add_argument("--split", default="test")
    parser.add_argument("--limit", type=int, default=60)
    given = parser.parse_args()
    found = list(pictures(given.data, given.split, given.limit))
    for model in given.models:
        pipeline = ColorizationPipeline(model)
        print(f"== {pipeline.name}, {len(found)} pictures of {given.data}/{given.split}")
        sizes(pipeline, found)
        prints(pipeline, found)


if __name__ == "__main__":
    main()
