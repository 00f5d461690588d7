"""The adversaries of report 003: a PatchGAN (Isola et al. 2017, section 6.1.2) and a Wasserstein critic.

They judge a lightness with its colours. They are saved and loaded like every model of the hub, beside a colorizer,
never inside its weights, so that training can go on.

What differs from the report: the critic's convolutions have a bias. The report switched off their BatchNorm, and with
it the only bias they had.
"""

from typing import Any

import torch
from torch import Tensor, nn

from colorhub.models.base import HubModel

_AB_SCALE = 110.0
_LEAST_SIDE = 24  # below it, nothing is left for the last convolution


class PatchDiscriminator(HubModel):
    """Real or fake, for each patch of 70x70 pixels: logits ``(B, 1, 30, 30)`` for a picture of 256x256.

    Three 4x4 convolutions with stride 2 and two with stride 1: ``w``, ``2w``, ``4w``, ``8w`` and one channel, with
    BatchNorm and LeakyReLU of slope 0.2 between them.

    Args:
        width: channels of the first layer; 64 is the report's.
    """

    architecture = "patch-discriminator"

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.layers = _layers(width, normalized=True)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        return {"width": 4}

    def forward(self, L: Tensor, ab: Tensor) -> Tensor:
        """Logits ``(B, 1, h, w)`` for a lightness ``(B, 1, H, W)``, 0..100, and ab ``(B, 2, H, W)`` in CIELAB units."""
        return self.layers(_picture(L, ab))


class WassersteinCritic(HubModel):
    """The same layers without BatchNorm, and one score a picture: the mean over its patches.

    Without BatchNorm the score of a picture does not depend on the others of its batch, which the gradient penalty
    needs (Gulrajani et al. 2017, section 4).

    Args:
        width: channels of the first layer; 64 is the report's.
    """

    architecture = "wasserstein-critic"

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.layers = _layers(width, normalized=False)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        return {"width": 4}

    def forward(self, L: Tensor, ab: Tensor) -> Tensor:
        """Scores ``(B,)`` for a lightness ``(B, 1, H, W)`` in 0..100 and ab ``(B, 2, H, W)`` in CIELAB units."""
        return self.layers(_picture(L, ab)).mean(dim=(1, 2, 3))


def _picture(L: Tensor, ab: Tensor) -> Tensor:
    if L.shape[2:] != ab.shape[2:] or L.shape[1] != 1 or ab.shape[1] != 2 or min(L.shape[2:]) < _LEAST_SIDE:
        raise ValueError(
            f"L must have the shape (B, 1, H, W) and ab (B, 2, H, W), both sides at least {_LEAST_SIDE}, "
            f"got {tuple(L.shape)} and {tuple(ab.shape)}."
        )
    return torch.cat([L / 50 - 1, ab / _AB_SCALE], dim=1)


def _layers(width: int, normalized: bool) -> nn.Sequential:
    if width < 1:
        raise ValueError(f"width must be at least 1, got {width}.")
    layers: list[nn.Module] = [nn.Conv2d(3, width, 4, stride=2, padding=1, bias=not normalized), nn.LeakyReLU(0.2)]
    for before, after, stride in ((1, 2, 2), (2, 4, 2), (4, 8, 1)):
        layers.append(nn.Conv2d(before * width, after * width, 4, stride=stride, padding=1, bias=not normalized))
        if normalized:
            layers.append(nn.BatchNorm2d(after * width))
        layers.append(nn.LeakyReLU(0.2))
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, padding=1))
