"""How far colours are apart as a network sees them that was trained to recognise things (Johnson et al. 2016)."""

import torch
from torch import Tensor, nn

from colorhub.color import fit_gamut, lab_to_rgb
from colorhub.models.backbones import create_backbone, load_backbone, pretraining_scale

_MAPS = 3  # at 1/4, 1/8 and 1/16 of the size: the coarsest knows what is seen, whatever its colour


class FeatureDistance(nn.Module):
    """Relative difference between what a frozen backbone makes of a picture in predicted colours, and of the same
    lightness in true ones: ``mean(|p - t|) / mean(|t|)`` of its maps at 1/4, 1/8 and 1/16 of the size, averaged.

    Args:
        backbone: name of a timm model, as for :func:`~colorhub.models.backbones.create_backbone`.
        weights: its pre-trained weights, a file as for :func:`~colorhub.models.backbones.load_backbone` or ``timm``
            for timm's own; ``None`` leaves it random.

    Raises:
        ValueError: there is no such backbone.
        WeightsError: the weights cannot be had, or are another network's.

    Example:
        >>> distance = FeatureDistance("test_efficientnet", None)
        >>> L, ab = torch.full((1, 1, 32, 32), 50.0), torch.zeros(1, 2, 32, 32)
        >>> float(distance(L, ab, ab)), float(distance(L, ab + 20, ab)) > 0
        (0.0, True)
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, backbone: str, weights: str | None) -> None:
        super().__init__()
        self.backbone, _ = create_backbone(backbone)
        if weights is not None:
            load_backbone(self.backbone, backbone, None if weights == "timm" else weights)
        mean, deviation = pretraining_scale(backbone)
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.requires_grad_(False).eval()

    def forward(self, L: Tensor, predicted: Tensor, target: Tensor) -> Tensor:
        """A scalar. ``L``: ``(B, 1, H, W)``, 0..100; ``predicted`` and ``target``: ab ``(B, 2, H, W)`` in CIELAB units;
        sides are multiples of 32."""
        with torch.no_grad():
            expected = self._maps(L, target)
        found = self._maps(L, predicted)
        parts = [(one - other).abs().mean() / other.abs().mean() for one, other in zip(found, expected, strict=True)]
        return torch.stack(parts).mean()

    def _maps(self, L: Tensor, ab: Tensor) -> list[Tensor]:
        rgb = lab_to_rgb(L, fit_gamut(L, ab))
        return [one.float() for one in self.backbone((rgb - self.mean) / self.deviation)[:_MAPS]]
