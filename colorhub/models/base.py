"""What every model of the hub is: :class:`HubModel`, saved and loaded the same way, and :class:`Colorizer`."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin, hf_hub_download
from huggingface_hub.constants import CONFIG_NAME, SAFETENSORS_SINGLE_FILE
from huggingface_hub.errors import RemoteEntryNotFoundError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from colorhub import __version__


class Prediction(NamedTuple):
    """What a colorizer answers.

    ``ab``: ``(B, 2, H, W)`` in CIELAB units. ``logits``: ``(B, Q, h, w)`` over colour bins, for models that predict a
    distribution; they cover the picture as padded to the model's ``multiple``. ``class_logits``: ``(B, K)``, for models
    that also name the scene.
    """

    ab: Tensor
    logits: Tensor | None = None
    class_logits: Tensor | None = None


class WeightsError(ValueError):
    """Weights or a config that cannot be loaded: the message names the file or the tensor."""


class HubModel(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="colorhub",
    license="apache-2.0",
    pipeline_tag="image-to-image",
    tags=["image-colorization", "colorization"],
):
    """A network whose constructor keywords are its ``config.json`` and whose weights are one safetensors file.

    Loading is strict: a missing, extra or misshapen tensor raises :class:`WeightsError`. Pickled weights are never
    read.
    """

    architecture: ClassVar[str]
    weights_sha256: str = "not loaded from a file"
    _frozen: tuple[nn.Module, ...] = ()

    def freeze(self, part: nn.Module) -> None:
        """Keep a part of the model as it is from now on: without gradients, and in evaluation mode whatever
        :meth:`train` says, so that its batch statistics stay as well."""
        part.requires_grad_(False).eval()
        self._frozen = (*self._frozen, part)

    def train(self, mode: bool = True) -> Self:
        """Switch to training or evaluation; frozen parts stay in evaluation."""
        super().train(mode)
        for part in self._frozen:
            part.eval()
        return self

    def save_pretrained(
        self, save_directory: str | Path, *, config: dict[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """Write ``config.json``, ``model.safetensors`` and a README (if there is none) into a folder."""
        facts = {"architecture": self.architecture, "colorhub_version": __version__}
        return super().save_pretrained(save_directory, config={**(config or self._hub_mixin_config), **facts}, **kwargs)

    @classmethod
    def _from_pretrained(cls, *, model_id: str, map_location: str = "cpu", strict: bool = True, **kwargs: Any) -> Self:
        hub = {k: kwargs.pop(k) for k in ("revision", "cache_dir", "force_download", "local_files_only", "token")}
        _check_architecture(cls, model_id, repository_file(model_id, CONFIG_NAME, hub))
        model = cls(**kwargs)
        weights = repository_file(model_id, SAFETENSORS_SINGLE_FILE, hub)
        _load_weights(model, model_id, weights)
        model.weights_sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
        return model.to(map_location).eval()


class Colorizer(HubModel):
    """Lightness in, colour out. A family writes :meth:`predict`; everything else is here.

    Class attributes: ``multiple``, what :meth:`predict` needs both sides to be a multiple of; ``accepts_hints``;
    ``working_size``, the short side in pixels the model was trained at (families whose weights differ set it per
    instance); ``context_size``, a smaller one that a photo is also seen at, the two answers being averaged.
    """

    multiple: int = 1
    working_size: int = 256
    context_size: int | None = None
    accepts_hints: ClassVar[bool] = False

    @property
    def has_distribution(self) -> bool:
        """Whether it answers with ``logits`` over the bins of :mod:`colorhub.ab_bins`: more than one answer."""
        return False

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Constructor keywords of a very small instance, for tests and smoke runs."""
        return {}

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        """The network itself, for sides that are multiples of ``multiple``; arguments and answer of :meth:`forward`."""
        raise NotImplementedError

    def padding(self, L: Tensor) -> tuple[int, int, int, int]:
        """What :meth:`forward` adds to a lightness, as ``torch.nn.functional.pad`` takes it: at the right and below."""
        height, width = L.shape[-2:]
        return (0, -width % self.multiple, 0, -height % self.multiple)

    def forward(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        """Colour a lightness of any size.

        Args:
            L: ``(B, 1, H, W)``, 0..100.
            hints: ``(B, 3, H, W)``: a, b and a 0/1 mask; only for models with ``accepts_hints``.

        Returns:
            A :class:`Prediction` with ``ab`` of the size of ``L``.

        Raises:
            ValueError: for another shape, or for hints given to a model that cannot take them.
        """
        if L.ndim != 4 or L.shape[1] != 1:
            raise ValueError(f"L must have the shape (B, 1, H, W), got {tuple(L.shape)}.")
        if hints is not None and not self.accepts_hints:
            raise ValueError(f"{type(self).__name__} takes no hints (accepts_hints is False).")
        height, width = L.shape[-2:]
        padding = self.padding(L)
        L = F.pad(L, padding, mode="replicate")
        answer = self.predict(L, None if hints is None else F.pad(hints, padding))
        return answer._replace(ab=answer.ab[..., :height, :width])


def repository_file(model_id: str, filename: str, hub: dict[str, Any]) -> Path:
    """A file of a model folder or of a Hub repository (downloaded). Raises :class:`WeightsError` when it has none."""
    folder = Path(model_id)
    if folder.is_dir():
        if not (folder / filename).is_file():
            raise WeightsError(
                f"{folder} has no {filename}{_pickle_note([path.name for path in folder.iterdir()], filename)}."
            )
        return folder / filename
    try:
        return Path(hf_hub_download(repo_id=model_id, filename=filename, **hub))
    except RemoteEntryNotFoundError as error:
        raise WeightsError(f"{model_id} has no {filename} on the Hub{_pickle_note([], filename)}.") from error


def _pickle_note(names: list[str], filename: str) -> str:
    if filename != SAFETENSORS_SINGLE_FILE:
        return ""
    pickles = [name for name in names if name.endswith((".bin", ".pth", ".pt", ".pkl", ".ckpt"))]
    found = f" ({', '.join(pickles)} is pickled and was not opened)" if pickles else ""
    return f"{found}; only safetensors weights are loaded"


def read_config(path: Path) -> dict[str, Any]:
    """The ``config.json`` of a model folder. Raises :class:`WeightsError` when it is no JSON object."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise WeightsError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(config, dict):
        raise WeightsError(f"{path} must hold a JSON object, got {type(config).__name__}.")
    return config


def _check_architecture(cls: type[HubModel], model_id: str, config_path: Path) -> None:
    found = read_config(config_path).get("architecture", cls.architecture)
    if found != cls.architecture:
        raise WeightsError(
            f"{model_id} holds weights of the architecture {found!r}, not {cls.architecture!r}. "
            f"colorhub.load({model_id!r}) picks the right class."
        )


def _load_weights(model: nn.Module, model_id: str, path: Path) -> None:
    try:
        found = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is not a readable safetensors file: {error}") from error
    load_strictly(model, found, f"The weights of {model_id}")


def load_strictly(model: nn.Module, found: Mapping[str, Tensor], origin: str) -> None:
    """Copy tensors into a model. Raises :class:`WeightsError`, beginning with ``origin``, where any is missing, extra
    or misshapen."""
    if problems := misfits(model.state_dict(), found):
        raise WeightsError(f"{origin} do not fit {type(model).__name__}: {problems}.")
    with torch.no_grad():
        model.load_state_dict(found, strict=True)


def misfits(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """The tensors that are missing, extra or misshapen, the first five by name; empty when all fit."""
    problems = [f"missing {name}" for name in expected if name not in found]
    problems += [f"unexpected {name}" for name in found if name not in expected]
    problems += [
        f"{name} has the shape {tuple(found[name].shape)}, expected {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in found and found[name].shape != tensor.shape
    ]
    more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
    return "; ".join(problems[:5]) + more
