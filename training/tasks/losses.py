"""Objectives as pure functions. Colours are in CIELAB units; a loss is a mean over batch, channels, pixels.

All are computed in float32, also under autocast.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from colorhub.ab_bins import COUNT, nearest_bin, soft_encode

REGRESSION_LOSSES = ("mse", "l1", "smooth_l1")
_AB_RANGE = 110.0
_FLAT = 2.0  # lightness differences below this are none
_VIVID = 50.0  # chroma of a colour one would call vivid
_LITERAL_BINS = 20  # report 000's histograms


def regression(
    predicted: Tensor, target: Tensor, kind: str = "l1", beta: float = 11.0, chroma_weight: float = 0.0
) -> Tensor:
    """Distance between two colour layers ``(B, 2, H, W)``, on the scale where 1 is the largest ab value (110).

    Args:
        kind: ``mse``, ``l1`` or ``smooth_l1``.
        beta: for ``smooth_l1``, the error in CIELAB units below which it is quadratic.
        chroma_weight: pixels count more, the more colour the target has: ``1 + chroma_weight`` times at chroma 50.

    Raises:
        ValueError: for layers of different shapes, or an unknown ``kind``.
    """
    error = _error(predicted, target, kind, beta)
    weights = 1 + chroma_weight * target.float().norm(dim=1, keepdim=True) / _VIVID
    return (weights * error).mean() / weights.mean()


def rarity(predicted: Tensor, target: Tensor, weights: Tensor, kind: str = "smooth_l1", beta: float = 11.0) -> Tensor:
    """What report 000 meant: every pixel's error counts by how rare its true colour is in the data set.

    ``mean(weights[bin of the target] * error)``. With :func:`colorhub.ab_bins.rebalancing_weights` the weights average
    to 1 over the data set, so the scale is that of :func:`regression`.

    Args:
        predicted: ``(B, 2, H, W)``; ``target`` likewise.
        weights: ``(313,)``, one for each colour bin.
        kind: ``mse``, ``l1`` or ``smooth_l1``; ``beta`` as in :func:`regression`.

    Raises:
        ValueError: for layers of different shapes, an unknown ``kind`` or weights of another shape.
    """
    error = _error(predicted, target, kind, beta)
    return (_weight_of(target, weights)[:, None] * error).mean()


def literal_rarity(predicted: Tensor, target: Tensor, kind: str = "smooth_l1", beta: float = 11.0) -> Tensor:
    """What report 000's code computes: the plain loss, times one number taken from the batch.

    The report multiplies a loss that is already a mean by the products of rarities of the i-th bin of a and the i-th
    bin of b, and sums them. No pixel counts more than another: the gradient is parallel to that of
    :func:`regression`. Kept for comparison with :func:`rarity`.
    """
    return literal_rarity_factor(target) * _error(predicted, target, kind, beta).mean()


def literal_rarity_factor(target: Tensor) -> Tensor:
    """The number of :func:`literal_rarity`, a scalar: histograms of a and of b in 20 bins from -110 to 110, inverted,
    scaled to sum 1, multiplied bin by bin and summed. ``target``: ``(B, 2, H, W)``."""
    rarities = []
    for channel in target.float().unbind(dim=1):
        counts = torch.histc(channel, bins=_LITERAL_BINS, min=-_AB_RANGE, max=_AB_RANGE)
        inverse = 1 / (counts + 1e-6)
        rarities.append(inverse / inverse.sum())
    return (rarities[0] * rarities[1]).sum()


def soft_cross_entropy(logits: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy between predicted bins and soft-encoded colours (Zhang et al. 2016, equations 2 and 3).

    Args:
        logits: ``(B, 313, h, w)``.
        target: ab ``(B, 2, H, W)``; where it is larger than the logits, each of their positions answers for the mean
            colour of its block of pixels.
        weights: ``(313,)`` for rebalancing: each position counts by the weight of its true colour's bin.

    Raises:
        ValueError: for logits or weights of another shape, or a target whose sides are no multiple of the logits'.
    """
    if logits.ndim != 4 or logits.shape[1] != COUNT:
        raise ValueError(f"logits must have the shape (B, {COUNT}, h, w), got {tuple(logits.shape)}.")
    target = reduced(target, logits)
    indices, shares = soft_encode(target)
    # Bins last: over another dimension a softmax takes twice as long (benchmarks/distribution.py).
    logarithms = logits.movedim(1, -1).float().log_softmax(dim=-1)
    error = -(shares.movedim(1, -1) * logarithms.gather(-1, indices.movedim(1, -1))).sum(dim=-1)
    return error.mean() if weights is None else (_weight_of(target, weights) * error).mean()


def flat_variation(ab: Tensor, L: Tensor) -> Tensor:
    """How much colour changes from pixel to pixel where the lightness does not: total variation (Rudin et al. 1992) on
    the scale where 1 is the largest ab value, each difference weighed by ``exp(-|dL| / 2)``.

    Args:
        ab: ``(B, 2, h, w)``; ``L``: ``(B, 1, h, w)``, 0..100.
    """
    ab, L = ab.float() / _AB_RANGE, L.float()
    parts = [(ab.diff(dim=dim).abs() * torch.exp(-L.diff(dim=dim).abs() / _FLAT)).mean() for dim in (2, 3)]
    return torch.stack(parts).sum()


def class_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of scene classes, the mean over pictures whose class is known; 0 where none is.

    Args:
        logits: ``(B, K)``; ``labels``: class numbers ``(B,)``, -1 where unknown.
    """
    known = (labels >= 0).sum().clamp(min=1)
    return F.cross_entropy(logits.float(), labels, ignore_index=-1, reduction="sum") / known


def discriminator_loss(real: Tensor, fake: Tensor, smoothing: float = 0.1) -> Tensor:
    """Binary cross-entropy of a discriminator's logits, halved (Isola et al. 2017, section 3.3).

    Args:
        real: logits for true colours, of any shape; ``fake``: for predicted ones.
        smoothing: one-sided label smoothing (Salimans et al. 2016, section 3.4): true colours are labelled
            ``1 - smoothing``, predicted ones 0 all the same.
    """
    real_loss = F.binary_cross_entropy_with_logits(
        real.float(), torch.full_like(real, 1 - smoothing, dtype=torch.float)
    )
    fake_loss = F.binary_cross_entropy_with_logits(fake.float(), torch.zeros_like(fake, dtype=torch.float))
    return (real_loss + fake_loss) / 2


def generator_loss(fake: Tensor) -> Tensor:
    """Binary cross-entropy towards "real" of a discriminator's logits for predicted colours (Goodfellow et al. 2014,
    the form that does not saturate)."""
    return F.binary_cross_entropy_with_logits(fake.float(), torch.ones_like(fake, dtype=torch.float))


def wasserstein_critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """What a critic minimizes, its penalty apart (Arjovsky et al. 2017): mean score of predicted minus true colours."""
    return fake.float().mean() - real.float().mean()


def wasserstein_generator_loss(fake: Tensor) -> Tensor:
    """What the colorizer minimizes against a critic: minus the mean score of its colours."""
    return -fake.float().mean()


def gradient_penalty(
    critic: Callable[[Tensor, Tensor], Tensor],
    L: Tensor,
    real: Tensor,
    fake: Tensor,
    generator: torch.Generator | None = None,
) -> Tensor:
    """How far the critic's slope is from 1 between true and predicted colours (Gulrajani et al. 2017, equation 3).

    The slope is that of a picture's score over its colours, on the scale where 1 is the largest ab value (110); the
    lightness is given, so it has no part in it. Everything here runs in float32, as second derivatives need, also
    inside an autocast region.

    Args:
        critic: ``critic(L, ab)`` gives scores ``(B,)``, or several a picture, which are averaged. Give the bare module:
            a wrapper that turns autocast on again inside its forward would undo the float32.
        L: ``(B, 1, H, W)``.
        real: true ab ``(B, 2, H, W)``; ``fake``: predicted ones, whose graph is not followed.
        generator: of the random places between them, one a picture.

    Returns:
        The mean of ``(slope - 1)**2``, to be weighted (the paper's 10) and added to the critic's loss.
    """
    place = torch.rand(len(real), 1, 1, 1, generator=generator, device=real.device)
    with torch.enable_grad(), torch.autocast(real.device.type, enabled=False):
        between = torch.lerp(fake.detach().float(), real.detach().float(), place) / _AB_RANGE
        between.requires_grad_()
        scores = critic(L.float(), between * _AB_RANGE).float().reshape(len(real), -1).mean(dim=1)
        (slope,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
        # The constant keeps the gradient finite where the slope is 0.
        norm = (slope.flatten(1).square().sum(dim=1) + 1e-12).sqrt()
        return (norm - 1).square().mean()


def _error(predicted: Tensor, target: Tensor, kind: str, beta: float) -> Tensor:
    if predicted.shape != target.shape:
        raise ValueError(f"Prediction and target differ in shape: {tuple(predicted.shape)} and {tuple(target.shape)}.")
    predicted, target = predicted.float() / _AB_RANGE, target.float() / _AB_RANGE
    if kind == "mse":
        return F.mse_loss(predicted, target, reduction="none")
    if kind == "l1":
        return F.l1_loss(predicted, target, reduction="none")
    if kind == "smooth_l1":
        return F.smooth_l1_loss(predicted, target, beta=beta / _AB_RANGE, reduction="none")
    raise ValueError(f"Unknown loss {kind!r}. Expected one of {', '.join(REGRESSION_LOSSES)}.")


def _weight_of(target: Tensor, weights: Tensor) -> Tensor:
    if weights.shape != (COUNT,):
        raise ValueError(f"weights must have the shape ({COUNT},), one for each bin, got {tuple(weights.shape)}.")
    return weights.to(target.device, torch.float32)[nearest_bin(target)]


def reduced(target: Tensor, logits: Tensor) -> Tensor:
    """The target at the size of the logits: the mean over blocks."""
    (height, width), (rows, columns) = target.shape[2:], logits.shape[2:]
    if height % rows or width % columns:
        raise ValueError(
            f"The target's sides must be multiples of the logits', got {tuple(target.shape)} and {tuple(logits.shape)}."
        )
    return F.avg_pool2d(target.float(), (height // rows, width // columns))
