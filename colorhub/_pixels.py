"""Pixels as arrays ``(H, W, C)``: fewer bits, no transparency."""

import numpy as np


def to_uint8(pixels: np.ndarray) -> np.ndarray:
    """8-bit pixels of 8-bit or 16-bit ones, each the nearest there is."""
    return pixels if pixels.dtype == np.uint8 else ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def on_white(pixels: np.ndarray) -> np.ndarray:
    """RGB of 8-bit RGB or RGBA; what is transparent becomes white."""
    if pixels.shape[-1] == 3:
        return pixels
    color, alpha = pixels[..., :3].astype(np.uint32), pixels[..., 3:].astype(np.uint32)
    return ((color * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
