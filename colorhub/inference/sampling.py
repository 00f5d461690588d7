"""Several colourings from one distribution over colours, each of them coherent: a thing in the photo gets one colour.

Noise that is drawn anew at every pixel gives confetti; noise that is drawn once a photo gives tints. Here it is drawn
once a region, and the regions of a photo share a part of it. Three steps:

1. Distributions are averaged along the photo's own edges (guided filter, He et al. 2010), so that what a network is
   unsure of is decided for a thing and not for a pixel.
2. A few soft regions are found by k-means over lightness, likely colour and place.
3. Each region draws two numbers, uniform between 0 and 1, that say which quantile of every one of its distributions is
   taken: first along a direction in the ab plane, then across it (the Knothe-Rosenblatt transport). Like distributions
   give like colours, and every single pixel is still a draw from its own distribution.

From one colouring to the next all numbers move by steps of a sequence of low discrepancy, so that a few colourings
already differ as much as the distribution allows.
"""

from collections.abc import Callable
from math import pi

import torch
import torch.nn.functional as F
from torch import Tensor

from colorhub import ab_bins
from colorhub.settings import Settings

_SHARED = 0.5  # part of the noise's variance that all regions have in common: 1 would be a tint of the whole photo
_REGIONS = 4
_SOFTNESS = 1.5  # of the regions' edges, in squared units of the features below
_L_UNIT, _AB_UNIT, _PLACE_UNIT = 22.0, 14.0, 2.0  # what counts as one step: CIELAB units, and shares of the short side
_REACH = 8  # distributions are averaged over windows whose half side is an eighth of the short side
_EDGE = 20.0  # (L units)^2: lightness that varies more than this within a window is an edge
_STEPS = (
    0.7548776662466927,
    0.5698402909980532,
)  # R2 sequence (Roberts 2018): powers of the plastic number
_STRIP = 10.0  # CIELAB units: bins this near along the direction count as equal in it
_RIM = 1e-4  # quantiles this near 0 and 1 are left out: rounding could reach a bin that has no chance
_BLEND = 12.0  # CIELAB units
SPREAD = 0.6  # temperature between the timid mode and the distribution's own spread, whose tails few eyes accept


def colorings(
    logits: Tensor, L: Tensor, settings: Settings, mean: Callable[[Tensor, float], Tensor] = ab_bins.annealed_mean
) -> Tensor:
    """What settings that take a distribution make of one: ``(n, B, 2, h, w)`` in CIELAB units, ``n`` the number of
    samples, or 1 for the annealed mean.

    Args:
        logits, L: as of :func:`sample`.
        settings: with a temperature or samples.
        mean: the annealed mean at a temperature, as the model reads it; samples lose no chroma.
    """
    if settings.samples is None:
        return mean(logits, settings.temperature or 0.0)[None]
    temperature = SPREAD if settings.temperature is None else settings.temperature
    return sample(logits, L, settings.samples, temperature, settings.seed)


def sample(
    logits: Tensor, L: Tensor, count: int, temperature: float = 1.0, seed: int = 0, blend: float = _BLEND
) -> Tensor:
    """Several colourings of the same picture.

    They depend on the picture and the seed alone: not on the other pictures of a batch, nor on ``count``, so that the
    first of many are those of few.

    Args:
        logits: ``(B, 313, h, w)`` over the bins of :mod:`colorhub.ab_bins`.
        L: ``(B, 1, H, W)``, 0..100, the lightness of the same picture at any size.
        count: number of colourings; where the distribution is sure of itself they agree.
        temperature: how far the colourings stray; towards 0 all are the mode, 1 is the distribution's own spread.
        seed: of the noise.
        blend: standard deviation in CIELAB units of the Gaussian around a drawn bin within which the distribution's
            mean is taken; 0 gives the bins themselves.

    Returns:
        ab ``(count, B, 2, h, w)`` in CIELAB units.

    Raises:
        ValueError: for a count below 1, a temperature that is not positive, or logits over other bins.
    """
    if count < 1 or not temperature > 0:
        raise ValueError(f"samples must be at least 1 and temperature above 0, got {count} and {temperature}.")
    if logits.ndim != 4 or logits.shape[1] != ab_bins.COUNT:
        raise ValueError(f"logits must have the shape (B, {ab_bins.COUNT}, h, w), got {tuple(logits.shape)}.")
    guide = F.interpolate(L.float(), size=logits.shape[2:], mode="area").to(logits.device)
    probabilities = along_edges((logits.float() / temperature).softmax(dim=1), guide)
    regions = soft_regions(guide, probabilities)
    generator = torch.Generator("cpu").manual_seed(seed)
    direction = float(torch.rand(1, generator=generator, device="cpu")) * 2 * pi
    start = _uniform(torch.randn(2, _REGIONS + 1, generator=generator, device="cpu"), regions)
    return torch.stack([_take(probabilities, direction, *_moved(start, i), blend) for i in range(count)])


def along_edges(probabilities: Tensor, L: Tensor) -> Tensor:
    """Distributions ``(B, Q, h, w)`` averaged over their surroundings, not across edges of ``L`` ``(B, 1, h, w)``."""
    reach = max(1, min(L.shape[2:]) // _REACH)
    mean, mean_p = _box(L, reach), _box(probabilities, reach)
    variance = (_box(L * L, reach) - mean * mean).clamp(min=0)
    slope = (_box(probabilities * L, reach) - mean_p * mean) / (variance + _EDGE)
    offset = mean_p - slope * mean
    averaged = (_box(slope, reach) * L + _box(offset, reach)).clamp(min=0)
    return averaged / averaged.sum(dim=1, keepdim=True)


def soft_regions(L: Tensor, probabilities: Tensor) -> Tensor:
    """Membership of every pixel in each of a few regions, ``(B, regions, h, w)``, sums to 1: k-means over lightness,
    mean colour and place, begun from the pixels that lie farthest from each other."""
    features = _features(L, probabilities)
    centers = features.gather(1, _row((features - features.mean(dim=1, keepdim=True)).square().sum(dim=2).argmin(1)))
    for _ in range(_REGIONS - 1):
        farthest = torch.cdist(features, centers).amin(dim=2).argmax(dim=1)
        centers = torch.cat([centers, features.gather(1, _row(farthest))], dim=1)
    for _ in range(10):
        members = _memberships(features, centers)
        centers = members.mT @ features / members.sum(dim=1)[..., None].clamp(min=1e-6)
    return _memberships(features, centers).mT.unflatten(2, L.shape[2:])


def _features(L: Tensor, probabilities: Tensor) -> Tensor:
    """What makes pixels belong together, ``(B, h * w, 5)``."""
    height, width = L.shape[2:]
    ab = torch.einsum("bqhw,qc->bchw", probabilities, ab_bins.bin_centers(L.device))
    smooth = _box(L, max(1, min(height, width) // (2 * _REACH)))
    y, x = (torch.arange(side, device=L.device) / min(height, width) / _PLACE_UNIT for side in (height, width))
    place = torch.stack(torch.meshgrid(y, x, indexing="ij")).expand(len(L), -1, -1, -1)
    return torch.cat([smooth / _L_UNIT, ab / _AB_UNIT, place], dim=1).flatten(2).mT


def _row(index: Tensor) -> Tensor:
    return index[:, None, None].expand(-1, 1, 5)


def _memberships(features: Tensor, centers: Tensor) -> Tensor:
    return (-torch.cdist(features, centers).square() / _SOFTNESS).softmax(dim=2)


def _uniform(gaussian: Tensor, regions: Tensor) -> Tensor:
    """Two numbers a pixel, ``(2, B, 1, h, w)``, uniform between 0 and 1 and nearly constant within a region.

    Gaussians are mixed with shares whose squares sum to 1 at every pixel, which keeps the distribution exact.

    Args:
        gaussian: ``(2, regions + 1)``; the last column is what all regions have in common.
        regions: ``(B, regions, h, w)``.
    """
    gaussian = gaussian.to(regions.device)
    shares = regions * ((1 - _SHARED) / regions.square().sum(dim=1, keepdim=True)).sqrt()
    mixed = torch.einsum("dk,bkhw->dbhw", gaussian[:, :-1], shares) + gaussian[:, -1, None, None, None] * _SHARED**0.5
    return torch.special.ndtr(mixed).unsqueeze(2)


def _moved(start: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """The two numbers of one colouring: all start at the same place and move on by steps, there and back between 0 and
    1, so that they stay uniform and have no jump."""
    along, across = ((part + number * step) % 1 for part, step in zip(start, _STEPS, strict=True))
    return 1 - (2 * along - 1).abs(), 1 - (2 * across - 1).abs()


def _take(probabilities: Tensor, direction: float, along: Tensor, across: Tensor, blend: float) -> Tensor:
    """The colours ``(B, 2, h, w)`` at given quantiles: first along a direction in the ab plane, then across it."""
    centers = ab_bins.bin_centers(probabilities.device)
    angle = torch.tensor(direction, device=centers.device)
    strip = (centers @ torch.stack([angle.cos(), angle.sin()]) / _STRIP).round().long()
    strip = strip - strip.min()
    order = (centers @ torch.stack([-angle.sin(), angle.cos()])).argsort(stable=True)

    shape = (len(probabilities), int(strip.max()) + 1, *probabilities.shape[2:])
    by_strip = probabilities.new_zeros(shape).index_add_(1, strip, probabilities)
    chosen = _quantile(by_strip, along)
    within = probabilities[:, order] * (strip[order].view(1, -1, 1, 1) == chosen)
    bins = order[_quantile(within, across)[:, 0]]
    if blend == 0:
        return centers[bins].movedim(-1, 1)
    near = torch.exp(-torch.cdist(centers, centers).square() / (2 * blend**2))
    weights = probabilities * near[bins].movedim(-1, 1)
    return torch.einsum("bqhw,qc->bchw", weights, centers) / weights.sum(dim=1, keepdim=True)


def _quantile(weights: Tensor, share: Tensor) -> Tensor:
    """Where the running sum of weights ``(B, n, h, w)`` first exceeds a share of their total, ``(B, 1, h, w)``."""
    running = weights.cumsum(dim=1)
    share = share.clamp(_RIM, 1 - _RIM)
    index = (running <= share * running[:, -1:]).sum(dim=1, keepdim=True)
    return index.clamp(max=weights.shape[1] - 1)


def _box(x: Tensor, reach: int) -> Tensor:
    """Mean over windows of ``2 * reach + 1`` pixels a side, cut at the border."""
    side = 2 * reach + 1
    rows = F.avg_pool2d(x, (side, 1), 1, (reach, 0), count_include_pad=False)
    return F.avg_pool2d(rows, (1, side), 1, (0, reach), count_include_pad=False)
