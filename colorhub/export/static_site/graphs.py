"""What surrounds a network, as ONNX graphs for the browser: colour science is written once, in torch.

A photo's grey is codes of 16 bits here, int32 ``(n, W)``: those of 8 bits times 257, which are the same values. Where
rows and columns of a small map are interpolated, the caller says which two (``near`` and ``far``) and how much of the
second (``part``), so that a graph sees a band of a photo and needs not know where it lies.
"""

from typing import Any

import torch
from torch import Tensor, nn

from colorhub import __version__
from colorhub.color import (
    chroma_limits,
    fit_gamut,
    grey_lightness,
    grey_to_lightness,
    lab_to_rgb,
    lightness_to_grey,
    linear_to_srgb,
    rgb_to_lab,
    srgb_to_linear,
)
from colorhub.export.writing import traced
from colorhub.inference.compose import edge_maps
from colorhub.inference.compose.tensors import compose_lines
from colorhub.models.exported import Metadata

_LARGEST = 65535  # code


class Lightness(nn.Module):
    """``codes`` ``(h, w)`` to ``L`` ``(1, 1, h, w)``, 0..100."""

    def forward(self, codes: Tensor) -> Tensor:
        return grey_to_lightness(codes[None, None] / _LARGEST)


class Grey(nn.Module):
    """``rgb``, 8-bit sRGB as int32 ``(3, n, W)``, to the ``codes`` ``(n, W)`` of the grey that has its lightness."""

    def __init__(self) -> None:
        super().__init__()
        primaries = torch.eye(3)[:, :, None, None]
        luminance = srgb_to_linear(lightness_to_grey(grey_lightness(primaries))).flatten()
        light = (luminance / luminance.sum())[:, None] * srgb_to_linear(torch.arange(256) / 255)[None]
        self.register_buffer("light", light)

    def forward(self, rgb: Tensor) -> Tensor:
        red, green, blue = (self.light[channel][rgb[channel]] for channel in range(3))
        return (linear_to_srgb(red + green + blue) * _LARGEST).round().to(torch.int32)


class Lab(nn.Module):
    """``rgb`` ``(1, 3, h, w)``, sRGB in 0..1, to ``lab`` ``(1, 3, h, w)``."""

    def forward(self, rgb: Tensor) -> Tensor:
        return torch.cat(rgb_to_lab(rgb), dim=1)


class Lines(nn.Module):
    """A colour layer's local lines at the photo's width, row by row: ``(h, 6, W)``; ``L`` ``(1, 1, h, w)``, ``ab``
    ``(1, 2, h, w)``; ``near``, ``far``, ``part``: ``(W,)``, of columns; ``vividness``: a scalar."""

    def forward(self, L: Tensor, ab: Tensor, vividness: Tensor, near: Tensor, far: Tensor, part: Tensor) -> Tensor:
        maps = edge_maps(L, ab * vividness)[0].transpose(0, 1)
        return torch.lerp(maps.index_select(2, near), maps.index_select(2, far), part)


class Band(nn.Module):
    """Some rows of a photo in colour: ``rgba`` ``(n, W)``, int32, the bytes of red, green, blue and 255 in the order of
    memory; ``codes`` ``(n, W)``; ``lines``: rows of :class:`Lines`; ``near``, ``far``, ``part``: ``(n,)``, of these."""

    def forward(self, codes: Tensor, lines: Tensor, near: Tensor, far: Tensor, part: Tensor) -> Tensor:
        L = grey_to_lightness(codes[None, None] / _LARGEST)
        maps = torch.lerp(lines.index_select(0, near), lines.index_select(0, far), part[:, None, None])
        rgb = lab_to_rgb(L, fit_gamut(L, compose_lines(maps.transpose(0, 1)[None], L)))
        red, green, blue = (rgb[0] * 255 + 0.5).to(torch.int32).unbind(0)
        return red + green * 2**8 + blue * 2**16 - 2**24  # 255 in the highest byte


_Inputs = dict[str, tuple[Tensor, dict[int, Any]]]  # by name: an example, and its axes of any size


def surrounding_graphs() -> dict[str, bytes]:
    """The contents of the ONNX files around a network, by name.

    Raises:
        ExportError: packages are missing.
    """
    chroma_limits("cpu")  # computed once; while a graph is traced it would be computed from nothing
    graphs = {"lightness": _lightness(), "grey": _grey(), "lab": _lab(), "lines": _lines(), "band": _band()}
    return {name: _content(name, *parts) for name, parts in graphs.items()}


def _lightness() -> tuple[nn.Module, _Inputs, str]:
    return Lightness(), {"codes": (_codes(51, 77), _sizes("height", "width"))}, "L"


def _grey() -> tuple[nn.Module, _Inputs, str]:
    return Grey(), {"rgb": (_codes(3, 51, 77) % 256, _sizes("height", "width", first=1))}, "codes"


def _lab() -> tuple[nn.Module, _Inputs, str]:
    return Lab(), {"rgb": (torch.rand(1, 3, 51, 77), _sizes("height", "width", first=2))}, "lab"


def _lines() -> tuple[nn.Module, _Inputs, str]:
    layer, width = _sizes("height", "width", first=2), _sizes("photo_width")
    given: _Inputs = {
        "L": (torch.rand(1, 1, 33, 46) * 100, layer),
        "ab": (torch.rand(1, 2, 33, 46), layer),
        "vividness": (torch.tensor(1.0), {}),
    }
    return Lines(), given | _places(46, 77, width), "lines"


def _band() -> tuple[nn.Module, _Inputs, str]:
    photo = _sizes("height", "width")
    lines = torch.rand(33, 6, 77), {0: _size("rows"), 2: photo[1]}
    given: _Inputs = {"codes": (_codes(51, 77), photo), "lines": lines}
    return Band(), given | _places(33, 51, {0: photo[0]}), "rgba"


def _content(name: str, graph: nn.Module, inputs: _Inputs, output: str) -> bytes:
    examples, sizes = zip(*inputs.values(), strict=True)
    facts = Metadata(f"colorhub {name}", __version__)
    return traced(graph, examples, dict(zip(inputs, sizes, strict=True)), [output], facts)


def _places(count: int, size: int, axis: dict[int, Any]) -> _Inputs:
    """Between which of ``count`` values each of ``size`` lies."""
    near = torch.arange(size, dtype=torch.int32) % (count - 1)
    return {"near": (near, axis), "far": (near + 1, axis), "part": (torch.rand(size), axis)}


def _codes(*shape: int) -> Tensor:
    return torch.randint(0, _LARGEST, shape, dtype=torch.int32)


def _sizes(*names: str, first: int = 0) -> dict[int, Any]:
    return {axis: _size(name) for axis, name in enumerate(names, first)}


def _size(name: str) -> Any:
    return torch.export.Dim(name, min=1)
