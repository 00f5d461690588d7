"""A network as the page's pipelines have it: the weights stay in the cache, which may drop them; everything else of the
model is here. Whoever keeps such a pipeline keeps no network in memory."""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn

from colorhub.hub.loading import ModelInfo
from colorhub.inference.runtime import Network
from colorhub.models import Colorizer, Prediction
from colorhub.settings import Settings


class CachedNetwork(Network):
    """The network of a listed model, run by name where it is: in the cache, on ZeroGPU in another process.

    Args:
        info: of the model.
        held: the network itself, of which nothing is kept but what it says about itself.
        run: the model's prediction for a lightness and hints, or None for the latter.
        run_colors: its colours for a lightness and settings.
    """

    def __init__(
        self,
        info: ModelInfo,
        held: Network,
        run: Callable[[ModelInfo, Tensor, Tensor | None], Prediction],
        run_colors: Callable[[ModelInfo, Tensor, Settings], Tensor],
    ) -> None:
        self._run, self._run_colors = run, run_colors
        self.info, self.name, self.precision = info, info.name, held.precision
        self.device = torch.device("cpu")  # where its answers are: a GPU may be there only while a network runs
        self.model = without_weights(held.model)

    def __call__(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        """As of a :class:`Network`."""
        return self._run(self.info, L, hints)

    def colors(self, L: Tensor, settings: Settings) -> Tensor:
        """As of a :class:`Network`."""
        return self._run_colors(self.info, L, settings)


def without_weights(model: Colorizer) -> Colorizer:
    """A copy of a model that knows its shape and says all about itself, but holds no memory and cannot run."""
    empty: dict[int, Tensor] = {id(tensor): tensor.to("meta") for tensor in model.buffers()}
    empty |= {id(weight): nn.Parameter(weight.detach().to("meta"), False) for weight in model.parameters()}
    return deepcopy(model, dict[int, object](empty))
