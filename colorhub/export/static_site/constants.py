"""What the page's scripts need to know, from the modules that say it: nothing is written down a second time."""

from collections.abc import Mapping
from math import isfinite
from types import ModuleType
from typing import Any

import numpy as np

from colorhub import __version__
from colorhub.inference import preprocess, resize, windows
from colorhub.models import Colorizer
from colorhub.photo import tint, tint_measures
from colorhub.photo.metadata import xmp, xmp_fitting
from colorhub.settings import FIELDS, Settings

_MODULES: Mapping[str, ModuleType] = {
    "preprocess": preprocess,
    "resize": resize,
    "windows": windows,
    "tint": tint,
    "tint_measures": tint_measures,
}


def constants(models: Mapping[str, Colorizer], labels: Mapping[str, str]) -> dict[str, Any]:
    """What is written into ``engine/constants.json``.

    Args:
        models: by name.
        labels: what each is for, in a few words.
    """
    vividness = FIELDS["vividness"]
    return {
        "version": __version__,
        "models": [_facts(name, model, labels.get(name, "")) for name, model in models.items()],
        "vividness": {"default": vividness.default, "low": vividness.low, "high": vividness.high},
        "record": _record(),
        "packet": _packet(),
        "measures": list(tint_measures.measure(tint_measures.small_lab(np.zeros((16, 16, 3), np.uint8)))),
        **{name: _numbers(module) for name, module in _MODULES.items()},
    }


def _facts(name: str, model: Colorizer, label: str) -> dict[str, Any]:
    """``settings``: those of Python's defaults, as the record of invented colours states them."""
    settings = Settings()
    return {
        "name": name,
        "label": label,
        "file": f"models/{name}.onnx",
        "architecture": model.architecture,
        "weights_sha256": model.weights_sha256,
        "working_size": model.working_size,
        "multiple": model.multiple,
        "settings": {"size": model.working_size, "views": settings.views, "restore": settings.restore},
    }


def _record() -> dict[str, str]:
    """What a coloured file says of its colours: see :func:`colorhub.photo.metadata.xmp.record_provenance`."""
    return {
        "statement": xmp.STATEMENT,
        "namespace": xmp.NAMESPACE,
        "digital_source_type": xmp.DIGITAL_SOURCE_TYPE,
        "software": f"colorhub {__version__}",
    }


def _packet() -> dict[str, Any]:
    """What is not true of an XMP packet once its photo is in colour: see
    :func:`colorhub.photo.metadata.xmp_fitting.fit`."""
    stale = {namespace: sorted(names) for namespace, names in xmp_fitting.STALE.items()}
    return {"stale": stale, "beside": list(xmp_fitting.BESIDE)}


def _numbers(module: ModuleType) -> dict[str, Any]:
    """The constants of a module that are numbers or lists of them, their names in small letters."""
    return {
        name.strip("_").lower(): list(value) if isinstance(value, tuple) else value
        for name, value in vars(module).items()
        if name.isupper() and _is_numeric(value)
    }


def _is_numeric(value: object) -> bool:
    if isinstance(value, tuple):
        return bool(value) and all(map(_is_numeric, value))
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
