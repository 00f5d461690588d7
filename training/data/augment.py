"""What is done to a picture before the network sees it. Everything random comes from numbers that the caller draws."""

from math import exp, log

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from colorhub.color import codes_to_lab, grey_lightness, grey_to_lightness
from training.config import Crop, Data

_LEAST_GAIN = 0.6  # of a channel of linear light
FILM_DRAWS = 10  # numbers in 0..1 that describe one film response


def random_crop(picture: Image.Image, crop: Crop, data: Data, random: np.random.Generator) -> Image.Image:
    """A square of ``crop.size`` pixels out of a picture of any size: scaled, stretched, placed, flipped at random."""
    low, high = crop.cover
    cover = exp(random.uniform(log(max(low, 1e-2)), log(max(high, 1e-2))))
    stretch = exp(random.uniform(-1, 1) * log(data.aspect_jitter))
    across, down, flip = random.random(3)
    width, height = picture.size
    side = cover * min(width, height)
    box_width, box_height = min(width, side * stretch), min(height, side / stretch)
    left, top = across * (width - box_width), down * (height - box_height)
    box = (left, top, left + box_width, top + box_height)
    square = picture.resize((crop.size, crop.size), Image.Resampling.BICUBIC, box=box, reducing_gap=3)
    square = white_balanced(square, picture, data.white_balance) if data.white_balance else square
    return square.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip < data.flip else square


def white_balanced(square: Image.Image, picture: Image.Image, strength: float) -> Image.Image:
    """A part of a picture without the colour cast of the whole, as far as ``strength`` (0..1) says.

    The light's colour is estimated by shades of grey (Finlayson and Trezzi 2004, Minkowski norm of 6, over cells of the
    whole picture). Photographs by lamplight are warm all over; a model that learns from them makes old prints sepia.
    """
    small = np.asarray(picture.resize((32, 32), Image.Resampling.BOX), dtype=np.float64) / 255
    light = ((small**2.2) ** 6).mean(axis=(0, 1)) ** (1 / 6) + 1e-3
    gains = ((light.mean() / light) ** strength).clip(_LEAST_GAIN, 1 / _LEAST_GAIN) ** (1 / 2.2)
    return Image.fromarray((np.asarray(square) * gains).clip(0, 255).round().astype(np.uint8))


def center_crop(picture: Image.Image, size: int) -> Image.Image:
    """The largest centred square, resized to ``size`` pixels."""
    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    return picture.resize((size, size), Image.Resampling.BICUBIC, box=box, reducing_gap=3)


def is_grey(picture: Image.Image, threshold: float) -> bool:
    """Whether the mean distance between a pixel's largest and smallest channel is below ``threshold`` (of 255)."""
    r, g, b = np.moveaxis(np.asarray(picture), 2, 0)  # several times faster than np.ptp over the short axis
    spread = np.maximum(np.maximum(r, g), b) - np.minimum(np.minimum(r, g), b)
    return float(spread.mean()) < threshold


def lightness_and_color(codes: Tensor, draws: Tensor, data: Data) -> tuple[Tensor, Tensor]:
    """``(L, ab)`` of a batch: ab is the picture's own, L is made by the recipe's grey protocol or by a film response.

    Args:
        codes: uint8 ``(B, 3, H, W)``.
        draws: ``(B, FILM_DRAWS)`` in 0..1, the random numbers of each picture.
    """
    L, ab = codes_to_lab(codes)
    if data.grey != "lab":
        L = grey_lightness(codes.float() / 255, data.grey)
    chosen = (draws[:, 0] < data.film).nonzero()[:, 0]
    if len(chosen):
        on_device = chosen.to(L.device)
        L[on_device] = film_lightness(codes[on_device].float() / 255, draws[chosen])
    return L, ab


def film_lightness(rgb: Tensor, draws: Tensor) -> Tensor:
    """Lightness as an old print might show it: a random channel mix, gamma, softness, uneven light, fading and grain.

    Orthochromatic film is blind to red and early plates saw little but blue, hence the skewed mix; lenses were soft and
    dark towards the corners, or the print has faded from its edges; prints fade to a narrower range between a lifted
    black and a yellowed white. ``draws``: ``(B, FILM_DRAWS)`` in 0..1.
    """
    d = draws.to(rgb).view(*draws.shape, 1, 1, 1)
    weights = torch.stack([0.02 + 0.63 * d[:, 1], 0.15 + 0.65 * d[:, 2], 0.05 + 0.75 * d[:, 3]], dim=1)[:, :, 0]
    grey = mix_channels(rgb, weights)
    grey = grey.clamp(1e-4, 1) ** torch.exp((2 * d[:, 4] - 1) * log(1.7))
    grey = torch.lerp(grey, _softened(grey), d[:, 8] ** 2)
    grey = (grey * (1 + (0.25 - 0.6 * d[:, 9]) * _distance_from_center(grey) ** 2)).clamp(0, 1)
    black, white = 0.25 * d[:, 5], 1 - 0.2 * d[:, 6]
    grey = black + (white - black) * grey
    return grey_to_lightness(grey + 0.05 * d[:, 7] ** 2 * _grain(rgb, draws))


def mix_channels(rgb: Tensor, weights: Tensor) -> Tensor:
    """Grey ``(B, 1, H, W)`` of RGB in 0..1 by weights ``(B, 3, 1, 1)`` of any sum."""
    return (rgb * (weights / weights.sum(dim=1, keepdim=True))).sum(dim=1, keepdim=True)


def _softened(grey: Tensor) -> Tensor:
    """``(B, 1, H, W)`` twice under a box of some 1/40 of the picture."""
    radius = max(1, round(min(grey.shape[-2:]) / 80))
    for _ in range(2):
        grey = F.avg_pool2d(F.pad(grey, [radius] * 4, mode="replicate"), 2 * radius + 1, stride=1)
    return grey


def _distance_from_center(grey: Tensor) -> Tensor:
    """``(H, W)``: 0 in the middle, 1 in the corners."""
    down, across = (torch.linspace(-1, 1, n, dtype=grey.dtype, device=grey.device) for n in grey.shape[-2:])
    return torch.hypot(down[:, None], across[None, :]) / 2**0.5


def _grain(rgb: Tensor, draws: Tensor) -> Tensor:
    # Seeded by the batch's own draws, so that a resumed run sees the same grain.
    seed = int(draws.double().sum().item() * 1e9) % (2**62)
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rgb.shape[0], 1, *rgb.shape[2:], generator=generator).to(rgb)
