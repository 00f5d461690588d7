"""OpenCV's conversion of sRGB to CIELAB as a table.

It interpolates between the colours of a grid, and is up to 0.3 off between them. The network that tells prints from
colour photographs was fitted to what it gives, so the browser reads the same grid.
"""

import cv2
import numpy as np

SIDE = 33  # values along an axis of the grid
SCALE = np.array([16384 / 100, 64, 64])  # OpenCV's integers a unit of L, a and b
_OFFSET = np.array([0, 8192, 8192])


def opencv_lab() -> bytes:
    """``(33, 33, 33, 3)`` uint16, little-endian: red, green, blue, and L, a, b as OpenCV holds them.

    Example:
        >>> from colorhub.export.static_site.opencv_lab import opencv_lab
        >>> import numpy as np
        >>> np.frombuffer(opencv_lab(), "<u2").reshape(33, 33, 33, 3)[32, 32, 32]
        array([16384,  8192,  8192], dtype=uint16)
    """
    axis = np.linspace(0, 1, SIDE, dtype=np.float32)
    rgb = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    lab = cv2.cvtColor(rgb.reshape(SIDE, -1, 3), cv2.COLOR_RGB2Lab).reshape(rgb.shape)
    return np.round(lab * SCALE + _OFFSET).astype("<u2").tobytes()
