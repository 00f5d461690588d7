"""Models: one file a family, and the registry of architectures. Weights by name are :mod:`colorhub.hub`'s."""

import warnings
from typing import Any

from colorhub.models.base import Colorizer, HubModel, Prediction, WeightsError
from colorhub.models.colorize_net import ChromaRegressor, ColorizeNet
from colorhub.models.ddcolor import DDColor
from colorhub.models.eccv16 import ECCV16
from colorhub.models.encoder_decoder import EncoderClassifier, EncoderDecoder
from colorhub.models.koalarization import Koalarization
from colorhub.models.registry import MODELS, create, find_class
from colorhub.models.repository import ModelNotFoundError
from colorhub.models.semantic import SemanticColorizer
from colorhub.models.siggraph17 import SIGGRAPH17
from colorhub.models.unet import UNet

__all__ = [
    "ECCV16",
    "MODELS",
    "SIGGRAPH17",
    "ChromaRegressor",
    "ColorizeNet",
    "Colorizer",
    "DDColor",
    "EncoderClassifier",
    "EncoderDecoder",
    "HubModel",
    "Koalarization",
    "ModelNotFoundError",
    "Prediction",
    "SemanticColorizer",
    "UNet",
    "WeightsError",
    "create",
    "find_class",
]

_MOVED = ("ModelInfo", "list_models", "load", "with_distribution")


def __getattr__(name: str) -> Any:
    """Names that stood here in version 0.1."""
    if name not in _MOVED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # at the top it would be a circle

    warnings.warn(f"colorhub.models.{name} is colorhub.hub.{name} now", FutureWarning, stacklevel=2)
    return getattr(import_module(".hub", "colorhub"), name)
