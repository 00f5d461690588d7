"""Score models on held-out pictures: ``python -m training.score unet --data photos people --split test [--write]``.

Every picture goes through the same pipeline a user's photo goes through, from its own lightness. Figures are means over
pictures with a 95 % bootstrap interval, beside the answer without colour and the originals. ``--write`` puts
``scores.json`` into the model's folder.
"""

import argparse
import hashlib
import json
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from colorhub import ColorizationPipeline, Photo, metrics
from colorhub.models.loading import model_folder
from training.augment import center_crop, is_grey
from training.config import Data
from training.data import decode
from training.prior import bin_weights
from training.sources import DataError, open_pictures

PROTOCOL = "colorhub-1"
CROP = 256  # centre square, resized; lightness is CIELAB L* of the colours; answers are rounded to 8 bits
PRIOR = "training/priors/photos+people.json"  # how rare a colour is, for rebalanced accuracy (mix 0)
_RESAMPLES = 2000
_LIBRARIES = ("torch", "torchvision", "torchmetrics", "numpy", "pillow")

Figures = dict[str, np.ndarray]  # metric -> one value a picture


def load_pictures(source: str, split: str, limit: int | None = None) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Centre crops ``(256, 256, 3)`` uint8 of a source's pictures with colour, and the facts about them."""
    crops: list[np.ndarray] = []
    grey, digest = 0, hashlib.sha256()
    for row in open_pictures([source], split):
        if limit is not None and len(crops) >= limit:
            break
        picture = decode(row["image"])
        if is_grey(picture, Data().grey_threshold):
            grey += 1
            continue
        crops.append(np.asarray(center_crop(picture, CROP)))
        digest.update(crops[-1].tobytes())
    if not crops:
        raise DataError(f"{source!r} (split {split!r}) holds no picture with colour.")
    facts = {"source": source, "split": split, "pictures": len(crops), "grey_skipped": grey}
    return crops, {**facts, "fingerprint": digest.hexdigest()[:16]}


def as_tensor(pictures: Sequence[np.ndarray]) -> Tensor:
    """uint8 ``(H, W, 3)`` pictures to one ``(B, 3, H, W)`` tensor in 0..1."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


def measure(answers: Sequence[np.ndarray], originals: Sequence[np.ndarray]) -> Figures:
    """All per-picture metrics of 8-bit answers against 8-bit originals; rebalanced ones as pairs of a value and a
    weight."""
    rarity = bin_weights(PRIOR, mix=0.0)
    parts: list[dict[str, Tensor]] = []
    for start in range(0, len(originals), 16):
        predicted, target = (as_tensor(pictures[start : start + 16]) for pictures in (answers, originals))
        parts.append(
            {
                "psnr": metrics.psnr(predicted, target),
                "gain": metrics.gain(predicted, target),
                "colorfulness": metrics.colorfulness(predicted),
                "chroma_ratio": metrics.chroma_ratio(predicted, target),
                "ab_auc": metrics.ab_auc(predicted, target),
                "ab_auc_rebalanced": metrics.ab_auc(predicted, target, rarity),
            }
        )
    return {name: torch.cat([part[name] for part in parts]).double().numpy() for name in parts[0]}


def interval(values: np.ndarray, seed: int = 0) -> dict[str, float | int]:
    """Mean of the finite values with a 95 % percentile bootstrap interval over pictures (2,000 resamples, fixed seed).

    ``values``: ``(n,)``; or ``(n, 2)``, values times weights beside the weights, for a weighted mean.
    """
    pairs = values if values.ndim == 2 else np.stack([values, np.ones_like(values)], axis=1)
    pairs = pairs[np.isfinite(pairs).all(axis=1)]
    if not len(pairs):
        return {"mean": None, "low": None, "high": None, "n": 0}
    random = np.random.default_rng(seed)
    sums = np.stack([pairs[random.integers(len(pairs), size=len(pairs))].sum(axis=0) for _ in range(_RESAMPLES)])
    low, high = np.percentile(sums[:, 0] / sums[:, 1], (2.5, 97.5))
    return {
        "mean": round(float(pairs[:, 0].sum() / pairs[:, 1].sum()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "n": len(pairs),
    }


def summarize(figures: Figures) -> dict[str, Any]:
    """Every metric's mean, interval and number of pictures."""
    return {name: interval(values) for name, values in figures.items()}


def grey_answers(originals: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The answer without colour, as 8-bit pictures."""
    return [_to_bytes(metrics.grey_answer(as_tensor([original])))[0] for original in originals]


def color_all(
    pipeline: ColorizationPipeline, originals: Sequence[np.ndarray], size: int | None
) -> tuple[list[np.ndarray], float]:
    """The pipeline's answers to the originals' lightness, one at a time, and the median milliseconds of one."""
    answers, seconds = [], []
    for original in tqdm(originals, unit="picture", leave=False, disable=None):
        photo = Photo.open(original)
        start = time.perf_counter()
        answers.append(pipeline(photo, size=size, recolor=True).pixels)
        seconds.append(time.perf_counter() - start)
    return answers, 1000 * float(np.median(seconds))


def score(
    pipeline: ColorizationPipeline, sources: Sequence[str], split: str, sizes: Sequence[int], limit: int | None
) -> dict[str, Any]:
    """One model's ``scores.json``: the first source at the top, further ones under ``also``."""
    sections = [_section(pipeline, source, split, sizes, limit) for source in sources]
    model = pipeline.model
    return {
        "protocol": PROTOCOL,
        "model": {
            "name": pipeline.name,
            "architecture": model.architecture,
            "weights_sha256": model.weights_sha256,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "working_size": model.working_size,
        },
        **sections[0],
        "also": sections[1:],
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}},
    }


def _section(
    pipeline: ColorizationPipeline, source: str, split: str, sizes: Sequence[int], limit: int | None
) -> dict[str, Any]:
    originals, facts = load_pictures(source, split, limit)
    answers, milliseconds = color_all(pipeline, originals, None)
    by_size = {}
    for size in sizes:
        own = size == pipeline.model.working_size
        found = summarize(measure(answers if own else color_all(pipeline, originals, size)[0], originals))
        by_size[str(size)] = {name: found[name] for name in ("gain", "colorfulness", "chroma_ratio")}
    return {
        "data": facts,
        "metrics": summarize(measure(answers, originals)),
        "baselines": {
            "grey": summarize(measure(grey_answers(originals), originals)),
            "original": {"colorfulness": interval(measure(originals, originals)["colorfulness"])},
        },
        "working_sizes": by_size,
        "timing": {
            "milliseconds_per_picture": round(milliseconds, 2),
            "device": pipeline.device.type,
            "precision": pipeline.precision,
            "threads": torch.get_num_threads(),
        },
    }


def _to_bytes(rgb: Tensor) -> np.ndarray:
    return (rgb * 255 + 0.5).to(torch.uint8).permute(0, 2, 3, 1).numpy()


def table(scores: dict[str, Any]) -> Iterator[str]:
    """The figures as lines of text."""
    for section in (scores, *scores["also"]):
        facts = section["data"]
        where = f"{facts['source']}/{facts['split']}"
        yield f"{scores['model']['name']} on {where}, n = {facts['pictures']}, {scores['protocol']}"
        for name, value in section["metrics"].items():
            yield f"  {name:17s} {value['mean']:8.3f}  [{value['low']:.3f}, {value['high']:.3f}]"
        original, grey = (section["baselines"][key]["colorfulness"]["mean"] for key in ("original", "grey"))
        yield f"  colorfulness of the originals {original:.2f}, of grey {grey:.2f}"
        for size, found in section["working_sizes"].items():
            yield (
                "  size " + f"{size:>4s}: " + ", ".join(f"{name} {value['mean']:.3f}" for name, value in found.items())
            )
        yield f"  {section['timing']['milliseconds_per_picture']:.1f} ms a picture"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Answers the exit code: 1 with one sentence when a model or the data cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m training.score", description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="MODEL", help="names, folders or Hub ids")
    parser.add_argument("--data", nargs="+", default=["photos"], help="roles under $COLORHUB_DATA, paths or Hub ids")
    parser.add_argument("--split", default="test")
    parser.add_argument("--sizes", nargs="*", type=int, default=[], help="further working sizes to measure")
    parser.add_argument("--limit", type=int, help="take only the first pictures")
    parser.add_argument("--write", action="store_true", help="put scores.json into the model's folder")
    given = parser.parse_args(arguments)
    try:
        for name in given.models:
            scores = score(ColorizationPipeline(name), given.data, given.split, given.sizes, given.limit)
            print("\n".join(table(scores)))
            if given.write:
                path = Path(model_folder(name)) / "scores.json"
                path.write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
    except (LookupError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
