"""Models: the registry of architectures, and weights found by name."""

from colorhub.models.base import Colorizer, HubModel, Prediction, WeightsError
from colorhub.models.colorize_net import ChromaRegressor, ColorizeNet
from colorhub.models.ddcolor import DDColor
from colorhub.models.discriminators import PatchDiscriminator, WassersteinCritic
from colorhub.models.eccv16 import ECCV16
from colorhub.models.encoder_decoder import EncoderClassifier, EncoderDecoder
from colorhub.models.koalarization import Koalarization
from colorhub.models.loading import ModelInfo, list_models, load, with_distribution
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
    "ModelInfo",
    "ModelNotFoundError",
    "PatchDiscriminator",
    "Prediction",
    "SemanticColorizer",
    "UNet",
    "WassersteinCritic",
    "WeightsError",
    "create",
    "find_class",
    "list_models",
    "load",
    "with_distribution",
]
