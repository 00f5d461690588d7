"""The U-Net generator of report 003 (pix2pix: Isola et al. 2017, section 6.1.1 and appendix), with or without the
report's branch that names the scene.

What differs from the report: any input size (the base class pads, and the branch resizes its features), ``width`` and
``depth`` as settings (64 and 8 are the report's), one scale of 110 for both ab channels instead of 127 and 128, dropout
of single values instead of channels.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from colorhub.models.base import Colorizer, Prediction, resized

_AB_SCALE = 110.0
_BRANCH_LEVEL = 2  # the report's classification branch leaves the encoder after its third level
_BRANCH_SIDE = 4  # and flattens features of 4x4, which pictures of 256 pixels have by themselves


class UNet(Colorizer):
    """Strided 4x4 convolutions down, transposed ones up, skip connections between equal sizes, tanh at the end.

    Args:
        width: channels of the first level; level i has ``width * min(2**i, 8)``.
        depth: number of levels; both sides are padded to a multiple of ``2**depth``.
        dropout: rate in the three innermost decoder levels (the report's 0.5), or in all where there are fewer; and in
            the classification branch.
        working_size: short side in pixels of the pictures it was trained on.
        classes: scenes that the classification branch tells apart; 0 is a U-Net without the branch.
        class_names: their names, stored with the weights.
        context_size: short side of a second, coarser look at every photo, whose answer is averaged with the first one
            (testing at several scales, as in Eigen & Fergus 2015 and DeepLab); ``None`` for one look.

    Raises:
        ValueError: a width, depth or number of classes out of range, or not a name for each class.

    References:
        Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks" (arXiv 1611.07004).

    Example:
        >>> import torch
        >>> from colorhub.models import UNet
        >>> model = UNet(width=4, depth=5).eval()
        >>> model.multiple, model(torch.full((1, 1, 40, 60), 50.0)).ab.shape
        (32, torch.Size([1, 2, 40, 60]))
    """

    architecture = "unet"

    def __init__(
        self,
        width: int = 64,
        depth: int = 8,
        dropout: float = 0.5,
        working_size: int = 256,
        classes: int = 0,
        class_names: Sequence[str] | None = None,
        context_size: int | None = None,
    ) -> None:
        super().__init__()
        _check(width, depth, classes, class_names)
        self.depth = depth
        self.multiple = 2**depth
        self.working_size = working_size
        self.context_size = context_size
        self.class_names = tuple(class_names or ())
        channels = [width * min(2**level, 8) for level in range(depth)]
        self.down = nn.ModuleList(
            _down(before, after, first=level == 0)
            for level, (before, after) in enumerate(zip([1, *channels], channels, strict=False))
        )
        self.up = nn.ModuleList(
            _up(
                channels[level] * (1 if level == depth - 1 and not classes else 2),
                channels[level - 1],
                dropout if level >= depth - 3 else 0,
            )
            for level in range(depth - 1, 0, -1)
        )
        self.out = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * channels[0], 2, 4, stride=2, padding=1), nn.Tanh())
        self.scene = None
        if classes:
            self.multiple = max(self.multiple, 2 ** (_BRANCH_LEVEL + 4))  # the branch halves three times more
            self.scene = _Scene(width, channels[-1], classes, dropout)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        return {"width": 4, "depth": 3, "working_size": 32}

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        """``L``: ``(B, 1, H, W)``, both sides a multiple of ``2**depth`` (and of 64 with the branch)."""
        if self.training and len(L) * L.shape[2] * L.shape[3] == self.multiple**2:
            raise ValueError(
                f"BatchNorm cannot be trained with the one value a channel that depth {self.depth} leaves of a single "
                f"picture of {self.multiple} pixels: use a batch of at least 2, a larger crop or less depth."
            )
        x = L / 50 - 1
        skips = []
        for block in self.down:
            x = block(x)
            skips.append(x)
        class_logits = None
        if self.scene is not None:
            content, class_logits = self.scene(skips[_BRANCH_LEVEL])
            x = torch.cat([x, content[:, :, None, None].expand(-1, -1, *x.shape[2:])], dim=1)
        skips.pop()
        for block in self.up:
            x = torch.cat([block(x), skips.pop()], dim=1)
        return Prediction(ab=self.out(x).float() * _AB_SCALE, class_logits=class_logits)


class _Scene(nn.Module):
    """The report's classification branch: three more halvings, two dense layers back into the U-Net's innermost level,
    and three to the classes."""

    def __init__(self, width: int, innermost: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.down = nn.Sequential(
            *(_down(width * (4 if i == 0 else 8), 8 * width, first=False) for i in range(3)), nn.LeakyReLU(0.2)
        )
        flat = 8 * width * _BRANCH_SIDE**2
        self.fusion = nn.Sequential(
            *(nn.Linear(flat, 16 * width), nn.ReLU()),
            *(nn.Linear(16 * width, innermost), nn.ReLU()),
        )
        self.head = nn.Sequential(
            *(nn.Linear(flat, 32 * width), nn.ReLU(), nn.Dropout(dropout)),
            *(nn.Linear(32 * width, 16 * width), nn.ReLU(), nn.Dropout(dropout)),
            nn.Linear(16 * width, classes),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, 4 * width, h, w)`` with sides of at least 8 to content ``(B, innermost)``, logits ``(B, classes)``."""
        flat = resized(self.down(x), _BRANCH_SIDE).flatten(1)
        return self.fusion(flat), self.head(flat).float()


def _check(width: int, depth: int, classes: int, class_names: Sequence[str] | None) -> None:
    if depth < 2 or width < 1:
        raise ValueError(f"A U-Net needs depth >= 2 and width >= 1, got depth={depth}, width={width}.")
    if classes < 0 or classes == 1 or (classes and depth <= _BRANCH_LEVEL):
        raise ValueError(
            f"The classification branch needs at least 2 classes and depth > {_BRANCH_LEVEL}, "
            f"got classes={classes}, depth={depth}."
        )
    if class_names is not None and len(class_names) != classes:
        raise ValueError(f"class_names must name each of the {classes} classes, got {len(class_names)} names.")


def _down(before: int, after: int, first: bool) -> nn.Sequential:
    if first:  # pix2pix: no normalization on the picture itself
        return nn.Sequential(nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False))
    convolution = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(nn.LeakyReLU(0.2), convolution, nn.BatchNorm2d(after))


def _up(before: int, after: int, dropout: float) -> nn.Sequential:
    convolution = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)
    layers = [nn.ReLU(), convolution, nn.BatchNorm2d(after)]
    return nn.Sequential(*layers, *([nn.Dropout(dropout)] if dropout else []))
