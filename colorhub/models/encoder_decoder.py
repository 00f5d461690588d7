"""Report 000: a plain encoder and decoder that learn to colour, and a classifier that borrows the encoder.

The report names the kinds of layers: eleven in the encoder, a stack of convolutions, a decoder of transposed ones; each
convolution is followed by a LeakyReLU of slope 0.2 and, where it changes the size, by BatchNorm; kernels are 4x4 with
stride 2 where the size changes (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts") and 3x3 elsewhere. The
classifier has nine layers "inspired by ResNet-18" after the encoder.

What differs from the report: it prints no channel numbers, so these are ours (see :class:`EncoderDecoder`), as are the
scale of 110 and the initial weights (He et al. 2015); any input size.
"""

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from colorhub.models.base import Colorizer, HubModel, Prediction, initialize

_AB_SCALE = 110.0
_SLOPE = 0.2
_MULTIPLE = 8  # three halvings


class EncoderDecoder(Colorizer):
    """Encoder, convolution stack and decoder; the answer is linear, in 110 CIELAB units.

    With ``w = width``, on a ``(B, 1, H, W)`` input: encoder ``w`` at full size, ``2w`` at 1/2, ``4w`` at 1/4, ``8w`` at
    1/8; stack of four convolutions at ``8w``; decoder back over ``4w``, ``2w`` and ``w`` to two channels.

    Args:
        width: channels of the first layer.
        working_size: short side in pixels of the pictures it was trained on.
        dropout: part of the channels that is left out after encoder and stack while training, as the report tried.

    Raises:
        ValueError: a width below 1, or a dropout outside of 0..1.

    Example:
        >>> import torch
        >>> from colorhub.models import EncoderDecoder
        >>> model = EncoderDecoder(width=4).eval()
        >>> model(torch.full((1, 1, 40, 60), 50.0)).ab.shape
        torch.Size([1, 2, 40, 60])
    """

    architecture = "encoder-decoder"
    multiple = _MULTIPLE

    def __init__(self, width: int = 64, working_size: int = 256, dropout: float = 0.0) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be from 0 to below 1, got {dropout}.")
        self.width = _checked_width(width)
        self.working_size = working_size
        self.dropout = dropout
        self.encoder = _encoder(width)
        self.stack = nn.Sequential(*(_same(8 * width, 8 * width) for _ in range(4)))
        self.decoder = nn.Sequential(
            _up(8 * width, 4 * width),
            _same(4 * width, 4 * width),
            _up(4 * width, 2 * width),
            _same(2 * width, 2 * width),
            _up(2 * width, width),
            nn.Conv2d(width, 2, 3, padding=1),
        )

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        return {"width": 4, "working_size": 32}

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        """``L``: ``(B, 1, H, W)``, both sides a multiple of 8."""
        x = self._dropped(self.encoder(L / 50 - 1))
        for layer in self.stack:
            x = self._dropped(layer(x))
        x = self.decoder(x)
        return Prediction(ab=x.float() * _AB_SCALE)

    def _dropped(self, x: Tensor) -> Tensor:
        return F.dropout2d(x, self.dropout, self.training) if self.dropout else x


class EncoderClassifier(HubModel, pipeline_tag="image-classification"):
    """The encoder of :class:`EncoderDecoder` with a classifier on top: lightness in, class out.

    After the encoder come four residual pairs of 3x3 convolutions at ``8 * width`` channels, the first with stride 2
    (He et al. 2015, the basic block), the mean over all positions and a linear layer: nine layers.

    Args:
        width: of the encoder; that of the model whose encoder is borrowed.
        classes: number of classes.
        class_names: their names, stored with the weights.

    Raises:
        ValueError: a width below 1, fewer than 2 classes, or not a name for each.

    References:
        He et al. 2015, "Deep Residual Learning for Image Recognition" (arXiv 1512.03385).

    Example:
        >>> import torch
        >>> from colorhub.models import EncoderClassifier
        >>> model = EncoderClassifier(width=4, classes=2, class_names=["indoors", "outdoors"]).eval()
        >>> model(torch.full((1, 1, 40, 64), 50.0)).shape
        torch.Size([1, 2])
    """

    architecture = "encoder-classifier"

    def __init__(self, width: int = 64, classes: int = 10, class_names: Sequence[str] | None = None) -> None:
        super().__init__()
        self.width = _checked_width(width)
        if classes < 2 or (class_names is not None and len(class_names) != classes):
            raise ValueError(
                f"A classifier needs at least 2 classes and a name for each, got {classes}, {class_names}."
            )
        self.class_names = tuple(class_names or ())
        self.encoder = _encoder(width)
        self.pairs = nn.Sequential(*(_Residual(8 * width, stride=2 if i == 0 else 1) for i in range(4)))
        self.head = nn.Linear(8 * width, classes)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        return {"width": 4, "classes": 3}

    def borrow_encoder(self, colorizer: EncoderDecoder, freeze: bool = False) -> None:
        """Copy the encoder of a trained colorizer; with ``freeze`` it stays as it is.

        Raises:
            ValueError: for a colorizer of another kind or width.
        """
        if not isinstance(colorizer, EncoderDecoder):
            raise ValueError(f"Only an encoder-decoder has an encoder to borrow, got {type(colorizer).__name__}.")
        if colorizer.width != self.width:
            raise ValueError(
                f"The encoder has width {colorizer.width}, the classifier {self.width}: "
                f"build it with width={colorizer.width}."
            )
        self.encoder.load_state_dict(colorizer.encoder.state_dict())
        if freeze:
            self.freeze(self.encoder)

    def forward(self, L: Tensor) -> Tensor:
        """Class logits ``(B, classes)`` of a lightness ``(B, 1, H, W)`` in 0..100, of any size.

        Raises:
            ValueError: for another shape.
        """
        if L.ndim != 4 or L.shape[1] != 1:
            raise ValueError(f"L must have the shape (B, 1, H, W), got {tuple(L.shape)}.")
        L = F.pad(L, (0, -L.shape[3] % _MULTIPLE, 0, -L.shape[2] % _MULTIPLE), mode="replicate")
        x = self.pairs(self.encoder(L / 50 - 1))
        return self.head(x.mean(dim=(2, 3))).float()


class _Residual(nn.Module):
    """He et al. 2015: two 3x3 convolutions with BatchNorm and a shortcut, which is projected where the size changes."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        projection = nn.Sequential(
            nn.Conv2d(channels, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels)
        )
        self.shortcut = projection if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


def _encoder(width: int) -> nn.Sequential:
    """The eleven layers both models share: ``(B, 1, H, W)`` to ``(B, 8 * width, H / 8, W / 8)``."""
    return nn.Sequential(
        _same(1, width),
        _down(width, 2 * width),
        _same(2 * width, 2 * width),
        _down(2 * width, 4 * width),
        _same(4 * width, 4 * width),
        _same(4 * width, 4 * width),
        _down(4 * width, 8 * width),
        *(_same(8 * width, 8 * width) for _ in range(4)),
    )


def _same(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(_started(nn.Conv2d(before, after, 3, padding=1)), nn.LeakyReLU(_SLOPE))


def _down(before: int, after: int) -> nn.Sequential:
    convolution = _started(nn.Conv2d(before, after, 4, stride=2, padding=1))
    return nn.Sequential(convolution, nn.LeakyReLU(_SLOPE), nn.BatchNorm2d(after))


def _up(before: int, after: int) -> nn.Sequential:
    convolution = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)
    return nn.Sequential(convolution, nn.LeakyReLU(_SLOPE), nn.BatchNorm2d(after))


def _started(convolution: nn.Conv2d) -> nn.Conv2d:
    """Initial weights that keep the variance. PyTorch's own leave a thousandth of it after the eight 3x3 convolutions
    without BatchNorm."""
    initialize([convolution], _SLOPE)
    return convolution


def _checked_width(width: int) -> int:
    if width < 1:
        raise ValueError(f"width must be at least 1, got {width}.")
    return width
