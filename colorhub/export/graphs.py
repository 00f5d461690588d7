"""What is exported, as modules that torch can trace for any size."""

from typing import Any

import torch
from torch import Tensor, nn

from colorhub.color import grey_to_lightness
from colorhub.inference.compose import compose
from colorhub.models import Colorizer


class ModelGraph(nn.Module):
    """A colorizer with its padding and cropping: L in, the parts of its prediction that it has out, all float32."""

    def __init__(self, model: Colorizer) -> None:
        super().__init__()
        self.model = model

    def forward(self, L: Tensor) -> tuple[Tensor, ...]:
        """``L``: ``(B, 1, H, W)``."""
        return tuple(part.float() for part in self.model(L) if part is not None)


class CompositionGraph(nn.Module):
    """:func:`colorhub.inference.compose.compose`, from grey as a file holds it."""

    def forward(self, grey: Tensor, L: Tensor, ab: Tensor, vividness: Tensor) -> Tensor:
        """``grey``: ``(B, 1, H, W)`` in 0..1; ``L``, ``ab``: ``(B, 1 and 2, h, w)``; ``vividness``: a scalar."""
        return compose(grey_to_lightness(grey), L, ab, vividness)  # type: ignore[arg-type]  # a scalar of the graph


@torch.no_grad()
def output_names(model: Colorizer) -> list[str]:
    """The parts of its prediction that a model has, in the order of :class:`ModelGraph`."""
    answer = model(torch.zeros(1, 1, model.multiple, model.multiple))
    return [name for name, part in answer._asdict().items() if part is not None]


def halved(model: Colorizer) -> Colorizer:
    """Make every layer with weights hold and compute them in half precision, whatever it is given.

    What a model does outside of its layers keeps its precision: reading L, scaling ab, the mean of a distribution.
    """
    for layer in model.modules():
        inner = [part for part in layer.modules() if part is not layer and _has_weights(part)]
        if layer is not model and not inner and _has_weights(layer):
            layer.half().register_forward_pre_hook(_to_half)
    return model


def _has_weights(part: nn.Module) -> bool:
    tensors = (*part.parameters(recurse=False), *part.buffers(recurse=False))
    return any(tensor.is_floating_point() for tensor in tensors)


def _to_half(layer: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(x.half() if isinstance(x, Tensor) and x.is_floating_point() else x for x in given)
