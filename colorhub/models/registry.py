"""``MODELS`` maps an architecture's name to its class: a new family is one file, one import and one name here.

A class of another package is found by an entry point in the group ``colorhub.models``. Never by the word of a model's
repository.
"""

import os
import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from inspect import signature
from typing import Any, TypeVar

from colorhub._text import did_you_mean
from colorhub.models.base import Colorizer, HubModel
from colorhub.models.colorize_net import ChromaRegressor, ColorizeNet
from colorhub.models.ddcolor import DDColor
from colorhub.models.eccv16 import ECCV16
from colorhub.models.encoder_decoder import EncoderDecoder
from colorhub.models.koalarization import Koalarization
from colorhub.models.repository import architecture_of
from colorhub.models.semantic import SemanticColorizer
from colorhub.models.siggraph17 import SIGGRAPH17
from colorhub.models.unet import UNet

_Model = TypeVar("_Model", bound=HubModel)
_CLASSES = (
    EncoderDecoder,
    ECCV16,
    ColorizeNet,
    ChromaRegressor,
    UNet,
    Koalarization,
    SIGGRAPH17,
    DDColor,
    SemanticColorizer,
)
MODELS: dict[str, type[Colorizer]] = {cls.architecture: cls for cls in _CLASSES}

_REGISTER = "register the class as an entry point in the group colorhub.models"
_imported: dict[str, type[Colorizer]] = {}  # classes that were named as package.module:Class, by architecture


def find_class(architecture: str) -> type[Colorizer]:
    """The class of an architecture: ours, or one of an installed package.

    Raises:
        ValueError: unknown name (the message lists the known ones and the nearest), or a class that is no colorizer.

    Example:
        >>> from colorhub.models import find_class
        >>> find_class("unet").__name__
        'UNet'
        >>> find_class("unett")
        Traceback (most recent call last):
            ...
        ValueError: Unknown architecture 'unett'. ...
    """
    if ":" in architecture:
        warnings.warn(f"{architecture} as an architecture will go: {_REGISTER}.", FutureWarning, stacklevel=2)
        return import_class(architecture)
    return _find_name(architecture)


def class_of(place: str, config: dict[str, Any]) -> type[Colorizer]:
    """The class that the weights at ``place`` belong to. A config can only name what is registered on this machine.

    Raises:
        WeightsError: a config of another library.
        ValueError: an architecture that nothing here registers.
    """
    architecture = architecture_of(place, config)
    try:
        return _find_name(architecture)
    except ValueError as error:
        if not config.get("package"):
            raise
        raise ValueError(
            f"{error} {place} was saved by a class of the package {str(config['package'])[:80]!r}: install that, if "
            "you trust it; it registers its class as an entry point in the group colorhub.models."
        ) from error


def _find_name(architecture: str) -> type[Colorizer]:
    if architecture in MODELS:
        return MODELS[architecture]
    if named := os.environ.get("COLORHUB_CLASSES"):
        warnings.warn(f"COLORHUB_CLASSES will go: {_REGISTER}.", FutureWarning, stacklevel=3)
        for target in filter(None, map(str.strip, named.split(","))):
            import_class(target)
    if architecture in _imported:
        return _imported[architecture]
    plugins = {plugin.name: plugin for plugin in entry_points(group="colorhub.models")}
    if architecture in plugins:
        return _colorizer(plugins[architecture].load, f"The entry point {architecture!r}")
    known = [*MODELS, *_imported, *plugins]
    raise ValueError(f"Unknown architecture {architecture!r}. {did_you_mean(architecture, known)}")


def import_class(target: str) -> type[Colorizer]:
    """The class ``package.module:Class``, which this process then knows by its architecture as well.

    Raises:
        ValueError: it cannot be imported, is no colorizer, or has the architecture of another class.
    """
    module, _, name = target.partition(":")
    if "" not in sys.path:
        sys.path.append("")  # a class in the current folder is found, and never hides a library
    cls = _colorizer(lambda: getattr(import_module(module), name), f"The class {target}")
    taken = MODELS.get(cls.architecture) or _imported.get(cls.architecture, cls)
    if (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ValueError(
            f"The class {target} calls its architecture {cls.architecture!r}, and that is "
            f"{taken.__module__}.{taken.__name__} already: choose another name."
        )
    _imported[cls.architecture] = cls
    return cls


def _colorizer(load: Callable[[], Any], origin: str) -> type[Colorizer]:
    try:
        cls = load()
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"{origin} cannot be imported: {error}.") from error
    if not (isinstance(cls, type) and issubclass(cls, Colorizer)):
        raise ValueError(f"{origin} is {cls!r}: a subclass of colorhub.Colorizer is expected.")
    if not isinstance(getattr(cls, "architecture", None), str):
        raise ValueError(f"{origin} has no class attribute `architecture`: the name under which its weights are found.")
    return cls


def create(architecture: str, **keywords: Any) -> Colorizer:
    """A freshly initialized model.

    Args:
        architecture: a name of :data:`MODELS`, or of an installed package's entry point.
        keywords: of the class's constructor.

    Raises:
        ValueError: an unknown architecture or keyword (the nearest is named), or a value that the class refuses.

    Example:
        >>> from colorhub import create
        >>> model = create("unet", width=8, depth=4)
        >>> model.multiple
        16
        >>> sum(weight.numel() for weight in model.parameters()) < 1_000_000
        True
    """
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
