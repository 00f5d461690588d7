"""What a photo costs a core, stage by stage: what ``docs/cluster.md`` reckons with.

``python benchmarks/ray_costs.py [--megapixels 12] [--model natural] [--repeats 3]``

Seconds of processor time on one thread, so that other processes hardly matter; the median of the repeats.
"""

import argparse
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

import cv2
import torch
from PIL import Image
from skimage import data

from colorhub import ColorizationPipeline, compose

STAGES = ("open", "prepare", "network", "compose", "save")


def main() -> None:
    """Print a line a stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--model", default="natural")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    pipeline = ColorizationPipeline(options.model, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        path, width = Path(folder) / "photo.jpg", round((options.megapixels * 1e6 * 4 / 3) ** 0.5)
        Image.fromarray(data.astronaut()).convert("L").resize((width, width * 3 // 4)).save(path, quality=92)
        runs = [_stages(pipeline, path, path.with_name(f"{number}.jpg")) for number in range(options.repeats + 1)][1:]
    found = [median(times) for times in zip(*runs, strict=True)]
    for stage, seconds in zip(STAGES, found, strict=True):
        print(f"{stage:8} {seconds:.3f} s")
    print(
        f"without the network {sum(found) - found[2]:.3f} s, a million photos {sum(found) * 1e6 / 3600:.0f} core hours"
    )


def _stages(pipeline: ColorizationPipeline, path: Path, result: Path) -> list[float]:
    times = [time.process_time()]
    photo = pipeline.open(path)
    times.append(time.process_time())
    prepared = pipeline.prepare(photo, pipeline.settings)
    times.append(time.process_time())
    layer = pipeline.predict(prepared)
    times.append(time.process_time())
    colored = compose(photo, layer, settings=pipeline.settings, device=pipeline.device)
    times.append(time.process_time())
    colored.save(result)
    times.append(time.process_time())
    return [after - before for before, after in pairwise(times)]


if __name__ == "__main__":
    main()
