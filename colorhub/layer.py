"""A photo's colour layer: what a model says about it, small, and how it is put onto the photo at full size."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from colorhub.compose import compose_codes, compose_rows, edge_maps, widen
from colorhub.photo import Photo
from colorhub.working import lightness

_STRIP = 2**22  # pixels composed at a time on an accelerator


@dataclass(frozen=True)
class ColorLayer:
    """What a model says about a photo, at working size.

    ``ab``: ``(1, 2, h, w)`` in CIELAB units; ``L``: ``(1, 1, h, w)``, the photo's lightness there; ``size``: the short
    side in pixels that was asked for, or ``auto``; ``choice``: how it was chosen among several and what the network
    saw, empty for the model's own answer to the photo as it is; ``seen``: as ``L``, what the network saw, if it can
    answer to that anew, knowing hints.
    """

    ab: Tensor
    L: Tensor
    size: int | Literal["auto"]
    choice: str = ""
    seen: Tensor | None = None


def composed(photo: Photo, layer: ColorLayer, vividness: float, device: torch.device) -> np.ndarray:
    """The pixels of a photo with its colour layer: sRGB codes ``(H, W, 3)``, or 4 with the photo's transparency, of the
    photo's own bits.

    Args:
        photo: at full size.
        layer: of the same photo.
        vividness: factor on chroma.
        device: where it is done.
    """
    height, width = photo.grey.shape
    pixels = np.empty((height, width, 3 if photo.alpha is None else 4), np.uint16 if photo.bits == 16 else np.uint8)
    if photo.alpha is not None:
        pixels[..., 3] = photo.alpha
    if device.type == "cuda":
        _compose_tensors(photo.grey, layer, vividness, pixels, device)
    else:
        L, ab = (part[0].float().cpu().numpy() for part in (layer.L, layer.ab))
        compose_codes(photo.grey, L[0], ab, vividness, pixels)
    return pixels


def _compose_tensors(
    grey: np.ndarray, layer: ColorLayer, vividness: float, pixels: np.ndarray, device: torch.device
) -> None:
    """As :func:`~colorhub.compose.compose_codes`, on any device."""
    height, width = grey.shape
    maps = widen(edge_maps(layer.L.to(device), layer.ab.to(device)), width)
    white = float(np.iinfo(pixels.dtype).max)
    rows = max(1, _STRIP // width)
    for first in range(0, height, rows):
        codes = torch.tensor(grey[first : first + rows], device=device)
        rgb = compose_rows(lightness(codes), maps, first, height, vividness)
        strip = (rgb[0] * white + 0.5).to(torch.uint8 if pixels.dtype == np.uint8 else torch.int32).permute(1, 2, 0)
        pixels[first : first + rows, :, :3] = strip.cpu().numpy()
