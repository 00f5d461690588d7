"""Arrays and Pillow images of every mode to one of four kinds of pixels: grey, RGB, CMYK or CIELAB, with alpha
aside."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from colorhub.photo.errors import UnsupportedError
from colorhub.photo.lightness import strips

_CIELAB, _ICC_LAB = 8, 9
_LABS = (_CIELAB, _ICC_LAB)
# TIFF's photometric interpretations.
_KINDS = {0: "grey", 1: "grey", 2: "rgb", 5: "cmyk", _CIELAB: "lab16", _ICC_LAB: "lab16"}


@dataclass
class Pixels:
    """Decoded pixels before profile and orientation. ``values`` are ``(H, W)`` for grey, else ``(H, W, C)``, uint8 or
    uint16; ``alpha`` is ``(H, W)`` of the same type."""

    values: np.ndarray
    alpha: np.ndarray | None = None
    kind: str = "grey"  # or "rgb", "cmyk", "lab" (Pillow's, signed a and b), "lab16" (L* / 100, (a + 128) / 255)


def pixels_of_array(array: np.ndarray) -> Pixels:
    """A NumPy array as pixels.

    ``(H, W)``, ``(H, W, 1)`` grey; ``(H, W, 2)`` grey and alpha; ``(H, W, 3)`` RGB; ``(H, W, 4)`` RGB and alpha; of
    uint8, uint16, bool, or float in 0..1 (kept as uint8 where it came from 8 bits, else as uint16). Raises
    ``ValueError`` for anything else.
    """
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or not 1 <= array.shape[2] <= 4:
        raise ValueError(f"has the shape {array.shape}, expected (H, W) or (H, W, C) with 1 to 4 channels last")
    if 0 in array.shape:
        raise ValueError(f"has the shape {array.shape}, which holds no pixel")
    values = _to_integers(array)
    channels = values.shape[2]
    alpha = np.ascontiguousarray(values[..., -1]) if channels in (2, 4) else None
    if channels <= 2:
        return Pixels(np.ascontiguousarray(values[..., 0]), alpha)
    return Pixels(np.ascontiguousarray(values[..., :3]), alpha, "rgb")


def _to_integers(array: np.ndarray) -> np.ndarray:
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind == "u" and array.dtype.itemsize <= 2:
        return array.astype(array.dtype.newbyteorder("="))
    if array.dtype.kind == "f":
        return unit_to_integers(array)
    raise ValueError(f"has the type {array.dtype}, expected uint8, uint16, bool or float in 0..1 (convert it first)")


def unit_to_integers(array: np.ndarray) -> np.ndarray:
    """Floats in 0..1 to uint8 where all are multiples of 1/255, else to uint16. Raises ``ValueError`` outside 0..1."""
    low, high = float(array.min()), float(array.max())
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise ValueError(f"holds floats from {low:.6g} to {high:.6g}, expected 0..1 (divide by the largest value)")
    wide = np.empty(array.shape, np.uint16)
    is_eight_bit = True
    for rows in strips(*array.shape[:2]):
        unit = np.clip(array[rows].astype(np.float64), 0, 1)
        is_eight_bit = is_eight_bit and bool(np.abs(unit * 255 - np.round(unit * 255)).max() < 1e-3)
        wide[rows] = np.round(unit * 65535)
    return np.round(wide / np.float32(257)).astype(np.uint8) if is_eight_bit else wide


def pixels_of_image(image: Any) -> Pixels:
    """A loaded Pillow image of any mode as pixels. Raises ``ValueError`` for values that are no picture."""
    mode = image.mode
    transparent = image.info.get("transparency")
    if mode in ("I", "F"):
        return Pixels(_numbers_to_grey(np.asarray(image)))
    if mode.startswith("I;16"):
        return _with_key_alpha(np.asarray(image).astype(np.uint16), transparent)
    if mode in ("L", "1"):
        values = np.asarray(image) if mode == "L" else _copy(image, "L")
        return _with_key_alpha(values, transparent)
    if mode in ("LA", "La"):
        both = _copy(image, "LA")
        return Pixels(np.ascontiguousarray(both[..., 0]), np.ascontiguousarray(both[..., 1]))
    if mode in ("CMYK", "LAB"):
        return Pixels(_copy(image, mode), kind=mode.lower())
    if mode in ("RGBA", "RGBa", "PA") or (transparent is not None and mode in ("P", "RGB")):
        both = _copy(image, "RGBA")
        return Pixels(np.ascontiguousarray(both[..., :3]), np.ascontiguousarray(both[..., 3]), "rgb")
    return Pixels(_copy(image, "RGB"), kind="rgb")


def _copy(image: Any, mode: str) -> np.ndarray:
    """The image in ``mode`` as an array, strip by strip: converting it whole would hold it three times."""
    width, height = image.size
    channels = {"L": (), "LA": (2,), "RGB": (3,), "LAB": (3,)}.get(mode, (4,))
    out = np.empty((height, width, *channels), np.uint8)
    for rows in strips(height, width):
        part = image.crop((0, rows.start, width, rows.stop))
        out[rows] = np.asarray(part if part.mode == mode else part.convert(mode))
    return out


def _with_key_alpha(values: np.ndarray, transparent: Any) -> Pixels:
    """Grey with PNG's single transparent value as alpha."""
    if not isinstance(transparent, int):
        return Pixels(values)
    largest = np.iinfo(values.dtype).max
    return Pixels(values, np.where(values == transparent, 0, largest).astype(values.dtype))


def _numbers_to_grey(numbers: np.ndarray) -> np.ndarray:
    """32-bit integers or floats to 8 or 16 bits, by their range: 0..1 (floats), 0..255, 0..65535 or the whole of
    uint32."""
    low, high = float(numbers.min()), float(numbers.max())
    if numbers.dtype == np.uint32 and high > 65535:
        return (numbers >> 16).astype(np.uint16)
    if numbers.dtype.kind == "f" and low >= 0 and high <= 1:
        return unit_to_integers(numbers)
    if low >= 0 and high <= 255:
        if numbers.dtype.kind == "f":
            return unit_to_integers(numbers / numbers.dtype.type(255))
        return numbers.astype(np.uint8)
    if low >= 0 and high <= 65535:
        return np.round(numbers).astype(np.uint16)
    raise UnsupportedError(f"holds values from {low:.6g} to {high:.6g}, expected 0..1, 0..255 or 0..65535")


def pixels_of_planes(array: np.ndarray, *, photometric: int, alpha_kind: int | None) -> Pixels:
    """A TIFF page ``(H, W, C)`` or ``(H, W)`` as tifffile decodes it.

    ``photometric`` is TIFF's (0 white is zero, 1 black is zero, 2 RGB, 5 CMYK, 8 CIELAB, 9 ICC's CIELAB);
    ``alpha_kind`` is 1 for colours multiplied by alpha, 2 for alpha beside them, ``None`` for no alpha. Raises
    :class:`UnsupportedError` for other photometric interpretations.
    """
    if photometric not in _KINDS:
        raise UnsupportedError(
            f"stores its colours in a way that is not supported (TIFF photometric interpretation {photometric})"
        )
    if array.ndim == 2:
        array = array[..., None]
    if photometric not in _LABS and array.dtype not in (np.uint8, np.uint16, np.bool_):
        array = _numbers_to_grey(array)
    array = _to_integers(array.view(f"u{array.itemsize}") if photometric in _LABS else array)
    kind = _KINDS[photometric]
    colors = {"grey": 1, "cmyk": 4}.get(kind, 3)
    if array.shape[2] < colors:
        raise ValueError(f"has {array.shape[2]} channels where its header promises {colors}")
    alpha = array[..., colors] if alpha_kind in (1, 2) and array.shape[2] > colors else None
    values = array[..., 0] if colors == 1 else array[..., :colors]
    values = np.ascontiguousarray(values)
    if photometric == 0:
        values = np.iinfo(values.dtype).max - values
    if alpha is not None and alpha_kind == 1:
        values = _divide_by_alpha(values, alpha)
    if photometric in _LABS:
        values = _as_lab16(values, photometric)
    return Pixels(values, None if alpha is None else np.ascontiguousarray(alpha), kind)


def _as_lab16(values: np.ndarray, photometric: int) -> np.ndarray:
    """TIFF's CIELAB, whose a and b are signed (TIFF 6.0, section 23), or ICC's, where they have an offset (TIFF
    Technical Note 4), of 8 or 16 bits, in one layout of 16 bits."""
    deep, is_icc = values.dtype == np.uint16, photometric == _ICC_LAB
    out = np.empty(values.shape, np.uint16)
    for rows in strips(*values.shape[:2]):
        strip = values[rows].astype(np.float32)
        lightness = strip[..., :1] / ((0xFF00 if is_icc else 0xFFFF) if deep else 0xFF)
        ab = strip[..., 1:] / (256 if deep else 1)
        ab = ab if is_icc else (ab + 128) % 256
        out[rows] = np.round(np.clip(np.concatenate([lightness * 65535, ab * 257], axis=-1), 0, 65535))
    return out


def expand_bits(array: np.ndarray, bits: int) -> np.ndarray:
    """Scanners' 10, 12 and 14 bits, and 2 and 4, to the full range of their type."""
    if array.dtype.kind != "u" or bits in (8, 16, 32):
        return array
    full = np.uint8 if bits < 8 else np.uint16
    scale = np.iinfo(full).max / (2**bits - 1)
    return np.round(array * np.float32(scale)).astype(full)


def _divide_by_alpha(values: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    largest = np.iinfo(values.dtype).max
    out = np.empty_like(values)
    for rows in strips(*values.shape[:2]):
        under = alpha[rows].astype(np.uint64)
        under = under if values.ndim == 2 else under[..., None]
        out[rows] = np.minimum(values[rows] * np.uint64(largest) // np.maximum(under, 1), largest)
    return out
