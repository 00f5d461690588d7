"""The working picture: a photo's lightness at the size a network sees it."""

from collections.abc import Iterator, Sequence
from functools import cache

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor

from colorhub.color import grey_to_lightness
from colorhub.photo import Photo

_LONGEST = 32  # the working picture's long side is at most this many times its short side


def working_lightness(photo: Photo, size: int, multiple: int = 1) -> Tensor:
    """The photo's lightness ``(1, 1, h, w)``, its short side about ``size`` pixels (less beyond 32 to 1).

    Both sides are rounded to the nearest multiple of ``multiple``: a network that is given whole multiples needs no
    padding, which costs it far more than a slightly stretched picture does.
    """
    height, width = photo.grey.shape
    scale = min(size / min(height, width), _LONGEST * size / max(height, width))
    shape = [max(1, round(side * scale / multiple)) * multiple for side in (height, width)]
    return lightness_of_shape(photo, (shape[0], shape[1]))


def lightness_of_shape(photo: Photo, shape: tuple[int, int]) -> Tensor:
    """The photo's lightness ``(1, 1, h, w)`` at the size ``shape`` = ``(h, w)``."""
    (height, width), (own_height, own_width) = shape, photo.grey.shape
    shrinks = height <= own_height and width <= own_width
    small = cv2.resize(photo.grey, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return lightness(torch.from_numpy(small))


def coarser(L: Tensor, size: int | None, multiple: int = 1) -> Tensor | None:
    """A working picture ``(B, 1, h, w)`` shrunk to a short side of about ``size``, both sides multiples of
    ``multiple``; ``None`` where that is no smaller."""
    height, width = L.shape[-2:]
    if size is None:
        return None
    shape = [max(1, round(side * size / min(height, width) / multiple)) * multiple for side in (height, width)]
    if shape[0] >= height or shape[1] >= width:
        return None
    return F.interpolate(L, size=shape, mode="bilinear", antialias=True)


def lightness(grey: Tensor) -> Tensor:
    """Grey codes ``(H, W)`` to L ``(1, 1, H, W)``. 8-bit codes have 256 lightness values: a table look-up."""
    if grey.dtype == torch.uint8:
        return _lightness_table(grey.device).index_select(0, grey.flatten().int()).view(1, 1, *grey.shape)
    return grey_to_lightness(grey.float() / 65535)[None, None]


@cache
def _lightness_table(device: torch.device) -> Tensor:
    return grey_to_lightness(torch.arange(256, device=device) / 255)


def same_shape(tensors: Sequence[Tensor], batch_size: int) -> Iterator[list[int]]:
    """Numbers of tensors that can be stacked, at most ``batch_size`` together."""
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for i, tensor in enumerate(tensors):
        by_shape.setdefault(tuple(tensor.shape), []).append(i)
    for group in by_shape.values():
        yield from (group[i : i + batch_size] for i in range(0, len(group), batch_size))
