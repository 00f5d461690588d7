"""What every model of the hub is: :class:`HubModel`, saved and loaded the same way, and :class:`Colorizer`."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from huggingface_hub.constants import CONFIG_NAME, SAFETENSORS_SINGLE_FILE
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from colorhub import __version__, ab_bins
from colorhub.models.repository import (
    HUB_SETTINGS,
    WeightsError,
    architecture_of,
    pinned,
    read_config,
    repository_file,
)


class Prediction(NamedTuple):
    """What a colorizer answers.

    ``ab``: ``(B, 2, H, W)`` in CIELAB units. ``logits``: ``(B, Q, h, w)`` over colour bins, for models that predict a
    distribution; they cover the picture as padded to the model's ``multiple``. ``class_logits``: ``(B, K)``, for models
    that also name the scene.

    Example:
        >>> import torch
        >>> from colorhub import MODELS, create
        >>> model = create("eccv16", **MODELS["eccv16"].tiny()).eval()
        >>> answer = model(torch.full((1, 1, 40, 64), 50.0))
        >>> answer.ab.shape, answer.distribution.shape, answer.class_logits
        (torch.Size([1, 2, 40, 64]), torch.Size([1, 313, 10, 16]), None)
    """

    ab: Tensor
    logits: Tensor | None = None
    class_logits: Tensor | None = None

    @property
    def distribution(self) -> Tensor:
        """The logits of a model with ``has_distribution``. Raises ``ValueError`` for one that has one answer."""
        if self.logits is None:
            raise ValueError("This model has one answer and no distribution over colours.")
        return self.logits


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

    Example:
        >>> from colorhub import HubModel
        >>> from torch import nn
        >>> class Mean(HubModel):
        ...     architecture = "mean"
        ...
        ...     def __init__(self, width: int = 4) -> None:
        ...         super().__init__()
        ...         self.head = nn.Linear(width, 2)
        >>> Mean(width=8).save_pretrained("mean")
        >>> Mean.from_pretrained("mean").head.in_features
        8
    """

    architecture: str
    weights_sha256: str = "not loaded from a file"
    _frozen: tuple[nn.Module, ...] = ()

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Constructor keywords of a very small instance, for tests and smoke runs.

        Example:
            >>> from colorhub import MODELS
            >>> MODELS["unet"].tiny()
            {'width': 4, 'depth': 3, 'working_size': 32}
        """
        return {}

    def freeze(self, part: nn.Module) -> None:
        """Keep a part of the model as it is from now on: without gradients, and in evaluation mode whatever
        :meth:`train` says, so that its batch statistics stay as well.

        Example:
            >>> from colorhub.models import EncoderDecoder
            >>> model = EncoderDecoder(**EncoderDecoder.tiny())
            >>> model.freeze(model.encoder)
            >>> model.train().encoder.training, model.decoder.training
            (False, True)
        """
        part.requires_grad_(False).eval()
        self._frozen = (*self._frozen, part)

    def train(self, mode: bool = True) -> Self:
        """Switch to training or evaluation; frozen parts stay in evaluation.

        Example:
            >>> from colorhub.models import UNet
            >>> UNet(**UNet.tiny()).eval().train().training
            True
        """
        super().train(mode)
        for part in self._frozen:
            part.eval()
        return self

    def save_pretrained(self, save_directory: str | Path, *, config: Any = None, **kwargs: Any) -> Any:
        """Write ``config.json``, ``model.safetensors`` and a README (if there is none) into a folder.

        Args:
            save_directory: made where it is missing.
            config: in place of the constructor's keywords.
            kwargs: of ``PyTorchModelHubMixin.save_pretrained``, such as ``push_to_hub``.

        Example:
            >>> from pathlib import Path
            >>> from colorhub.models import UNet
            >>> UNet(**UNet.tiny()).save_pretrained("mine")
            >>> sorted(path.name for path in Path("mine").iterdir())
            ['README.md', 'config.json', 'model.safetensors']
        """
        facts = {"architecture": self.architecture, "colorhub_version": __version__}
        package = type(self).__module__.partition(".")[0]
        if package not in ("colorhub", "__main__"):
            facts["package"] = package  # who loads it without that package is told which one
        keywords: Any = config or self._hub_mixin_config
        return super().save_pretrained(save_directory, config={**keywords, **facts}, **kwargs)

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | Path, *, revision: str | None = None, **settings: Any
    ) -> Self:
        """Load weights of this class from a folder or a Hub repository, in evaluation mode.

        Args:
            pretrained_model_name_or_path: a folder, or ``owner/name``.
            revision: a branch, tag or commit on the Hub. All files come from the commit that it means at the start.
            settings: ``token``, ``cache_dir``, ``force_download``, ``local_files_only``; ``map_location``, a device;
                keywords of the constructor that replace the config's.

        Raises:
            WeightsError: the weights do not fit the class, are not safetensors, or are of another library.
            ModelNotFoundError: there is no such repository or revision, or it cannot be reached or read.

        Example:
            >>> from colorhub.models import ECCV16, UNet
            >>> UNet(**UNet.tiny()).save_pretrained("mine")
            >>> UNet.from_pretrained("mine").working_size
            32
            >>> ECCV16.from_pretrained("mine")
            Traceback (most recent call last):
                ...
            colorhub.models.repository.WeightsError: mine holds weights of the architecture 'unet', not 'eccv16'...
        """
        place = str(pretrained_model_name_or_path)
        hub = {name: settings.get(name) for name in ("token", "cache_dir")}
        hub |= {name: settings.get(name, False) for name in ("force_download", "local_files_only")}
        config = repository_file(place, CONFIG_NAME, {**hub, "revision": revision})
        read_config(config)
        return super().from_pretrained(place, revision=pinned(config, revision), **settings)

    @classmethod
    def _from_pretrained(cls, *, model_id: str, map_location: str = "cpu", strict: bool = True, **kwargs: Any) -> Self:
        hub = {name: kwargs.pop(name) for name in HUB_SETTINGS}
        _check_architecture(cls, model_id, repository_file(model_id, CONFIG_NAME, hub))
        model = cls(**kwargs)
        weights = repository_file(model_id, SAFETENSORS_SINGLE_FILE, hub)
        _load_weights(model, model_id, weights)
        model.weights_sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
        return model.to(map_location).eval()


class Colorizer(HubModel):
    """Lightness in, colour out. A family writes :meth:`predict`; everything else is here.

    Class attributes: ``multiple``, what :meth:`predict` needs both sides to be a multiple of; ``accepts_hints``;
    ``has_distribution``, whether it answers with ``logits`` over the bins of :mod:`colorhub.ab_bins`, that is, has more
    than one answer (families whose weights differ set it per instance, and say it in :meth:`distribution_of`);
    ``working_size``, the short side in pixels the model was trained at (families whose weights differ set it per
    instance); ``context_size``, a smaller one that a photo is also seen at, the two answers being averaged;
    ``chroma_recovery`` and ``chroma_scale``, how much of the chroma that averaging takes the one answer gets back, and
    what it is multiplied by (see :func:`~colorhub.ab_bins.annealed_mean`).

    Example:
        >>> import torch
        >>> from colorhub import Colorizer, Prediction
        >>> class Sepia(Colorizer):
        ...     architecture = "sepia"
        ...
        ...     def predict(self, L, hints=None):
        ...         return Prediction(ab=torch.cat([L / 10, L / 2], dim=1))
        >>> Sepia()(torch.full((1, 1, 40, 60), 50.0)).ab[0, :, 0, 0]
        tensor([ 5., 25.])
    """

    multiple: int = 1
    working_size: int = 256
    context_size: int | None = None
    accepts_hints: ClassVar[bool] = False
    has_distribution: bool = False
    chroma_recovery: float = 0.0
    chroma_scale: float = 1.0

    @classmethod
    def distribution_of(cls, config: Mapping[str, Any]) -> bool:
        """Whether the model of a ``config.json`` has a distribution; families whose weights differ read it there.

        Example:
            >>> from colorhub import MODELS
            >>> MODELS["eccv16"].distribution_of({"head": "regression"}), MODELS["eccv16"].distribution_of({})
            (False, True)
        """
        return cls.has_distribution

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        """The network itself, for sides that are multiples of ``multiple``; arguments and answer of :meth:`forward`."""
        raise NotImplementedError

    def mean_color(self, logits: Tensor, temperature: float) -> Tensor:
        """The one answer of a distribution ``(B, 313, h, w)``: its annealed mean ``(B, 2, h, w)``, as this model reads
        it."""
        return ab_bins.annealed_mean(
            logits, temperature, chroma_recovery=self.chroma_recovery, chroma_scale=self.chroma_scale
        )

    def padding(self, L: Tensor) -> tuple[int, int, int, int]:
        """What :meth:`forward` adds to a lightness, as ``torch.nn.functional.pad`` takes it: at the right and below.

        Example:
            >>> import torch
            >>> from colorhub.models import EncoderDecoder
            >>> model = EncoderDecoder(**EncoderDecoder.tiny())
            >>> model.multiple, model.padding(torch.zeros(1, 1, 37, 64))
            (8, (0, 0, 0, 3))
        """
        # Written so that the padded side is a multiple by its formula: exporters reason about sizes by formulas.
        right, below = ((side + self.multiple - 1) // self.multiple * self.multiple - side for side in L.shape[:1:-1])
        return (0, right, 0, below)

    def forward(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        """Colour a lightness of any size.

        Args:
            L: ``(B, 1, H, W)``, 0..100.
            hints: ``(B, 3, H, W)``: a, b and a 0/1 mask; only for models with ``accepts_hints``.

        Returns:
            A :class:`Prediction` with ``ab`` of the size of ``L``.

        Raises:
            ValueError: for another shape, or for hints given to a model that cannot take them.

        Example:
            >>> import torch
            >>> from colorhub import MODELS, create
            >>> model = create("unet", **MODELS["unet"].tiny()).eval()
            >>> model(torch.full((2, 1, 37, 53), 50.0)).ab.shape
            torch.Size([2, 2, 37, 53])
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


def _check_architecture(cls: type[HubModel], model_id: str, config_path: Path) -> None:
    found = architecture_of(model_id, read_config(config_path))
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
    or misshapen. Of tensors that share their memory in the model, one is enough, as safetensors files have them."""
    expected = model.state_dict()
    implied = shared_with(expected, found)
    needed = {name: tensor for name, tensor in expected.items() if name not in implied}
    if problems := misfits(needed, found):
        raise WeightsError(f"{origin} do not fit {type(model).__name__}: {problems}.")
    with torch.no_grad():
        model.load_state_dict(found, strict=False)  # nothing is missing but what is implied
    for name in shared_names(expected) & found.keys():
        if not torch.equal(expected[name], found[name].to(expected[name])):
            raise WeightsError(
                f"{origin} do not fit {type(model).__name__}: {name} shares its values with another tensor there, and "
                "the file has others for it."
            )


def shared_names(tensors: Mapping[str, Tensor]) -> set[str]:
    """Names of the tensors that share their memory with others, such as tied weights.

    Example:
        >>> from colorhub.models.base import shared_names
        >>> from torch import nn
        >>> tied = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
        >>> tied[2].weight = tied[0].weight
        >>> sorted(shared_names(tied.state_dict()))
        ['0.weight', '2.weight']
    """
    counts = Counter(map(_memory, tensors.values()))
    return {name for name, tensor in tensors.items() if counts[_memory(tensor)] > 1 and tensor.numel()}


def shared_with(tensors: Mapping[str, Tensor], found: Iterable[str]) -> set[str]:
    """Names that are not among ``found``, but whose tensors lie in the memory of one that is, and is all of it: what a
    safetensors file, which holds each value once, leaves out.

    Example:
        >>> from colorhub.models.base import shared_with
        >>> from torch import nn
        >>> tied = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
        >>> tied[2].weight = tied[0].weight
        >>> shared_with(tied.state_dict(), ["0.weight", "0.bias"])
        {'2.weight'}
    """
    names, shared = set(found), shared_names(tensors)
    whole = [tensors[name] for name in shared & names]
    held = {_memory(tensor) for tensor in whole if tensor.numel() * tensor.element_size() == _memory(tensor)[2]}
    return {name for name in shared - names if _memory(tensors[name]) in held}


def _memory(tensor: Tensor) -> tuple[torch.device, int, int]:
    """Where a tensor's values lie: device, address and bytes of all that lies there."""
    storage = tensor.untyped_storage()
    return tensor.device, storage.data_ptr(), storage.nbytes()


def load_release(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Copy the tensors of an authors' release, under our names, as :func:`load_strictly` does. Releases made before
    PyTorch 0.4.1 do not hold how many batches a BatchNorm has seen."""
    counts = {name: tensor for name, tensor in model.state_dict().items() if name.endswith("num_batches_tracked")}
    load_strictly(model, counts | tensors, "The release's weights")


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


_Kinds = tuple[type[nn.Conv2d] | type[nn.ConvTranspose2d], ...]


def initialize(layers: Iterable[nn.Module], slope: float = 0.0, kinds: _Kinds = (nn.Conv2d,)) -> None:
    """Initial weights that keep the variance through a ReLU, leaky with ``slope`` (He et al. 2015), for the layers of
    these kinds; biases are 0."""
    for layer in layers:
        if isinstance(layer, kinds):
            nn.init.kaiming_normal_(layer.weight, a=slope)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def resized(x: Tensor, side: int) -> Tensor:
    """Resize ``(B, C, h, w)`` to a square of ``side``, for layers that need a fixed size; no change where it is one.

    Bilinear with antialiasing, computed in float32. Adaptive pooling would do as well, but its ONNX export is wrong for
    sizes other than the one it was traced with.
    """
    return F.interpolate(x.float(), size=(side, side), mode="bilinear", antialias=True).to(x.dtype)
