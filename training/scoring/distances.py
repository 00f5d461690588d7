"""Distances between two sets of pictures, by their features. The features come from wherever; torchmetrics compares
them."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

KID_SUBSETS, KID_SIZE = 100, 100


class _AsTheyAre(nn.Module):
    """Stands where torchmetrics wants a network: what comes in are features already."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


def frechet(answers: np.ndarray, originals: np.ndarray) -> dict[str, Any]:
    """FID of ``(n, d)`` features."""
    metric = FrechetInceptionDistance(_AsTheyAre(answers.shape[1]))
    metric.set_dtype(torch.float64)
    return {"value": round(float(_compared(metric, answers, originals)), 4), "n": len(answers)}


def kernel(answers: np.ndarray, originals: np.ndarray) -> dict[str, Any]:
    """KID of ``(n, d)`` features: mean and standard deviation over subsets, which are drawn with a fixed seed."""
    metric = KernelInceptionDistance(_AsTheyAre(answers.shape[1]), subsets=KID_SUBSETS, subset_size=KID_SIZE)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        mean, spread = _compared(metric, answers, originals)
    return {"value": round(float(mean), 6), "spread": round(float(spread), 6), "n": len(answers)}


def _compared(metric: Any, answers: np.ndarray, originals: np.ndarray) -> Any:
    for features, real in ((originals, True), (answers, False)):
        metric.update(torch.from_numpy(np.asarray(features, np.float64)), real=real)
    return metric.compute()
