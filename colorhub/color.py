"""Colour science in torch: sRGB <-> CIELAB (D65, 2 degrees), grey protocols, chroma-only gamut mapping.

Every function takes and returns float32, also under autocast and for half precision input. The constants are those of
IEC 61966-2-1 (sRGB) and CIE 15 (Lab), with the white point that scikit-image uses, so both agree.

Shapes: ``rgb`` is ``(B, 3, H, W)`` in 0..1, ``L`` is ``(B, 1, H, W)`` in 0..100, ``ab`` is ``(B, 2, H, W)`` in CIELAB
units.
"""

from functools import cache
from math import pi

import torch
from torch import Tensor

_WHITE = (0.95047, 1.0, 1.08883)
_RGB_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
_XYZ_TO_RGB = (
    (3.24048134, -1.53715152, -0.49853633),
    (-0.96925495, 1.87599, 0.04155593),
    (0.05564664, -0.20404134, 1.05731107),
)
_EPSILON, _KAPPA_SLOPE = 0.008856, 7.787  # CIE 15: where the cube root gives way to a straight line
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, on gamma-encoded values
# Linear light that may be clipped, about half an 8-bit level: near yellow the ray of constant hue leaves sRGB by 0.3 %
# and comes back, and a stricter test would cut the chroma of pure yellow from 97 to 24.
_SLACK = (2e-4, 4e-3)
_LIMIT_ROWS, _LIMIT_COLUMNS = 1024, 1024  # resolution of the gamut table in lightness and in hue

GREY_PROTOCOLS = ("lab", "luma")


def srgb_to_linear(rgb: Tensor) -> Tensor:
    """Undo the sRGB transfer curve, element by element. Values outside 0..1 are clamped."""
    rgb = rgb.float().clamp(0, 1)
    return torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)


def linear_to_srgb(linear: Tensor) -> Tensor:
    """Apply the sRGB transfer curve, element by element. Values outside 0..1 are clamped."""
    linear = linear.float().clamp(0, 1)
    # The inner clamp keeps the gradient of the unused branch finite at 0.
    return torch.where(linear > 0.0031308, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055, 12.92 * linear)


def _f(t: Tensor) -> Tensor:
    return torch.where(t > _EPSILON, t.clamp(min=_EPSILON) ** (1 / 3), _KAPPA_SLOPE * t + 16 / 116)


def _f_inverse(f: Tensor) -> Tensor:
    return torch.where(f > 0.2068966, f * f * f, (f - 16 / 116) / _KAPPA_SLOPE)


def _mix(channels: Tensor, weights: tuple[float, float, float], scale: float = 1.0) -> Tensor:
    r, g, b = (w * scale for w in weights)
    return channels[:, 0:1] * r + channels[:, 1:2] * g + channels[:, 2:3] * b


def rgb_to_lab(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """sRGB ``(B, 3, H, W)`` in 0..1 to ``(L, ab)``."""
    _expect_channels(rgb, 3, "rgb")
    linear = srgb_to_linear(rgb)
    x, y, z = (_f(_mix(linear, row, 1 / white)) for row, white in zip(_RGB_TO_XYZ, _WHITE, strict=True))
    return 116 * y - 16, torch.cat([500 * (x - y), 200 * (y - z)], dim=1)


def lab_to_linear(L: Tensor, ab: Tensor) -> Tensor:
    """CIELAB to linear RGB ``(B, 3, H, W)``, unclipped: values outside 0..1 are colours that sRGB does not hold."""
    _expect_channels(L, 1, "L")
    _expect_channels(ab, 2, "ab")
    fy = (L.float() + 16) / 116
    fx, fz = fy + ab[:, 0:1].float() / 500, fy - ab[:, 1:2].float() / 200
    x, y, z = (_f_inverse(f) * white for f, white in zip((fx, fy, fz), _WHITE, strict=True))
    return torch.cat([x * row[0] + y * row[1] + z * row[2] for row in _XYZ_TO_RGB], dim=1)


def lab_to_rgb(L: Tensor, ab: Tensor) -> Tensor:
    """CIELAB to sRGB ``(B, 3, H, W)`` in 0..1. Colours outside sRGB are clipped channel by channel, which changes their
    lightness: map them with :func:`fit_gamut` first where that matters."""
    return linear_to_srgb(lab_to_linear(L, ab))


def grey_lightness(rgb: Tensor, protocol: str = "lab") -> Tensor:
    """The lightness ``L`` a colorizer is given for the colour picture ``rgb``.

    ``lab`` is CIELAB L* of the colours; ``luma`` is L* of the BT.601 luma of the gamma-encoded values, which is what a
    grey file holds. Both agree for grey pictures. Raises ``ValueError`` for another protocol.
    """
    if protocol == "lab":
        return rgb_to_lab(rgb)[0]
    if protocol == "luma":
        return grey_to_lightness(_mix(rgb.float(), _LUMA))
    raise ValueError(f"Unknown grey protocol {protocol!r}. Expected one of {', '.join(GREY_PROTOCOLS)}.")


def grey_to_lightness(grey: Tensor) -> Tensor:
    """Gamma-encoded grey value in 0..1 to L* in 0..100, element by element."""
    return 116 * _f(srgb_to_linear(grey)) - 16


def lightness_to_grey(L: Tensor) -> Tensor:
    """L* in 0..100 to the gamma-encoded grey value in 0..1, element by element."""
    return linear_to_srgb(_f_inverse((L.float() + 16) / 116))


def fit_gamut(L: Tensor, ab: Tensor) -> Tensor:
    """Reduce the chroma of colours that sRGB does not hold until it does; lightness and hue stay as they are."""
    _expect_channels(L, 1, "L")
    _expect_channels(ab, 2, "ab")
    a, b = ab[:, 0:1].float(), ab[:, 1:2].float()
    table = _chroma_limit(ab.device)
    row = (L.float() * (_LIMIT_ROWS / 100)).clamp(0, _LIMIT_ROWS - 1).int()
    column = ((torch.atan2(b, a) + pi) * (_LIMIT_COLUMNS / (2 * pi))).clamp(0, _LIMIT_COLUMNS - 1).int()
    chroma = (a * a + b * b + 1e-12).sqrt()  # the constant keeps the gradient finite at grey
    limit = table.index_select(0, (row * _LIMIT_COLUMNS + column).flatten()).view_as(chroma)
    return ab.float() * (limit / chroma).clamp(max=1)


def _chroma_limit(device: torch.device) -> Tensor:
    return _chroma_limit_on(str(device))


@cache
def _chroma_limit_on(device: str) -> Tensor:
    """Largest chroma inside sRGB per cell of (lightness, hue), flattened: the mean of the cell's four corners."""
    L = torch.linspace(0, 100, _LIMIT_ROWS + 1).view(1, 1, -1, 1).expand(1, 1, -1, _LIMIT_COLUMNS + 1)
    hue = torch.linspace(-pi, pi, _LIMIT_COLUMNS + 1).view(1, 1, 1, -1)
    direction = torch.cat([hue.cos(), hue.sin()], dim=1)
    low, high = torch.zeros_like(L), torch.full_like(L, 140.0)
    for _ in range(14):
        middle = (low + high) / 2
        linear = lab_to_linear(L, direction * middle)
        inside = ((linear >= -_SLACK[0]) & (linear <= 1 + _SLACK[1])).all(dim=1, keepdim=True)
        low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
    return torch.nn.functional.avg_pool2d(low, 2, stride=1).flatten().to(device)


def _expect_channels(tensor: Tensor, channels: int, name: str) -> None:
    if tensor.ndim != 4 or tensor.shape[1] != channels:
        raise ValueError(f"{name} must have the shape (B, {channels}, H, W), got {tuple(tensor.shape)}.")
