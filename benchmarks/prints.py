"""Are old prints coloured and colour photographs left alone? And: the network that decides it, fitted anew.

``COLORHUB_DATA=... python benchmarks/prints.py [--fit] [--count 220] [--held-out] [--pictures DIR...] [--speed]``

Prints are made of photos/validation and people/validation, ``--count`` of each kind of ``print_kinds.py``, and judged
as files; so are the colour photographs of ``--split`` at full, half and a quarter of their chroma. Printed are the
shares that are coloured (``no`` and ``unsure`` together) and ``unsure``. ``--held-out`` adds the kind that nothing was
fitted to, ``--pictures`` every picture of folders, by name where the answer is not ``no``.

``--fit`` fits network and thresholds of ``colorhub/photo/tint.safetensors`` to the same kinds and photographs of
validation, and to nothing else: of the photographs 2.5 % are coloured, of the prints (more of the hardest kinds than of
the others) 22 % are not sure, both by scores of networks that did not see them. Without it the prints are others, by
another seed.
"""

import argparse
import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from print_kinds import KINDS, held_out, made
from safetensors.numpy import save_file
from torch.nn.functional import binary_cross_entropy_with_logits, softplus
from tqdm import tqdm

from colorhub import Photo
from colorhub.photo import ColorAnswer, tint
from colorhub.photo.tint_measures import measure, small_lab
from training.data.sources import open_pictures

SETS = ("photos", "people")
CHROMAS = (1.0, 0.5, 0.25)
ANSWERS = (ColorAnswer.NO, ColorAnswer.UNSURE)
_WEIGHT = {1.0: 1.0, 0.5: 0.5, 0.25: 0.1}  # of a colour photograph in the fit, by its chroma
_PRINT = 0.4
_HIDDEN, _NETWORKS, _STEPS, _FOLDS = 28, 4, 600, 4
_MORE = {"stained": 3, "mixed_light": 3, "several": 3, "misregistered": 2}  # times as many, of the hardest
_HARD = ("stained", "mixed_light", "several", "foxing_and_mirror")  # and twice the weight
_FREE = ("shown", "area", "texture", "contrast", "warm", "along")  # measures that may speak for either
_DECAY = 1e-4
_REPAINTED, _UNSURE = 0.025, 0.22


def photographs(split: str) -> list[np.ndarray]:
    """Colour photographs, ``(H, W, 3)`` uint8 each."""
    rows = [row for name in SETS for row in open_pictures([name], split)]
    return [np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB")) for row in rows]


def muted(rgb: np.ndarray, chroma: float) -> np.ndarray:
    """The same picture with a part of its chroma."""
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2Lab) * np.float32([1, chroma, chroma])
    return np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB) * 255, 0, 255).round().astype(np.uint8)


def prints(kind: Callable, pictures: list[np.ndarray], count: int, seed: int) -> Iterable[np.ndarray]:
    """Prints of a kind, as their files are read."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind.__name__) if kind.__name__ in KINDS else 99])
    for number in rng.choice(len(pictures), count, replace=count > len(pictures)):
        yield np.asarray(Image.open(io.BytesIO(made(kind, pictures[number], rng))))


def answers(pictures: Iterable[np.ndarray]) -> list[ColorAnswer]:
    """What is said of each picture."""
    return [ColorAnswer.NO if (rgb[..., :1] == rgb).all() else tint.seen_in_color(rgb) for rgb in pictures]


def say(name: str, found: list[ColorAnswer]) -> None:
    """Print the shares of a set."""
    colored, unsure = (np.mean([one in which for one in found]) for which in (("no", "unsure"), ("unsure",)))
    print(f"{name:34s} {len(found):5d}  coloured {colored:6.1%}  not sure {unsure:6.1%}", flush=True)


def fitted(
    inputs: np.ndarray, in_color: np.ndarray, weight: np.ndarray, names: list[str], seed: int
) -> list[np.ndarray]:
    """First and second layer, with biases, of a network on inputs ``(n, k)`` that are noisy while it learns.

    In networks of an even ``seed`` what curves leave over can only speak for colour: weights of such measures are
    positive, and those of the second layer. A print that is cleaner than all that were fitted to does not surprise
    them. The others have no such bounds and see more in stains and lamps.
    """
    torch.manual_seed(seed)
    x, y, w = (torch.tensor(one, dtype=torch.float32) for one in (inputs, in_color, weight))
    free = torch.tensor([name.startswith(_FREE) or "of all" in name or "chroma" in name for name in names])[:, None]
    free = free | (seed % 2 == 1)
    raw = torch.where(free, 0.2, 0.5) * torch.randn(len(names), _HIDDEN) - torch.where(free, 0.0, 2.5)
    layers = [raw, torch.randn(_HIDDEN), 0.5 * torch.randn(_HIDDEN), torch.zeros(1)]
    for layer in layers:
        layer.requires_grad_()

    def weights() -> tuple[torch.Tensor, torch.Tensor]:
        return torch.where(free, layers[0], softplus(layers[0])), softplus(layers[2])

    optimizer = torch.optim.Adam(layers, lr=0.03)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _STEPS)
    for _ in range(_STEPS):
        first, second = weights()
        scores = torch.tanh((x + 0.1 * torch.randn_like(x)) @ first + layers[1]) @ second + layers[3]
        loss = (w * binary_cross_entropy_with_logits(scores, y, reduction="none")).sum() / w.sum()
        loss = loss + _DECAY * (first.square().sum() + second.square().sum())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    first, second = weights()
    return [one.detach().numpy() for one in (first, layers[1], second, layers[3])]


def several(*fitted_to: Any) -> dict[str, np.ndarray]:
    """The mean of some networks, which is one network."""
    found = [fitted(*fitted_to, seed) for seed in range(_NETWORKS)]
    first, first_bias, second, second_bias = zip(*found, strict=True)
    return {
        "first": np.concatenate(first, axis=1),
        "first_bias": np.concatenate(first_bias),
        "second": np.concatenate(second) / _NETWORKS,
        "second_bias": np.mean(second_bias),
    }


def scores(network: dict[str, np.ndarray], inputs: np.ndarray) -> np.ndarray:
    """Scores of scaled inputs."""
    return np.tanh(inputs @ network["first"] + network["first_bias"]) @ network["second"] + network["second_bias"]


def _weight(name: str, chroma: float) -> float:
    return _WEIGHT.get(chroma, 2 * _PRINT if name in _HARD else _PRINT)


def fit(sets: dict[tuple[str, float], list[dict[str, float]]]) -> dict[str, np.ndarray]:
    """The network and its thresholds, from the measures of prints (chroma 0) and photographs by name and chroma."""
    raw = np.concatenate([[tint.scaled(one) for one in measures] for measures in sets.values()])
    chroma = np.concatenate([np.full(len(measures), chroma) for (_, chroma), measures in sets.items()])
    plain = np.concatenate([[tint.is_of_one_tone(one) for one in measures] for measures in sets.values()])
    measured = list(next(iter(sets.values()))[0])
    mean, deviation = raw.mean(axis=0), raw.std(axis=0) + 1e-6
    inputs, in_color = np.clip((raw - mean) / deviation, -tint.FAR, tint.FAR), (chroma > 0).astype(float)
    weight = np.concatenate([np.full(len(of), _weight(name, chroma)) for (name, chroma), of in sets.items()])
    fold, unseen = np.random.default_rng(0).integers(0, _FOLDS, len(raw)), np.full(len(raw), -20.0)
    for one in range(_FOLDS):
        out = fold == one
        network = several(inputs[~out], in_color[~out], weight[~out], measured)
        unseen[out] = np.where(plain[out], -20, scores(network, inputs[out]))
    yes = np.quantile(unseen[chroma == 1], _REPAINTED)
    no = min(yes, np.quantile(unseen[chroma == 0], 1 - _UNSURE - np.mean(unseen[chroma == 0] >= yes)))
    names = np.concatenate([[f"{name} {chroma:g}"] * len(measures) for (name, chroma), measures in sets.items()])
    for name in dict.fromkeys(names):
        say(name, [ColorAnswer.YES if one >= yes else ANSWERS[int(one >= no)] for one in unseen[names == name]])
    network = several(inputs, in_color, weight, measured)
    return {"mean": mean, "deviation": deviation, **network, "thresholds": np.array([no, yes])}


def main() -> None:
    """Fit if asked, then print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fit", action="store_true", help="and write colorhub/photo/tint.safetensors")
    parser.add_argument("--measures", type=Path, help="of the fit: kept in this file, and read from it if it is there")
    parser.add_argument("--count", type=int, default=220, help="prints of each kind")
    parser.add_argument("--split", nargs="*", default=["validation"], help="of the colour photographs")
    parser.add_argument("--held-out", action="store_true", help="also the kind that nothing was fitted to")
    parser.add_argument("--pictures", type=Path, nargs="*", default=[], help="folders of pictures to judge")
    parser.add_argument("--speed", action="store_true", help="only time a photo of 12 megapixels")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    if given.speed:
        return speed()
    validation = photographs("validation")
    if given.fit:
        network = fit(_measured(given, validation))
        save_file({name: np.asarray(one, np.float32) for name, one in network.items()}, tint.WEIGHTS)
        return None
    report(given, validation)
    return None


def _measured(given: argparse.Namespace, validation: list[np.ndarray]) -> dict[tuple[str, float], list[dict]]:
    """What is fitted to, by name and chroma."""
    if given.measures and given.measures.is_file():
        kept = json.loads(given.measures.read_text())
        return {(name, chroma): measures for name, chroma, measures in kept}
    sets = {}
    for name, kind in tqdm(KINDS.items(), disable=None):
        made_of_it = prints(kind, validation, given.count * _MORE.get(name, 1), 14)
        sets[name, 0.0] = [measure(small_lab(one)) for one in made_of_it]
    for chroma in CHROMAS:
        some = validation if chroma > 0.25 else validation[::4]
        sets["photographs", chroma] = [measure(small_lab(muted(one, chroma))) for one in some]
    if given.measures:
        given.measures.write_text(json.dumps([[*key, measures] for key, measures in sets.items()]))
    return sets


def report(given: argparse.Namespace, validation: list[np.ndarray]) -> None:
    """Print the shares of everything asked for."""
    kinds = KINDS | ({"held out": held_out} if given.held_out else {})
    for name, kind in kinds.items() if given.count else ():
        say(name, answers(prints(kind, validation, given.count, 15)))
    for split in given.split:
        pictures = photographs(split)
        for chroma in CHROMAS:
            say(f"{split}, chroma {chroma:g}", answers(muted(one, chroma) if chroma < 1 else one for one in pictures))
    for folder in given.pictures:
        found = {path.name: Photo.open(path).in_color for path in sorted(folder.glob("*.*")) if path.suffix != ".md"}
        say(folder.name, list(found.values()))
        print("  " + ", ".join(f"{name}: {answer}" for name, answer in found.items() if answer != ColorAnswer.NO))


def speed() -> None:
    """Print the time of a judgement."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (30, 40, 3), np.uint8)
    rgb = cv2.resize(small, (4000, 3000), interpolation=cv2.INTER_CUBIC)
    times = []
    for _ in range(30):
        start = perf_counter()
        tint.seen_in_color(rgb)
        times.append(perf_counter() - start)
    print(f"12 megapixels: {1000 * min(times):.1f} ms at best, {1000 * float(np.median(times)):.1f} ms in the middle")


if __name__ == "__main__":
    main()
