"""A colorizer that knows what it sees: an encoder pre-trained to recognise things, and a distribution over colours.

The encoder is any timm backbone; a decoder brings its features to a quarter of the picture's size, and colour queries
attend to them, as in DDColor (Kang et al. 2023, section 3.3) in small; what is predicted at every position is a
distribution over the 313 ab bins of Zhang et al. 2016, so that the model has samples, a confidence and a temperature.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorhub import ab_bins
from colorhub.models.backbones import create_backbone, load_backbone, pretraining_scale
from colorhub.models.base import Colorizer, Prediction, initialize
from colorhub.models.ddcolor_decoder import HEADS, ColorDecoder
from colorhub.models.smoothing import smoothed_where_hues_differ

_UPSAMPLING = 4  # from the head's size to the picture's


class SemanticColorizer(Colorizer):
    """timm backbone, decoder to 1/4 of the size, colour queries, distribution over 313 colours.

    ``logits`` are ``(B, 313, H / 4, W / 4)``; ab is their annealed mean, enlarged bilinearly. A new model's backbone is
    random: give it pre-trained weights with :meth:`load_backbone` before training. The weights hold the backbone as
    well, with the mean and deviation of the pictures that it was trained on.

    Args:
        backbone: name of a timm model with features at 1/4, 1/8, 1/16 and 1/32 of the size.
        channels: of the decoder at 1/32, 1/16, 1/8 and 1/4 of the size.
        queries: number of colour queries; 0 for none.
        query_channels: length of a query, a multiple of 8.
        query_layers: each is attention to one of the decoder's maps, to the other queries, and a feed-forward network.
        temperature: of the annealed mean; 0 the mode, 1 the mean.
        chroma_recovery: how much of the chroma that averaging takes is given back, 0 to 1: see
            :func:`~colorhub.ab_bins.annealed_mean`.
        chroma_scale: what the annealed mean is multiplied by.
        smoothing: passes in which neighbours share their logits where hues differ, each twice as far as the one before:
            see :mod:`colorhub.models.smoothing`. 0 for none; a model that is being trained makes none.
        working_size: short side in pixels of the pictures it was trained on.

    Raises:
        ValueError: an unknown backbone (the nearest names are given), one without such features, or sizes out of range.

    Example:
        >>> import torch
        >>> from colorhub.models import SemanticColorizer
        >>> model = SemanticColorizer(**SemanticColorizer.tiny()).eval()
        >>> answer = model(torch.full((1, 1, 64, 96), 50.0))
        >>> answer.ab.shape, answer.distribution.shape
        (torch.Size([1, 2, 64, 96]), torch.Size([1, 313, 16, 24]))
    """

    architecture = "semantic"
    mean: Tensor
    deviation: Tensor
    multiple = 32
    has_distribution = True

    def __init__(
        self,
        backbone: str = "tf_efficientnet_lite2",
        channels: Sequence[int] = (256, 192, 128, 96),
        queries: int = 32,
        query_channels: int = 128,
        query_layers: int = 3,
        temperature: float = ab_bins.TEMPERATURE,
        chroma_recovery: float = 0.0,
        chroma_scale: float = 1.0,
        smoothing: int = 0,
        working_size: int = 192,
    ) -> None:
        super().__init__()
        if len(channels) != 4 or min(channels) < 1:
            raise ValueError(f"channels must be four numbers from 1, got {tuple(channels)}.")
        least = {"queries": queries, "temperature": temperature, "chroma_recovery": chroma_recovery}
        least |= {"chroma_scale": chroma_scale, "smoothing": smoothing}
        for name, value in least.items():
            if not value >= 0:
                raise ValueError(f"{name} must be at least 0, got {value:g}.")
        if queries and (query_channels < HEADS or query_channels % HEADS or query_layers < 1):
            raise ValueError(
                f"query_channels must be a multiple of {HEADS} and query_layers at least 1, got {query_channels} and "
                f"{query_layers}."
            )
        self.working_size, self.temperature, self.backbone_name = working_size, temperature, backbone
        self.chroma_recovery, self.chroma_scale, self.smoothing = chroma_recovery, chroma_scale, smoothing
        self.backbone, found = create_backbone(backbone)
        mean, deviation = pretraining_scale(backbone)
        # Buffers, so that the weights bring along the scale they were trained with.
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        before = (0, *channels[:3])
        skips = list(reversed(found))
        self.decoder = nn.ModuleList(
            _block(below + skip, after) for below, skip, after in zip(before, skips, channels, strict=True)
        )
        self.queries: ColorDecoder | None = None
        if queries:
            self.queries = ColorDecoder((channels[1], channels[2]), queries, query_layers, query_channels)
            self.match = nn.Conv2d(channels[3], query_channels, 1)
        self.head = nn.Conv2d(channels[3] + queries, ab_bins.COUNT, 1)
        nn.init.normal_(self.head.weight, std=0.1 * (2 / self.head.in_channels) ** 0.5)
        nn.init.zeros_(self.head.get_parameter("bias"))

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        return {
            "backbone": "test_efficientnet",
            "channels": [8, 8, 8, 8],
            "queries": 4,
            "query_channels": 8,
            "query_layers": 2,
            "working_size": 32,
        }

    def load_backbone(self, weights: str | Path | None = None) -> None:
        """Give the backbone pre-trained weights, as :func:`~colorhub.models.backbones.load_backbone` does."""
        load_backbone(self.backbone, self.backbone_name, weights)

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        """``L``: ``(B, 1, H, W)``, both sides a multiple of 32."""
        passes = 0 if self.training else self.smoothing
        logits = smoothed_where_hues_differ(self._features(L), self.head, F.avg_pool2d(L, _UPSAMPLING), passes)
        ab = self.mean_color(logits, self.temperature)
        return Prediction(ab=F.interpolate(ab, scale_factor=_UPSAMPLING, mode="bilinear"), logits=logits)

    def _features(self, L: Tensor) -> Tensor:
        """What the head is given: the decoder's map at 1/4, and how much of each query is at every position."""
        maps = []
        x: Tensor | None = None
        seen = self.backbone((L / 100 - self.mean) / self.deviation)
        for block, skip in zip(self.decoder, reversed(seen), strict=True):
            x = skip if x is None else torch.cat([F.interpolate(x, scale_factor=2, mode="bilinear"), skip], dim=1)
            x = block(x)
            maps.append(x)
        finest = maps[-1]
        if self.queries is None:
            return finest
        embeddings = self.queries(maps[1:3])
        matched = torch.einsum("bqc,bchw->bqhw", embeddings, self.match(finest).to(embeddings.dtype))
        return torch.cat([finest, matched.to(finest.dtype)], dim=1)


def _block(before: int, after: int) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
    initialize([convolution])
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU())
