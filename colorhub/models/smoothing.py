"""Distributions that are torn between hues take counsel with their neighbours.

There the annealed mean jumps from one hue to another for next to nothing, and leaves a red or green patch on a wall.
Neighbours of the same thing share their logits, so that it gets one colour; where a distribution is sure of its hue it
keeps what it has.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from colorhub import ab_bins

_TORN, _AGREED = 0.5, 0.95  # concentration of hue up to which all is shared, and from which nothing is
EDGE = 8.0  # L units between neighbours across which little is shared
_SIDE = (0.25, 0.5, 0.25)  # binomial weights of three neighbours in a row


def smoothed_where_hues_differ(features: Tensor, head: Callable[[Tensor], Tensor], L: Tensor, passes: int) -> Tensor:
    """Logits ``(B, 313, h, w)`` of features ``(B, C, h, w)``, smoothed within edges as far as their hues disagree.

    A mean of logits is the logits of a mean, as the head is linear: the features are smoothed, which are fewer.

    Args:
        head: an affine map of every position by itself, such as a convolution of 1 x 1.
        L: lightness ``(B, 1, h, w)`` at the same positions, 0..100.
        passes: of :func:`edge_avoiding`; 0 changes nothing.
    """
    logits = head(features)
    if not passes:
        return logits
    with torch.autocast(logits.device.type, enabled=False):
        shared = edge_avoiding(features.float(), L.float(), passes).to(features.dtype)
    smoothed = head(shared).float()
    with torch.autocast(logits.device.type, enabled=False):
        logits = logits.float()
        agreed = ((ab_bins.hue_concentration(logits) - _TORN) / (_AGREED - _TORN)).clamp(0, 1)
        return torch.lerp(smoothed, logits, agreed)


def edge_avoiding(maps: Tensor, L: Tensor, passes: int) -> Tensor:
    """Maps ``(B, C, h, w)`` under an edge-avoiding a-trous filter (Dammertz, Sewtz, Hanika, Lensch 2010, section 2).

    Every pass is a bilateral mean over 3 x 3 positions, twice as far apart as in the pass before: after ``n`` passes a
    position has seen others at up to ``2^n - 1``. Beyond the rim it sees the rim.

    Args:
        L: lightness ``(B, 1, h, w)``; positions that differ by several times ``EDGE`` share nothing.
    """
    height, width = maps.shape[-2:]
    for step in (2**level for level in range(passes)):
        around, light = (F.pad(x, [step] * 4, mode="replicate") for x in (maps, L))
        total, weights = torch.zeros_like(maps), torch.zeros_like(L)
        for i, down in enumerate(_SIDE):
            for j, across in enumerate(_SIDE):
                place = ..., slice(i * step, i * step + height), slice(j * step, j * step + width)
                weight = down * across * torch.exp(-((light[place] - L) ** 2) / (2 * EDGE**2))
                total.addcmul_(weight, around[place])  # in place: a third of the time
                weights = weights + weight
        maps = total.div_(weights)
    return maps
