"""What composing needs to know of colour, as tables by code: the page's scripts look up what torch computed."""

from math import pi

import torch
from safetensors.torch import save
from torch import Tensor

from colorhub.color import (
    F_JOIN,
    F_OFFSET,
    F_SLOPE,
    WHITE,
    XYZ_TO_RGB,
    chroma_limits,
    grey_lightness,
    grey_to_lightness,
    lightness_to_grey,
    linear_to_srgb,
    srgb_to_linear,
)

_LARGEST = 65535  # code, and step of linear light
_FACTORS = 400  # steps of the gamut table a unit of chroma: the strongest colour of sRGB has 134


def compose_tables() -> bytes:
    """A safetensors file.

    ``lightness`` and ``luminance`` ``(65536,)`` by grey code of 16 bits; ``light`` ``(3, 256)``, what each channel of
    8-bit sRGB adds to the light of the grey that has its lightness; ``grey`` ``(65536,)``, code by light; ``srgb``
    ``(65536,)``, 8-bit code by linear light; ``limits`` ``(rows, columns)``, the largest chroma by lightness and
    direction, in units of ``unit``; ``matrix`` ``(3, 4)``, from X and Z without the constant of CIELAB's inverse, and
    Y, to linear RGB in steps; ``curve``: where that inverse becomes a line, and what the line divides by.

    Example:
        >>> from colorhub.export.static_site.compose_tables import compose_tables
        >>> from safetensors.torch import load
        >>> round(float(load(compose_tables())["lightness"][32768]), 1)
        53.4
    """
    codes = torch.arange(_LARGEST + 1) / _LARGEST
    matrix = torch.tensor(XYZ_TO_RGB, dtype=torch.float64) * torch.tensor(WHITE, dtype=torch.float64) * _LARGEST
    constant = 0.5 - (matrix[:, 0] + matrix[:, 2]) * (F_OFFSET / F_SLOPE)  # 0.5: decimals are cut off
    return save(
        {
            "lightness": grey_to_lightness(codes[None, None, None])[0, 0, 0].contiguous(),
            "luminance": srgb_to_linear(codes),
            "light": _light(),
            "grey": linear_to_srgb(codes) * _LARGEST,
            "srgb": (linear_to_srgb(codes) * 255 + 0.5).to(torch.uint8),
            "limits": (_limits_by_direction() * _FACTORS).round().to(torch.uint16),
            "unit": torch.tensor([1 / _FACTORS]),
            "matrix": torch.cat([matrix, constant[:, None]], dim=1).float().contiguous(),
            "curve": torch.tensor([F_JOIN, F_SLOPE]),
        }
    )


def _light() -> Tensor:
    primaries = torch.eye(3)[:, :, None, None]
    luminance = srgb_to_linear(lightness_to_grey(grey_lightness(primaries))).flatten()
    return ((luminance / luminance.sum())[:, None] * srgb_to_linear(torch.arange(256) / 255)[None]).contiguous()


def _limits_by_direction() -> Tensor:
    """:func:`~colorhub.color.chroma_limits` by lightness and by the place of a direction on a square: -2 to 2 from hue
    -pi to pi."""
    limits = chroma_limits()
    columns = limits.shape[1]
    place = (torch.arange(columns) + 0.5) * (4 / columns) - 2
    a = 1 - place.abs()
    hue = torch.atan2((1 - a.abs()) * place.sign(), a)
    cells = ((hue + pi) * (columns / (2 * pi))).long().clamp(0, columns - 1)
    return limits[:, cells].contiguous()
