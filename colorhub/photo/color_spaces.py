"""Colour spaces that are stated by numbers, outside ICC: PNG's gamma and chromaticities, and the code points of video
(cICP in PNG, nclx in HEIF), as ICC profiles."""

from collections.abc import Callable

import numpy as np

_STEPS = 4096  # of a profile's curve
_D65 = (0.3127, 0.3290)
_SRGB = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
# ITU-T H.273, table 2: the x and y of red, green and blue, and of white.
_PRIMARIES: dict[int, tuple[tuple[float, ...], tuple[float, float]]] = {
    1: (_SRGB, _D65),
    4: ((0.67, 0.33, 0.21, 0.71, 0.14, 0.08), (0.310, 0.316)),
    5: ((0.64, 0.33, 0.29, 0.60, 0.15, 0.06), _D65),
    6: ((0.630, 0.340, 0.310, 0.595, 0.155, 0.070), _D65),
    7: ((0.630, 0.340, 0.310, 0.595, 0.155, 0.070), _D65),
    9: ((0.708, 0.292, 0.170, 0.797, 0.131, 0.046), _D65),
    11: ((0.680, 0.320, 0.265, 0.690, 0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320, 0.265, 0.690, 0.150, 0.060), _D65),
}
_PAPER_WHITE = 203.0  # cd/m2, of HDR pictures shown beside others (ITU-R BT.2408)
_GAMMA_OF_SRGB = 0.45455  # what the PNG specification has writers of sRGB state
HDR = (16, 18)  # PQ and HLG


def _srgb_light(value: np.ndarray) -> np.ndarray:
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _pq_light(value: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084, with paper white as 1: what is brighter is clipped."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = value ** (1 / m2)
    light = (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1) * 10000
    return np.minimum(light / _PAPER_WHITE, 1)


def _hlg_light(value: np.ndarray) -> np.ndarray:
    """ARIB STD-B67, with its graphics white, the signal 0.75 (ITU-R BT.2408), as 1: what is brighter is clipped."""

    def scene(signal: np.ndarray) -> np.ndarray:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)

    system_gamma = 1.2  # of a screen of 1000 cd/m2
    return np.minimum((scene(value) / scene(np.array(0.75))) ** system_gamma, 1)


def _power(exponent: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda value: value**exponent


# ITU-T H.273, table 3. Pictures that state a camera's curve (1, 6, 14, 15) are made for screens, which show them like
# sRGB (or by BT.1886, which differs in the shadows alone).
_CURVES: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    **dict.fromkeys((1, 6, 13, 14, 15), _srgb_light),
    4: _power(2.2),
    5: _power(2.8),
    8: _power(1.0),
    16: _pq_light,
    18: _hlg_light,
}


def of_code_points(primaries: int, transfer: int, *, grey: bool) -> bytes | None:
    """The profile of ITU-T H.273's code points; ``None`` where they mean sRGB, or nothing that is known here.

    Example:
        >>> from colorhub.photo.color_spaces import of_code_points
        >>> of_code_points(1, 13, grey=False) is None  # sRGB itself
        True
        >>> len(of_code_points(12, 13, grey=False)) > 1000  # Display P3
        True
    """
    if primaries not in _PRIMARIES or transfer not in _CURVES:
        return None
    curve = _CURVES[transfer]
    if primaries == 1 and curve is _srgb_light:
        return None
    chromaticities, white = _PRIMARIES[primaries]
    return _profile(chromaticities, white, curve, grey)


def of_gamma(gamma: float | None, chromaticities: tuple[float, ...] | None, *, grey: bool) -> bytes | None:
    """The profile of PNG's gAMA, the exponent from light to values, and cHRM, the x and y of white, red, green and blue
    (PNG, third edition, sections 11.3.2.1 and 11.3.2.2); ``None`` where they mean sRGB, or nothing that makes sense.

    Example:
        >>> from colorhub.photo.color_spaces import of_gamma
        >>> of_gamma(0.45455, None, grey=True) is None
        True
        >>> len(of_gamma(1 / 1.8, None, grey=True)) > 100
        True
    """
    chromaticities = chromaticities or (*_D65, *_SRGB)
    is_srgb = np.abs(np.subtract(chromaticities, (*_D65, *_SRGB))).max() < 0.002
    if gamma is None or abs(gamma - _GAMMA_OF_SRGB) < 0.0001:
        curve: Callable[[np.ndarray], np.ndarray] = _srgb_light
        if is_srgb or grey:
            return None
    elif 0.05 <= gamma <= 5:
        curve = _power(1 / gamma)
    else:
        return None
    made = _profile(chromaticities[2:], chromaticities[:2], curve, grey)
    # Primaries that make no sense take nothing from the gamma.
    return of_gamma(gamma, None, grey=grey) if made is None and not is_srgb else made


def _profile(
    primaries: tuple[float, ...], white: tuple[float, ...], curve: Callable[[np.ndarray], np.ndarray], grey: bool
) -> bytes | None:
    import imagecodecs

    points = [white, *zip(primaries[::2], primaries[1::2], strict=True)]
    if any(not (0 <= x <= 1 and 0 < y <= 1) for x, y in points):
        return None
    values = np.round(curve(np.linspace(0, 1, _STEPS)) * 65535).astype(np.uint16)
    whitepoint = (white[0], white[1], 1.0)
    try:
        if grey:
            return bytes(imagecodecs.cms_profile("gray", whitepoint=whitepoint, transferfunction=values))
        triples = tuple(value for x, y in points[1:] for value in (x, y, 1.0))
        return bytes(imagecodecs.cms_profile("rgb", whitepoint=whitepoint, primaries=triples, transferfunction=values))
    except (ValueError, RuntimeError):  # primaries on one line
        return None
