"""What surrounds a network, as ONNX graphs for the browser: colour science is written once, in torch.

A photo's grey is codes of 16 bits here, int32 ``(n, W)``: those of 8 bits times 257, which are the same values.
"""

from math import pi
from typing import Any

import torch
from torch import Tensor, nn

from colorhub import __version__
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
from colorhub.export.static_site.halving import with_half_weights
from colorhub.export.writing import traced
from colorhub.inference.compose import edge_maps
from colorhub.models.exported import Metadata

_LARGEST = 65535  # code
_GAMUT = (1024, 1024)  # rows of lightness and columns of directions of the gamut table
_TINY = 1e-12


class Lightness(nn.Module):
    """``codes`` ``(h, w)`` to ``L`` ``(1, 1, h, w)``, 0..100."""

    def forward(self, codes: Tensor) -> Tensor:
        return grey_to_lightness(codes[None, None] / _LARGEST)


class Grey(nn.Module):
    """``rgb``, 8-bit sRGB as int32 ``(3, n, W)``, to the ``codes`` ``(n, W)`` of the grey that has its lightness."""

    light: Tensor

    def __init__(self) -> None:
        super().__init__()
        primaries = torch.eye(3)[:, :, None, None]
        luminance = srgb_to_linear(lightness_to_grey(grey_lightness(primaries))).flatten()
        light = (luminance / luminance.sum())[:, None] * srgb_to_linear(torch.arange(256) / 255)[None]
        self.register_buffer("light", light)

    def forward(self, rgb: Tensor) -> Tensor:
        red, green, blue = (_looked_up(self.light[channel], rgb[channel]) for channel in range(3))
        return (linear_to_srgb(red + green + blue) * _LARGEST).round().to(torch.int32)


def _looked_up(table: Tensor, codes: Tensor) -> Tensor:
    return table.index_select(0, codes.flatten()).view_as(codes)


class Srgb(nn.Module):
    """``light``, linear float32 ``(n,)`` in 0..1, to 8-bit sRGB ``codes`` ``(n,)``, int32: for a table."""

    def forward(self, light: Tensor) -> Tensor:
        return (linear_to_srgb(light) * 255 + 0.5).to(torch.int32)


class Lines(nn.Module):
    """A colour layer's local lines: ``(6, h, w)``; ``L`` ``(1, 1, h, w)``, ``ab`` ``(1, 2, h, w)``; ``vividness``: a
    scalar."""

    def forward(self, L: Tensor, ab: Tensor, vividness: Tensor) -> Tensor:
        return edge_maps(L, ab * vividness)[0]


class Band(nn.Module):
    """Some rows of a photo in colour: linear RGB times 65535 ``light`` ``(3, n, W)``, int32, of their lightness ``L``
    ``(n, W)``. ``lines``: ``(6, k, W)``, the rows of :class:`Lines` around them, at the photo's width; ``mix``: ``(n,
    k)``, how much of each every row is.

    What :func:`colorhub.inference.compose.compose_rows` does, in few passes over the pixels: in WebAssembly each costs
    as much as the arithmetic in it. Powers are tables outside, sums of products are matrices, and the direction of a
    colour is measured along a square, not along a circle."""

    matrix: Tensor
    constant: Tensor
    limits: Tensor

    def __init__(self) -> None:
        super().__init__()
        matrix = torch.tensor(XYZ_TO_RGB) * torch.tensor(WHITE) * _LARGEST
        self.register_buffer("matrix", matrix)
        self.register_buffer("constant", 0.5 - matrix.sum(dim=1, keepdim=True) * (F_OFFSET / F_SLOPE))
        self.register_buffer("limits", _limits_by_direction().flatten())

    def forward(self, L: Tensor, lines: Tensor, mix: Tensor) -> Tensor:
        slope_a, slope_b, a, b, darkest, lightest = torch.matmul(mix, lines).unbind(0)
        bounded = torch.minimum(torch.maximum(L, darkest), lightest)
        a, b = slope_a * bounded + a, slope_b * bounded + b
        keep = self._kept(L, a, b)
        y = L * (1 / 116) + 16 / 116
        f = torch.stack([y + a * keep * (1 / 500), y, y - b * keep * (1 / 200)]).flatten(1)
        above = (f - F_JOIN).clamp(min=0)
        cubic = above * above * (above + 3 * F_JOIN) + f * (1 / F_SLOPE)
        light = torch.matmul(self.matrix, cubic) + self.constant
        return light.clamp(0, _LARGEST).to(torch.int32).view(3, *L.shape)

    def _kept(self, L: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """How much of a colour's chroma sRGB holds, as in :func:`colorhub.color.fit_gamut`."""
        rows, columns = _GAMUT
        height = b.abs() + _TINY
        direction = (1 - a / (a.abs() + height)) * ((b + _TINY) / height)
        row = (L * (rows / 100)).clamp(0, rows - 1).to(torch.int32)
        column = (direction * (columns / 4) + columns / 2).clamp(0, columns - 1).to(torch.int32)
        limit = _looked_up(self.limits, row * columns + column)
        return (limit / (a * a + b * b + _TINY).sqrt()).clamp(max=1)


def _limits_by_direction() -> Tensor:
    """:func:`~colorhub.color.chroma_limits` by lightness and by the place of a direction on a square: -2 to 2 from hue
    -pi to pi."""
    limits, (_, columns) = chroma_limits("cpu"), _GAMUT
    place = (torch.arange(columns) + 0.5) * (4 / columns) - 2
    a = 1 - place.abs()
    hue = torch.atan2((1 - a.abs()) * place.sign(), a)
    cells = ((hue + pi) * (limits.shape[1] / (2 * pi))).long().clamp(0, limits.shape[1] - 1)
    return limits[:, cells].contiguous()


_Inputs = dict[str, tuple[Tensor, dict[int, Any]]]  # by name: an example, and its axes of any size


def surrounding_graphs() -> dict[str, bytes]:
    """The contents of the ONNX files around a network, by name.

    Raises:
        ExportError: packages are missing.
    """
    chroma_limits("cpu")  # computed once; while a graph is traced it would be computed from nothing
    graphs = {"lightness": _lightness(), "grey": _grey(), "srgb": _srgb(), "lines": _lines(), "band": _band()}
    contents = {name: _content(name, *parts) for name, parts in graphs.items()}
    contents["band"] = with_half_weights(contents["band"])  # its table, 4 MB, needs no more: 0.05 % of a chroma
    return contents


def _lightness() -> tuple[nn.Module, _Inputs, str]:
    return Lightness(), {"codes": (_codes(51, 77), _sizes("height", "width"))}, "L"


def _grey() -> tuple[nn.Module, _Inputs, str]:
    return Grey(), {"rgb": (_codes(3, 51, 77) % 256, _sizes("height", "width", first=1))}, "codes"


def _srgb() -> tuple[nn.Module, _Inputs, str]:
    return Srgb(), {"light": (torch.rand(77), _sizes("count"))}, "codes"


def _lines() -> tuple[nn.Module, _Inputs, str]:
    layer = _sizes("height", "width", first=2)
    given: _Inputs = {
        "L": (torch.rand(1, 1, 33, 46) * 100, layer),
        "ab": (torch.rand(1, 2, 33, 46), layer),
        "vividness": (torch.tensor(1.0), {}),
    }
    return Lines(), given, "lines"


def _band() -> tuple[nn.Module, _Inputs, str]:
    height, rows, width = map(_size, ("height", "rows", "width"))
    given: _Inputs = {
        "L": (torch.rand(51, 77) * 100, {0: height, 1: width}),
        "lines": (torch.rand(6, 5, 77), {1: rows, 2: width}),
        "mix": (torch.rand(51, 5), {0: height, 1: rows}),
    }
    return Band(), given, "light"


def _content(name: str, graph: nn.Module, inputs: _Inputs, output: str) -> bytes:
    examples, sizes = zip(*inputs.values(), strict=True)
    facts = Metadata(f"colorhub {name}", __version__)
    return traced(graph, examples, dict(zip(inputs, sizes, strict=True)), [output], facts)


def _codes(*shape: int) -> Tensor:
    return torch.randint(0, _LARGEST, shape, dtype=torch.int32)


def _sizes(*names: str, first: int = 0) -> dict[int, Any]:
    return {axis: _size(name) for axis, name in enumerate(names, first)}


def _size(name: str) -> Any:
    return torch.export.Dim(name, min=1)
