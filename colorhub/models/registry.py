"""``MODELS`` maps an architecture's name to its class: a new family is one file, one import and one name here."""

from difflib import get_close_matches
from importlib.metadata import entry_points
from inspect import signature
from typing import Any, TypeVar

from colorhub.models.base import Colorizer, HubModel
from colorhub.models.colorize_net import ChromaRegressor, ColorizeNet
from colorhub.models.eccv16 import ECCV16
from colorhub.models.encoder_decoder import EncoderDecoder
from colorhub.models.koalarization import Koalarization
from colorhub.models.unet import UNet

_Model = TypeVar("_Model", bound=HubModel)
_CLASSES = (EncoderDecoder, ECCV16, ColorizeNet, ChromaRegressor, UNet, Koalarization)
MODELS: dict[str, type[Colorizer]] = {cls.architecture: cls for cls in _CLASSES}


def find_class(architecture: str) -> type[Colorizer]:
    """The class of an architecture: ours, or one that an installed package registers as entry point
    ``colorhub.models``.

    Raises:
        ValueError: unknown name; the message lists the known ones and the nearest.
    """
    if architecture in MODELS:
        return MODELS[architecture]
    plugins = {plugin.name: plugin for plugin in entry_points(group="colorhub.models")}
    if architecture in plugins:
        return plugins[architecture].load()
    raise ValueError(f"Unknown architecture {architecture!r}. {did_you_mean(architecture, [*MODELS, *plugins])}")


def create(architecture: str, **keywords: Any) -> Colorizer:
    """A freshly initialized model. ``keywords`` are its constructor's; an unknown one raises ``ValueError``."""
    return build(find_class(architecture), keywords)


def build(cls: type[_Model], keywords: dict[str, Any]) -> _Model:
    """A freshly initialized model of a class. Raises ``ValueError`` for keywords that it does not have."""
    known = list(signature(cls).parameters)
    for name in keywords:
        if name not in known:
            raise ValueError(f"{cls.architecture} has no setting {name!r}. {did_you_mean(name, known)}")
    try:
        return cls(**keywords)
    except TypeError as error:
        raise ValueError(f"{cls.architecture} cannot be built with {keywords}: {error}") from error


def did_you_mean(name: str, known: list[str]) -> str:
    """Half a sentence for an error message: the nearest known name, and all of them."""
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return f"{hint}Known: {', '.join(sorted(known)) or 'none'}."
