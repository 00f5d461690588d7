"""How far an exported file's answers are from torch's, at several sizes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from colorhub.color import grey_to_lightness
from colorhub.export.writing import ModelGraph, output_names
from colorhub.inference.compose import compose_codes
from colorhub.models import Colorizer
from colorhub.models.exported import INPUT, open_session

TOLERANCE = 0.05  # CIELAB units of ab
LEVELS = 1  # of 8-bit sRGB codes
# Where a colour is too strong for sRGB, codes may differ by more at the border of two cells of the table of chroma: an
# angle's last bit decides between them.
_RARE = 1e-4


@dataclass(frozen=True)
class Difference:
    """Of one output for one batch: ``worst`` and ``mean`` absolute difference, and the ``share`` of the values that are
    beyond the tolerance.

    Example:
        >>> from colorhub.export import Difference
        >>> Difference("ab", shape=(1, 2, 64, 64), worst=0.01, mean=0.001, share=0.0).holds
        True
    """

    output: str
    shape: tuple[int, ...]
    worst: float
    mean: float
    share: float

    @property
    def holds(self) -> bool:
        """Whether the output is as near to torch's as promised: all of ab, of the composition all but a few values."""
        return self.share <= (_RARE if self.output == "rgb" else 0.0)


def model_differences(
    content: bytes, model: Colorizer, shapes: Sequence[tuple[int, int, int]] | None = None
) -> Iterator[Difference]:
    """Run an exported model beside the one it was made from.

    Args:
        content: of the file.
        model: in evaluation mode, on the processor.
        shapes: (batch, height, width) each; when not given, three: one picture of the working size, two upright and
            three wide ones whose sides are no multiples of anything.

    Example:
        >>> from colorhub.export import export_model, model_differences
        >>> from colorhub.models import ColorizeNet
        >>> model = ColorizeNet(**ColorizeNet.tiny()).eval()
        >>> [difference.holds for difference in model_differences(export_model(model), model, [(1, 40, 56)])]
        [True]
    """
    session = open_session(content)
    names = output_names(model)
    side = max(model.working_size, model.multiple)
    for shape in shapes or ((1, side, side), (2, side + 5, side * 3 // 4 - 1), (3, side // 2 + 3, side + 7)):
        L = smooth(1, *shape, low=0, high=100)
        with torch.no_grad():
            expected = ModelGraph(model)(L)
        found = session.run(names, {INPUT: L.numpy()})
        for name, ours, theirs in zip(names, expected, found, strict=True):
            yield _difference(name, np.abs(theirs - ours.numpy()), TOLERANCE)


def composition_differences(content: bytes) -> Iterator[Difference]:
    """Run an exported composition beside :func:`~colorhub.inference.compose.compose_codes`, in levels of 8-bit sRGB.

    Example:
        >>> from colorhub.export import composition_differences, export_composition
        >>> all(difference.holds for difference in composition_differences(export_composition()))
        True
    """
    session = open_session(content)
    for height, width, rows, columns in ((240, 320, 48, 64), (301, 203, 65, 43), (64, 999, 16, 250)):
        codes = (smooth(1, 1, height, width, low=0, high=255) + 0.5).to(torch.uint8)
        L = F.interpolate(grey_to_lightness(codes.float() / 255), size=(rows, columns), mode="area")
        ab = smooth(2, 1, rows, columns, low=-40, high=40)
        expected = np.empty((height, width, 3), np.uint8)
        compose_codes(codes[0, 0].numpy(), L[0, 0].numpy(), ab[0].numpy(), 1.0, expected)
        given = {"grey": (codes.float() / 255).numpy(), "L": L.numpy(), "ab": ab.numpy()}
        (rgb,) = session.run(["rgb"], {**given, "vividness": np.array(1, np.float32)})
        found = np.rint(rgb[0].transpose(1, 2, 0) * 255)
        yield _difference("rgb", np.abs(found - expected)[None].transpose(0, 3, 1, 2), LEVELS)


def smooth(channels: int, batch: int, height: int, width: int, *, low: float, high: float) -> Tensor:
    """Clouds and some grain ``(batch, channels, height, width)``, the same every time.

    Example:
        >>> from colorhub.export import smooth
        >>> L = smooth(1, 2, 48, 64, low=0, high=100)
        >>> L.shape, bool(0 <= L.min() <= L.max() <= 100)
        (torch.Size([2, 1, 48, 64]), True)
    """
    generator = torch.Generator("cpu").manual_seed(0)
    coarse = torch.rand(batch, channels, 6, 6, generator=generator)
    grain = torch.rand(batch, channels, height, width, generator=generator)
    clouds = F.interpolate(coarse, size=(height, width), mode="bicubic")
    return (0.9 * clouds + 0.1 * grain).clamp(0, 1) * (high - low) + low


def _difference(name: str, distance: np.ndarray, tolerance: float) -> Difference:
    beyond = float((~(distance <= tolerance)).mean())  # NaN is beyond as well
    return Difference(name, distance.shape, float(distance.max()), float(distance.mean()), beyond)
