"""Tiny untrained models: as a folder, or at work with colours that can be told apart."""

from pathlib import Path
from typing import Any

import torch

from colorhub import ColorizationPipeline, create
from colorhub.models import MODELS


def save_tiny(folder: Path, architecture: str = "unet", seed: int = 0, **config: object) -> Path:
    """Save a tiny model of an architecture, the same for the same seed. ``config`` goes over that of ``tiny()``."""
    torch.manual_seed(seed)
    create(architecture, **{**MODELS[architecture].tiny(), **config}).save_pretrained(folder)
    return folder


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
