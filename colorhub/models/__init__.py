"""The registry: ``MODELS`` maps an architecture's name to its class; weights are found by :func:`load`."""

from colorhub.models.base import Colorizer, HubModel, Prediction, WeightsError
from colorhub.models.unet import UNet

MODELS: dict[str, type[Colorizer]] = {cls.architecture: cls for cls in (UNet,)}

__all__ = ["MODELS", "Colorizer", "HubModel", "Prediction", "UNet", "WeightsError", "create", "load"]


def create(architecture, **kw):
    return MODELS[architecture](**kw)


def load(name):
    raise NotImplementedError
