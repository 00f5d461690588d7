"""How far a colour spreads from one pixel: smooth where lightness is, next to nothing beyond an edge.

The picture is a grid of conductors that are the worse the more two neighbours differ in lightness (the weights of
Levin, Lischinski, Weiss 2004, "Colorization using Optimization"), and every pixel leaks a little, so that far away
nothing arrives: the screened Poisson equation ``(D - W + 1 / reach^2) u = f``. Its answer to one pixel has a thin peak
there. The answer to that answer has none: it is the Matern covariance of smoothness 1 on this grid (Whittle 1954;
Lindgren, Rue, Lindstrom 2011), nearly flat around the pixel. Both come from the same factorization, made once for a
picture.
"""

from functools import cached_property

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from scipy import sparse
from scipy.sparse.linalg import splu
from torch import Tensor

from colorhub.inference.compose import edge_maps
from colorhub.inference.compose.tensors import compose_lines

_PIXELS = 60_000  # of the grid: a larger picture is shrunk to so many
CONTRAST = 6.0  # L units between neighbours that make an edge
THROUGH = 1e-5  # what goes through any edge
REACH = 0.5  # share of the picture's short side over which a colour fades where there is no edge
PEAK = 0.05  # share of the thin peak: lets hints that are near each other differ


class Spreading:
    """What spreads from single pixels of a picture with the lightness ``L``, ``(1, 1, h, w)``."""

    def __init__(self, L: Tensor) -> None:
        self.L = L.float().cpu()
        self._found: dict[tuple[int, int], Tensor] = {}

    def field(self, x: float, y: float) -> Tensor:
        """How much of a correction at (x, y), as shares of width and height, arrives everywhere: ``(h, w)``, about 1
        there."""
        height, width = self._grid.shape
        place = min(int(y * height), height - 1), min(int(x * width), width - 1)
        if place not in self._found:
            self._found[place] = self._enlarged(self._solved(*place))
        return self._found[place]

    @cached_property
    def _grid(self) -> np.ndarray:
        height, width = self.L.shape[2:]
        scale = (_PIXELS / (height * width)) ** 0.5
        if scale >= 1:
            return self.L[0, 0].numpy()
        shape = [max(1, round(side * scale)) for side in (height, width)]
        return F.interpolate(self.L, size=shape, mode="bilinear", antialias=True)[0, 0].numpy()

    @cached_property
    def _edged(self) -> np.ndarray:
        """The grid's lightness without grain, and without the pixels in between that every edge has: over them a
        colour would climb from one side to the other. Each takes the nearer of its surroundings' darkest and lightest
        (Kramer, Bruckner 1975)."""
        calm, window = cv2.medianBlur(self._grid, 3), np.ones((3, 3), np.uint8)
        darkest, lightest = cv2.erode(calm, window), cv2.dilate(calm, window)
        return np.where(lightest - calm < calm - darkest, lightest, darkest)

    @cached_property
    def _factors(self) -> "sparse.linalg.SuperLU":
        return splu(
            _system(self._edged), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )

    def _solved(self, row: int, column: int) -> np.ndarray:
        source = np.zeros(self._grid.shape)
        source[row, column] = 1
        peak = self._factors.solve(source.ravel()).reshape(source.shape)
        smooth = self._factors.solve(peak.ravel()).reshape(source.shape)
        return (smooth / smooth[row, column] + PEAK * peak / peak[row, column]) / (1 + PEAK)

    def _enlarged(self, field: np.ndarray) -> Tensor:
        """From the grid to the picture, along its edges."""
        found = torch.from_numpy(field).float()[None, None]
        if found.shape[2:] != self.L.shape[2:]:
            maps = edge_maps(torch.from_numpy(self._grid)[None, None], found)
            found = compose_lines(F.interpolate(maps, size=self.L.shape[2:], mode="bilinear"), self.L)
        return found[0, 0]


def _system(L: np.ndarray) -> sparse.csc_matrix:
    """The matrix of the screened Poisson equation on a grid with lightness ``L`` ``(h, w)``, eight neighbours each."""
    height, width = L.shape
    index = np.arange(L.size).reshape(L.shape)
    total = sparse.csc_matrix((L.size, L.size))
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        one = slice(0, height - down), slice(max(0, -right), width - max(0, right))
        other = slice(down, height), slice(max(0, right), width - max(0, -right))
        contrast = (L[one].astype(np.float64) - L[other]) / CONTRAST
        weight = (np.exp(-(contrast**2)) + THROUGH) / (down * down + right * right)
        total = total + sparse.csc_matrix(
            (weight.ravel(), (index[one].ravel(), index[other].ravel())), shape=total.shape
        )
    total = total + total.T
    leak = 1 / (REACH * min(L.shape)) ** 2
    return (sparse.diags(np.asarray(total.sum(axis=1)).ravel() + leak) - total).tocsc()
