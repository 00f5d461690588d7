"""Where a colorizer fails, measured: skin, collapse to grey, pictures with people."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.scoring.figures import Pair
from training.scoring.summary import Figures, interval

BINS = 100  # of lightness, one CIELAB unit each
SKIN_SHAPE = (3, BINS)
SKIN = "skin-coloured by Chai and Ngan 1999: 77 <= Cb <= 127 and 133 <= Cr <= 173 in the original"
# Sources of this project's data that say by themselves whether people are in the picture.
WITH_PEOPLE = ("sports", "ccp", "youtube_faces", "utkface", "web_faces", "human_seg")
WITHOUT_PEOPLE = ("houses", "intel")
_GROUPED = ("gain", "ciede2000", "colorfulness", "chroma_ratio", "ab_auc")


def is_skin(codes: Tensor) -> Tensor:
    """Which pixels of uint8 ``(B, 3, H, W)`` are skin-coloured, ``(B, H, W)`` bool; the ranges are of ITU-R BT.601's
    Cb and Cr at full swing."""
    r, g, b = codes.float().unbind(1)
    cb = 128 - 0.168736 * r - 0.331264 * g + 0.5 * b
    cr = 128 + 0.5 * r - 0.418688 * g - 0.081312 * b
    return (cb >= 77) & (cb <= 127) & (cr >= 133) & (cr <= 173)


def skin_errors(pair: Pair) -> Tensor:
    """Of each picture, sums over skin-coloured pixels by the original's lightness: ``(B, 3, BINS)``, the signed error
    of a, that of b, and how many pixels there are."""
    skin = is_skin(pair.original.codes)
    error = (pair.answer.ab - pair.original.ab).double()
    cell = pair.original.L[:, 0].clamp(0, BINS - 1).long()
    sums = torch.zeros(len(skin), 3, BINS, dtype=torch.float64)
    for i in range(len(skin)):
        where = cell[i][skin[i]]
        for channel, values in enumerate((error[i, 0], error[i, 1], torch.ones_like(error[i, 0]))):
            sums[i, channel] = torch.bincount(where, weights=values[skin[i]], minlength=BINS)
    return sums


def failures(figures: Figures, skin: np.ndarray, kinds: Sequence[str], collapse: float) -> dict[str, Any]:
    """The section ``failures`` of scores.json. ``skin``: ``(n, 3, BINS)`` of :func:`skin_errors`."""
    return {
        "skin": _skin(skin),
        "grey_collapse": {
            "definition": f"mean chroma below {collapse:g} of the original's",
            "rate": interval(_collapsed(figures["chroma_ratio"], collapse)),
        },
        "people": _people(figures, np.array(kinds)),
    }


def _collapsed(ratio: np.ndarray, collapse: float) -> np.ndarray:
    return np.where(np.isfinite(ratio), (ratio < collapse).astype(float), np.nan)


def _skin(sums: np.ndarray) -> dict[str, Any]:
    sums = sums[np.isfinite(sums).all(axis=(1, 2))]
    counts = sums[:, 2].sum(axis=0)
    answer: dict[str, Any] = {"definition": SKIN, "pixels": int(counts.sum()), "tertiles": []}
    if not counts.sum():
        return answer
    reached = counts.cumsum() / counts.sum()
    cuts = [0, *(int(np.searchsorted(reached, part)) + 1 for part in (1 / 3, 2 / 3)), BINS]
    for name, low, high in zip(("dark", "middle", "light"), cuts, cuts[1:], strict=False):
        a, b, pixels = sums[:, :, low:high].sum(axis=2).T
        answer["tertiles"].append(
            {
                "name": name,
                "lightness": [low, high],
                "a_error": interval(np.stack([a, pixels], axis=1)),
                "b_error": interval(np.stack([b, pixels], axis=1)),
            }
        )
    return answer


def _people(figures: Figures, kinds: np.ndarray) -> dict[str, Any] | None:
    """Means over pictures with people and over those without, where the data's ``source`` column says so."""
    groups = {"with": np.isin(kinds, WITH_PEOPLE), "without": np.isin(kinds, WITHOUT_PEOPLE)}
    if not all(chosen.any() for chosen in groups.values()):
        return None
    return {
        name: {metric: interval(figures[metric][chosen]) for metric in _GROUPED if metric in figures}
        for name, chosen in groups.items()
    }
