"""Tiny untrained models whose colours can be told apart."""

from typing import Any

import torch

from colorhub import ColorizationPipeline, create
from colorhub.models import MODELS


def tiny_pipeline(config: dict[str, Any] | None = None, **settings: Any) -> ColorizationPipeline:
    """A pipeline with a tiny ``unet``, the same every time.

    Args:
        config: of the model, over that of ``tiny()``.
        settings: of the pipeline.
    """
    torch.manual_seed(0)
    model = create("unet", **{**MODELS["unet"].tiny(), "dropout": 0.0, **(config or {})})
    with torch.no_grad():  # an untrained model answers almost grey: make its colours strong enough to tell apart
        model.out[1].weight *= 40
    return ColorizationPipeline(model, device="cpu", **settings)
