"""The U-Net generator of report 003 (pix2pix: Isola et al. 2017, section 6.1.1 and appendix).

What differs from the report: any input size (the base class pads), ``width`` and ``depth`` as settings (64 and 8 are
the report's), one scale of 110 for both ab channels instead of 127 and 128.
"""

from typing import Any

import torch
from torch import Tensor, nn

from colorhub.models.base import Colorizer, Prediction

_AB_SCALE = 110.0


class UNet(Colorizer):
    """Strided 4x4 convolutions down, transposed ones up, skip connections between equal sizes, tanh at the end.

    Args:
        width: channels of the first level; level i has ``width * min(2**i, 8)``.
        depth: number of levels; both sides are padded to a multiple of ``2**depth``.
        dropout: rate in the three innermost decoder levels (the report's 0.5), or in all where there are fewer.
        working_size: short side in pixels of the pictures it was trained on.
    """

    architecture = "unet"

    def __init__(self, width: int = 64, depth: int = 8, dropout: float = 0.5, working_size: int = 256) -> None:
        super().__init__()
        if depth < 2 or width < 1:
            raise ValueError(f"A U-Net needs depth >= 2 and width >= 1, got depth={depth}, width={width}.")
        self.multiple = 2**depth
        self.working_size = working_size
        channels = [width * min(2**level, 8) for level in range(depth)]
        self.down = nn.ModuleList(
            _down(before, after, first=level == 0)
            for level, (before, after) in enumerate(zip([1, *channels], channels, strict=False))
        )
        self.up = nn.ModuleList(
            _up(
                channels[level] * (1 if level == depth - 1 else 2),
                channels[level - 1],
                dropout if level >= depth - 3 else 0,
            )
            for level in range(depth - 1, 0, -1)
        )
        self.out = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * channels[0], 2, 4, stride=2, padding=1), nn.Tanh())

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        return {"width": 4, "depth": 3, "working_size": 32}

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        """``L``: ``(B, 1, H, W)``, both sides a multiple of ``2**depth``."""
        x = L / 50 - 1
        skips = []
        for block in self.down:
            x = block(x)
            skips.append(x)
        skips.pop()
        for block in self.up:
            x = torch.cat([block(x), skips.pop()], dim=1)
        return Prediction(ab=self.out(x).float() * _AB_SCALE)


def _down(before: int, after: int, first: bool) -> nn.Sequential:
    if first:  # pix2pix: no normalization on the picture itself
        return nn.Sequential(nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False))
    convolution = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(nn.LeakyReLU(0.2), convolution, nn.BatchNorm2d(after))


def _up(before: int, after: int, dropout: float) -> nn.Sequential:
    convolution = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)
    layers = [nn.ReLU(), convolution, nn.BatchNorm2d(after)]
    return nn.Sequential(*layers, *([nn.Dropout(dropout)] if dropout else []))
