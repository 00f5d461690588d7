"""Hints: what true ones are worth, how exact they are, how much leaks over edges, and what they cost.

``python benchmarks/hints.py [--models unet ...] [--data photos] [--limit N] [--ways] [--times]``

Gain: every test picture is coloured from its lightness with 0, 1, 5 and 20 hints at random pixels (seeded by the
picture's number, the first of 20 are the 5, and their first the 1), whose colours are the original's mean over 3 x 3
pixels. PSNR against the original at full size; the gain over no hints is averaged over pictures. ``--ways`` also prints
the gain of other ways to spread, on the first model.

Edges: a disc of one lightness on another, grey, with one hint inside or outside of it; leakage is the mean chroma 3 to
12 pixels (at working size) beyond the edge over the hint's. A black and a white strip say that the print is not faded;
then the same picture as a print that reaches from 0.5 to 0.8 of white.

``--times``: milliseconds of a first hint, of one more and of known ones, at working size; of a 12 MP picture with and
without 5 hints.
"""

import argparse
import io
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean, median

import cv2
import numpy as np
import pyarrow.parquet as pq
import torch
from PIL import Image
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from skimage import data
from skimage.color import rgb2lab
from torch import Tensor

from colorhub import ColorizationPipeline, Colorizer, Photo, Prediction, Retouching, models
from colorhub.color import lightness_to_grey
from colorhub.hints import Hint, HintedLayers
from colorhub.hints.layers import likeness
from colorhub.hints.spreading import REACH
from colorhub.metrics import psnr

COUNTS = (1, 5, 20)
WORKING = 192  # short side of the working picture of the synthetic ones


class Grey(Colorizer):
    """Answers grey: hints are all the colour there is."""

    architecture = "grey"
    working_size = WORKING

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        return Prediction(torch.zeros(len(L), 2, *L.shape[2:]))


def pictures(folder: Path, limit: int | None) -> Iterator[np.ndarray]:
    """The test pictures of a role, ``(H, W, 3)`` uint8."""
    count = 0
    for path in sorted(folder.glob("test-*.parquet")):
        for row in pq.read_table(path, columns=["image"])["image"]:
            if limit is not None and count >= limit:
                return
            count += 1
            yield np.asarray(Image.open(io.BytesIO(row.as_py()["bytes"])).convert("RGB"))


def true_hints(rgb: np.ndarray, seed: int) -> list[Hint]:
    """As many as are used at most, at random pixels."""
    height, width = rgb.shape[:2]
    smooth = cv2.blur(rgb, (3, 3))
    random = np.random.default_rng(seed)
    places = zip(random.integers(0, width, max(COUNTS)), random.integers(0, height, max(COUNTS)), strict=True)
    return [Hint(int(x), int(y), "#{:02x}{:02x}{:02x}".format(*smooth[y, x])) for x, y in places]


def gains(pipeline: ColorizationPipeline, source: list[np.ndarray]) -> tuple[list[float], dict[int, list[float]]]:
    """PSNR without hints, and what is gained by each number of them, of each picture."""
    plain: list[float] = []
    gained: dict[int, list[float]] = {count: [] for count in COUNTS}
    for number, rgb in enumerate(source):
        retouching, hints = Retouching(pipeline, rgb), true_hints(rgb, number)
        plain.append(_psnr(retouching.compose().pixels, rgb))
        for count in COUNTS:
            gained[count].append(_psnr(retouching.compose(hints[:count]).pixels, rgb) - plain[-1])
    return plain, gained


def _psnr(found: np.ndarray, rgb: np.ndarray) -> float:
    one, other = (torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 255 for picture in (found, rgb))
    return float(psnr(one, other))


def print_gains(name: str, plain: list[float], gained: dict[int, list[float]]) -> None:
    cells = []
    for count, values in gained.items():
        better = np.mean(np.array(values) > 0)
        cells.append(f"{count} hint{'s' * (count > 1)} {mean(values):+.2f} dB (better in {better:.0%})")
    print(f"  {name:24s} {mean(plain):.2f} dB; {'; '.join(cells)}; n = {len(plain)}", flush=True)


# Other ways to spread: each gives fields (n, h, w) for places (row, column) of a layer, 1 at their own.

Way = Callable[[HintedLayers, Tensor, list[tuple[float, float]]], Tensor]


def edges_alone(hinted: HintedLayers, ab: Tensor, places: list[tuple[float, float]]) -> Tensor:
    """Screened Poisson equation, as ours but not weighed by likeness."""
    return torch.stack([hinted.spreading.field(x, y) for x, y in places])


def likeness_alone(hinted: HintedLayers, ab: Tensor, places: list[tuple[float, float]]) -> Tensor:
    """What looks alike, weighed by distance as the crow flies."""
    height, width = hinted.L.shape[2:]
    down, across = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    far = 2 * REACH * min(height, width)
    fields = []
    for x, y in places:
        distance = torch.hypot(across - x * width, down - y * height)
        fields.append(likeness(hinted.guide, ab, x, y) * torch.exp(-distance / far))
    return torch.stack(fields)


def geodesic(hinted: HintedLayers, ab: Tensor, places: list[tuple[float, float]]) -> Tensor:
    """Fading with the length of the shortest way (Yatziv, Sapiro 2006), where 4 units of L count as one pixel."""
    L = hinted.guide[0, 0].numpy()
    height, width = L.shape
    index = np.arange(L.size).reshape(L.shape)
    parts = []
    for one, other in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        parts.append((index[one].ravel(), index[other].ravel(), 1 + np.abs(L[one] - L[other]).ravel() / 4))
    rows, columns, lengths = (np.concatenate(column) for column in zip(*parts, strict=True))
    ways = coo_matrix((lengths, (rows, columns)), (L.size, L.size)).tocsr()
    sources = [int(y * height) * width + int(x * width) for x, y in places]
    distance = dijkstra(ways, directed=False, indices=sources)
    return torch.from_numpy(np.exp(-distance / min(L.shape))).float().view(-1, height, width)


WAYS: dict[str, Way] = {"edges alone": edges_alone, "likeness alone": likeness_alone, "shortest way": geodesic}


def compare_ways(pipeline: ColorizationPipeline, source: list[np.ndarray]) -> None:
    """Gain, leakage and time of other ways."""
    ours = HintedLayers.fields
    for name, way in {"edges and likeness (ours)": ours, **WAYS}.items():
        HintedLayers.fields = way
        started = time.perf_counter()
        print_gains(name, *gains(pipeline, source))
        print(f"    {(time.perf_counter() - started) / len(source):.2f} s a picture; leakage {leakages()}")
    HintedLayers.fields = ours


def exactness() -> str:
    """Distance in ab between hints, 20 pixels' own colours in each of four photographs, and the picture there."""
    pipeline, words = ColorizationPipeline(Grey(), device="cpu"), []
    for bits, scale in ((8, 1), (16, 257)):
        found = []
        for number, name in enumerate(("astronaut", "chelsea", "coffee", "rocket")):
            rgb = getattr(data, name)()
            random = np.random.default_rng(number)
            rows, columns = (random.integers(0, side, 20) for side in rgb.shape[:2])
            colors = rgb[rows, columns]
            hints = [
                (int(x), int(y), "#{:02x}{:02x}{:02x}".format(*color))
                for x, y, color in zip(columns, rows, colors, strict=True)
            ]
            answer = pipeline(rgb.astype(np.uint8 if bits == 8 else np.uint16) * scale, hints=hints).pixels
            difference = rgb2lab(answer[rows, columns][None]) - rgb2lab(colors[None])
            found.append(np.hypot(difference[..., 1], difference[..., 2]))
        words.append(f"{bits} bits: largest {np.max(found):.2f}, mean {np.mean(found):.2f}")
    return "; ".join(words)


def leakages() -> str:
    """Over an edge of each contrast, in words."""
    words = [f"{contrast} L {leakage(contrast):.1%}" for contrast in (25, 40, 60)]
    return ", ".join([*words, f"40 L in a faded print {leakage(40, faded=True):.1%}"])


def leakage(contrast: int, faded: bool = False) -> float:
    """Of the strongest of four: a small and a large disc, with the hint inside or outside."""
    pipeline = ColorizationPipeline(Grey(), device="cpu")
    worst = 0.0
    for radius in (10, 40):
        for inside in (True, False):
            grey, distance = disc(radius, contrast)
            grey = (0.5 * 65535 + 0.3 * grey).astype(np.uint16) if faded else grey
            height, width = grey.shape
            scale = height / WORKING
            place = (width // 2, height // 2 if inside else int(height / 2 - (radius + 8) * scale))
            lab = rgb2lab(pipeline(grey, hints=[(*place, hint_color(grey[place[::-1]]))]).pixels)
            chroma = np.hypot(lab[..., 1], lab[..., 2])
            beyond = (distance > (radius + 3) * scale) & (distance < (radius + 12) * scale)
            other = beyond if inside else distance < (radius - 3) * scale
            worst = max(worst, chroma[other].mean() / chroma[place[::-1]])
    return worst


def disc(radius: int, contrast: int) -> tuple[np.ndarray, np.ndarray]:
    """A grey picture, 16 bits, and the distance of its pixels from the middle of the disc.

    ``radius``: of the disc, in pixels at working size."""
    down, across = np.mgrid[:576, :768]
    distance = np.hypot(across - 384, down - 288)
    inside = np.clip(radius * 3 - distance + 0.5, 0, 1)
    lightness = 30 + contrast * inside
    lightness[:16, :384], lightness[:16, 384:] = 0, 100
    grey = lightness_to_grey(torch.from_numpy(lightness)).numpy()
    return (grey * 65535).round().astype(np.uint16), distance


def hint_color(code: int) -> str:
    """A colour of chroma about 40 that sRGB holds."""
    return "#8c5a3c" if code < 65535 // 2 else "#e0a585"


def times(name: str) -> None:
    """Medians, in milliseconds."""
    pipeline = ColorizationPipeline(name)
    grey = cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2GRAY)
    big = Photo.open(cv2.resize(grey, (4000, 3000), interpolation=cv2.INTER_CUBIC))
    hints = [(400, 300, "teal"), (3100, 2000, "#a33c2e"), (2000, 1500, "#665533"), (900, 2500, "gold"), (5, 5, "navy")]
    rows: dict[str, list[float]] = {}

    def timed(what: str, step: Callable[[], object]) -> None:
        started = time.perf_counter()
        step()
        rows.setdefault(what, []).append((time.perf_counter() - started) * 1000)

    for _ in range(7):
        fresh = Retouching(pipeline, big)
        timed("first hint", lambda: fresh.layer(hints[:1]))  # noqa: B023
        timed("one more", lambda: fresh.layer(hints[:2]))  # noqa: B023
        timed("another colour", lambda: fresh.layer([(*hints[0][:2], "olive"), hints[1]]))  # noqa: B023
        timed("preview of 1024 pixels", lambda: fresh.preview(hints[:2]))  # noqa: B023
        timed("12 MP without hints", lambda: pipeline(big))
        timed("12 MP with 5 hints", lambda: pipeline(big, hints=hints))
    height, width = fresh.layer().L.shape[2:]
    print(f"{name}, working picture {width} x {height}, median of 7, load {os.getloadavg()[0]:.1f}")
    for what, values in rows.items():
        print(f"  {what:24s} {median(values):.0f} ms")


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", help="all bundled ones if not given")
    parser.add_argument("--data", default="photos", help="role under $COLORHUB_DATA")
    parser.add_argument("--limit", type=int, help="only the first so many pictures")
    parser.add_argument("--ways", action="store_true")
    parser.add_argument("--times", action="store_true")
    given = parser.parse_args()
    names = given.models or [info.name for info in models.list_models() if info.source == "bundled"]
    if given.times:
        for name in names:
            times(name)
        return
    print(f"Error at the hint, ab units, {exactness()}")
    source = list(pictures(Path(os.environ["COLORHUB_DATA"]) / given.data, given.limit))
    print(f"Leakage over an edge, of the hint's chroma: {leakages()}")
    print(f"Gain on {given.data}, {len(source)} test pictures")
    if given.ways:
        compare_ways(ColorizationPipeline(names[0]), source)
        return
    for name in names:
        print_gains(name, *gains(ColorizationPipeline(name), source))


if __name__ == "__main__":
    main()
