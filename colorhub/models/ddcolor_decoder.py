"""The two decoders of DDColor (Kang et al. 2023, section 3.2 and 3.3): one restores the picture's detail, one refines
colour queries by attention to it; their product is the answer."""

from collections.abc import Sequence
from math import pi

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HEADS = 8
_PERIOD = 10_000  # of the slowest sine in units of the fastest (Vaswani et al. 2017)


class PixelDecoder(nn.Module):
    """Three doublings from 1/32 to 1/4 of the size, each joined by the encoder's features of that size.

    Args:
        encoder: channels of the encoder's four feature maps, the finest first.
        width: channels after the first two doublings; half of it after the third.
    """

    def __init__(self, encoder: Sequence[int], width: int) -> None:
        super().__init__()
        self.channels = (width, width, width // 2)
        before = (encoder[3], *self.channels)
        self.blocks = nn.ModuleList(
            _Doubling(before[i], encoder[2 - i], after) for i, after in enumerate(self.channels)
        )

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Features at 1/4, 1/8, 1/16 and 1/32 of the size to maps of ``channels`` at 1/16, 1/8 and 1/4."""
        x = features[3]
        maps = []
        for block, skip in zip(self.blocks, reversed(features[:3]), strict=True):
            x = block(x, skip)
            maps.append(x)
        return maps


class _Doubling(nn.Module):
    """Pixel shuffle (Shi et al. 2016) with the blur of Sugawara et al. 2018 (arXiv 1806.02658), then one convolution
    over the result and the encoder's features."""

    def __init__(self, before: int, skip: int, after: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(before, 4 * after, 1, bias=False)
        self.expand_norm = nn.BatchNorm2d(4 * after)
        self.skip_norm = nn.BatchNorm2d(skip)
        self.merge = nn.Conv2d(after + skip, after, 3, padding=1, bias=False)
        self.merge_norm = nn.BatchNorm2d(after)
        shuffled_together(self.expand.weight, 2)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """``(B, before, h, w)`` and ``(B, skip, 2h, 2w)`` to ``(B, after, 2h, 2w)``."""
        x = blurred(F.pixel_shuffle(F.relu(self.expand_norm(self.expand(x))), 2))
        x = torch.cat([x, F.relu(self.skip_norm(skip))], dim=1)
        return self.merge_norm(F.relu(self.merge(x)))


class ColorDecoder(nn.Module):
    """Colour queries that attend to the pixel decoder's maps, one scale after the other, and to each other.

    Args:
        channels: of the maps, the coarsest first.
        queries: number of colour queries.
        layers: each is cross-attention, self-attention and a feed-forward network, with normalization after each.
        hidden: length of a query.
    """

    def __init__(self, channels: Sequence[int], queries: int, layers: int, hidden: int) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(queries, hidden))
        self.query_places = nn.Parameter(torch.randn(queries, hidden))
        self.levels = nn.Parameter(torch.randn(len(channels), hidden))
        self.project = nn.ModuleList(nn.Conv2d(count, hidden, 1) for count in channels)
        self.layers = nn.ModuleList(_Layer(hidden) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)
        self.embed = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(3))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps ``(B, channels, h, w)`` to one colour embedding for each query, ``(B, queries, hidden)``."""
        memories, places = [], []
        for project, level, features in zip(self.project, self.levels, maps, strict=True):
            memories.append(project(features).flatten(2).transpose(1, 2) + level)
            places.append(sine_places(features, self.norm.normalized_shape[0]))
        x = self.queries.expand(maps[0].shape[0], -1, -1)
        for i, layer in enumerate(self.layers):
            x = layer(x, self.query_places, memories[i % len(maps)], places[i % len(maps)])
        x = self.norm(x)
        for i, linear in enumerate(self.embed):
            x = F.relu(linear(x)) if i < len(self.embed) - 1 else linear(x)
        return x


class _Layer(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.cross, self.cross_norm = _Attention(hidden), nn.LayerNorm(hidden)
        self.own, self.own_norm = _Attention(hidden), nn.LayerNorm(hidden)
        self.widen, self.narrow = nn.Linear(hidden, 8 * hidden), nn.Linear(8 * hidden, hidden)
        self.norm = nn.LayerNorm(hidden)

    def forward(self, x: Tensor, query_places: Tensor, memory: Tensor, places: Tensor) -> Tensor:
        """Queries ``(B, Q, hidden)`` that have looked at ``memory`` ``(B, h * w, hidden)`` once more."""
        x = self.cross_norm(x + self.cross(x + query_places, memory + places, memory))
        x = self.own_norm(x + self.own(x + query_places, x + query_places, x))
        return self.norm(x + self.narrow(F.relu(self.widen(x))))


class _Attention(nn.Module):
    """Attention of several heads (Vaswani et al. 2017, section 3.2); positions count for queries and keys only."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(hidden, hidden) for _ in range(4))
        for linear in (self.query, self.key, self.value, self.out):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """``(B, Q, hidden)``, ``(B, K, hidden)`` and the same to ``(B, Q, hidden)``."""
        heads = [
            linear(x).unflatten(2, (HEADS, -1)).transpose(1, 2)
            for linear, x in ((self.query, query), (self.key, key), (self.value, value))
        ]
        return self.out(F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2))


def sine_places(like: Tensor, hidden: int) -> Tensor:
    """Where the pixels of a map are, as sines and cosines ``(h * w, hidden)``: the first half for rows, the second for
    columns, both counted from 1 and scaled so that the last is at 2 pi, whatever the size (Carion et al. 2020)."""
    height, width = like.shape[-2:]
    count = hidden // 2
    steps = torch.arange(count, device=like.device, dtype=torch.float32)
    period = _PERIOD ** (2 * (steps // 2) / count)
    rows, columns = (
        _waves(torch.arange(1, length + 1, device=like.device, dtype=torch.float32) / length * (2 * pi), period)
        for length in (height, width)
    )
    rows = rows[:, None].expand(-1, width, -1)
    columns = columns[None].expand(height, -1, -1)
    return torch.cat([rows, columns], dim=2).flatten(0, 1)


def _waves(places: Tensor, period: Tensor) -> Tensor:
    """``(length,)`` to ``(length, count)``: sine and cosine in turn."""
    angle = places[:, None] / period
    return torch.stack([angle[:, 0::2].sin(), angle[:, 1::2].cos()], dim=2).flatten(1)


def blurred(x: Tensor) -> Tensor:
    """The mean of every pixel and its neighbours at the left and above, of the same size."""
    return F.avg_pool2d(F.pad(x, (1, 0, 1, 0), mode="replicate"), 2, stride=1)


def shuffled_together(weight: Tensor, scale: int) -> None:
    """Initialize the layer before a pixel shuffle so that the pixels of a block begin alike (Aitken et al. 2017)."""
    kernel = torch.empty(len(weight) // scale**2, *weight.shape[1:], device=weight.device)
    nn.init.kaiming_normal_(kernel)
    with torch.no_grad():
        weight.copy_(kernel.repeat_interleave(scale**2, dim=0))
