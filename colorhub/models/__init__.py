"""Models: the registry of architectures, and weights found by name."""

from colorhub.models.base import Colorizer, HubModel, Prediction, WeightsError
from colorhub.models.loading import ModelInfo, ModelNotFoundError, list_models, load
from colorhub.models.registry import MODELS, create, find_class
from colorhub.models.unet import UNet

__all__ = [
    "MODELS",
    "Colorizer",
    "HubModel",
    "ModelInfo",
    "ModelNotFoundError",
    "Prediction",
    "UNet",
    "WeightsError",
    "create",
    "find_class",
    "list_models",
    "load",
]
