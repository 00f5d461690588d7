"""Composing on a processor: what :func:`~colorhub.inference.compose.compose_rows` does, from grey codes to sRGB codes.

All that depends on a grey code alone is looked up in tables, the rest runs in NumPy's and OpenCV's vector code, strip
by strip within the processor's cache. Strips go to as many threads as torch would use; each computes by itself.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from math import pi

import cv2
import numpy as np
import torch

from colorhub.color import (
    F_JOIN,
    F_OFFSET,
    F_SLOPE,
    SRGB_JOIN,
    WHITE,
    XYZ_TO_RGB,
    chroma_limits,
    grey_to_lightness,
    linear_to_srgb,
    srgb_to_linear,
)
from colorhub.inference.compose.tensors import REACH, VARIANCE_FLOOR

_STRIP = 2**15  # pixels at a time
_TINY = 1e-6  # of chroma: less is grey, and grey is always inside sRGB
_STEPS = 65535  # of linear light in the table of 8-bit sRGB codes: at most a 20th of a code each


def compose_codes(
    grey: np.ndarray, layer_L: np.ndarray, layer_ab: np.ndarray, vividness: float, pixels: np.ndarray
) -> None:
    """Colour a whole photo.

    Args:
        grey: ``(H, W)`` uint8 or uint16, the photo's gamma-encoded grey.
        layer_L: ``(h, w)`` float32, the lightness that the colours were predicted from.
        layer_ab: ``(2, h, w)`` float32, the colours, in CIELAB units.
        vividness: factor on chroma, 0 for grey.
        pixels: ``(H, W, 3 or more)`` uint8 or uint16; its first three channels are written.

    Example:
        >>> import numpy as np
        >>> from colorhub.inference.compose import compose_codes
        >>> grey = np.full((60, 80), 128, np.uint8)
        >>> L, ab = np.full((15, 20), 53.6, np.float32), np.zeros((2, 15, 20), np.float32)
        >>> ab[0] = 40  # red
        >>> pixels = np.empty((60, 80, 3), np.uint8)
        >>> compose_codes(grey, L, ab, 1.0, pixels)
        >>> red, green, blue = pixels[30, 40]
        >>> bool(red > 128 > green)
        True
    """
    height, width = grey.shape
    # Negative, so that the angle which OpenCV gives, 0 to 2 pi, counts from -pi as the gamut table does.
    maps = _wide_maps(layer_L, -vividness * layer_ab, width)
    rows = max(1, _STRIP // width)
    paint = partial(_paint, _Tables.of(grey.dtype.name), maps, grey, pixels, rows)
    starts, threads = range(0, height, rows), torch.get_num_threads()
    if threads == 1 or len(starts) == 1:
        for first in starts:
            paint(first)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(paint, starts))


@dataclass(frozen=True)
class _Tables:
    """By grey code, float32: lightness, luminance, and where the row of its lightness begins in the gamut table."""

    lightness: np.ndarray
    luminance: np.ndarray
    gamut_row: np.ndarray

    @staticmethod
    @cache
    def of(dtype: str) -> "_Tables":
        largest = np.iinfo(dtype).max
        codes = torch.arange(largest + 1) / largest
        lightness = grey_to_lightness(codes).numpy()
        rows, columns = _gamut()[1]
        gamut_row = np.clip((lightness * (rows / 100)).astype(np.int32), 0, rows - 1) * columns
        return _Tables(lightness, srgb_to_linear(codes).numpy(), gamut_row.astype(np.float32))


@cache
def _gamut() -> tuple[np.ndarray, tuple[int, int]]:
    """The largest chroma by lightness and hue, flattened, and its shape: an angle of exactly 2 pi has a column too."""
    limits = chroma_limits("cpu").numpy()
    table = np.concatenate([limits, limits[:, :1]], axis=1)
    return table.ravel(), table.shape


@cache
def _eight_bit_codes() -> np.ndarray:
    light = torch.arange(_STEPS + 1) / _STEPS
    return (linear_to_srgb(light) * 255 + 0.5).to(torch.uint8).numpy()


def _wide_maps(L: np.ndarray, ab: np.ndarray, width: int) -> np.ndarray:
    """:func:`~colorhub.inference.compose.edge_maps` and :func:`~colorhub.inference.compose.widen` in one:
    ``(h, 6, width)``, row by row."""
    mean = _box(L)
    variance = np.maximum(_box(L * L) - mean * mean, 0) + VARIANCE_FLOOR
    window = np.ones((REACH, REACH), np.uint8)
    slopes = [_box((_box(L * color) - mean * _box(color)) / variance) for color in ab]
    offsets = [color - slope * L for color, slope in zip(ab, slopes, strict=True)]
    maps = np.empty((len(L), 6, width), np.float32)
    for number, small in enumerate((*slopes, *offsets, cv2.erode(L, window), cv2.dilate(L, window))):
        maps[:, number] = cv2.resize(small, (width, len(L)), interpolation=cv2.INTER_LINEAR)
    return maps


def _box(x: np.ndarray) -> np.ndarray:
    return cv2.blur(x, (3, 3), borderType=cv2.BORDER_REPLICATE)


def _paint(tables: _Tables, maps: np.ndarray, grey: np.ndarray, pixels: np.ndarray, rows: int, first: int) -> None:
    """Colour ``rows`` rows from ``first`` on."""
    codes = grey[first : first + rows]
    L = _look_up(tables.lightness, codes)
    slope_a, slope_b, a, b, darkest, lightest = _interpolate(maps, first, len(codes), len(grey)).swapaxes(0, 1)
    bounded = np.maximum(L, darkest, out=darkest)
    np.minimum(bounded, lightest, out=bounded)
    a += np.multiply(slope_a, bounded, out=slope_a)
    b += np.multiply(slope_b, bounded, out=slope_b)
    _fit_gamut(a, b, _look_up(tables.gamut_row, codes))
    x = _cubed(cv2.addWeighted(L, 1 / 116, a, -1 / 500, 16 / 116))
    z = _cubed(cv2.addWeighted(L, 1 / 116, b, 1 / 200, 16 / 116))
    xyz = cv2.merge([x, _look_up(tables.luminance, codes), z])
    encode = _encode_eight_bits if pixels.dtype == np.uint8 else _encode_sixteen_bits
    pixels[first : first + rows, :, :3] = encode(xyz)


def _look_up(table: np.ndarray, codes: np.ndarray) -> np.ndarray:
    return cv2.LUT(codes, table) if codes.dtype == np.uint8 else table.take(codes)


def _interpolate(maps: np.ndarray, first: int, count: int, height: int) -> np.ndarray:
    """Rows ``first`` to ``first + count`` of the maps interpolated to ``height``: ``(count, 6, W)``."""
    last = len(maps) - 1
    answer = np.empty((count, *maps.shape[1:]), np.float32)
    for number, row in enumerate(answer, first):
        position = min(max((number + 0.5) * (len(maps) / height) - 0.5, 0), last)
        above = int(position)
        part = position - above
        cv2.addWeighted(maps[above], 1 - part, maps[min(above + 1, last)], part, 0, dst=row)
    return answer


def _fit_gamut(a: np.ndarray, b: np.ndarray, gamut_row: np.ndarray) -> None:
    """As :func:`colorhub.color.fit_gamut`, in place; a and b are negative."""
    table, (_, columns) = _gamut()
    chroma, angle = cv2.cartToPolar(a, b)
    cell = cv2.scaleAdd(angle, (columns - 1) / (2 * pi), gamut_row).astype(np.int32)
    keep = table.take(cell, mode="clip")
    keep /= np.maximum(chroma, _TINY, out=chroma)
    np.minimum(keep, 1, out=keep)
    a *= keep
    b *= keep


def _cubed(f: np.ndarray) -> np.ndarray:
    """CIELAB's inverse f but for a constant, which :func:`_to_linear` adds."""
    above = np.maximum(np.subtract(f, F_JOIN), 0)
    cubic = above + 3 * F_JOIN
    cubic *= above
    cubic *= above
    return cv2.scaleAdd(f, 1 / F_SLOPE, cubic)


@cache
def _to_linear(white: float, more: float) -> np.ndarray:
    """``(3, 4)``: x, luminance and z, as they come from :func:`_cubed`, to linear RGB in 0..white, plus ``more``."""
    matrix = np.array(XYZ_TO_RGB) * np.array(WHITE)
    constant = -(matrix[:, 0] + matrix[:, 2]) * (F_OFFSET / F_SLOPE)
    return np.concatenate([matrix * white, (constant * white + more)[:, None]], axis=1)


def _encode_eight_bits(xyz: np.ndarray) -> np.ndarray:
    linear = cv2.transform(xyz, _to_linear(_STEPS, 0.5))
    return _eight_bit_codes().take(np.clip(linear, 0, _STEPS, out=linear).astype(np.uint16))


def _encode_sixteen_bits(xyz: np.ndarray) -> np.ndarray:
    linear = cv2.transform(xyz, _to_linear(1, 0))
    np.clip(linear, 0, 1, out=linear)
    curve = cv2.pow(np.maximum(linear, SRGB_JOIN), 1 / 2.4)
    line = np.minimum(linear, SRGB_JOIN, out=linear)
    white = 65535
    constant = 0.5 - 1.055 * SRGB_JOIN ** (1 / 2.4) * white  # 0.5: conversion cuts off decimals
    return cv2.addWeighted(line, 12.92 * white, curve, 1.055 * white, constant).astype(np.uint16)
