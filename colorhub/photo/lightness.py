"""Full-size pixel work in strips: the grey that has a colour picture's lightness, CMYK and CIELAB to RGB.

Nothing here makes a float copy of a whole picture: a strip holds at most about a million pixels.
"""

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

_STRIP_PIXELS = 1 << 20


def strips(height: int, width: int) -> Iterator[slice]:
    """Row ranges that cover ``height`` rows, each of at most about a million pixels."""
    rows = max(1, _STRIP_PIXELS // max(width, 1))
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def in_strips(
    pixels: np.ndarray, function: Callable[[np.ndarray], np.ndarray], channels: int | None, dtype: np.dtype | type
) -> np.ndarray:
    """``function`` applied to every strip of ``pixels``; the result is ``(H, W)`` or ``(H, W, channels)`` of
    ``dtype``."""
    height, width = pixels.shape[:2]
    out = np.empty((height, width) if channels is None else (height, width, channels), dtype)
    for rows in strips(height, width):
        out[rows] = function(pixels[rows])
    return out


def is_neutral(rgb: np.ndarray) -> bool:
    """Whether every pixel of ``(H, W, 3)`` has three equal channels. Stops at the first strip that has not."""
    for rows in strips(*rgb.shape[:2]):
        red, green, blue = (rgb[rows, :, channel] for channel in range(3))
        if not (np.array_equal(red, green) and np.array_equal(green, blue)):
            return False
    return True


def grey_of_colors(rgb: np.ndarray) -> np.ndarray:
    """The gamma-encoded grey, ``(H, W)`` uint16, whose CIELAB L* is that of the sRGB colours ``(H, W, 3)``, uint8 or
    uint16."""
    import torch

    from colorhub.color import linear_to_srgb

    tables = _light_tables(rgb.dtype.name)

    def convert(strip: np.ndarray) -> np.ndarray:
        light = tables[0][strip[..., 0]] + tables[1][strip[..., 1]] + tables[2][strip[..., 2]]
        grey = linear_to_srgb(torch.from_numpy(light)).mul_(65535).round_()
        return grey.numpy().astype(np.uint16)

    return in_strips(rgb, convert, None, np.uint16)


@cache
def _light_tables(dtype: str) -> np.ndarray:
    """Relative luminance of each channel's value alone, ``(3, 256 or 65536)`` float32. Light adds, and L* depends on
    nothing else, so three look-ups and a sum replace the whole conversion to CIELAB and back."""
    import torch

    from colorhub.color import grey_lightness, lightness_to_grey, srgb_to_linear

    primaries = torch.eye(3)[:, :, None, None]
    luminance = srgb_to_linear(lightness_to_grey(grey_lightness(primaries))).flatten()
    largest = np.iinfo(dtype).max
    values = srgb_to_linear(torch.arange(largest + 1) / largest)
    return (luminance[:, None] * (values / luminance.sum())[None]).numpy()


def cmyk_to_rgb(cmyk: np.ndarray) -> np.ndarray:
    """Ink coverage ``(H, W, 4)``, full ink at the largest value, to RGB without a profile: light that passes both
    inks."""
    largest = int(np.iinfo(cmyk.dtype).max)

    def convert(strip: np.ndarray) -> np.ndarray:
        paper = largest - strip.astype(np.uint64)
        return (paper[..., :3] * paper[..., 3:] + largest // 2) // largest

    return in_strips(cmyk, convert, 3, cmyk.dtype)


def lab_to_srgb(lab: np.ndarray) -> np.ndarray:
    """Pillow's LAB ``(H, W, 3)`` uint8 (L* scaled to 255, signed a and b, D50) to sRGB ``(H, W, 3)`` uint8."""
    from PIL import Image, ImageCms

    transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")

    def convert(strip: np.ndarray) -> np.ndarray:
        height, width = strip.shape[:2]
        image = Image.frombytes("LAB", (width, height), np.ascontiguousarray(strip).tobytes())
        return np.asarray(ImageCms.applyTransform(image, transform))

    return in_strips(lab, convert, 3, np.uint8)
