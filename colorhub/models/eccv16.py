"""Report 001: Zhang, Isola, Efros 2016, "Colorful Image Colorization" (arXiv 1603.08511), with both heads.

The layers are those of the authors' PyTorch release (github.com/richzhang/colorization), whose weights
:meth:`ECCV16.from_release` reads. The report trained the network with a mean squared error instead of the
classification: that is ``head="regression"``.

What differs from the original: any input size; ``width``; the bin centres are kept in CIELAB units instead of
110ths; temperature 0.38 is applied where the release applies none (its weights come from Caffe, their scale may hold
one already, so converted weights keep 1). The report changed strides and kernels to fit its input; these are the
original's.
"""

from collections.abc import Mapping
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorhub import ab_bins
from colorhub.models.base import Colorizer, Prediction, WeightsError, initialize, load_release

HEADS = ("classification", "regression")
_AB_SCALE = 110.0
_UPSAMPLING = 4  # from the head's size to the picture's


class ECCV16(Colorizer):
    """Eight blocks of convolutions, two of them dilated; colours at a quarter of the size, enlarged bilinearly.

    With ``w = width``, on a ``(B, 1, H, W)`` input: blocks of ``w`` at 1/2, ``2w`` at 1/4, ``4w`` at 1/8, four of
    ``8w`` at 1/8, and ``4w`` at 1/4. ``logits`` of the classification head are ``(B, 313, H / 4, W / 4)``.

    Args:
        head: ``classification`` over the 313 bins, or ``regression`` of ab (linear, in 110 CIELAB units).
        width: channels of the first block; 64 is the paper's.
        temperature: of the annealed mean; 0 the mode, 1 the mean. Not used by the regression head.
        working_size: short side in pixels of the pictures it was trained on.

    Raises:
        ValueError: an unknown head, or a width or temperature out of range.

    References:
        Zhang, Isola, Efros 2016, "Colorful Image Colorization" (arXiv 1603.08511).

    Example:
        >>> import torch
        >>> from colorhub.models import ECCV16
        >>> model = ECCV16(width=4).eval()
        >>> answer = model(torch.full((1, 1, 40, 60), 50.0))
        >>> answer.ab.shape, answer.distribution.shape[1]
        (torch.Size([1, 2, 40, 60]), 313)
    """

    architecture = "eccv16"
    multiple = 8

    def __init__(
        self,
        head: str = "classification",
        width: int = 64,
        temperature: float = ab_bins.TEMPERATURE,
        working_size: int = 256,
    ) -> None:
        super().__init__()
        if head not in HEADS:
            raise ValueError(f"Unknown head {head!r}. Expected one of {', '.join(HEADS)}.")
        if width < 1 or temperature < 0:
            raise ValueError(f"width must be at least 1 and temperature at least 0, got {width} and {temperature}.")
        self.working_size = working_size
        self.temperature = temperature
        self.has_distribution = head == "classification"
        self.blocks = nn.ModuleList(_blocks(width))
        self.head = nn.Conv2d(4 * width, ab_bins.COUNT if head == "classification" else 2, 1)
        if head == "classification":
            self.model_out = nn.Conv2d(ab_bins.COUNT, 2, 1, bias=False)
            with torch.no_grad():
                self.model_out.weight.copy_(ab_bins.bin_centers().T[:, :, None, None])
            self.freeze(self.model_out)
        self._initialize()

    def _initialize(self) -> None:
        """He et al. 2015, with a small head: between normalizations there are three convolutions, at the end more, and
        PyTorch's own initialization lets the signal die away. The paper set the scales of its layers from data."""
        initialize(self.blocks.modules())
        nn.init.normal_(self.head.weight, std=0.1 * (2 / self.head.in_channels) ** 0.5)
        nn.init.zeros_(self.head.get_parameter("bias"))

    @classmethod
    def distribution_of(cls, config: Mapping[str, Any]) -> bool:
        return config.get("head", HEADS[0]) == "classification"

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        return {"width": 4, "working_size": 32}

    @classmethod
    def from_release(
        cls,
        weights: Mapping[str, Tensor],
        config: Mapping[str, Any] | None = None,
        *,
        temperature: float = 1.0,
        working_size: int = 256,
    ) -> Self:
        """A model with the weights of the authors' PyTorch release.

        Args:
            weights: the state dict of the release's ``ECCVGenerator``: ``model1.0.weight`` to ``model_out.weight``.
            config: not used: the release has none.
            temperature: 1 gives the release's own outputs.
            working_size: short side in pixels of the pictures it was trained on.

        Raises:
            WeightsError: a tensor is missing, extra or misshapen.
        """
        if "model1.0.weight" not in weights:
            raise WeightsError("These are not the release's weights: model1.0.weight is missing.")
        model = cls(width=len(weights["model1.0.weight"]), temperature=temperature, working_size=working_size)
        renamed = {_own_name(name): tensor for name, tensor in weights.items()}
        if "model_out.weight" in renamed:
            renamed["model_out.weight"] = renamed["model_out.weight"] * _AB_SCALE
        load_release(model, renamed)
        return model.eval()

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        """``L``: ``(B, 1, H, W)``, both sides a multiple of 8."""
        x = (L - 50) / 100
        for block in self.blocks:
            x = block(x)
        x = self.head(x)
        if not self.has_distribution:
            return Prediction(ab=_enlarged(x.float() * _AB_SCALE))
        ab = ab_bins.annealed_mean(x, self.temperature, self.model_out.weight[:, :, 0, 0].T)
        return Prediction(ab=_enlarged(ab), logits=x)


def _enlarged(ab: Tensor) -> Tensor:
    return F.interpolate(ab, scale_factor=_UPSAMPLING, mode="bilinear")


def _blocks(width: int) -> list[nn.Sequential]:
    w = width
    return [
        nn.Sequential(*_convolution(1, w), *_convolution(w, w, stride=2), nn.BatchNorm2d(w)),
        nn.Sequential(*_convolution(w, 2 * w), *_convolution(2 * w, 2 * w, stride=2), nn.BatchNorm2d(2 * w)),
        _triple(2 * w, 4 * w, stride=2),
        _triple(4 * w, 8 * w),
        _triple(8 * w, 8 * w, dilation=2),
        _triple(8 * w, 8 * w, dilation=2),
        _triple(8 * w, 8 * w),
        nn.Sequential(
            nn.ConvTranspose2d(8 * w, 4 * w, 4, stride=2, padding=1),
            nn.ReLU(),
            *_convolution(4 * w, 4 * w),
            *_convolution(4 * w, 4 * w),
        ),
    ]


def _triple(before: int, after: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Three convolutions, the last one with the stride, and BatchNorm at the end of the block."""
    return nn.Sequential(
        *_convolution(before, after, dilation=dilation),
        *_convolution(after, after, dilation=dilation),
        *_convolution(after, after, stride=stride, dilation=dilation),
        nn.BatchNorm2d(after),
    )


def _convolution(before: int, after: int, stride: int = 1, dilation: int = 1) -> tuple[nn.Conv2d, nn.ReLU]:
    return nn.Conv2d(before, after, 3, stride=stride, padding=dilation, dilation=dilation), nn.ReLU()


def _own_name(released: str) -> str:
    """``model3.6.weight`` is our ``blocks.2.6.weight``; the last layer of ``model8`` is our head."""
    block, _, rest = released.partition(".")
    if block == "model8" and rest.startswith("6."):
        return f"head.{rest.removeprefix('6.')}"
    number = block.removeprefix("model")
    return f"blocks.{int(number) - 1}.{rest}" if number.isdecimal() else released
