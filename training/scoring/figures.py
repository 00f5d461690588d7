"""Figures of answers beside their originals: each conversion to CIELAB is made once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from colorhub import metrics
from colorhub.color import codes_to_lab, fit_gamut, lab_to_rgb
from training.scoring.summary import Figures


def as_codes(pictures: Sequence[np.ndarray]) -> Tensor:
    """uint8 ``(H, W, 3)`` pictures to one uint8 ``(B, 3, H, W)`` tensor."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()


def as_tensor(pictures: Sequence[np.ndarray]) -> Tensor:
    """uint8 ``(H, W, 3)`` pictures to one ``(B, 3, H, W)`` tensor in 0..1."""
    return as_codes(pictures).float() / 255


def as_bytes(rgb: Tensor) -> list[np.ndarray]:
    """``(B, 3, H, W)`` in 0..1 to uint8 ``(H, W, 3)`` pictures."""
    return list((rgb * 255 + 0.5).to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy())


class Side:
    """Some pictures, and what is derived from them. ``codes``: uint8 ``(B, 3, H, W)``."""

    def __init__(self, pictures: Sequence[np.ndarray]) -> None:
        self.codes = as_codes(pictures)

    @cached_property
    def rgb(self) -> Tensor:
        return self.codes.float() / 255

    @cached_property
    def lab(self) -> tuple[Tensor, Tensor]:
        return codes_to_lab(self.codes)

    @property
    def L(self) -> Tensor:  # the field's name, as everywhere
        return self.lab[0]

    @property
    def ab(self) -> Tensor:
        return self.lab[1]

    @cached_property
    def chroma(self) -> Tensor:
        return metrics.mean_norm(self.ab)

    @cached_property
    def colorfulness(self) -> Tensor:
        return metrics.colorfulness(self.rgb)


@dataclass(frozen=True)
class Pair:
    """Answers, originals, and how much a pixel of each colour bin counts, ``(313,)``, where that is known."""

    answer: Side
    original: Side
    rarity: Tensor | None = None


def _psnr(pair: Pair) -> Tensor:
    return metrics.psnr(pair.answer.rgb, pair.original.rgb)


def _gain(pair: Pair) -> Tensor:
    return _psnr(pair) - metrics.psnr(metrics.grey_picture(pair.original.L), pair.original.rgb)


def _ciede2000(pair: Pair) -> Tensor:
    return metrics.ciede2000(*pair.answer.lab, *pair.original.lab)


METRICS: dict[str, Callable[[Pair], Tensor]] = {
    "psnr": _psnr,
    "gain": _gain,
    "ssim": lambda pair: metrics.ssim(pair.answer.rgb, pair.original.rgb),
    "ciede2000": _ciede2000,
    "colorfulness": lambda pair: pair.answer.colorfulness,
    "colorfulness_absolute": lambda pair: metrics.colorfulness_absolute(pair.answer.rgb),
    "colorfulness_difference": lambda pair: pair.answer.colorfulness - pair.original.colorfulness,
    "chroma_ratio": lambda pair: pair.answer.chroma / pair.original.chroma,
    "ab_auc": lambda pair: metrics.raw_accuracy(pair.answer.ab, pair.original.ab),
    "ab_auc_rebalanced": lambda pair: metrics.raw_accuracy(pair.answer.ab, pair.original.ab, pair.rarity),
    "bleeding": lambda pair: metrics.bleeding(pair.answer.ab, pair.original.ab),
    "blotchiness": lambda pair: metrics.blotchiness(pair.answer.ab, pair.original.L, pair.original.ab),
    "lightness_error": lambda pair: (pair.answer.L - pair.original.L).abs().mean(dim=(1, 2, 3)),
}


@torch.inference_mode()
def measure(
    answers: Sequence[np.ndarray],
    originals: Sequence[np.ndarray],
    names: Iterable[str],
    rarity: Tensor | None = None,
    further: dict[str, Callable[[Pair], Tensor]] | None = None,
) -> Figures:
    """The named metrics of 8-bit answers against 8-bit originals, a value a picture; rebalanced ones are pairs of a
    value and a weight. ``further``: functions to be used beside :data:`METRICS`."""
    known = METRICS | (further or {})
    pair = Pair(Side(answers), Side(originals), rarity)
    return {name: known[name](pair).double().cpu().numpy() for name in names}


@torch.inference_mode()
def grey_answers(originals: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The answer without colour, as 8-bit pictures."""
    return as_bytes(metrics.grey_answer(as_tensor(originals)))


@torch.inference_mode()
def recolored(
    lightness_of: Sequence[np.ndarray], colors: Sequence[np.ndarray] | tuple[float, float]
) -> list[np.ndarray]:
    """The lightness of some pictures with the colours of others, or with one colour (a, b): 8-bit pictures. Colours
    that sRGB does not hold at that lightness lose chroma."""
    L, _ = codes_to_lab(as_codes(lightness_of))
    if isinstance(colors, tuple):
        ab = torch.tensor(colors, dtype=torch.float32).view(1, 2, 1, 1).expand(len(L), 2, *L.shape[2:])
    else:
        _, ab = codes_to_lab(as_codes(colors))
    return as_bytes(lab_to_rgb(L, fit_gamut(L, ab)))


@torch.inference_mode()
def with_chroma(pictures: Sequence[np.ndarray], factor: float) -> list[np.ndarray]:
    """8-bit pictures with all chroma multiplied by ``factor``, lightness and hue kept."""
    L, ab = codes_to_lab(as_codes(pictures))
    return as_bytes(lab_to_rgb(L, fit_gamut(L, ab * factor)))
