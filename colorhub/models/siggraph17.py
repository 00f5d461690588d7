"""Zhang, Zhu, Isola, Geng, Lin, Yu, Efros 2017, "Real-Time User-Guided Image Colorization with Learned Deep Priors"
(arXiv 1705.02999): the local hints network. The layers are those of the authors' PyTorch release
(github.com/richzhang/colorization), whose weights :meth:`SIGGRAPH17.from_release` reads.

Two conventions of the hints' mask are about, and weights know only the one they were trained with. The authors' first
training, in Caffe, gave 0 where there is no hint and 1 where there is one; the weights converted from it are those of
the release. Their later training in PyTorch (richzhang/colorization-pytorch) moved the mask by a half: -0.5 and 0.5.
Weights that are given the other one see half a hint everywhere. ``mask_center`` says which they know: 0 or 0.5. Whoever
calls always gives 0/1.

The network also classifies colours into 23 x 23 cells of ten CIELAB units, 529 of them, a slowly and b fast. ``logits``
are those of the 313 cells that sRGB reaches, in the order of :mod:`colorhub.ab_bins`: what reads other distributions
reads this one. The ab that it answers with comes from its regression, not from that distribution; the authors use the
distribution to suggest colours, flattened by a temperature of 5.

What differs from the original: any input size; ``width``; a mask of 0 silences whatever ab is given with it.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Self

import torch
from torch import Tensor, nn

from colorhub import ab_bins
from colorhub.models.base import Colorizer, Prediction, WeightsError, initialize, load_release

_AB_SCALE = 110.0
_CELLS, _CELL = 23, 10  # on each axis from -110 to 110
_RELEASED = {"model_class.0": "distribution", "model_out.0": "out"}


class SIGGRAPH17(Colorizer):
    """A U-Net of dilated convolutions that takes colour hints: three halvings, ten blocks, additive skip connections.

    With ``w = width``, on a ``(B, 1, H, W)`` input: blocks of ``w`` at full size, ``2w`` at 1/2, ``4w`` at 1/4, four of
    ``8w`` at 1/8, then back over ``4w`` and ``2w`` to ``2w`` at full size. ``logits`` are ``(B, 313, H / 4, W / 4)``.

    Args:
        width: channels of the first block; 64 is the paper's.
        mask_center: what is taken off the 0/1 mask of the hints: 0 for weights that come from Caffe, as the release's
            do, 0.5 for those trained with the authors' PyTorch code.
        working_size: short side in pixels of the pictures it was trained on.

    Raises:
        ValueError: a width or mask_center out of range.

    References:
        Zhang et al. 2017, "Real-Time User-Guided Image Colorization with Learned Deep Priors" (arXiv 1705.02999).

    Example:
        >>> import torch
        >>> from colorhub.models import SIGGRAPH17
        >>> model = SIGGRAPH17(width=4).eval()
        >>> hints = torch.zeros(1, 3, 40, 60)
        >>> hints[0, :, 20, 30] = torch.tensor([60.0, 40.0, 1.0])  # a, b, and that there is a hint
        >>> model(torch.full((1, 1, 40, 60), 50.0), hints).ab.shape
        torch.Size([1, 2, 40, 60])
    """

    architecture = "siggraph17"
    multiple = 8
    accepts_hints = True
    has_distribution = True

    def __init__(self, width: int = 64, mask_center: float = 0.0, working_size: int = 256) -> None:
        super().__init__()
        if width < 1 or mask_center not in (0.0, 0.5):
            raise ValueError(f"width must be at least 1 and mask_center 0 or 0.5, got {width} and {mask_center}.")
        w = width
        self.working_size = working_size
        self.mask_center = mask_center
        self.model1 = _block(4, w, w)
        self.model2 = _block(w, 2 * w, 2 * w)
        self.model3 = _block(2 * w, 4 * w, 4 * w, 4 * w)
        self.model4 = _block(4 * w, 8 * w, 8 * w, 8 * w)
        self.model5 = _block(8 * w, 8 * w, 8 * w, 8 * w, dilation=2)
        self.model6 = _block(8 * w, 8 * w, 8 * w, 8 * w, dilation=2)
        self.model7 = _block(8 * w, 8 * w, 8 * w, 8 * w)
        self.model8up, self.model3short8 = _doubling(8 * w, 4 * w), _convolution(4 * w, 4 * w)
        self.model8 = nn.Sequential(nn.ReLU(), *_block(4 * w, 4 * w, 4 * w))
        self.model9up, self.model2short9 = _doubling(4 * w, 2 * w), _convolution(2 * w, 2 * w)
        self.model9 = nn.Sequential(nn.ReLU(), *_block(2 * w, 2 * w))
        self.model10up, self.model1short10 = _doubling(2 * w, 2 * w), _convolution(w, 2 * w)
        self.model10 = nn.Sequential(nn.ReLU(), _convolution(2 * w, 2 * w), nn.LeakyReLU(0.2))
        self.distribution = nn.Conv2d(4 * w, _CELLS**2, 1)
        self.out = nn.Conv2d(2 * w, 2, 1)
        self.register_buffer("reached", cells_of_bins(), persistent=False)
        self._initialize()

    def _initialize(self) -> None:
        """He et al. 2015, with small heads, as :class:`~colorhub.models.ECCV16` does it and why."""
        initialize(self.modules(), kinds=(nn.Conv2d, nn.ConvTranspose2d))
        for head in (self.distribution, self.out):
            nn.init.normal_(head.weight, std=0.1 * (2 / head.in_channels) ** 0.5)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        return {"width": 4, "working_size": 32}

    @classmethod
    def from_release(
        cls, weights: Mapping[str, Tensor], config: Mapping[str, Any] | None = None, **settings: Any
    ) -> Self:
        """A model with the weights of the authors' PyTorch release, or of a training with their code.

        Args:
            weights: the state dict of the release's ``SIGGRAPHGenerator``: ``model1.0.weight`` to ``model_out.0.bias``.
            config: not used: the release has none.
            settings: keywords of the constructor that the tensors do not tell: ``mask_center``, ``working_size``.

        Raises:
            WeightsError: a tensor is missing, extra or misshapen.
        """
        if "model1.0.weight" not in weights or "model_class.0.weight" not in weights:
            raise WeightsError("These are not the weights of a released SIGGRAPH17: it has model1.0 and model_class.0.")
        model = cls(width=len(weights["model1.0.weight"]), **settings)
        found = {_own_name(name): tensor for name, tensor in weights.items()}
        load_release(model, found)
        return model.eval()

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        """``L``: ``(B, 1, H, W)``, both sides a multiple of 8."""
        mask = torch.zeros_like(L) if hints is None else hints[:, 2:3]
        ab = L.new_zeros(L.shape[0], 2, *L.shape[2:]) if hints is None else hints[:, :2] / _AB_SCALE * mask
        first = self.model1(torch.cat([(L - 50) / 100, ab, mask - self.mask_center], dim=1))
        second = self.model2(first[..., ::2, ::2])
        third = self.model3(second[..., ::2, ::2])
        x = self.model7(self.model6(self.model5(self.model4(third[..., ::2, ::2]))))
        x = self.model8(self.model8up(x) + self.model3short8(third))
        logits = self.distribution(x).index_select(1, self.reached)
        x = self.model9(self.model9up(x) + self.model2short9(second))
        x = self.model10(self.model10up(x) + self.model1short10(first))
        return Prediction(ab=self.out(x).float().tanh() * _AB_SCALE, logits=logits)


def cells_of_bins() -> Tensor:
    """Which of the 529 cells each of the 313 bins is, ``(313,)``."""
    places = (ab_bins.bin_centers().round().long() + _CELLS // 2 * _CELL) // _CELL
    return places[:, 0] * _CELLS + places[:, 1]


def _block(*channels: int, dilation: int = 1) -> nn.Sequential:
    """Convolutions with ReLU, and BatchNorm at the end."""
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [_convolution(before, after, dilation), nn.ReLU()]
    return nn.Sequential(*layers, nn.BatchNorm2d(channels[-1]))


def _convolution(before: int, after: int, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, padding=dilation, dilation=dilation)


def _doubling(before: int, after: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)


def _own_name(released: str) -> str:
    """As released, but for single layers, which the release wraps: ``model8up.0.weight`` is our ``model8up.weight``."""
    layer, _, kind = released.rpartition(".")
    if layer in _RELEASED:
        return f"{_RELEASED[layer]}.{kind}"
    if layer.removesuffix(".0").endswith(("up", "short8", "short9", "short10")):
        return f"{layer.removesuffix('.0')}.{kind}"
    return released
