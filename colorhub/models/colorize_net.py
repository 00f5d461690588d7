"""Report 002: ColorizeNet, a few convolutions down and up, and a regressor of the picture's mean colour.

What differs from the report: any input size; no bias before a BatchNorm, which takes it away again; for depths other
than 3 and channels other than 128 the report prints no numbers, so those between are geometric; the regressor's last
feature map is resized to 2x2, which the report's 128x128 pictures give by themselves; outside of training colours stay
within what the report's scale can say, -128..127. The report trained the regressor apart from ColorizeNet; adding its
answer to ColorizeNet's (``prior=True``) is an option here.
"""

from typing import Any

from torch import Tensor, nn

from colorhub.models.base import Colorizer, Prediction, resized

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}
_OFFSET, _RANGE = 128.0, 255.0  # the report's scale: (ab + 128) / 255, for every activation
_LEAST_CHANNELS = 8


class ColorizeNet(Colorizer):
    """Strided 3x3 convolutions down, transposed 2x2 ones up, BatchNorm and ReLU after each but the last.

    Channels going down over n = ``depth`` layers are ``round(8 * (max_channels / 8) ** (i / (n - 1)))``: 8, 32, 128 are
    the report's. Going up they return the same way and end at two.

    Args:
        depth: layers down, and as many up: 3 to 6.
        max_channels: of the innermost layer: 64 to 512.
        activation: of the output: ``relu``, ``sigmoid`` or ``tanh``.
        prior: add the mean colour of a :class:`ChromaRegressor` (see :meth:`borrow_prior`) to the answer, so that the
            network itself predicts the deviation from it. The regressor is part of the weights and stays as it is.
        working_size: short side in pixels of the pictures it was trained on.

    Raises:
        ValueError: a depth or max_channels out of range, or an unknown activation.

    Example:
        >>> import torch
        >>> from colorhub.models import ColorizeNet
        >>> model = ColorizeNet(depth=4, max_channels=64).eval()
        >>> model(torch.full((1, 1, 40, 60), 50.0)).ab.shape
        torch.Size([1, 2, 40, 60])
    """

    architecture = "colorize-net"

    def __init__(
        self,
        depth: int = 3,
        max_channels: int = 128,
        activation: str = "sigmoid",
        prior: bool = False,
        working_size: int = 128,
    ) -> None:
        super().__init__()
        if not 3 <= depth <= 6 or not 64 <= max_channels <= 512:
            raise ValueError(
                f"ColorizeNet has depth 3 to 6 and max_channels 64 to 512, got {depth} and {max_channels}."
            )
        if activation not in ACTIVATIONS:
            raise ValueError(f"Unknown activation {activation!r}. Expected one of {', '.join(ACTIVATIONS)}.")
        self.multiple = 2**depth
        self.working_size = working_size
        growth = max_channels / _LEAST_CHANNELS
        self.channels = [round(_LEAST_CHANNELS * growth ** (i / (depth - 1))) for i in range(depth)]
        self.down = nn.Sequential(*map(_down, [1, *self.channels], self.channels))
        back = self.channels[::-1]
        self.up = nn.Sequential(
            *map(_up, back, back[1:]), nn.ConvTranspose2d(back[-1], 2, 2, stride=2), ACTIVATIONS[activation]()
        )
        self.prior = ChromaRegressor() if prior else None
        if self.prior is not None:
            self.multiple = max(self.multiple, self.prior.multiple)
            self.freeze(self.prior)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        return {"max_channels": 64, "working_size": 32}

    def borrow_prior(self, regressor: "ChromaRegressor") -> None:
        """Copy a trained regressor's weights as the prior.

        Raises:
            ValueError: for a model without a prior, or a regressor of another width.
        """
        if self.prior is None:
            raise ValueError("This ColorizeNet has no prior: build it with prior=True.")
        if regressor.width != self.prior.width:
            raise ValueError(f"A prior is a regressor of width {self.prior.width}, got one of width {regressor.width}.")
        self.prior.load_state_dict(regressor.state_dict())

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        """``L``: ``(B, 1, H, W)``, both sides a multiple of ``2**depth`` (of 64 with a prior)."""
        ab = self.up(self.down(L / 100)).float() * _RANGE - _OFFSET
        if self.prior is not None:
            ab = ab + self.prior.mean(L)[:, :, None, None]
        return Prediction(ab=ab if self.training else ab.clamp(-_OFFSET, _RANGE - _OFFSET))


class ChromaRegressor(Colorizer):
    """The mean ab of a picture; as a colorizer it answers with a picture of that one colour.

    Six strided 4x4 convolutions of ``w``, ``2w``, ``4w``, ``8w``, ``8w``, ``16w`` channels, each with BatchNorm and
    LeakyReLU, then a linear layer and a sigmoid on the report's scale.

    Args:
        width: channels of the first layer; 32 is the report's.
        working_size: short side in pixels of the pictures it was trained on.

    Raises:
        ValueError: a width below 1.

    Example:
        >>> import torch
        >>> from colorhub.models import ChromaRegressor
        >>> model = ChromaRegressor(width=4).eval()
        >>> ab = model(torch.full((1, 1, 40, 60), 50.0)).ab
        >>> ab.shape, bool((ab == ab[:, :, :1, :1]).all())  # one colour everywhere
        (torch.Size([1, 2, 40, 60]), True)
    """

    architecture = "chroma-regressor"
    multiple = 64

    def __init__(self, width: int = 32, working_size: int = 128) -> None:
        super().__init__()
        if width < 1:
            raise ValueError(f"width must be at least 1, got {width}.")
        self.width = width
        self.working_size = working_size
        channels = [width * factor for factor in (1, 2, 4, 8, 8, 16)]
        self.features = nn.Sequential(*map(_halved, [1, *channels], channels))
        self.head = nn.Linear(4 * channels[-1], 2)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        return {"width": 4, "working_size": 32}

    def mean(self, L: Tensor) -> Tensor:
        """Mean ab ``(B, 2)`` in CIELAB units of a lightness ``(B, 1, H, W)`` with sides that are multiples of 64."""
        x = resized(self.features(L / 100), 2)
        return self.head(x.flatten(1)).float().sigmoid() * _RANGE - _OFFSET

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        """``L``: ``(B, 1, H, W)``, both sides a multiple of 64."""
        return Prediction(ab=self.mean(L)[:, :, None, None].expand(-1, -1, *L.shape[2:]))


def _down(before: int, after: int) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU())


def _up(before: int, after: int) -> nn.Sequential:
    convolution = nn.ConvTranspose2d(before, after, 2, stride=2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU())


def _halved(before: int, after: int) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.LeakyReLU())
