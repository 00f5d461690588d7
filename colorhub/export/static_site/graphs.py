"""A colour layer's local lines as an ONNX graph for the browser: :func:`colorhub.inference.compose.edge_maps`."""

from typing import Any

import torch
from torch import Tensor, nn

from colorhub import __version__
from colorhub.export.writing import traced
from colorhub.inference.compose import edge_maps
from colorhub.models.exported import Metadata


class Lines(nn.Module):
    """A colour layer's local lines: ``(6, h, w)``; ``L`` ``(1, 1, h, w)``, ``ab`` ``(1, 2, h, w)``; ``vividness``: a
    scalar."""

    def forward(self, L: Tensor, ab: Tensor, vividness: Tensor) -> Tensor:
        return edge_maps(L, ab * vividness)[0]


def lines_graph() -> bytes:
    """The content of the ONNX file of :class:`Lines`, for any size.

    Raises:
        ExportError: packages are missing.
    """
    layer: dict[int, Any] = {axis: torch.export.Dim(name, min=1) for axis, name in ((2, "height"), (3, "width"))}
    examples = torch.rand(1, 1, 33, 46) * 100, torch.rand(1, 2, 33, 46), torch.tensor(1.0)
    sizes = {"L": layer, "ab": layer, "vividness": {}}
    return traced(Lines(), examples, sizes, ["lines"], Metadata("colorhub lines", __version__))
