"""Colour as a choice among 313 bins: encoding, rebalancing, and the ways to read a colour from logits.

The bins are those of Zhang, Isola, Efros 2016, "Colorful Image Colorization", section 2: the cells of a grid of 10
units on the ab plane that their gamut holds. All functions are pure, work on any device and compute in float32, also
under autocast.

Shapes: ``ab`` is ``(B, 2, h, w)`` in CIELAB units, ``logits`` are ``(B, 313, h, w)``, a ``prior`` or a set of bin
weights is ``(313,)``.
"""

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from math import log

import torch
import torch.nn.functional as F
from torch import Tensor

# For each a, the first and the last b. sRGB fills only 261 of these cells, so they cannot be recomputed from it.
_RANGES = {
    -90: (50, 90),
    -80: (20, 90),
    -70: (0, 90),
    -60: (-20, 90),
    -50: (-30, 100),
    -40: (-40, 100),
    -30: (-50, 100),
    -20: (-50, 100),
    -10: (-60, 100),
    0: (-70, 100),
    10: (-80, 90),
    20: (-80, 90),
    30: (-90, 90),
    40: (-100, 90),
    50: (-100, 80),
    60: (-110, 80),
    70: (-110, 80),
    80: (-110, 70),
    90: (-110, 70),
    100: (-90, 0),
}
_GRID = 10
_BINS = [(a, b) for a, (first, last) in _RANGES.items() for b in range(first, last + 1, _GRID)]
COUNT = len(_BINS)  # 313
TEMPERATURE = 0.38  # Zhang et al. 2016, section 2.3: between the vivid mode and the dull mean
SIGMA = 5.0  # Zhang et al. 2016, section 2.1: width of soft encoding, and of the prior's smoothing
_TRUSTED_CHROMA = 2.0  # CIELAB units
NEIGHBOURS = 5  # Zhang et al. 2016, section 2.1

_LOW, _SIDE = -128, 256  # the integer ab grid of the look-up table: -128..127 on both axes


def bin_centers(device: torch.device | str = "cpu") -> Tensor:
    """The 313 bins ``(313, 2)`` in CIELAB units, in the published order: by a, then by b."""
    return _centers_on(str(device))


def nearest_bin(ab: Tensor) -> Tensor:
    """Index of the bin nearest to each colour, ``(B, h, w)`` int64.

    Colours are rounded to whole CIELAB units first; where two bins are equally near, the one with the lower index wins.
    """
    indices, _ = _table_on(str(ab.device))
    return indices[:, 0][_cells(ab)].long()


def sure_of_grey() -> Tensor:
    """The distribution ``(313,)`` in which only the bin without colour is likely."""
    return F.one_hot(nearest_bin(torch.zeros(1, 2, 1, 1)).flatten(), COUNT)[0].float()


def soft_encode(ab: Tensor) -> tuple[Tensor, Tensor]:
    """The 5 bins nearest to each colour and their weights (Zhang et al. 2016, section 2.1).

    Weights are a Gaussian of the distance (sigma 5) and sum to 1. Nearest neighbours over every pixel would cost more
    than a network's step, so they come from a table over the integer ab grid: colours are rounded to whole units.

    Returns:
        ``(indices, weights)``, both ``(B, 5, h, w)``, int64 and float32, nearest first.
    """
    indices, weights = _table_on(str(ab.device))
    cells = _cells(ab)
    return indices[cells].long().movedim(-1, 1), weights[cells].movedim(-1, 1)


def annealed_mean(
    logits: Tensor,
    temperature: float = TEMPERATURE,
    centers: Tensor | None = None,
    *,
    chroma_recovery: float = 0.0,
    chroma_scale: float = 1.0,
) -> Tensor:
    """One colour from a distribution: the mean after sharpening it (Zhang et al. 2016, equation 5).

    The mean of a red and a green is neither, and paler than both. ``chroma_recovery`` gives back what averaging took:
    the mean keeps its hue, and its chroma moves towards the mean chroma of the colours.

    Args:
        logits: ``(B, Q, h, w)``.
        temperature: 1 is the mean of the distribution, 0 its mode, between them a compromise.
        centers: ``(Q, 2)`` in CIELAB units; the 313 bins when not given.
        chroma_recovery: 0 is equation 5, at 1 the answer is as strong as the colours are on average. A mean next to
            grey has no hue that could be trusted and recovers less.
        chroma_scale: what every colour is multiplied by in the end.

    Returns:
        ab ``(B, 2, h, w)`` in CIELAB units.

    Raises:
        ValueError: for a negative temperature, or logits whose bins are not those of ``centers``.
    """
    centers = bin_centers(logits.device) if centers is None else centers
    if logits.ndim != 4 or logits.shape[1] != len(centers):
        raise ValueError(f"logits must have the shape (B, {len(centers)}, h, w), got {tuple(logits.shape)}.")
    with _full_precision(logits):
        shares, centers = _distribution(logits.movedim(1, -1), temperature), centers.float()
        mean = shares @ centers
        if chroma_recovery:
            chroma = mean.norm(dim=-1, keepdim=True)
            lost = (shares @ centers.norm(dim=1))[..., None] - chroma
            mean = mean * ((chroma + chroma_recovery * lost) / chroma.clamp(min=_TRUSTED_CHROMA))
        return chroma_scale * mean.movedim(-1, 1)


def confidence(logits: Tensor) -> Tensor:
    """How sure a distribution is of its colour, ``(B, 1, h, w)`` in 0..1: one minus its entropy over the largest
    possible one. 0 for the uniform distribution, 1 for a single bin."""
    logarithms = logits.float().log_softmax(dim=1)
    entropy = -(logarithms.exp() * logarithms).sum(dim=1, keepdim=True)
    return (1 - entropy / log(logits.shape[1])).clamp(0, 1)


def hue_concentration(logits: Tensor) -> Tensor:
    """How far the colours of a distribution agree in hue, ``(B, 1, h, w)`` in 0..1: the mean resultant length of
    circular statistics (Mardia, Jupp 2000, section 2.3.1), every colour weighted by its chroma. 1 is a single hue;
    where opposite hues are equally likely it is 0."""
    centers = bin_centers(logits.device)
    with _full_precision(logits):
        shares, centers = _distribution(logits.movedim(1, -1), 1.0), centers.float()
        chroma = (shares @ centers.norm(dim=1)).clamp(min=torch.finfo(torch.float32).eps)
        return ((shares @ centers).norm(dim=-1) / chroma)[:, None]


def count_bins(ab: Tensor) -> Tensor:
    """How many colours fall to each bin, ``(313,)`` float64: add these up over a data set for its prior."""
    return torch.bincount(nearest_bin(ab).flatten(), minlength=COUNT).double()


def smoothed(prior: Tensor, sigma: float = SIGMA) -> Tensor:
    """A prior smoothed by a Gaussian on the ab plane and scaled to sum 1 (Zhang et al. 2016, section 2.2).

    Every bin's share is spread over the bins, none of it outside of them.
    """
    _expect_prior(prior)
    centers = bin_centers(prior.device).double()
    kernel = torch.exp(-torch.cdist(centers, centers).square() / (2 * sigma**2))
    spread = (kernel / kernel.sum(dim=0)) @ prior.double()
    return (spread / spread.sum()).to(prior.dtype)


def rebalancing_weights(prior: Tensor, mix: float = 0.5) -> Tensor:
    """Weight of each bin, larger the rarer it is (Zhang et al. 2016, equation 4).

    ``w = 1 / ((1 - mix) * prior + mix / 313)``, scaled so that the mean weight over the data set,
    ``sum(prior * w)``, is 1.

    Args:
        prior: share of each bin in a data set; scaled to sum 1 here.
        mix: 1 weighs all bins the same, 0 weighs by the prior alone.

    Raises:
        ValueError: for a mix outside 0..1, a prior of another shape or with negative shares, or empty bins at mix 0.
    """
    _expect_prior(prior)
    if not 0 <= mix <= 1:
        raise ValueError(f"mix must be between 0 and 1, got {mix}.")
    share = prior.double() / prior.double().sum()
    mixed = (1 - mix) * share + mix / COUNT
    if not (mixed > 0).all():
        empty = int((mixed <= 0).sum())
        raise ValueError(f"The prior has {empty} empty bins, whose weights would be infinite: smooth it, or mix > 0.")
    weights = 1 / mixed
    return (weights / (share * weights).sum()).to(prior.dtype)


def _expect_prior(prior: Tensor) -> None:
    if prior.shape != (COUNT,) or not prior.is_floating_point():
        raise ValueError(f"A prior is a floating-point ({COUNT},), got {prior.dtype} {tuple(prior.shape)}.")
    if (prior < 0).any() or not prior.sum() > 0:
        raise ValueError("A prior holds shares of bins: none negative, not all zero.")


def _distribution(logits: Tensor, temperature: float) -> Tensor:
    """``(..., Q)`` of logits ``(..., Q)``: over the last dimension, as over another a softmax takes twice as long."""
    if temperature < 0:
        raise ValueError(f"temperature must not be negative, got {temperature}.")
    if temperature == 0:
        mode = logits.argmax(dim=-1, keepdim=True)
        return torch.zeros_like(logits, dtype=torch.float32).scatter_(-1, mode, 1.0)
    sharpened = logits.float() if temperature == 1 else logits.float() / temperature
    return sharpened.softmax(dim=-1)


def _full_precision(tensor: Tensor) -> AbstractContextManager[None]:
    kind = tensor.device.type
    autocast = kind != "meta" and torch.is_autocast_enabled(kind)
    return torch.autocast(kind, enabled=False) if autocast else nullcontext()


def _cells(ab: Tensor) -> Tensor:
    """Index of each colour's cell of the integer grid, ``(B, h, w)``."""
    if ab.ndim != 4 or ab.shape[1] != 2:
        raise ValueError(f"ab must have the shape (B, 2, h, w), got {tuple(ab.shape)}.")
    a, b = (ab.float().round().long() - _LOW).clamp(0, _SIDE - 1).unbind(dim=1)
    return a * _SIDE + b


@cache
def _centers_on(device: str) -> Tensor:
    with torch.inference_mode(False):  # a tensor made in inference mode could not be used in training later
        return torch.tensor(_BINS, dtype=torch.float32, device="cpu").to(device)


@cache
def _table_on(device: str) -> tuple[Tensor, Tensor]:
    """For each cell of the integer grid, its nearest bins (int16) and their weights: two ``(65536, 5)``."""
    if device != "cpu":
        with torch.inference_mode(False):
            indices, weights = _table_on("cpu")
            return indices.to(device), weights.to(device)
    with torch.inference_mode(False):
        rows = [_nearest_in_row(a) for a in range(_LOW, _LOW + _SIDE)]
        keys = torch.cat(rows)
        indices, squares = keys % 512, keys // 512
        beyond = (squares - squares[:, :1]).double()  # relative to the nearest: far outside the bins all would be 0
        weights = torch.exp(-beyond / (2 * SIGMA**2))
        return indices.short(), (weights / weights.sum(dim=1, keepdim=True)).float()


def _nearest_in_row(a: int) -> Tensor:
    """Keys of the nearest bins for one a and all b, ``(256, 5)``: squared distance times 512 plus index, so that equal
    distances have an order."""
    bins = torch.tensor(_BINS, device="cpu")
    b = torch.arange(_LOW, _LOW + _SIDE, device="cpu")[:, None]
    keys = ((a - bins[:, 0]) ** 2 + (b - bins[:, 1]) ** 2) * 512 + torch.arange(COUNT, device="cpu")
    return keys.topk(NEIGHBOURS, dim=1, largest=False, sorted=True).values
