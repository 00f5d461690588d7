"""Samples of models with a distribution: how far several colourings of a photo differ, and how good the best one is.

``COLORHUB_DATA=... python benchmarks/samples.py MODEL... [--data photos people] [--samples 5] [--limit N]``

Of each centre square of 256 pixels so many samples are made at the default temperature. Printed are means over
pictures with 95 % bootstrap intervals: the PSNR gain over grey, in dB, of the one answer, of a sample on average, and
of the best sample, which only the original can tell; and the diversity, the mean CIEDE2000 difference between two
samples.
"""

import argparse
from itertools import combinations

import numpy as np
import torch
from tqdm import tqdm

from colorhub import ColorizationPipeline, Settings, metrics
from colorhub._pixels import to_uint8
from colorhub.color import codes_to_lab
from training.scoring.figures import as_codes
from training.scoring.greys import grey_photo
from training.scoring.pictures import load_pictures
from training.scoring.protocol import DEFAULT, load_protocol
from training.scoring.summary import interval

_COLUMNS = ("one answer", "a sample", "the best", "diversity")


def figures_of(pipeline: ColorizationPipeline, original: np.ndarray, samples: int) -> list[float]:
    """Gains of the answer, of samples on average and of the best, in dB, and the samples' diversity."""
    photo = grey_photo(original, "lab")
    settings = Settings(in_color="recolor", model=pipeline.settings.model)
    answers = [pipeline(photo, settings=settings), *pipeline(photo, settings=settings.changed(samples=samples))]
    codes = as_codes([to_uint8(answer.pixels) for answer in answers])
    true = as_codes([original]).float() / 255
    gains = metrics.gain(codes.float() / 255, true.expand(len(codes), -1, -1, -1)).tolist()
    L, ab = codes_to_lab(codes[1:])
    pairs = torch.tensor(list(combinations(range(samples), 2))).T
    apart = metrics.ciede2000(L[pairs[0]], ab[pairs[0]], L[pairs[1]], ab[pairs[1]])
    return [gains[0], float(np.mean(gains[1:])), max(gains[1:]), float(apart.mean())]


def main() -> None:
    """Print a row a model and source."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--data", nargs="+", default=["photos", "people"])
    parser.add_argument("--split", default="test")
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--limit", type=int)
    given = parser.parse_args()
    print(f"{'':28s}" + "".join(f"{name:>24s}" for name in _COLUMNS))
    for source in given.data:
        chunks = load_pictures(source, given.split, load_protocol(DEFAULT).pictures, given.limit).own
        pictures = [one for _, chunk in sorted(chunks.items()) for one in chunk]
        for model in given.models:
            pipeline = ColorizationPipeline(model)
            rows = [figures_of(pipeline, one.pixels, given.samples) for one in tqdm(pictures, disable=None)]
            found = [interval(np.array(column)) for column in zip(*rows, strict=True)]
            shown = [f"{one['mean']:.2f} [{one['low']:.2f}, {one['high']:.2f}]" for one in found]
            print(f"{pipeline.name + ', ' + source:28s}" + "".join(f"{one:>24s}" for one in shown), flush=True)


if __name__ == "__main__":
    main()
