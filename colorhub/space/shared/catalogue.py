"""The models of the Space: which there are, and the few that are held in memory. torch is imported on first use."""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock, RLock
from typing import TYPE_CHECKING, NamedTuple

from colorhub.hub.published import PUBLISHED
from colorhub.settings import DEFAULT_MODEL
from colorhub.space.shared.limits import MAX_PIXELS, RefusedError, show_progress
from colorhub.space.shared.zero import lend_gpu, on_zero_gpu

if TYPE_CHECKING:
    from torch import Tensor

    from colorhub import ColorizationPipeline, Prediction, Settings
    from colorhub.hub.loading import ModelInfo
    from colorhub.inference.runtime import Network

IN_MEMORY = 2  # models may be large; the third one makes room
_log = logging.getLogger(__name__)
NO_MODELS = (
    "**No model was found on this machine.** Put a model folder (`config.json` and `model.safetensors`) into a folder "
    "and start with `COLORHUB_MODELS=that/folder python app.py`, or start from a clone of the repository: its "
    "`model_cards` come with trained weights."
)


class _Loaded(NamedTuple):
    network: "Network"
    pipeline: "ColorizationPipeline"


class ModelCache:
    """Networks by model name. The least recently used goes when more than ``capacity`` are held (None: all stay)."""

    def __init__(self, capacity: int | None = IN_MEMORY) -> None:
        self.capacity = capacity
        self._held: OrderedDict[str, _Loaded] = OrderedDict()
        self._lock = RLock()
        self._loading: dict[str, Lock] = {}

    def pipeline(self, info: "ModelInfo") -> "ColorizationPipeline":
        """A pipeline with a listed model, which is loaded when it is not held. The pipeline may be kept: its network
        stays here, and is loaded anew where it has gone meanwhile.

        Raises:
            ModelNotFoundError: its files are gone, or cannot be fetched.
            WeightsError: they do not fit.
        """
        return self._take(info).pipeline

    def network(self, info: "ModelInfo") -> "Network":
        """A listed model's network, loaded when it is not held. Errors as of :meth:`pipeline`."""
        return self._take(info).network

    def names(self) -> list[str]:
        """Names of the models in memory, the most recently used last."""
        with self._lock:
            return list(self._held)

    def clear(self) -> None:
        """Hold nothing any more."""
        with self._lock:
            self._held.clear()

    def _take(self, info: "ModelInfo") -> _Loaded:
        with self._lock:
            loading = self._loading.setdefault(info.name, Lock())
        with loading:  # a download may take minutes: only those who want the same model wait for it
            with self._lock:
                found = self._held.get(info.name)
            found = found or _load(info)
            with self._lock:
                self._held[info.name] = found
                self._held.move_to_end(info.name)
                while self.capacity is not None and len(self._held) > self.capacity:
                    self._held.popitem(last=False)
        return found


CACHE = ModelCache(None if on_zero_gpu() else IN_MEMORY)


# The two steps that need a GPU. Where one is lent they run in another process: what goes in and comes out is small data
# at working size, never a photo, a pipeline or a model.


@lend_gpu
def run_network(info: "ModelInfo", L: "Tensor", hints: "Tensor | None") -> "Prediction":
    """A listed model's prediction for a lightness, and to hints if it takes some; arguments as of ``Network``."""
    import torch

    with torch.inference_mode():
        found = CACHE.network(info)(L, hints)
    others = (None if part is None else part.cpu() for part in found[1:])
    return type(found)(found.ab.cpu(), *others)


@lend_gpu
def run_colors(info: "ModelInfo", L: "Tensor", settings: "Settings") -> "Tensor":
    """A listed model's colours for a lightness; arguments as of ``Network.colors``."""
    import torch

    with torch.inference_mode():
        return CACHE.network(info).colors(L, settings).cpu()


def listed() -> "list[ModelInfo]":
    """The models a visitor can pick: those for photos, then those of the reports; on disk first in both."""
    from colorhub.hub.loading import list_models

    return sorted(list_models(), key=lambda info: info.group)  # stable


def find(name: str | None, models: "Sequence[ModelInfo]") -> "ModelInfo":
    """The model of that name, or the default model for none.

    Args:
        name: one of the list; empty for the default. Paths and unlisted Hub ids are refused: a visitor must not make
            the server read folders or download.
        models: of :func:`listed`.

    Raises:
        RefusedError: no such name, or no model at all.
    """
    from colorhub._text import did_you_mean

    known = {info.name: info for info in models}
    chosen = name or default_model(models)
    if chosen is None:
        raise RefusedError(NO_MODELS.replace("**", ""))
    if chosen not in known:
        raise RefusedError(f"There is no model {str(chosen)[:80]!r} here. {did_you_mean(str(chosen), known)}")
    return known[chosen]


def loading_note(info: "ModelInfo") -> str:
    """A line to show while a model that is not in memory is loaded; empty when it is."""
    if info.name in CACHE.names():
        return ""
    size = f" ({_megabytes(info.megabytes)})" if info.megabytes else ""
    return f"{'Loading' if info.on_disk else 'Downloading'} {info.name}{size}: only the first time"


def pipeline_of(name: str | None, models: "Sequence[ModelInfo]") -> "ColorizationPipeline":
    """The pipeline of the model of that name; the page says so where it is loaded first. Errors as of :func:`find` and
    :meth:`ModelCache.pipeline`."""
    info = find(name, models)
    show_progress(loading_note(info))
    return CACHE.pipeline(info)


def no_alternatives(name: str, models: "Sequence[ModelInfo]") -> str:
    """What is said of a model that cannot offer alternatives, and which of the list can."""
    others = [info.name for info in models if info.on_disk and info.has_distribution]
    more = f" Models with more answers: {', '.join(others)}." if others else ""
    return f"The model {name} has one answer for a photo, so there are no alternatives to show.{more}"


def default_model(models: "Sequence[ModelInfo]") -> str | None:
    """The best model on disk, else the hub's default, else the best by PSNR, else the first one on disk; where none is
    on disk, as in the published Space, the same of those on the Hub. None when there is none at all: other authors'
    weights are fetched only for those who pick them.

    The best is the one whose answers are nearest to true photographs at equal colourfulness (``ModelInfo.kid``). PSNR
    prefers pale answers, so it decides only where there is nothing else to go by.
    """
    on_disk = [info for info in models if info.on_disk] or [info for info in models if info.source == "hub"]
    if compared := [(info.kid, info.name) for info in on_disk if info.kid is not None]:
        return min(compared)[1]
    names = [info.name for info in on_disk]
    if DEFAULT_MODEL in names:
        return DEFAULT_MODEL
    if measured := [(info.gain, info.name) for info in on_disk if info.gain is not None]:
        return max(measured)[1]
    return next(iter(names), None)


def describe(info: "ModelInfo") -> str:
    """One line about a model: what it is for, what it is, its size, where it is. Its figures are in the tab Models:
    one of them by itself would say that the palest model is the best."""
    facts = [info.label] if info.label else []
    facts += [info.summary.rstrip(".") or f"{info.architecture} architecture"]
    facts += [_megabytes(info.megabytes)] if info.megabytes else []
    facts += ["downloaded from the Hub when first used"] if info.source == "hub" else []
    facts += [f"licence {info.license}"] if info.license else []
    facts += ["needs network when first used"] if info.source == "network" else []
    return " · ".join(facts)


def short_label(info: "ModelInfo", further: str = "") -> str:
    """A model's name, and in brackets what it is for, and what else is to be said."""
    words = ", ".join(filter(None, (info.label, further)))
    return f"{info.name} ({words})" if words else info.name


def folder_of(info: "ModelInfo", holding: str = "model.safetensors") -> Path | None:
    """The folder on this machine that holds a model's weights, or another file of it: for one on the Hub, its place in
    the cache. ``None`` where the file is not here."""
    if info.source == "network":
        return None
    if info.source != "hub":
        return Path(info.location)
    from huggingface_hub import try_to_load_from_cache

    entry = PUBLISHED.get(info.name)
    found = try_to_load_from_cache(info.location, holding, revision=entry.revision if entry else None)
    return Path(found).parent if isinstance(found, str) else None


def _megabytes(megabytes: float) -> str:
    return f"{megabytes:.{0 if megabytes >= 10 else 1}f} MB"


def prepare_all() -> None:
    """On ZeroGPU: every model on disk, or else every one on the Hub, to the GPU before the first visitor. Nothing is
    compiled."""
    models = listed()
    for info in [info for info in models if info.on_disk] or [info for info in models if info.source == "hub"]:
        CACHE.pipeline(info)


def warm_up() -> None:
    """Import torch and load the default model: the first visitor does not wait for it. Nothing on ZeroGPU, where all
    models are loaded."""
    if on_zero_gpu():
        return
    import torch

    try:
        network = CACHE.network(find(None, listed()))
    except (LookupError, ValueError, OSError) as error:  # the visitor is told of it when a model is used
        _log.warning("%s", error)
        return
    side = max(network.model.working_size, network.model.multiple)
    with torch.inference_mode():
        network(torch.zeros(1, 1, side, side))


def _load(info: "ModelInfo") -> _Loaded:
    from colorhub.pipeline import ColorizationPipeline
    from colorhub.space.shared.cached import CachedNetwork

    loaded = ColorizationPipeline(info.location if info.on_disk else info.name)
    light = ColorizationPipeline(CachedNetwork(info, loaded.network, run_network, run_colors), max_pixels=MAX_PIXELS)
    return _Loaded(loaded.network, light)
