"""Colour science in torch: sRGB <-> CIELAB (D65, 2 degrees), grey protocols, chroma-only gamut mapping.

Every function takes and returns float32, also under autocast and for half precision input. The constants are those of
IEC 61966-2-1 (sRGB) and CIE 15 (Lab), with the white point that scikit-image uses, so both agree.

Shapes: ``rgb`` is ``(B, 3, H, W)`` in 0..1, ``L`` is ``(B, 1, H, W)`` in 0..100, ``ab`` is ``(B, 2, H, W)`` in CIELAB
units.
"""

from functools import cache
from math import pi
from threading import Lock

import torch
from torch import Tensor

WHITE = (0.95047, 1.0, 1.08883)
_RGB_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
XYZ_TO_RGB = (
    (3.24048134, -1.53715152, -0.49853633),
    (-0.96925495, 1.87599, 0.04155593),
    (0.05564664, -0.20404134, 1.05731107),
)
# CIE 15: below F_JOIN (its cube, in light) the cube root gives way to the straight line that touches it there.
F_JOIN, F_SLOPE, F_OFFSET = 6 / 29, 841 / 108, 16 / 116
SRGB_JOIN = 0.0031308  # IEC 61966-2-1: the same for the sRGB curve, in linear light; 0.04045 in codes
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, on gamma-encoded values
# Linear light that may be clipped, about half an 8-bit level: near yellow the ray of constant hue leaves sRGB by 0.3 %
# and comes back, and a stricter test would cut the chroma of pure yellow from 97 to 24.
_SLACK = (2e-4, 4e-3)
_LIMIT_ROWS, _LIMIT_COLUMNS = 1024, 1024  # resolution of the gamut table in lightness and in hue

_building = Lock()

GREY_PROTOCOLS = ("lab", "luma")


def srgb_to_linear(rgb: Tensor) -> Tensor:
    """Undo the sRGB transfer curve, element by element. Values outside 0..1 are clamped.

    References:
        IEC 61966-2-1.

    Example:
        >>> import torch
        >>> from colorhub.color import srgb_to_linear
        >>> [round(value, 3) for value in srgb_to_linear(torch.tensor([0.0, 0.5, 1.0])).tolist()]
        [0.0, 0.214, 1.0]
    """
    rgb = rgb.float().clamp(0, 1)
    return rgb.clamp(max=0.04045) / 12.92 + (((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4 - 0.04045 / 12.92)


# Each curve here is a straight line up to where it joins a power, then that power: as both are clamped there and added,
# every gradient is finite (a power's own is not, at 0), and nothing is chosen pixel by pixel, which is slow.
def linear_to_srgb(linear: Tensor) -> Tensor:
    """Apply the sRGB transfer curve, element by element. Values outside 0..1 are clamped.

    References:
        IEC 61966-2-1.

    Example:
        >>> import torch
        >>> from colorhub.color import linear_to_srgb
        >>> [round(value, 3) for value in linear_to_srgb(torch.tensor([0.0, 0.214, 1.0])).tolist()]
        [0.0, 0.5, 1.0]
    """
    linear = linear.float().clamp(0, 1)
    curve = linear.clamp(min=SRGB_JOIN) ** (1 / 2.4) - SRGB_JOIN ** (1 / 2.4)
    return linear.clamp(max=SRGB_JOIN) * 12.92 + curve * 1.055


def _f(t: Tensor) -> Tensor:
    joint = F_JOIN**3
    return t.clamp(max=joint) * F_SLOPE + F_OFFSET + (t.clamp(min=joint) ** (1 / 3) - F_JOIN)


def _f_inverse(f: Tensor) -> Tensor:
    above = (f - F_JOIN).clamp(min=0)  # f^3 = the line that touches it at the join + above^2 (above + 3 join)
    return (f - F_OFFSET) / F_SLOPE + above * above * (above + 3 * F_JOIN)


def _mix(channels: Tensor, weights: tuple[float, float, float], scale: float = 1.0) -> Tensor:
    r, g, b = (w * scale for w in weights)
    return channels[:, 0:1] * r + channels[:, 1:2] * g + channels[:, 2:3] * b


def rgb_to_lab(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """sRGB ``(B, 3, H, W)`` in 0..1 to CIELAB: ``L`` ``(B, 1, H, W)`` in 0..100 and ``ab`` ``(B, 2, H, W)``.

    Raises:
        ValueError: another shape.

    References:
        CIE 15, for D65 and the 2 degree observer.

    Example:
        >>> import torch
        >>> from colorhub.color import rgb_to_lab
        >>> red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
        >>> L, ab = rgb_to_lab(red)
        >>> [round(value) for value in (*L.flatten().tolist(), *ab.flatten().tolist())]
        [53, 80, 67]
    """
    _expect_channels(rgb, 3, "rgb")
    return _linear_to_lab(srgb_to_linear(rgb))


def codes_to_lab(codes: Tensor) -> tuple[Tensor, Tensor]:
    """8-bit sRGB codes, uint8 ``(B, 3, H, W)``, to ``L`` ``(B, 1, H, W)`` in 0..100 and ``ab`` ``(B, 2, H, W)``:
    :func:`rgb_to_lab` of ``codes / 255``, but faster.

    Raises:
        ValueError: another shape.

    Example:
        >>> import torch
        >>> from colorhub.color import codes_to_lab
        >>> from skimage import data
        >>> L, ab = codes_to_lab(torch.from_numpy(data.astronaut()).permute(2, 0, 1)[None])
        >>> L.shape, ab.shape
        (torch.Size([1, 1, 512, 512]), torch.Size([1, 2, 512, 512]))
    """
    _expect_channels(codes, 3, "codes")
    linear = _linear_table(codes.device).index_select(0, codes.flatten().int())
    return _linear_to_lab(linear.view(codes.shape))


@cache
def _linear_table(device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # a tensor made in inference mode could not be used in training later
        return srgb_to_linear(torch.arange(256, device=device) / 255)


def _linear_to_lab(linear: Tensor) -> tuple[Tensor, Tensor]:
    x, y, z = (_f(_mix(linear, row, 1 / white)) for row, white in zip(_RGB_TO_XYZ, WHITE, strict=True))
    return 116 * y - 16, torch.cat([500 * (x - y), 200 * (y - z)], dim=1)


def lab_to_linear(L: Tensor, ab: Tensor) -> Tensor:
    """CIELAB, ``L`` ``(B, 1, H, W)`` and ``ab`` ``(B, 2, H, W)``, to linear RGB ``(B, 3, H, W)``, unclipped: values
    outside 0..1 are colours that sRGB does not hold.

    Raises:
        ValueError: another shape.

    Example:
        >>> import torch
        >>> from colorhub.color import lab_to_linear
        >>> green = torch.tensor([-128.0, 0.0]).view(1, 2, 1, 1)
        >>> linear = lab_to_linear(torch.full((1, 1, 1, 1), 50.0), green)
        >>> bool(linear.min() < 0)  # sRGB holds no such green
        True
    """
    _expect_channels(L, 1, "L")
    _expect_channels(ab, 2, "ab")
    fy = (L.float() + 16) / 116
    fx, fz = fy + ab[:, 0:1].float() / 500, fy - ab[:, 1:2].float() / 200
    x, y, z = (_f_inverse(f) * white for f, white in zip((fx, fy, fz), WHITE, strict=True))
    return torch.cat([x * row[0] + y * row[1] + z * row[2] for row in XYZ_TO_RGB], dim=1)


def lab_to_rgb(L: Tensor, ab: Tensor) -> Tensor:
    """CIELAB to sRGB ``(B, 3, H, W)`` in 0..1. Colours outside sRGB are clipped channel by channel, which changes their
    lightness: map them with :func:`fit_gamut` first where that matters.

    Raises:
        ValueError: another shape than ``L`` ``(B, 1, H, W)`` and ``ab`` ``(B, 2, H, W)``.

    Example:
        >>> import torch
        >>> from colorhub.color import lab_to_rgb
        >>> lab_to_rgb(torch.full((1, 1, 1, 1), 50.0), torch.zeros(1, 2, 1, 1)).flatten()
        tensor([0.4663, 0.4663, 0.4663])
    """
    return linear_to_srgb(lab_to_linear(L, ab))


def grey_lightness(rgb: Tensor, protocol: str = "lab") -> Tensor:
    """The lightness ``L`` ``(B, 1, H, W)``, 0..100, that a colorizer is given for the colour picture ``rgb``.

    Args:
        rgb: ``(B, 3, H, W)``, sRGB in 0..1.
        protocol: ``lab`` is CIELAB L* of the colours; ``luma`` is L* of the BT.601 luma of the gamma-encoded values,
            which is what a grey file holds. Both agree for grey pictures.

    Raises:
        ValueError: another protocol.

    Example:
        >>> import torch
        >>> from colorhub.color import grey_lightness
        >>> red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
        >>> round(grey_lightness(red).item()), round(grey_lightness(red, "luma").item())
        (53, 32)
    """
    if protocol == "lab":
        return rgb_to_lab(rgb)[0]
    if protocol == "luma":
        return grey_to_lightness(_mix(rgb.float(), _LUMA))
    raise ValueError(f"Unknown grey protocol {protocol!r}. Expected one of {', '.join(GREY_PROTOCOLS)}.")


def grey_to_lightness(grey: Tensor) -> Tensor:
    """Gamma-encoded grey value in 0..1 to L* in 0..100, element by element.

    Example:
        >>> import torch
        >>> from colorhub.color import grey_to_lightness
        >>> [round(value) for value in grey_to_lightness(torch.tensor([0.0, 0.5, 1.0])).tolist()]
        [0, 53, 100]
    """
    return 116 * _f(srgb_to_linear(grey)) - 16


def lightness_to_grey(L: Tensor) -> Tensor:
    """L* in 0..100 to the gamma-encoded grey value in 0..1, element by element.

    Example:
        >>> import torch
        >>> from colorhub.color import grey_to_lightness, lightness_to_grey
        >>> grey = torch.linspace(0, 1, 256)
        >>> torch.allclose(lightness_to_grey(grey_to_lightness(grey)), grey, atol=1e-5)
        True
    """
    return linear_to_srgb(_f_inverse((L.float() + 16) / 116))


def fit_gamut(L: Tensor, ab: Tensor) -> Tensor:
    """Reduce the chroma of colours that sRGB does not hold until it does; lightness and hue stay as they are.

    Args:
        L: ``(B, 1, H, W)``, 0..100.
        ab: ``(B, 2, H, W)``, in CIELAB units.

    Returns:
        ab ``(B, 2, H, W)``.

    Raises:
        ValueError: another shape.

    Example:
        >>> import torch
        >>> from colorhub.color import fit_gamut
        >>> L, ab = torch.full((1, 1, 1, 1), 50.0), torch.tensor([-128.0, 128.0]).view(1, 2, 1, 1)
        >>> a, b = fit_gamut(L, ab).flatten().tolist()
        >>> -128 < a < 0 < b < 128, abs(a + b) < 1e-3  # weaker, of the same hue
        (True, True)
    """
    _expect_channels(L, 1, "L")
    _expect_channels(ab, 2, "ab")
    a, b = ab[:, 0:1].float(), ab[:, 1:2].float()
    table = chroma_limits(ab.device).flatten()
    row = (L.float() * (_LIMIT_ROWS / 100)).clamp(0, _LIMIT_ROWS - 1).int()
    column = ((torch.atan2(b, a) + pi) * (_LIMIT_COLUMNS / (2 * pi))).clamp(0, _LIMIT_COLUMNS - 1).int()
    chroma = (a * a + b * b + 1e-12).sqrt()  # the constant keeps the gradient finite at grey
    limit = table.index_select(0, (row * _LIMIT_COLUMNS + column).flatten()).view_as(chroma)
    return ab.float() * (limit / chroma).clamp(max=1)


def chroma_limits(device: torch.device | str = "cpu") -> Tensor:
    """Largest chroma inside sRGB per cell of (lightness 0..100, hue -pi..pi), ``(1024, 1024)``: the mean of the cell's
    four corners.

    Example:
        >>> from colorhub.color import chroma_limits
        >>> limits = chroma_limits()
        >>> limits.shape, 130 < limits.max() < 140  # the strongest colour of sRGB is blue
        (torch.Size([1024, 1024]), tensor(True))
    """
    with _building:  # many threads want it at once when a folder is begun
        return _chroma_limits(str(device))


@cache
def _chroma_limits(device: str) -> Tensor:
    if device != "cpu":
        return _chroma_limits("cpu").to(device)
    L = torch.linspace(0, 100, _LIMIT_ROWS + 1).view(1, 1, -1, 1)
    hue = torch.linspace(-pi, pi, _LIMIT_COLUMNS + 1).view(1, 1, 1, -1)
    direction = torch.cat([hue.cos(), hue.sin()], dim=1)
    corners = torch.cat([_largest_chroma(rows, direction) for rows in L.split(32, dim=2)], dim=2)
    return torch.nn.functional.avg_pool2d(corners, 2, stride=1)[0, 0]


def _largest_chroma(L: Tensor, direction: Tensor) -> Tensor:
    """By bisection, to 0.01: ``L`` ``(1, 1, rows, 1)`` and unit vectors ``(1, 2, 1, columns)`` to ``(1, 1, rows,
    columns)``."""
    middle, reach = (1 + _SLACK[1] - _SLACK[0]) / 2, (1 + _SLACK[1] + _SLACK[0]) / 2
    chroma, step = torch.zeros(1, 1, L.shape[2], direction.shape[3]), 70.0
    while step > 0.005:
        linear = lab_to_linear(L, direction * (chroma + step))
        chroma += ((linear - middle).abs_().amax(dim=1, keepdim=True) <= reach) * step
        step /= 2
    return chroma


def _expect_channels(tensor: Tensor, channels: int, name: str) -> None:
    if tensor.ndim != 4 or tensor.shape[1] != channels:
        raise ValueError(f"{name} must have the shape (B, {channels}, H, W), got {tuple(tensor.shape)}.")
