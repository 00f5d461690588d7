"""Report 004: Baldassarre et al. 2017, "Deep Koalarization" (arXiv 1712.03400), in PyTorch and with any timm backbone.

An encoder looks at the picture, a frozen network trained on ImageNet says what is in it; its answer is attached to
every position of the encoder's features, and a decoder colours.

What differs from the report: the extractor is in evaluation mode always (the report's went on updating its batch
statistics); pictures are padded to a square without distortion before they go to it, and only for it (the report's
padding made 100x200 pixels 100x300 and squashed them); any input size; one scale of 110 for ab; ``width``; initial
weights after He et al. 2015, without which hardly any signal passes so many layers without normalization. Like the
report's, the last doubling of the size is by nearest neighbours and comes after the tanh.
"""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorhub.models.backbones import check_name, load_backbone, timm_package
from colorhub.models.base import Colorizer, Prediction, WeightsError, initialize, resized

FEATURES = ("logits", "pooled", "none")
_AB_SCALE = 110.0


class Koalarization(Colorizer):
    """Encoder to 1/8 of the size, fusion with the extractor's features, decoder back to full size.

    The weights hold the extractor as well, and its mean and standard deviation. A new model's extractor is random: give
    it trained weights with :meth:`load_backbone` before training the rest.

    Args:
        extractor: name of a timm model.
        features: what it gives: ``logits`` of its classifier (the report's), or ``pooled`` features before it;
            ``none``: there is no extractor, the ablation that report 004 asks for.
        extractor_size: side in pixels of the square it is fed; what timm says when not given.
        extractor_classes: classes of its classifier; what timm says (1000) when not given.
        frozen: keep the extractor as it is, like the report; otherwise it is trained together with the rest, for when
            no trained extractor is to be had.
        width: channels of the first layer; 64 is the report's.
        working_size: short side in pixels of the pictures it was trained on.

    Raises:
        ValueError: an unknown extractor (the nearest names are given), one that does not have such features, or one
            that cannot take that size.

    References:
        Baldassarre et al. 2017, "Deep Koalarization" (arXiv 1712.03400).

    Example:
        >>> import torch
        >>> from colorhub.models import Koalarization
        >>> model = Koalarization(extractor="test_resnet", extractor_size=32, width=8).eval()
        >>> model(torch.full((1, 1, 40, 60), 50.0)).ab.shape
        torch.Size([1, 2, 40, 60])
    """

    architecture = "koalarization"
    multiple = 8
    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        extractor: str = "inception_resnet_v2",
        features: str = "logits",
        extractor_size: int | None = None,
        extractor_classes: int | None = None,
        frozen: bool = True,
        width: int = 64,
        working_size: int = 224,
    ) -> None:
        super().__init__()
        if features not in FEATURES or width < 1:
            raise ValueError(
                f"features must be {', '.join(FEATURES[:-1])} or {FEATURES[-1]} and width at least 1, got "
                f"{features!r}, {width}."
            )
        self.working_size = working_size
        self.extractor_name = extractor
        self.frozen = frozen
        self.extractor: Any = None
        count = 0
        if features != "none":
            self.extractor = _create(extractor, features, extractor_classes)
            facts = self.extractor.pretrained_cfg
            self.extractor_size = _checked_size(extractor, facts, extractor_size)
            # Buffers, so that the weights bring along the scale they were trained with.
            self.register_buffer("mean", torch.tensor(facts["mean"]).view(1, 3, 1, 1))
            self.register_buffer("deviation", torch.tensor(facts["std"]).view(1, 3, 1, 1))
            if frozen:
                self.freeze(self.extractor)
            count = _feature_count(extractor, features, extractor_classes, self.extractor_size)
        self.encoder = nn.Sequential(*_encoder(width))
        self.fusion = nn.Conv2d(4 * width + count, 4 * width, 1)
        self.decoder = nn.Sequential(*_decoder(width))
        self._initialize()

    def _initialize(self) -> None:
        """He et al. 2015. What the extractor says begins small: there is far more of it than of what the encoder sees
        at a position, and it is the same at all of them."""
        initialize([*self.encoder, self.fusion, *self.decoder[:-3]])
        local = self.fusion.out_channels
        own, content = self.fusion.weight.data[:, :local], self.fusion.weight.data[:, local:]
        nn.init.normal_(own, std=(2 / local) ** 0.5)
        content.mul_(0.1)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        return {"extractor": "test_resnet", "extractor_size": 32, "width": 8, "working_size": 32}

    def load_backbone(self, weights: str | Path | None = None) -> None:
        """Give the extractor pre-trained weights, as :func:`~colorhub.models.backbones.load_backbone` does."""
        if self.extractor is None:
            raise WeightsError("features='none': there is no extractor to load weights into.")
        load_backbone(self.extractor, self.extractor_name, weights)

    load_extractor = load_backbone  # its name in version 0.1

    def extractor_input(self, L: Tensor) -> Tensor:
        """What the extractor is fed: L as three channels with its mean and deviation, padded evenly to a square
        with the mean, ``(B, 3, extractor_size, extractor_size)``."""
        x = (L / 100 - self.mean) / self.deviation
        height, width = L.shape[-2:]
        high, wide = max(width - height, 0), max(height - width, 0)
        x = F.pad(x, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
        return resized(x, self.extractor_size)

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        """``L``: ``(B, 1, H, W)``, both sides a multiple of 8."""
        x = self.encoder(L / 50 - 1)
        if self.extractor is not None:
            with torch.no_grad() if self.frozen else nullcontext():
                content = self.extractor(self.extractor_input(L))
            content = content.to(x.dtype)[:, :, None, None].expand(-1, -1, *x.shape[2:])
            x = torch.cat([x, content], dim=1)
        x = F.relu(self.fusion(x))
        return Prediction(ab=self.decoder(x).float() * _AB_SCALE)


def _encoder(width: int) -> list[nn.Module]:
    """Eight 3x3 convolutions, three of them with stride 2: ``(B, 1, H, W)`` to ``(B, 4 * width, H / 8, W / 8)``."""
    channels = [1, *(width * factor for factor in (1, 2, 2, 4, 4, 8, 8, 4))]
    strides = (2, 1, 2, 1, 2, 1, 1, 1)
    layers: list[nn.Module] = []
    for before, after, stride in zip(channels[:-1], channels[1:], strides, strict=True):
        layers += [nn.Conv2d(before, after, 3, stride=stride, padding=1), nn.ReLU()]
    return layers


def _decoder(width: int) -> list[nn.Module]:
    """Five 3x3 convolutions with three doublings between and after: ``(B, 4 * width, h, w)`` to ``(B, 2, 8h, 8w)``."""
    return [
        *(nn.Conv2d(4 * width, 2 * width, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2)),
        *(nn.Conv2d(2 * width, width, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2)),
        *(nn.Conv2d(width, (width + 1) // 2, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d((width + 1) // 2, 2, 3, padding=1), nn.Tanh(), nn.Upsample(scale_factor=2)),
    ]


def _create(name: str, features: str, classes: int | None) -> Any:
    check_name(name)
    choice = {"num_classes": 0} if features == "pooled" else {"num_classes": classes} if classes else {}
    return timm_package().create_model(name, pretrained=False, **choice)


def _checked_size(name: str, facts: dict[str, Any], size: int | None) -> int:
    own = facts["input_size"][-1]
    if size is not None and size < 1:
        raise ValueError(f"extractor_size must be at least 1 pixel, got {size}.")
    if size is not None and size != own and facts.get("fixed_input_size"):
        raise ValueError(f"{name} takes pictures of {own} pixels only, got extractor_size={size}.")
    return size or own


def _feature_count(name: str, features: str, classes: int | None, size: int) -> int:
    """Length of the extractor's answer, from a trial on a twin without memory or computation.

    timm has no one attribute that says it: some models have a layer between their pooled features and the classifier.
    """
    with torch.device("meta"), torch.no_grad():
        twin = _create(name, features, classes).eval()
        if features == "logits" and not twin.num_classes:
            raise ValueError(f"{name} has no classifier, so it gives no logits: choose features='pooled'.")
        answer = twin(torch.empty(1, 3, size, size))
    if not isinstance(answer, Tensor) or answer.ndim != 2:
        shape = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        raise ValueError(f"{name} gives no {features} features but {shape}, where (B, channels) is needed.")
    return answer.shape[1]
