"""What at least three families share."""

import torch.nn.functional as F
from torch import Tensor


def resized(x: Tensor, side: int) -> Tensor:
    """Resize ``(B, C, h, w)`` to a square of ``side``, for layers that need a fixed size; no change where it is one.

    Bilinear with antialiasing, computed in float32. Adaptive pooling would do as well, but its ONNX export is wrong for
    sizes other than the one it was traced with.
    """
    return F.interpolate(x.float(), size=(side, side), mode="bilinear", antialias=True).to(x.dtype)
