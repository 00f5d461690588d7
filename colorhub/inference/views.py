"""One answer out of several to the same picture seen at several sizes: each counts as far as the others agree with it.

A network sees more of a scene in a small picture and more of its details in a large one, and its colours change from
one to the other. The mean of a few answers changes less with the size, and is nearer to the truth than any of them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

_SCALES = (2 / 3, 1.0, 4 / 3)  # of the size a model was trained at
_REACH = 6.0  # CIELAB units: answers farther apart than this hardly count for each other


def view_sizes(size: int, views: int) -> list[tuple[int, bool]]:
    """The sizes at which a photo is looked at: ``size`` alone, or a smaller and a larger one beside it; and whether the
    picture is mirrored there, which makes the answers' errors differ more. The middle one is ``size``, not mirrored."""
    return [(round(size * scale), scale != 1) for scale in (_SCALES if views > 1 else (1.0,))]


def agreed(answers: list[Tensor]) -> Tensor:
    """The colours that several answers to the same pictures agree on.

    At every pixel an answer counts as often as others are near it (one step of a mean shift, Fukunaga and Hostetler
    1975). A mean is paler than what it is taken of, so each picture gets the answers' own mean chroma back.

    Args:
        answers: ab ``(B, 2, h, w)`` in CIELAB units, each at its own size, as of :func:`view_sizes`.

    Returns:
        ab ``(B, 2, h, w)`` of the middle one's size.
    """
    size = answers[len(answers) // 2].shape[-2:]
    alike = torch.stack([F.interpolate(ab.float(), size=size, mode="bilinear", antialias=True) for ab in answers])
    apart = (alike[:, None] - alike[None]).square().sum(dim=3, keepdim=True)
    weights = torch.exp(-apart / (2 * _REACH**2)).sum(dim=1)
    mean = (weights * alike).sum(dim=0) / weights.sum(dim=0)
    return mean * (_chroma(alike).mean(dim=0) / _chroma(mean).clamp(min=1e-6)).clamp(max=2)


def _chroma(ab: Tensor) -> Tensor:
    """Mean chroma of each picture ``(..., 2, h, w)``, as ``(..., 1, 1, 1)``."""
    return ab.norm(dim=-3, keepdim=True).mean(dim=(-2, -1), keepdim=True)
