"""The models of the Space: which there are, and the few that are held in memory. torch is imported on first use."""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from threading import Lock, RLock, Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING

from colorhub.published import PUBLISHED
from colorhub.space.limits import MAX_PIXELS, RefusedError
from colorhub.space.zero import lend_gpu, on_zero_gpu

if TYPE_CHECKING:
    from torch import Tensor

    from colorhub import ColorizationPipeline, ColorLayer, Hint, Photo
    from colorhub.hints import HintedLayers
    from colorhub.models import ModelInfo
    from colorhub.pipeline import Size

IN_MEMORY = 2  # models may be large; the third one makes room
_log = logging.getLogger(__name__)
NO_MODELS = (
    "**No model was found on this machine.** Put a model folder (`config.json` and `model.safetensors`) into a folder "
    "and start with `COLORHUB_MODELS=that/folder python app.py`, or start from a clone of the repository: its "
    "`model_cards` come with trained weights."
)


class Shelf:
    """Pipelines by model name. The least recently used goes when more than ``capacity`` are held (None: all stay)."""

    def __init__(self, capacity: int | None = IN_MEMORY) -> None:
        self.capacity = capacity
        self._held: OrderedDict[str, ColorizationPipeline] = OrderedDict()
        self._lock = RLock()
        self._loading: dict[str, Lock] = {}

    def get(self, name: str | None = None) -> "ColorizationPipeline":
        """The pipeline of a listed model, loaded when it is not held.

        Args:
            name: a name of :func:`listed`; the default model when empty. Paths and unlisted Hub ids are refused: a
                visitor must not make the server read folders or download.

        Raises:
            RefusedError: no such name, or no model at all.
        """
        info = _find(name)
        with self._lock:
            loading = self._loading.setdefault(info.name, Lock())
        with loading:  # a download may take minutes: only those who want the same model wait for it
            with self._lock:
                pipeline = self._held.get(info.name)
            pipeline = pipeline or _load(info)
            with self._lock:
                self._held[info.name] = pipeline
                self._held.move_to_end(info.name)
                while self.capacity is not None and len(self._held) > self.capacity:
                    self._held.popitem(last=False)
        return pipeline

    def held(self) -> list[str]:
        """Names of the models in memory, the most recently used last."""
        with self._lock:
            return list(self._held)


SHELF = Shelf(None if on_zero_gpu() else IN_MEMORY)


@lend_gpu
def predict(name: str, photo: "Photo", size: "Size") -> "ColorLayer":
    """The colour layer of one photo: the only step that needs a GPU. Old prints are seen restored, here and below."""
    return SHELF.get(name).predict(photo, size, normalize="auto")


@lend_gpu
def predict_several(name: str, photo: "Photo", size: "Size", count: int, seed: int) -> "list[ColorLayer]":
    """Several colour layers of one photo, for models that have more than one answer."""
    return SHELF.get(name).predict(photo, size, normalize="auto", samples=count, seed=seed)


@lend_gpu
def likely_colors(name: str, photo: "Photo", size: "Size") -> "Tensor":
    """How likely a model with a distribution finds colours, ``(313, h, w)`` in half precision, to suggest some."""
    return SHELF.get(name).distribution(photo, size, normalize="auto").half()


@lend_gpu
def take_hints(
    name: str, photo: "Photo", layer: "ColorLayer", hints: "list[Hint]", spread: "HintedLayers | None"
) -> "ColorLayer":
    """A colour layer with hints, by a model that takes them itself."""
    return SHELF.get(name).retouch(photo, layer, hints, spread)


def composer(pipeline: "ColorizationPipeline") -> "ColorizationPipeline":
    """The pipeline for composing: on ZeroGPU the GPU is there only while a network runs, so it composes on the CPU."""
    if not on_zero_gpu():
        return pipeline
    import torch

    on_cpu = copy(pipeline)
    on_cpu.device = torch.device("cpu")
    return on_cpu


def without_network(pipeline: "ColorizationPipeline") -> "ColorizationPipeline":
    """A pipeline that composes and writes provenance, but keeps no network in memory: what is written later need not
    load its model again."""
    light, model = copy(composer(pipeline)), pipeline.model
    told = SimpleNamespace(architecture=model.architecture, weights_sha256=model.weights_sha256, accepts_hints=False)
    light.network = SimpleNamespace(model=told)
    return light


def listed() -> "list[ModelInfo]":
    """The models a visitor can pick: families in alphabetical order, and within each those on disk first."""
    from colorhub.models import list_models

    return sorted(list_models(), key=lambda info: info.architecture)  # stable


def loading(name: str | None) -> str:
    """A line to show while a model that is not in memory is loaded; empty when it is."""
    info = _find(name)
    if info.name in SHELF.held():
        return ""
    size = f" ({_megabytes(info)})" if info.megabytes else ""
    return f"{'Loading' if info.on_disk else 'Downloading'} {info.name}{size}: only the first time"


def one_answer(name: str) -> str:
    """What is said of a model that cannot offer alternatives, and which ones can."""
    from colorhub.models import with_distribution

    others = with_distribution()
    more = f" Models with more answers: {', '.join(others)}." if others else ""
    return f"The model {name} has one answer for a photo, so there are no alternatives to show.{more}"


def default_model(models: "Sequence[ModelInfo]") -> str | None:
    """The best measured model on disk, else ``unet``, else the first one on disk; where none is on disk, as in the
    published Space, the same of those on the Hub. None when there is none at all: other authors' weights are fetched
    only for those who pick them."""
    on_disk = [info for info in models if info.on_disk] or [info for info in models if info.source == "hub"]
    measured = [info for info in on_disk if info.gain is not None]
    if measured:
        return max(measured, key=lambda info: info.gain or 0.0).name
    names = [info.name for info in on_disk]
    return "unet" if "unet" in names else next(iter(names), None)


def describe(info: "ModelInfo") -> str:
    """One line about a model: what it is, its size, its score, where it is."""
    facts = [info.summary.rstrip(".") or f"{info.architecture} architecture"]
    facts += [_megabytes(info)] if info.megabytes else []
    facts += [f"{info.gain:+.2f} dB over grey"] if info.gain is not None else ["not measured yet"]
    facts += ["downloaded from the Hub when first used"] if info.source == "hub" else []
    facts += [f"licence {info.license}"] if info.license else []
    facts += ["needs network when first used"] if info.source == "network" else []
    return " · ".join(facts)


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


def _megabytes(info: "ModelInfo") -> str:
    return f"{info.megabytes:.{0 if info.megabytes >= 10 else 1}f} MB"


def prepare_all() -> None:
    """On ZeroGPU: every model on disk, or else every one on the Hub, to the GPU before the first visitor. Nothing is
    compiled."""
    models = listed()
    for info in [info for info in models if info.on_disk] or [info for info in models if info.source == "hub"]:
        SHELF.get(info.name)


def warm_up() -> Thread:
    """Import torch and load the default model beside the running page: the first visitor does not wait for it."""
    thread = Thread(target=_warm_up, name="warm-up", daemon=True)
    thread.start()
    return thread


def _warm_up() -> None:
    import torch

    try:
        pipeline = SHELF.get()
    except (
        LookupError,
        ValueError,
        OSError,
    ) as error:  # no model, or a broken one: the visitor is told when it is used
        _log.warning("%s", error)
        return
    side = max(pipeline.model.working_size, pipeline.model.multiple)
    with torch.inference_mode():
        pipeline.model(torch.zeros(1, 1, side, side, device=pipeline.device))


def _find(name: str | None) -> "ModelInfo":
    from colorhub._text import did_you_mean

    models = {info.name: info for info in listed()}
    chosen = name or default_model(list(models.values()))
    if not models or chosen is None:
        raise RefusedError(NO_MODELS.replace("**", ""))
    if chosen not in models:
        raise RefusedError(f"There is no model {str(chosen)[:80]!r} here. {did_you_mean(str(chosen), list(models))}")
    return models[chosen]


def _load(info: "ModelInfo") -> "ColorizationPipeline":
    from colorhub.pipeline import ColorizationPipeline

    return ColorizationPipeline(info.location if info.on_disk else info.name, max_pixels=MAX_PIXELS)
