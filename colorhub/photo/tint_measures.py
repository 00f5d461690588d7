"""How the colours of a picture go with its lightness: what tells a black-and-white print from a colour photograph.

A print has one colour for each lightness: ab is a smooth function of L, which age, stains and lamps move slowly from
place to place. In a colour photograph two things of the same lightness differ, and so do the steps of colour where
lightness steps. Measured are what such functions leave over, in the whole picture and in the print's own area, and what
they leave over of the steps. Shifts of a channel against another are part of the functions.
"""

from dataclasses import dataclass

import cv2
import numpy as np

SIDE = 160  # pixels of the longer side of the copy that is judged: averages JPEG, film noise and thin ink away
_LEAST_SIDE = 16
_SOME = 2000  # pixels that curves are fitted to
_PAIRS = 800  # steps of lightness along an axis
_STEP = 3  # pixels
_PERCENTILES = (50, 75, 90, 97)
_CELLS, _LEAST_CELLS = 8, 3  # the print's area is sought on this grid
_COMMON = 2.5  # what a print's pixels may lie from its curve while the area is sought
_FLAT = 3.0  # codes between neighbours of an even surrounding
_CURVE = 6  # functions of lightness and its slopes alone
_ROUNDS = 4
_FEW_PAIRS = 60
_WARM = 65.0  # degrees of CIELAB hue: sepia, albumen, aged paper

Part = tuple[slice, slice]


def small_lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB ``(h, w, 3)`` float32 of a copy of at most :data:`SIDE` pixels a side; ``rgb``: uint8 or uint16."""
    height, width = rgb.shape[:2]
    step = max(1, max(height, width) // (5 * SIDE))  # skip pixels first: averaging 400 MP would take seconds
    small = np.ascontiguousarray(rgb[::step, ::step])
    height, width = small.shape[:2]
    scale = SIDE / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
    least = [max(_LEAST_SIDE, side) for side in small.shape[1::-1]]
    if tuple(least) != small.shape[1::-1]:
        small = cv2.resize(small, least, interpolation=cv2.INTER_NEAREST)
    unit = small.astype(np.float32) / (65535 if small.dtype == np.uint16 else 255)
    return cv2.cvtColor(unit, cv2.COLOR_RGB2Lab)


def measure(lab: np.ndarray) -> dict[str, float]:
    """The measures of ``(h, w, 3)`` CIELAB by name, distances in CIELAB units, shares in 0..1."""
    maps = _maps(lab)
    whole = maps.some(np.s_[:, :])
    curve = _fit(whole.curve, whole.ab, whole.weight)
    left = np.linalg.norm(lab[..., 1:] - maps.basis[..., :_CURVE] @ curve.astype(np.float32), axis=2)
    part = _largest_calm(maps.weight * (_COMMON - np.minimum(left, 7)))
    found = {
        "shown": float(maps.shown.mean()),
        "area": left[part].size / left.size,
        "texture": float(maps.weight[part].sum() / maps.weight.sum()),
    }
    rest = left.reshape(-1)[whole.at]
    found |= _percentiles("whole left", rest, _PERCENTILES) | _beyond("whole", rest, whole.weight, (3, 6, 12))
    found |= _percentiles("whole chroma", np.hypot(*whole.ab.T), (50, 95, 99))
    found |= _axes("whole", whole.ab - whole.curve @ curve)
    found |= _percentiles("two curves", _from_two_curves(whole, whole.ab - whole.curve @ curve), (75, 90, 97))
    found |= _inside(maps, part)
    return found | _steps("whole steps", maps, np.s_[:, :]) | _steps("steps", maps, part)


@dataclass(frozen=True)
class _Some:
    """Some pixels: ``at`` in the flattened picture, ``basis`` ``(n, k)``, ``ab`` ``(n, 2)``, ``weight`` ``(n,)``."""

    at: np.ndarray
    basis: np.ndarray
    ab: np.ndarray
    weight: np.ndarray

    @property
    def curve(self) -> np.ndarray:
        return self.basis[:, :_CURVE]


@dataclass(frozen=True)
class _Maps:
    """Maps of the picture: ``basis`` ``(h, w, k)``, of which the first :data:`_CURVE` know nothing of places;
    ``gradient`` of L; ``place``: x and y in -1..1; ``weight``: of texture, 0 where an even surrounding is; ``shown``:
    where none is."""

    lab: np.ndarray
    basis: np.ndarray
    gradient: np.ndarray
    place: np.ndarray
    weight: np.ndarray
    shown: np.ndarray

    def some(self, part: Part) -> _Some:
        numbers = np.arange(self.weight.size).reshape(self.weight.shape)[part]
        step = max(1, int(np.sqrt(self.shown[part].sum() / _SOME)))
        at = numbers[::step, ::step].ravel()
        at = at[self.shown.ravel()[at]]
        flat = [one.reshape(-1, *one.shape[2:])[at].astype(float) for one in (self.basis, self.lab, self.weight)]
        return _Some(at, flat[0], flat[1][:, 1:], flat[2])


def _maps(lab: np.ndarray) -> _Maps:
    L = lab[..., 0]
    height, width = L.shape
    slopes = [cv2.Sobel(L, -1, *axis, scale=1 / 8, borderType=cv2.BORDER_REPLICATE) for axis in ((1, 0), (0, 1))]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    tone = L / 50 - 1
    curve = [np.ones_like(L), tone, tone * tone, tone**3, slopes[0] / 8, slopes[1] / 8]
    basis = np.stack([*curve, x, y, x * y, x * x, y * y, x * tone, y * tone], axis=2)
    mean = cv2.blur(L, (5, 5))
    texture = np.sqrt(np.maximum(cv2.blur(L * L, (5, 5)) - mean * mean, 0))
    shown = ~_surrounding(lab)
    weight = np.where(shown, np.clip(texture / 2, 0.05, 1), 0).astype(np.float32)
    return _Maps(lab, basis, np.stack(slopes, axis=2), np.stack([x, y], axis=2), weight, shown)


def _surrounding(lab: np.ndarray) -> np.ndarray:
    """Where an even ground, such as a mount or an album's page, goes round a thing with straight edges: a mask, empty
    where there is no such ground."""
    codes = np.clip(lab * [2.55, 1, 1] + [0, 128, 128], 0, 255).astype(np.uint8)
    codes = cv2.medianBlur(codes, 3)
    height, width = codes.shape[:2]
    mask = np.zeros((height + 2, width + 2), np.uint8)
    near = (_FLAT,) * 3
    edge = [(x, y) for x in range(0, width, 6) for y in (0, height - 1)]
    edge += [(x, y) for y in range(0, height, 6) for x in (0, width - 1)]
    for x, y in edge:
        if not mask[y + 1, x + 1]:
            cv2.floodFill(codes, mask, (x, y), 0, near, near, 4 | cv2.FLOODFILL_MASK_ONLY | (1 << 8))
    ground = cv2.morphologyEx(mask[1:-1, 1:-1], cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    none = np.zeros((height, width), bool)
    if not 0.08 < ground.mean() < 0.95:
        return none
    _, marks, facts, _ = cv2.connectedComponentsWithStats(1 - ground, connectivity=4)
    if len(facts) < 2:
        return none
    largest = 1 + int(np.argmax(facts[1:, cv2.CC_STAT_AREA]))
    outline, _ = cv2.findContours((marks == largest).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    thing = np.zeros((height, width), np.uint8)
    cv2.drawContours(thing, outline, -1, 1, -1)
    points = np.concatenate(outline)
    box = cv2.boxPoints(cv2.minAreaRect(points)).astype(np.int32)
    boxed = cv2.fillPoly(np.zeros((height, width), np.uint8), [box], 1)
    if thing.mean() < 0.04 or thing.sum() < 0.88 * boxed.sum():
        return none
    return cv2.erode(thing, np.ones((5, 5), np.uint8), borderValue=1) == 0


def _fit(basis: np.ndarray, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Coefficients of the least-absolute-deviation fit of ``target`` ``(n, c)``: a stamp or a painted cheek is left out
    of the curve instead of bending it. Iteratively reweighted least squares."""
    now, found = weight, np.zeros((basis.shape[1], target.shape[1]))
    for _ in range(_ROUNDS):
        found = _least_squares(basis, target, now)
        now = weight / np.maximum(np.linalg.norm(target - basis @ found, axis=1), 0.7)
    return found


def _from_two_curves(some: _Some, left: np.ndarray) -> np.ndarray:
    """Distances from the nearer of two curves: a print and its stain, or a print and the ground it lies on."""
    _, axes = np.linalg.eigh(left.T @ (some.weight[:, None] * left))
    first = left @ axes[:, 1] > 0
    distances = np.zeros((2, len(left)))
    for _ in range(_ROUNDS):
        for number, its in enumerate((first, ~first)):
            weight = some.weight * its / np.maximum(distances[number], 0.7)
            curve = _least_squares(some.curve, some.ab, weight)
            distances[number] = np.linalg.norm(some.ab - some.curve @ curve, axis=1)
        first = distances[0] < distances[1]
    return distances.min(axis=0)


def _least_squares(basis: np.ndarray, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    weighted = basis * weight[:, None]
    return np.linalg.solve(weighted.T @ basis + 1e-3 * np.eye(basis.shape[1]), weighted.T @ target)


def _largest_calm(gain: np.ndarray) -> Part:
    """The rectangle on a coarse grid with the largest sum of ``gain``."""
    rows, columns = (np.round(np.linspace(0, side, _CELLS + 1)).astype(int) for side in gain.shape)
    sums = cv2.integral(gain.astype(np.float32))[rows][:, columns]
    pairs = [(first, last) for first in range(_CELLS) for last in range(first + _LEAST_CELLS, _CELLS + 1)]
    first, last = np.array(pairs).T
    bands = sums[last] - sums[first]
    i, j = np.unravel_index(np.argmax(bands[:, last] - bands[:, first]), (len(pairs), len(pairs)))
    return slice(rows[first[i]], rows[last[i]]), slice(columns[first[j]], columns[last[j]])


def _inside(maps: _Maps, part: Part) -> dict[str, float]:
    """Of the print's own area: what curves leave over, without and with places, and of that what is not smooth."""
    some = maps.some(part)
    if len(some.at) < 16:
        some = maps.some(np.s_[:, :])
    bare = some.ab - some.curve @ _fit(some.curve, some.ab, some.weight)
    placed = _fit(some.basis, some.ab, some.weight).astype(np.float32)
    rest = maps.lab[..., 1:] - maps.basis @ placed
    rough = rest - cv2.GaussianBlur(rest, (0, 0), 8)
    rest, rough = (one.reshape(-1, 2)[some.at] for one in (rest, rough))
    left = np.linalg.norm(rest, axis=1)
    found = _percentiles("curve", np.linalg.norm(bare, axis=1), _PERCENTILES) | _percentiles("left", left, _PERCENTILES)
    found |= _percentiles("rough", np.linalg.norm(rough, axis=1), _PERCENTILES)
    found |= _beyond("left", left, some.weight, (3, 6)) | _axes("left", rest)
    lightness = maps.lab[..., 0].reshape(-1)[some.at]
    return found | _hues(some) | {"contrast": float(lightness.std())}


def _hues(some: _Some) -> dict[str, float]:
    """How far the pixels share one hue."""
    chroma, main = np.hypot(*some.ab.T), np.median(some.ab, axis=0)
    direction = main / max(float(np.hypot(*main)), 1e-6)
    along, across = some.ab @ direction, some.ab @ np.array([-direction[1], direction[0]])
    basis = np.stack([np.ones_like(along), along / 30, (along / 30) ** 2], axis=1)
    sideways = np.abs(across - (basis @ _fit(basis, across[:, None], some.weight))[:, 0])
    elsewhere = np.abs(np.arctan2(across, along)) > np.pi / 3
    warm = np.radians(_WARM)
    return {
        **_percentiles("chroma", chroma, (5, 50, 95)),
        **_percentiles("sideways", sideways, (75, 90, 97)),
        **_percentiles("along", along, (2, 97)),
        "other hues": float((chroma * elsewhere).sum() / (chroma.sum() + len(chroma))),
        "warm": float(direction @ [np.cos(warm), np.sin(warm)]) * min(1.0, float(np.median(chroma)) / 10),
    }


def _steps(name: str, maps: _Maps, part: Part) -> dict[str, float]:
    """What colour does where lightness steps, as if a slope were the same everywhere, or as under a stain's or lamp's
    colour, which takes a part of the light."""
    lab, shown = maps.lab[part], maps.shown[part]
    ground = cv2.blur(lab, (15, 15), borderType=cv2.BORDER_REPLICATE)
    tint = ground[..., 1:] / np.maximum(ground[..., :1], 15) * 10
    every = np.concatenate([lab, maps.gradient[part], maps.place[part], tint], axis=2)
    targets, bases = [], []
    for axis in (0, 1):
        if every.shape[axis] <= _STEP + 2:
            continue
        there, here = (np.moveaxis(one, axis, 0) for one in (every, every))
        there, here = there[_STEP:], here[:-_STEP]
        both = np.moveaxis(shown, axis, 0)
        both = (both[_STEP:] & both[:-_STEP]).ravel()
        height = np.abs(there[..., 0] - here[..., 0]).ravel()
        if not both.any():
            continue
        strong = np.flatnonzero(both & (height > max(5.0, np.percentile(height[both], 70))))
        strong = strong[:: max(1, len(strong) // _PAIRS)]
        there, here = (one.reshape(-1, every.shape[2])[strong].astype(float) for one in (there, here))
        step, middle = (there[:, :1] - here[:, :1]) / 10, (there[:, :1] + here[:, :1]) / 100 - 1
        bend = (there[:, 3:5] - here[:, 3:5]) / 3
        bases.append(
            np.hstack([step, step * middle, step * middle**2, step * there[:, 5:7], step * there[:, 7:9] / 3, bend])
        )
        targets.append(there[:, 1:3] - here[:, 1:3])
    if sum(map(len, targets)) < _FEW_PAIRS:
        targets, bases = [np.zeros((1, 2))], [np.ones((1, 9))]
    target, basis = np.concatenate(targets), np.concatenate(bases)
    left = np.linalg.norm(target - basis @ _fit(basis, target, np.ones(len(target))), axis=1)
    found = _percentiles(name, left, _PERCENTILES) | _percentiles(
        f"{name} of all", np.linalg.norm(target, axis=1), (75,)
    )
    return found | _percentiles(f"{name} relative", left / np.abs(basis[:, 0]), (75, 90))


def _percentiles(name: str, values: np.ndarray, which: tuple[int, ...]) -> dict[str, float]:
    return {f"{name} {one}": float(value) for one, value in zip(which, np.percentile(values, which), strict=True)}


def _beyond(name: str, left: np.ndarray, weight: np.ndarray, limits: tuple[int, ...]) -> dict[str, float]:
    return {f"{name} beyond {limit}": float(weight[left > limit].sum() / weight.sum()) for limit in limits}


def _axes(name: str, left: np.ndarray) -> dict[str, float]:
    """Standard deviations along the axes of a cloud of ab."""
    short, long = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(left.T)), 0))
    return {f"{name} short axis": float(short), f"{name} long axis": float(long)}
