"""What an arm's model answers, measured: colours by the metrics of the scores and the judge, a value a picture."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from colorhub import load
from colorhub.color import fit_gamut, grey_lightness, lab_to_rgb, rgb_to_lab
from colorhub.models.base import HubModel
from training.prior import bin_weights
from training.reproduce.spec import Arm, Figures, Setting
from training.scoring.distances import paired_kernel
from training.scoring.figures import as_bytes, as_codes, as_tensor, measure
from training.scoring.judge import load_judge, missing_judge
from training.scoring.judging import KERNEL
from training.scoring.pictures import load_pictures
from training.scoring.protocol import Cut

METRICS = ("psnr", "gain", "ssim", "colorfulness", "chroma_ratio", "ab_auc", "ab_auc_rebalanced")
PRIOR = "training/priors/photos+people.json"
PHOTOGRAPHS = (("photos", "test"), ("people", "test"))
PHOTOGRAPHS_NEEDED = {  # what PHOTOGRAPHS and trainings on the same roles need
    "photos": "a folder of photographs in colour with the splits train, validation and test, as docs/train.md says",
    "people": "a folder of photographs of people in colour with the splits train and test, as docs/train.md says",
}
Answers = Callable[[Tensor], Tensor]  # RGB (B, 3, H, W) in 0..1 to ab (B, 2, H, W)
_GROUP = 16


def pictures_of(sources: Sequence[tuple[str, str]], setting: Setting) -> list[np.ndarray]:
    """The pictures with colour of some sources and their splits, as squares: uint8 ``(S, S, 3)``."""
    cut = Cut(crop="centre", size=setting.size)
    found = []
    for source, split in sources:
        own = load_pictures(source, split, cut, setting.limit).own
        found += [one.pixels for _, chunk in sorted(own.items()) for one in chunk]
    return found


def model_of(folder: Path, **config: Any) -> HubModel:
    """A run's best model; ``config``: constructor keywords that are changed, which its weights fit all the same."""
    model = load(folder / "best")
    if config:
        changed = type(model)(**{**_keywords(folder), **config})
        changed.load_state_dict(model.state_dict())
        model = changed
    return model.float().eval()


def _keywords(folder: Path) -> dict[str, Any]:
    config = json.loads((folder / "best" / "config.json").read_text(encoding="utf-8"))
    return {name: value for name, value in config.items() if name not in ("architecture", "colorhub_version")}


def from_lightness(model: HubModel, rgb: Tensor, grey: str = "lab") -> Tensor:
    """What a model answers to the pictures' grey: ab."""
    return model(grey_lightness(rgb, grey)).ab.float()


@torch.inference_mode()
def color_figures(
    answers: Mapping[str, Answers],
    pictures: Sequence[np.ndarray],
    metrics: Sequence[str] = METRICS,
    vividness: Sequence[float] = (),
    judge: bool = True,
) -> Figures:
    """Figures of several ways to answer, under ``variant/metric``; those of ``""`` are the arm's own.

    Answers get the originals' lightness and lose chroma where sRGB does not hold a colour, as everywhere. Figures of
    answers with more and less chroma stand under ``x0.5/metric``.
    """
    ways: dict[str, Answers] = dict(answers)
    ways |= {f"x{factor:g}": partial(_scaled, answers[""], factor) for factor in vividness}
    found: Figures = {}
    judged = judge and missing_judge() is None
    originals = _seen(pictures) if judged else None
    for variant, way in ways.items():
        own = _measured(way, pictures, metrics, judged)
        if originals is not None:
            kernel = paired_kernel(own.pop("judged"), originals)
            own[KERNEL] = np.concatenate([[kernel.value], kernel.draws])
        found |= {f"{variant}/{name}" if variant else name: values for name, values in own.items()}
    return found


def _scaled(way: Answers, factor: float, rgb: Tensor) -> Tensor:
    return way(rgb) * factor


def _measured(way: Answers, pictures: Sequence[np.ndarray], metrics: Sequence[str], judged: bool) -> Figures:
    rarity = bin_weights(PRIOR, mix=0.0) if "ab_auc_rebalanced" in metrics else None
    parts: list[Figures] = []
    for start in range(0, len(pictures), _GROUP):
        group = pictures[start : start + _GROUP]
        answers = painted(way, group)
        parts.append(measure(answers, group, metrics, rarity))
        if judged:
            parts[-1]["judged"] = _features(answers)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def painted(way: Answers, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Pictures with their own lightness and the colours of an answer: uint8 ``(S, S, 3)``."""
    rgb = as_tensor(pictures)
    L, _ = rgb_to_lab(rgb)
    return as_bytes(lab_to_rgb(L, fit_gamut(L, way(rgb))))


def _seen(pictures: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([_features(pictures[i : i + _GROUP]) for i in range(0, len(pictures), _GROUP)])


def _features(pictures: Sequence[np.ndarray]) -> np.ndarray:
    features, _ = load_judge()(as_codes(pictures))
    return features.double().numpy()


def photographs(folder: Path, arm: Arm, setting: Setting) -> Figures:
    """The exam of most arms: the test pictures of photos and people."""
    model = model_of(folder)
    return color_figures({"": partial(from_lightness, model)}, pictures_of(PHOTOGRAPHS, setting))


def validation_curve(folder: Path, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of a figure that was validated while training."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    kept = [(line["step"], line[metric]) for line in lines if line["kind"] == "validation" and metric in line]
    steps, values = zip(*kept, strict=True)
    return np.array(steps, float), np.array(values, float)
