"""The local lines of a colour layer, and composing with them, in plain tensor code."""

import torch
import torch.nn.functional as F
from torch import Tensor

from colorhub.color import fit_gamut, lab_to_rgb

VARIANCE_FLOOR = 4.0  # (L units)^2: below it a change of lightness says nothing about colour
REACH = 5  # window, in pixels of the layer, whose darkest and lightest values bound where the line is used


def edge_maps(L: Tensor, ab: Tensor) -> Tensor:
    """The local lines of a colour layer, ``(B, 6, h, w)``: slope of a and b, their offset, darkest and lightest L.

    ``L``: ``(B, 1, h, w)``, ``ab``: ``(B, 2, h, w)``, of the same size.

    References:
        He, Sun, Tang 2010, "Guided Image Filtering", equations 5 and 6.

    Example:
        >>> import torch
        >>> from colorhub.inference.compose import edge_maps
        >>> edge_maps(torch.rand(1, 1, 15, 20) * 100, torch.zeros(1, 2, 15, 20)).shape
        torch.Size([1, 6, 15, 20])
    """
    mean, mean_ab = _box(L), _box(ab)
    variance = _box(L * L) - mean * mean
    covariance = _box(L * ab) - mean * mean_ab
    slope = _box(covariance / (variance.clamp(min=0) + VARIANCE_FLOOR))
    padding = REACH // 2
    lightest = F.max_pool2d(L, REACH, 1, padding)
    darkest = -F.max_pool2d(-L, REACH, 1, padding)
    return torch.cat([slope, ab - slope * L, darkest, lightest], dim=1)


def widen(maps: Tensor, width: int) -> Tensor:
    """Interpolate maps to the photo's width, keeping the layer's height: ``(B, 6, h, W)``.

    Example:
        >>> import torch
        >>> from colorhub.inference.compose import edge_maps, widen
        >>> widen(edge_maps(torch.rand(1, 1, 15, 20) * 100, torch.zeros(1, 2, 15, 20)), width=80).shape
        torch.Size([1, 6, 15, 80])
    """
    return F.interpolate(maps, size=(maps.shape[2], width), mode="bilinear", align_corners=False)


def compose_rows(L: Tensor, wide_maps: Tensor, first: int, height: int, vividness: float = 1.0) -> Tensor:
    """Colour some rows of a photo.

    Args:
        L: ``(B, 1, n, W)``, the photo's lightness in rows ``first`` to ``first + n``.
        wide_maps: :func:`edge_maps`, then :func:`widen`.
        first: number of the first row.
        height: rows of the whole photo.
        vividness: factor on chroma, 0 for grey.

    Returns:
        sRGB ``(B, 3, n, W)`` in 0..1 whose lightness is ``L``: colours that sRGB does not hold have lost chroma only.

    Example:
        >>> import torch
        >>> from colorhub.inference.compose import compose, compose_rows, edge_maps, widen
        >>> L, layer_L = torch.full((1, 1, 60, 80), 50.0), torch.full((1, 1, 15, 20), 50.0)
        >>> layer_ab = torch.full((1, 2, 15, 20), 30.0)
        >>> maps = widen(edge_maps(layer_L, layer_ab), width=80)
        >>> strips = [compose_rows(L[:, :, first : first + 20], maps, first, height=60) for first in (0, 20, 40)]
        >>> torch.allclose(torch.cat(strips, dim=2), compose(L, layer_L, layer_ab))
        True
    """
    ab = compose_lines(_rows(wide_maps, first, L.shape[2], height), L) * vividness
    return lab_to_rgb(L, fit_gamut(L, ab))


def compose_lines(maps: Tensor, L: Tensor) -> Tensor:
    """The colours that interpolated maps ``(B, 2 c + 2, n, W)`` give for a lightness ``(B, 1, n, W)``: ``(B, c, n,
    W)``."""
    colors = (maps.shape[1] - 2) // 2
    slope, offset, darkest, lightest = maps.split([colors, colors, 1, 1], dim=1)
    return slope * torch.minimum(torch.maximum(L, darkest), lightest) + offset


def compose(L: Tensor, layer_L: Tensor, layer_ab: Tensor, vividness: float = 1.0) -> Tensor:
    """Colour a whole photo at once.

    Args:
        L: ``(B, 1, H, W)``, the photo's lightness, 0..100.
        layer_L: ``(B, 1, h, w)``, the lightness that the colours were predicted from, 0..100.
        layer_ab: ``(B, 2, h, w)``, the colours, in CIELAB units.
        vividness: factor on chroma, 0 for grey.

    Returns:
        sRGB ``(B, 3, H, W)`` in 0..1.

    Example:
        >>> import torch
        >>> from colorhub.color import rgb_to_lab
        >>> from colorhub.inference.compose import compose
        >>> L = torch.full((1, 1, 60, 80), 50.0)
        >>> rgb = compose(L, torch.full((1, 1, 15, 20), 50.0), torch.full((1, 2, 15, 20), 30.0))
        >>> rgb.shape
        torch.Size([1, 3, 60, 80])
        >>> torch.allclose(rgb_to_lab(rgb)[0], L, atol=0.01)  # the lightness stays
        True
    """
    height, width = L.shape[-2:]
    return compose_rows(L, widen(edge_maps(layer_L, layer_ab), width), 0, height, vividness)


def _box(x: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, stride=1)


def _rows(maps: Tensor, first: int, count: int, height: int) -> Tensor:
    """Rows ``first`` to ``first + count`` of the maps interpolated to ``height``, as ``F.interpolate`` would give
    them."""
    rows = maps.shape[2]
    numbers = torch.arange(first, first + count, device=maps.device, dtype=torch.float32)
    position = ((numbers + 0.5) * (rows / height) - 0.5).clamp(0, rows - 1)
    above = position.floor().long()
    below = (above + 1).clamp(max=rows - 1)
    part = (position - above).view(1, 1, -1, 1)
    return torch.lerp(maps.index_select(2, above), maps.index_select(2, below), part)
