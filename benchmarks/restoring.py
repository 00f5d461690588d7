"""Restoring old prints: whether it leaves sound photographs alone, and what old prints gain by it.

``COLORHUB_DATA=... python benchmarks/restoring.py [--model unet] [--data photos people] [--split test] [--limit N]``

Sound photographs: every colour picture of the data as a grey photo of its own lightness. Printed is how many of them
the network sees otherwise for restoring (other tones, or without a border), and the PSNR lost by it against the
picture's own colours, in dB: over all pictures, those that stay as they are counting as 0, and over those that change;
for whole pictures, and for the centre squares of 256 pixels that are scored.

Prints: squares of some pictures, as the protocol's other greys have them (three films, fading, a
white border), without and with restoring. Gain is the PSNR over grey of the answer's colours on the picture's own
lightness, in dB; the last column is the mean of the pictures' differences with its 95 % bootstrap interval.
"""

import argparse
import io
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from colorhub import ColorizationPipeline, Photo, Settings, compose
from training.config import Data
from training.data.augment import is_grey
from training.data.sources import open_pictures
from training.scoring.figures import measure, recolored
from training.scoring.greys import OUTSIDE, grey_photo, inside, variants
from training.scoring.pictures import cut_square
from training.scoring.protocol import DEFAULT, Protocol, load_protocol
from training.scoring.summary import bootstrap_interval

AS_IT_IS = Settings(in_color="recolor", restore=False)
RESTORED = Settings(in_color="recolor")


class Lost(NamedTuple):
    """A sound photograph that the network sees otherwise: the PSNR lost by it, and what was changed."""

    name: str
    decibels: float
    without_border: bool
    other_tones: bool


def pictures(data: str, split: str, limit: int | None) -> Iterator[tuple[str, Image.Image]]:
    """Names and pictures with colour of a split, evenly spread where there is a limit."""
    rows = list(open_pictures([data], split))
    step = 1 if limit is None else max(1, len(rows) // limit)
    for number, row in enumerate(rows[::step][:limit]):
        picture = Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB")
        if not is_grey(picture, Data().grey_threshold):
            yield f"{data}/{row['image'].get('path') or number * step}", picture


def loss(pipeline: ColorizationPipeline, name: str, rgb: np.ndarray) -> Lost | None:
    """What restoring costs a sound photograph; ``None`` where it changes nothing."""
    photo = grey_photo(rgb, "lab")
    seen = pipeline.prepare(photo, RESTORED)
    if seen.box.whole and not seen.restored:
        return None
    plain, restored = (_psnr(pipeline, photo, rgb, settings) for settings in (AS_IT_IS, RESTORED))
    return Lost(name, plain - restored, not seen.box.whole, seen.restored)


def _psnr(pipeline: ColorizationPipeline, photo: Photo, rgb: np.ndarray, settings: Settings) -> float:
    return float(measure([_answer(pipeline, photo, settings)], [rgb], ["psnr"])["psnr"][0])


def _answer(pipeline: ColorizationPipeline, photo: Photo, settings: Settings) -> np.ndarray:
    pixels = compose(photo, pipeline.predict(pipeline.prepare(photo, settings))).pixels
    return pixels if pixels.dtype == np.uint8 else np.round(pixels / 257.0).astype(np.uint8)


def report_sound(what: str, lost: list[Lost], count: int) -> None:
    """Print how many photographs change, and what that costs."""
    values = np.array([one.decibels for one in lost])
    borders, tones = (sum(getattr(one, what) for one in lost) for what in ("without_border", "other_tones"))
    print(f"sound photographs, {what}: {len(lost)} of {count} change ({tones} in tones, {borders} lose a border)")
    if not lost:
        return
    print(f"  PSNR lost: mean of all {values.sum() / count:+.4f} dB, mean of those {values.mean():+.3f} dB")
    for one in sorted(lost, key=lambda one: -one.decibels)[:5]:
        changed = " and ".join(["border"] * one.without_border + ["tones"] * one.other_tones)
        print(f"  {one.decibels:+.2f} dB  {changed:16s} {one.name}")


def gains(pipeline: ColorizationPipeline, squares: list[np.ndarray], make: Callable, border: bool) -> np.ndarray:
    """Gain over grey of each picture's print, without and with restoring: ``(n, 2)`` in dB."""
    found = []
    for square in tqdm(squares, leave=False, disable=None):
        answers = [_answer(pipeline, make(square), settings) for settings in (AS_IT_IS, RESTORED)]
        answers = [inside(answer, len(square)) if border else answer for answer in answers]
        found.append(measure(recolored([square] * 2, answers), [square] * 2, ["gain"])["gain"])
    return np.stack(found)


def report_prints(pipeline: ColorizationPipeline, squares: list[np.ndarray], protocol: Protocol) -> None:
    """Print what each kind of print gains."""
    if protocol.robustness is None:
        return
    print(f"{f'prints ({len(squares)} pictures)':24s} as it is  restored  difference")
    for name, make in {"untouched": lambda square: grey_photo(square, "lab"), **variants(protocol.robustness)}.items():
        found = gains(pipeline, squares, make, name == OUTSIDE)
        more = found[:, 1] - found[:, 0]
        low, high = bootstrap_interval(np.stack([more, np.ones(len(more))], axis=1), 0)
        plain, restored = found.mean(axis=0)
        print(f"  {name:22s} {plain:+7.3f}  {restored:+8.3f}  {more.mean():+.3f} [{low:+.3f}, {high:+.3f}]", flush=True)


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="unet")
    parser.add_argument("--data", nargs="+", default=["photos", "people"])
    parser.add_argument("--split", default="test")
    parser.add_argument("--limit", type=int, help="so many pictures of each set; all when not given")
    parser.add_argument("--prints", type=int, default=50, help="so many pictures of each set as prints")
    given = parser.parse_args()
    pipeline, protocol = ColorizationPipeline(given.model), load_protocol(DEFAULT)
    print(f"{pipeline.name}, {' + '.join(given.data)}, {given.split}")
    lost: dict[str, list[Lost]] = {"whole": [], "squares": []}
    squares, count = [], 0
    for data in given.data:
        found = list(pictures(data, given.split, given.limit))
        count += len(found)
        for name, picture in tqdm(found, desc=data, leave=False, disable=None):
            looks = {"whole": np.asarray(picture), "squares": cut_square(picture, protocol.pictures)}
            for what, rgb in looks.items():
                lost[what] += filter(None, [loss(pipeline, name, rgb)])
        spread = np.unique(np.linspace(0, len(found) - 1, min(given.prints, len(found))).round().astype(int))
        squares += [cut_square(found[number][1], protocol.pictures) for number in spread]
    for what, values in lost.items():
        report_sound(what, values, count)
    report_prints(pipeline, squares, protocol)


if __name__ == "__main__":
    with torch.inference_mode():
        main()
