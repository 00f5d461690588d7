"""Other greys of a picture than the one a colorizer was trained on: luma, films, fading, a white border."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from colorhub import Photo
from colorhub.color import grey_lightness, lightness_to_grey
from training.data.augment import mix_channels
from training.scoring.figures import as_tensor
from training.scoring.protocol import Robustness

OUTSIDE = "white border"


def grey_photo(original: np.ndarray, protocol: str) -> Photo:
    """An original's photo under a grey protocol: its own lightness under ``lab``."""
    return Photo.open(original) if protocol == "lab" else _photo(grey_lightness(as_tensor([original]), protocol))


def variants(robustness: Robustness) -> dict[str, Callable[[np.ndarray], Photo]]:
    """By name, what makes a grey photo of an original ``(S, S, 3)`` uint8."""
    films = {f"film {name}": _film(weights) for name, weights in robustness.films.items()}
    return {
        "luma": lambda original: grey_photo(original, "luma"),
        **films,
        "fading": lambda original: _faded(original, *robustness.fading),
        OUTSIDE: lambda original: _bordered(original, robustness.border),
    }


def inside(answer: np.ndarray, size: int) -> np.ndarray:
    """An answer without the border around its ``size`` pixels."""
    top, left = ((side - size) // 2 for side in answer.shape[:2])
    return answer[top : top + size, left : left + size]


def _film(weights: tuple[float, float, float]) -> Callable[[np.ndarray], Photo]:
    mix = torch.tensor(weights).view(1, 3, 1, 1)
    return lambda original: _photo_of_grey(mix_channels(as_tensor([original]), mix))


def _faded(original: np.ndarray, black: float, white: float) -> Photo:
    grey = lightness_to_grey(grey_lightness(as_tensor([original])))
    return _photo_of_grey(black + (white - black) * grey)


def _bordered(original: np.ndarray, border: float) -> Photo:
    width = round(border * len(original))
    grey = lightness_to_grey(grey_lightness(as_tensor([original])))
    return _photo_of_grey(torch.nn.functional.pad(grey, [width] * 4, value=1.0))


def _photo(L: Tensor) -> Photo:
    return _photo_of_grey(lightness_to_grey(L))


def _photo_of_grey(grey: Tensor) -> Photo:
    return Photo.open((grey[0, 0] * 65535).round().numpy().astype(np.uint16))
