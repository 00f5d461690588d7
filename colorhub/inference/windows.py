"""A long picture, such as a panorama, is seen in overlapping windows along its long side; their answers are blended.

Networks learn from photographs of ordinary shapes. A longer one that is shrunk until they can see it as a whole loses
colour, a tenth of its chroma at 10 to 1 and a quarter at 17 to 1, because nothing in it is as large as in training.
Seen as a whole without being shrunk it gains some, more than 5 % beyond 3 to 1. In windows of 3 to 2, the shape of most
photographs, its mean chroma is within 5 % of that of cuts of 1 to 1 up to 3 to 1, and within 1 % of that of cuts of
their own shape. (The default model, panoramas made of test photographs.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

_LONG = 3.0  # a picture that is longer than so many times its short side is seen in windows
_LENGTH = 1.5  # of a window, in short sides
_OVERLAP = 1 / 3  # of a window, with the next one: half a short side
_SHORTEST = 1 / 20  # of the picture: narrow strips have no more windows than this makes


@dataclass(frozen=True)
class Windows:
    """Where the windows of a picture are along ``axis``, 2 for a tall one and 3 for a wide one: ``starts`` of
    ``length`` pixels each, in ``total``; neighbours have ``overlap`` pixels or more in common."""

    axis: int
    starts: tuple[int, ...]
    length: int
    overlap: int
    total: int

    def parts(self, picture: Tensor) -> Iterator[Tensor]:
        """What is seen through each window of a picture ``(B, C, H, W)``.

        Example:
            >>> import torch
            >>> from colorhub.inference.windows import windows_of
            >>> [part.shape[3] for part in windows_of(32, 160).parts(torch.zeros(1, 1, 32, 160))]
            [48, 48, 48, 48, 48]
        """
        return (picture.narrow(self.axis, start, self.length) for start in self.starts)

    def blended(self, answers: Sequence[Tensor]) -> Tensor:
        """Answers ``(B, C, h, w)`` to the windows as one to the whole picture, at the answers' own scale. Each counts
        the less the nearer its window's end is, and nothing there, so that there is no step.

        Example:
            >>> import torch
            >>> from colorhub.inference.windows import windows_of
            >>> windows = windows_of(32, 160)
            >>> answers = [torch.full((1, 2, 8, 12), float(number)) for number in range(5)]
            >>> windows.blended(answers)[0, 0, 0, ::5]
            tensor([0.0000, 0.0000, 0.7000, 1.3000, 2.0000, 2.8889, 3.5000, 4.0000])
        """
        scale = answers[0].shape[self.axis] / self.length
        shape = list(answers[0].shape)
        shape[self.axis] = round(self.total * scale)
        mean, sum_of_weights = torch.zeros(shape, device=answers[0].device), torch.zeros(shape[self.axis])
        for start, answer in zip(self.starts, answers, strict=True):
            weights, first = self._weights(start, answer.shape[self.axis]), round(start * scale)
            part = mean.narrow(self.axis, first, len(weights))
            part += answer.float() * self._along(weights).to(answer.device)
            sum_of_weights[first : first + len(weights)] += weights
        return mean / self._along(sum_of_weights).to(mean.device)

    def _weights(self, start: int, count: int) -> Tensor:
        """Of ``count`` values in a window: rising from its beginning and falling to its end where others go on."""
        places = (torch.arange(count) + 0.5) * self.length / count
        rising = places if start else torch.full_like(places, self.overlap)
        falling = self.length - places if start + self.length < self.total else torch.full_like(places, self.overlap)
        return torch.minimum(rising, falling).clamp(max=self.overlap) / self.overlap

    def _along(self, values: Tensor) -> Tensor:
        return values.view([-1 if axis == self.axis else 1 for axis in range(4)])


def windows_of(height: int, width: int, multiple: int = 1) -> Windows | None:
    """How a picture is seen; ``None`` for one of ordinary shape, which is seen at once.

    Args:
        height, width: of the picture.
        multiple: of what windows begin at and are long. The picture is taken to be padded to a whole number of these.

    Example:
        >>> from colorhub.inference.windows import windows_of
        >>> windows_of(256, 768)
        >>> windows_of(256, 1700, multiple=32).starts
        (0, 224, 448, 672, 896, 1120, 1344)
    """
    short, long = sorted((height, width))
    if long <= _LONG * short:
        return None
    units = ceil(long / multiple)
    length = max(2, ceil(max(_LENGTH * short, _SHORTEST * long) / multiple))
    if length >= units:
        return None
    overlap = max(1, round(_OVERLAP * length))
    gaps = ceil((units - length) / (length - overlap))
    starts = tuple(round(number * (units - length) / gaps) * multiple for number in range(gaps + 1))
    return Windows(3 if width > height else 2, starts, length * multiple, overlap * multiple, units * multiple)
