"""Is this a colour photograph, or a black-and-white one: neutral, or toned in the darkroom, by age or by hand?

A toned print has one colour for each lightness: its ab are a smooth function of L. Colour photographs are not like
that: two things of the same lightness differ in colour. So a smooth curve ab(L) is fitted and what is left over is
compared with the strength of the tone. Old warm prints (sepia, albumen, a print on a yellowed mount) vary more, but
all their pixels share nearly one hue and none is neutral; they have a rule of their own.
"""

from dataclasses import dataclass

import numpy as np

_SIDE = 256  # pixels of the longer side of the copy that is judged: averages JPEG and film noise away
_NEUTRAL = 3.6  # 95th percentile of chroma below which nobody sees a tone
_WARM_HUES = (25.0, 115.0)  # degrees of CIELAB hue: sepia, albumen, aged paper


@dataclass(frozen=True)
class ColourSpread:
    """How the colours of a picture are spread; everything in CIELAB units, percentiles over pixels."""

    median_chroma: float
    high_chroma: float  # 95th percentile
    residual_75: float  # distance from the fitted curve ab(L)
    residual_90: float
    sideways_95: float  # distance from the fitted curve of hue: across the main hue direction
    lowest_along: float  # 2nd percentile of ab along the main hue direction
    hue: float  # main hue, degrees -180..180


def is_in_color(rgb: np.ndarray) -> bool:
    """Whether ``rgb``, ``(H, W, 3)`` uint8 or uint16 sRGB, is a colour photograph. Neutral and toned pictures are
    not."""
    return not looks_black_and_white(measure_spread(small_lab(rgb)))


def looks_black_and_white(spread: ColourSpread) -> bool:
    """Whether a spread is that of a neutral or toned picture.

    The thresholds were chosen on old prints, on the same photographs at full and at half saturation, and on synthetic
    tones; the tests print how often they are wrong.
    """
    tone = spread.median_chroma
    neutral = spread.high_chroma < _NEUTRAL
    one_tone = spread.residual_75 < min(2.8, 1.2 + 0.12 * tone) and spread.residual_90 < min(4.0, 1.9 + 0.2 * tone)
    return neutral or one_tone or _is_old_warm_print(spread)


def _is_old_warm_print(spread: ColourSpread) -> bool:
    tone = spread.median_chroma
    if not _WARM_HUES[0] < spread.hue < _WARM_HUES[1] or spread.lowest_along < max(4.0, 0.39 * tone):
        return False
    one_hue = spread.residual_75 < min(4.0, 0.26 * tone) and spread.sideways_95 < min(3.5, 0.25 * tone)
    uneven = spread.residual_75 < 0.18 * tone and spread.residual_90 < min(6.5, 0.27 * tone)
    return one_hue or uneven


def small_lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of every other pixel of a copy of at most 256 pixels a side, as ``(N, 3)`` float32."""
    import cv2

    height, width = rgb.shape[:2]
    step = max(1, max(height, width) // (8 * _SIDE))  # skip pixels first: averaging 400 MP would take seconds
    small = np.ascontiguousarray(rgb[::step, ::step])
    height, width = small.shape[:2]
    scale = _SIDE / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
    unit = small.astype(np.float32) / (65535 if small.dtype == np.uint16 else 255)
    # A quarter of the averaged pixels says as much as all of them.
    return cv2.cvtColor(unit, cv2.COLOR_RGB2Lab)[::2, ::2].reshape(-1, 3)


def measure_spread(lab: np.ndarray) -> ColourSpread:
    """The spread of the colours in ``lab``, ``(N, 3)``."""
    L, ab = lab[:, 0].astype(np.float64), lab[:, 1:].astype(np.float64)
    chroma = np.hypot(ab[:, 0], ab[:, 1])
    residual = _robust_residual(_powers(L / 100, 3), ab)
    main = np.median(ab, axis=0)
    direction = main / max(float(np.hypot(*main)), 1e-6)
    along, across = ab @ direction, ab @ np.array([-direction[1], direction[0]])
    sideways = _robust_residual(_powers(along / 30, 2), across[:, None])
    return ColourSpread(
        median_chroma=float(np.median(chroma)),
        high_chroma=float(np.percentile(chroma, 95)),
        residual_75=float(np.percentile(residual, 75)),
        residual_90=float(np.percentile(residual, 90)),
        sideways_95=float(np.percentile(sideways, 95)),
        lowest_along=float(np.percentile(along, 2)),
        hue=float(np.degrees(np.arctan2(direction[1], direction[0]))),
    )


def _powers(x: np.ndarray, degree: int) -> np.ndarray:
    return np.stack([x**k for k in range(degree + 1)], axis=1)


def _robust_residual(basis: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Distances of ``target`` ``(N, C)`` from its least-absolute-deviation fit on ``basis``: a stamp or a painted
    cheek is left out of the curve instead of bending it. Iteratively reweighted least squares; six rounds are enough
    to separate."""
    weight = np.ones(len(target))
    ridge = 1e-3 * np.eye(basis.shape[1])  # a flat picture has no curve to fit
    residual = np.zeros(len(target))
    for _ in range(6):
        weighted = basis * weight[:, None]
        coefficients = np.linalg.solve(weighted.T @ basis + ridge, weighted.T @ target)
        residual = np.linalg.norm(target - basis @ coefficients, axis=1)
        weight = 1 / np.maximum(residual, 1.0)
    return residual
