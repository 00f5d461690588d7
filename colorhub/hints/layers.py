"""Hints on a colour layer: exact where they are, spread from there to what looks alike and is not beyond an edge.

What a hint's colour differs from the layer's is added to the layer, weighed by what :mod:`spreading` lets through from
the hint's pixel and by how much a place looks like that pixel, in lightness and in the colour the layer has there. With
several hints each gets such an amount that the composed photo has all their colours, as in kriging (Krige 1951): what
the photo tells about nearby colours is in the weights, so two hints on one thing do not count twice.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from colorhub.hints.hint import Hint, colors_of
from colorhub.hints.spreading import Spreading
from colorhub.inference.compose import edge_maps
from colorhub.inference.compose.tensors import compose_lines
from colorhub.inference.preprocess import in_normal_tones
from colorhub.photo import Photo

_L_UNIT, _AB_UNIT = 45.0, 20.0  # CIELAB units: what differs by more is not alike
_WINDOW = 6  # pixels of the layer on each side of a place that decide on its composed colour
_RIDGE = 1e-3  # of hints that share a pixel of the layer, which cannot all be met
_ROUNDS = 8


class HintedLayers:
    """Colour layers of one photo, all with the same lightness ``L`` ``(1, 1, h, w)``, with hints applied.

    What spreads from a pixel is computed once and kept: the same hints with other colours cost next to nothing.

    Example:
        >>> import torch
        >>> from colorhub import ColorizationPipeline
        >>> from colorhub.hints import Hint, HintedLayers
        >>> from skimage import data
        >>> pipeline = ColorizationPipeline()
        >>> prepared = pipeline.prepare(pipeline.open(data.coins()), size=128)
        >>> grey = torch.zeros(1, 2, *prepared.L.shape[2:])
        >>> colored = HintedLayers(prepared.photo, prepared.L).apply(grey, [Hint(110, 60, "red")])
        >>> colored.shape == grey.shape, bool(colored[0, 0].max() > 10)
        (True, True)
    """

    def __init__(self, photo: Photo, L: Tensor) -> None:
        self.photo = photo
        self.L = L.float().cpu()
        self.guide = in_normal_tones(photo, self.L)  # in a faded print the edges of things are faint
        self.spreading = Spreading(self.guide)

    def apply(self, ab: Tensor, hints: Sequence[Hint]) -> Tensor:
        """The layer ``ab`` ``(1, 2, h, w)`` changed so that the composed photo has the hints' colours at them.

        Example:
            >>> import torch
            >>> from colorhub import Photo
            >>> from colorhub.hints import Hint, HintedLayers
            >>> photo = Photo.open(torch.full((64, 64), 128, dtype=torch.uint8).numpy())
            >>> L, ab = torch.full((1, 1, 32, 32), 53.6), torch.zeros(1, 2, 32, 32)
            >>> colored = HintedLayers(photo, L).apply(ab, [Hint(32, 32, "red")])
            >>> bool(colored[0, 0, 16, 16] > colored[0, 0, 0, 0] >= 0)  # strongest at the hint
            True
        """
        if not hints:
            return ab
        ab = ab.float().cpu()
        width, height = self.photo.size
        places = [((hint.x + 0.5) / width, (hint.y + 0.5) / height) for hint in hints]
        L, wanted = colors_of(hints, self.photo)
        fields = self.fields(ab, places)
        missing = wanted - composed_at(self.L, ab[0], places, L)
        amounts = _amounts(composed_at(self.L, fields, places, L).double(), missing.double())
        return ab + torch.einsum("nhw,nc->chw", fields, amounts.float())[None]

    def fields(self, ab: Tensor, places: Sequence[tuple[float, float]]) -> Tensor:
        """How much of an amount given at each of ``places`` (x, y), shares of width and height, arrives everywhere:
        ``(n, h, w)``.

        Example:
            >>> import torch
            >>> from colorhub import Photo
            >>> from colorhub.hints import HintedLayers
            >>> photo = Photo.open(torch.full((64, 64), 128, dtype=torch.uint8).numpy())
            >>> L, ab = torch.full((1, 1, 32, 32), 53.6), torch.zeros(1, 2, 32, 32)
            >>> HintedLayers(photo, L).fields(ab, [(0.5, 0.5), (0.1, 0.9)]).shape
            torch.Size([2, 32, 32])
        """
        return torch.stack([self.spreading.field(x, y) * likeness(self.guide, ab, x, y) for x, y in places])


def likeness(L: Tensor, ab: Tensor, x: float, y: float) -> Tensor:
    """How much every pixel of a layer looks like the one at (x, y), shares of width and height: ``(h, w)`` in 0..1."""
    height, width = L.shape[2:]
    row, column = min(int(y * height), height - 1), min(int(x * width), width - 1)
    features = torch.cat([L[0] / _L_UNIT, ab[0] / _AB_UNIT])
    return torch.exp(-(features - features[:, row, column, None, None]).square().sum(dim=0))


def composed_at(layer_L: Tensor, fields: Tensor, places: Sequence[tuple[float, float]], L: Tensor) -> Tensor:
    """What composing makes of fields ``(k, h, w)`` on a layer ``(1, 1, h, w)`` at single pixels: ``(n, k)``.

    Args:
        layer_L: lightness of the layer.
        fields: for each of them the composed photo is asked for, before its gamut is fitted.
        places: (x, y) as shares of width and height.
        L: the photo's lightness there, ``(n,)``.
    """
    answers = [_composed(layer_L, fields, x, y, value) for (x, y), value in zip(places, L, strict=True)]
    return torch.stack(answers)


def _composed(layer_L: Tensor, fields: Tensor, x: float, y: float, L: Tensor) -> Tensor:
    """As :func:`composed_at`, from the surroundings of one place alone."""
    height, width = layer_L.shape[2:]
    column, row = (min(max(part * side - 0.5, 0), side - 1) for part, side in ((x, width), (y, height)))
    left, above = int(column), int(row)
    first = max(0, above - _WINDOW), max(0, left - _WINDOW)
    window = slice(first[0], above + _WINDOW + 2), slice(first[1], left + _WINDOW + 2)
    maps = edge_maps(layer_L[:, :, *window], fields[None, :, *window])[0]
    rows = [above - first[0], min(above + 1, height - 1) - first[0]]
    columns = [left - first[1], min(left + 1, width - 1) - first[1]]
    between = torch.lerp(maps[:, rows[0]], maps[:, rows[1]], row - above)
    lines = torch.lerp(between[:, columns[0]], between[:, columns[1]], column - left)
    return compose_lines(lines[None, :, None, None], L.view(1, 1, 1, 1))[0, :, 0, 0]


def _amounts(met: Tensor, missing: Tensor) -> Tensor:
    """How much of each field ``(n, c)`` gives what is missing ``(n, c)``, if ``met`` ``(n, n)`` is what each field
    gives at each hint. A ridge keeps it finite where hints contradict each other; refining takes it back elsewhere."""
    inverse = torch.linalg.inv(met + _RIDGE * torch.eye(len(met), dtype=met.dtype))
    amounts = inverse @ missing
    for _ in range(_ROUNDS):
        amounts = amounts + inverse @ (missing - met @ amounts)
    return amounts


def native_hints(hints: Sequence[Hint], photo: Photo, L: Tensor) -> Tensor:
    """Hints as a model takes them that knows hints, ``(1, 3, h, w)``: a, b and a 0/1 mask, for its working picture
    ``L`` ``(1, 1, h, w)``. A hint fills 3 x 3 pixels, the colour of the nearest hint counts.

    Example:
        >>> import torch
        >>> from colorhub import Hint, Photo
        >>> from colorhub.hints import native_hints
        >>> from skimage import data
        >>> given = native_hints([Hint(120, 80, "teal")], Photo.open(data.coins()), torch.full((1, 1, 76, 96), 50.0))
        >>> given.shape, int(given[0, 2].sum())  # 3 x 3 pixels are told
        (torch.Size([1, 3, 76, 96]), 9)
    """
    height, width = L.shape[2:]
    given = torch.zeros(1, 3, height, width)
    nearest = torch.full((height, width), 9.0)
    for hint, color in zip(hints, colors_of(hints, photo)[1] if hints else (), strict=True):
        column, row = hint.x * width // photo.size[0], hint.y * height // photo.size[1]
        for y in range(max(0, row - 1), min(height, row + 2)):
            for x in range(max(0, column - 1), min(width, column + 2)):
                distance = (y - row) ** 2 + (x - column) ** 2
                if distance <= nearest[y, x]:
                    nearest[y, x] = distance
                    given[0, :, y, x] = torch.tensor([*color, 1.0])
    return given
