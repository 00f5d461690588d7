"""What a network should see of an old print: the picture without its paper border, in the tones of a photograph.

Networks learn from photographs that reach from black to white. A faded print does not, and its border is no part of
the scene. Only what the network sees is changed here: the coloured photo keeps its own lightness and its border.
"""

from dataclasses import dataclass, replace
from math import log
from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from colorhub.color import grey_to_lightness
from colorhub.inference.resize import working_lightness
from colorhub.inference.views import view_sizes
from colorhub.photo import Photo
from colorhub.settings import Settings

# Everything in L*. From its darkest hundredth to its lightest a photograph spans more than 66, seven in eight; a print
# that spans less is stretched towards these ends, fully below 56, so that nothing jumps where fading begins.
_SPAN = (56.0, 66.0)
_ENDS = (10.0, 90.0)
_DARK = 12.0  # a darker median is raised to this
_LEAST_RANGE = 8.0  # what is flatter than this holds no picture to stretch

_SIDE = 384  # pixels of the short side of the copy that borders are looked for in
_PAPER = 5.0  # how far a border's pixels may lie from its tone
_CLEAN = 0.97  # part of a border's row that must be of its tone: the rest may be dirt and writing
_STEP = 12.0  # how far the picture must differ from the border beside it
_STRAIGHT = 0.5  # along at least this part of the edge: round a thing on white paper it does not
_NARROWEST, _WIDEST = 0.01, 0.25  # of a side


@dataclass(frozen=True)
class Box:
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right`` of a picture, as parts of its sides, 0..1."""

    top: float = 0.0
    bottom: float = 1.0
    left: float = 0.0
    right: float = 1.0

    @property
    def whole(self) -> bool:
        """Whether nothing is cut off."""
        return self == Box()

    def within(self, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns of a picture of that size; at least one each."""
        top, left = min(round(self.top * height), height - 1), min(round(self.left * width), width - 1)
        return slice(top, max(round(self.bottom * height), top + 1)), slice(
            left, max(round(self.right * width), left + 1)
        )


class View(NamedTuple):
    """One look at a photo: its lightness ``L`` ``(1, 1, h, w)`` as the network sees it; ``mirrored``: whether it is
    turned left to right on its way into the network, and the answer back."""

    L: Tensor
    mirrored: bool = False


@dataclass(frozen=True, eq=False)
class NetworkInput:
    """What a network sees of a photo, and the way back from its answer to the whole photo.

    ``photo``: at full size. ``settings``: with the ``size`` in pixels that is in effect. ``views``: one, or three, the
    one at ``size`` in the middle. ``L``: ``(1, 1, H, W)``, the whole photo's own lightness at working size, which the
    colour layer will have. ``box``: what is inside the print's border. ``restored``: whether the network sees other
    tones than the photo has.
    """

    photo: Photo
    settings: Settings
    views: tuple[View, ...]
    L: Tensor
    box: Box = Box()
    restored: bool = False

    @property
    def view(self) -> View:
        """The view that counts most."""
        return self.views[len(self.views) // 2]

    def whole(self, ab: Tensor) -> Tensor:
        """Colours ``(n, 2, H, W)`` of the whole photo from colours ``(n, 2, h, w)`` of what was seen. A border has no
        colour."""
        height, width = self.L.shape[-2:]
        return ab if self.box.whole else framed(ab, self.box, (height, width), ab.new_zeros(2))

    def around(self, maps: Tensor, border: Tensor) -> Tensor:
        """Maps ``(n, c, h, w)`` of what was seen, on a grid that covers the whole photo; ``border`` ``(c,)`` where
        nothing was."""
        if self.box.whole:
            return maps
        height, width = maps.shape[-2:]
        size = round(height / (self.box.bottom - self.box.top)), round(width / (self.box.right - self.box.left))
        return framed(maps, self.box, size, border)


def network_input(photo: Photo, settings: Settings, multiple: int) -> NetworkInput:
    """What a network sees of a photo.

    Args:
        photo: at full size.
        settings: with a ``size``.
        multiple: what both sides of every view are made a multiple of.

    Raises:
        ValueError: settings without a size.
    """
    size, views = settings.size, 1 if settings.is_sampling else settings.views
    if size is None:
        raise ValueError("settings.size must be given: the pipeline takes it from its model.")
    box = inside_border(photo.grey) if settings.restore else Box()
    picture = photo if box.whole else replace(photo, grey=photo.grey[box.within(*photo.grey.shape)])
    looks = [(working_lightness(picture, side, multiple), mirrored) for side, mirrored in view_sizes(size, views)]
    seen = tuple(View(normal_tones(L) if settings.restore else L, mirrored) for L, mirrored in looks)
    own = looks[len(looks) // 2][0]
    if not box.whole:
        own = working_lightness(photo, round(size * min(photo.grey.shape) / min(picture.grey.shape)))
    restored = any(view.L is not L for view, (L, _) in zip(seen, looks, strict=True))
    return NetworkInput(photo, replace(settings, views=views), seen, own, box, restored)


def inside_border(grey: np.ndarray) -> Box:
    """Where the picture is within an even border on all four sides, such as a print's white paper; the whole where
    there is no such border.

    Args:
        grey: ``(H, W)`` uint8 or uint16 codes.
    """
    if not _has_even_edges(grey):
        return Box()
    small = _small_lightness(grey)
    tone = float(np.median(np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])))
    paper = np.abs(small - tone) < _PAPER
    if min(side.mean() for side in (paper[0], paper[-1], paper[:, 0], paper[:, -1])) < _CLEAN:
        return Box()
    top, bottom, left, right = (_width(turned) for turned in _sides(paper))
    height, width = small.shape
    edges = _sides(np.abs(small - tone) >= _STEP)
    inner = [(left, width - right), (left, width - right), (top, height - bottom), (top, height - bottom)]
    for edge, depth, (first, last) in zip(edges, (top, bottom, left, right), inner, strict=True):
        side = len(edge)
        if not _NARROWEST * side <= depth <= _WIDEST * side:
            return Box()
        beside = edge[depth : depth + max(2, side // 64), first:last]  # a few rows: scans are a little askew
        if beside.size == 0 or beside.any(axis=0).mean() < _STRAIGHT:
            return Box()
    return Box((top + 1) / height, 1 - (bottom + 1) / height, (left + 1) / width, 1 - (right + 1) / width)


def framed(maps: Tensor, box: Box, size: tuple[int, int], border: Tensor) -> Tensor:
    """Maps ``(n, c, h, w)`` of what is in a box, put into the whole picture of ``size`` ``(height, width)``, with
    ``border`` ``(c,)`` around them."""
    rows, columns = box.within(*size)
    whole = border.to(maps).view(1, -1, 1, 1).expand(len(maps), -1, *size).clone()
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    whole[..., rows, columns] = F.interpolate(maps, size=shape, mode="bilinear")
    return whole


def _has_even_edges(grey: np.ndarray) -> bool:
    """Whether the four outermost strips could be of one tone, judged leniently: most photographs have no border, and
    need not be shrunk as a whole to know it."""
    depth = max(1, round(min(grey.shape) / _SIDE))
    strips = [grey[:depth], grey[-depth:], grey[:, :depth].T, grey[:, -depth:].T]
    lines = [_shrunk(np.ascontiguousarray(strip), (max(1, round(strip.shape[1] / depth)), 1)) for strip in strips]
    tone = float(np.median(np.concatenate(lines, axis=1)))
    return min((np.abs(line - tone) < 2 * _PAPER).mean() for line in lines) > _CLEAN - 0.1


def _small_lightness(grey: np.ndarray) -> np.ndarray:
    height, width = grey.shape
    scale = min(1.0, _SIDE / min(height, width))
    return _shrunk(grey, (max(1, round(width * scale)), max(1, round(height * scale))))


def _shrunk(grey: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The lightness of a picture at a smaller size (width, height)."""
    small = cv2.resize(grey, shape, interpolation=cv2.INTER_AREA)
    return grey_to_lightness(torch.from_numpy(small.astype(np.float32) / np.iinfo(grey.dtype).max)).numpy()


def _sides(mask: np.ndarray) -> tuple[np.ndarray, ...]:
    """A mask seen from its four sides: rows from the top, from the bottom, columns from the left, from the right."""
    return mask, mask[::-1], mask.T, mask.T[::-1]


def _width(paper: np.ndarray) -> int:
    """How many rows from the first on are of the border's tone."""
    clean = paper.mean(axis=1) >= _CLEAN
    return len(clean) if clean.all() else int(np.argmin(clean))


def in_normal_tones(photo: Photo, L: Tensor) -> Tensor:
    """A photo's lightness at any size, ``(1, 1, h, w)``, as :func:`normal_tones` of what is inside its border."""
    return normal_tones(L, L[..., *inside_border(photo.grey).within(*L.shape[-2:])])


def normal_tones(L: Tensor, part: Tensor | None = None) -> Tensor:
    """A lightness stretched to the range of a photograph, and not too dark; the same tensor where both are so already.

    Args:
        L: ``(1, 1, h, w)``, 0..100.
        part: what the range is taken of; all of it when not given.
    """
    part = L if part is None else part
    some = part.flatten()[:: max(1, part.numel() // 2**20)]
    low, high = torch.quantile(some, torch.tensor([0.01, 0.99], device=L.device)).tolist()
    if (fading := float(np.interp(high - low, _SPAN, (1.0, 0.0)))) > 0:
        black, white = low + fading * min(0.0, _ENDS[0] - low), high + fading * max(0.0, _ENDS[1] - high)
        gain = (white - black) / max(high - low, _LEAST_RANGE)
        L, part = (((tones - low) * gain + black).clamp(0, 100) for tones in (L, part))
    middle = float(part.median())
    if 0 < middle < _DARK:
        L = 100 * (L / 100) ** (log(_DARK / 100) / log(middle / 100))
    return L
