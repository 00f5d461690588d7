"""A few likely colours out of a distribution over the bins of :mod:`colorhub.ab_bins`."""

import torch
from torch import Tensor

from colorhub import ab_bins
from colorhub.color import fit_gamut, lab_to_rgb

_WIDTH, _APART = 12.0, 20.0  # CIELAB units: bins this near count for a colour, and as the same colour
_LEAST = 1e-3  # of the chances: rarer colours are not suggested


def likeliest(probabilities: Tensor, L: float, count: int) -> list[str]:
    """Up to ``count`` different colours, the likeliest first, as ``#rrggbb`` of the lightness ``L`` inside sRGB.

    Each is the mean of the distribution around its likeliest bin, whose surroundings are then taken out.

    Args:
        probabilities: ``(313,)``.
        L: 0..100.
        count: at least 1.
    """
    centers = ab_bins.bin_centers()
    distance = torch.cdist(centers, centers)
    near = torch.exp(-distance.square() / (2 * _WIDTH**2))
    left = probabilities.float().cpu() / probabilities.sum().item()
    found: dict[str, None] = {}  # a set that keeps its order
    while len(found) < count:
        around = near @ left
        best = int(around.argmax())
        if around[best] < _LEAST:
            break
        weights = near[best] * left
        found[hex_of(L, weights @ centers / weights.sum())] = None
        left = left * (distance[best] > _APART)
    return list(found)


def hex_of(L: float, ab: Tensor) -> str:
    """The colour ``ab`` ``(2,)`` of lightness ``L`` as ``#rrggbb``; with less chroma where sRGB does not hold it."""
    lightness, color = torch.tensor(float(L)).view(1, 1, 1, 1), ab.float().cpu().view(1, 2, 1, 1)
    red, green, blue = (lab_to_rgb(lightness, fit_gamut(lightness, color)).flatten() * 255).round().int().tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"
