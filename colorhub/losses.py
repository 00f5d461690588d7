"""Objectives as pure functions. Colours are in CIELAB units; a loss is a mean over batch, channels, pixels."""

import torch.nn.functional as F
from torch import Tensor

REGRESSION_LOSSES = ("mse", "l1", "smooth_l1")
_AB_RANGE = 110.0
_VIVID = 50.0  # chroma of a colour one would call vivid


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
    if predicted.shape != target.shape:
        raise ValueError(f"Prediction and target differ in shape: {tuple(predicted.shape)} and {tuple(target.shape)}.")
    weights = 1 + chroma_weight * target.float().norm(dim=1, keepdim=True) / _VIVID
    predicted, target = predicted.float() / _AB_RANGE, target.float() / _AB_RANGE
    if kind == "mse":
        error = F.mse_loss(predicted, target, reduction="none")
    elif kind == "l1":
        error = F.l1_loss(predicted, target, reduction="none")
    elif kind == "smooth_l1":
        error = F.smooth_l1_loss(predicted, target, beta=beta / _AB_RANGE, reduction="none")
    else:
        raise ValueError(f"Unknown loss {kind!r}. Expected one of {', '.join(REGRESSION_LOSSES)}.")
    return (weights * error).mean() / weights.mean()
