"""Where a colorizer fails, measured: skin, collapse to grey, pictures with people."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.scoring.figures import Pair
from training.scoring.summary import Figures, interval

# CIELAB lightness of the original: dark, medium, light and very light skin, in whatever light it stands.
BANDS = ((0, 40), (40, 55), (55, 70), (70, 100))
SKIN_SHAPE = (4, len(BANDS))
_LEAST_CHROMA = 3.0  # CIELAB units: paler colours have no hue to be wrong
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
    """Of each picture, sums over skin-coloured pixels in each band of the original's lightness, ``(B, 4, bands)``: the
    absolute error of hue in degrees, how many pixels that is of, the signed error of chroma in CIELAB units, and how
    many pixels are skin-coloured.

    An answer without chroma has no hue: such pixels count for chroma alone.
    """
    skin, original, answer = is_skin(pair.original.codes), pair.original.ab.double(), pair.answer.ab.double()
    chroma = answer.norm(dim=1)
    turned = (answer[:, 1].atan2(answer[:, 0]) - original[:, 1].atan2(original[:, 0])).rad2deg()
    hue = ((turned + 180) % 360 - 180).abs()
    has_hue = (chroma >= _LEAST_CHROMA).double()
    rows = torch.stack([hue * has_hue, has_hue, chroma - original.norm(dim=1), torch.ones_like(hue)], dim=1)
    L = pair.original.L
    bands = torch.cat([(low <= L) & (high > L if high < 100 else high >= L) for low, high in BANDS], dim=1)
    return torch.einsum("bkhw,bnhw->bkn", rows, (bands & skin[:, None]).double())


def failures(
    figures: Figures, skin: np.ndarray, one_color: np.ndarray, kinds: Sequence[str], collapse: float
) -> dict[str, Any]:
    """The section ``failures`` of scores.json. ``skin``: ``(n, 4, bands)`` of :func:`skin_errors`; ``one_color``: the
    same where every answer has the mean colour of all skin."""
    return {
        "skin": {"definition": SKIN, "bands": skin_by_lightness(skin), "one_color": skin_by_lightness(one_color)},
        "grey_collapse": {
            "definition": f"mean chroma below {collapse:g} of the original's",
            "rate": interval(_collapsed(figures["chroma_ratio"], collapse)),
        },
        "people": _people(figures, np.array(kinds)),
    }


def _collapsed(ratio: np.ndarray, collapse: float) -> np.ndarray:
    return np.where(np.isfinite(ratio), (ratio < collapse).astype(float), np.nan)


def skin_by_lightness(sums: np.ndarray) -> list[dict[str, Any]]:
    """Mean errors of skin in each band, with intervals over pictures, from ``(n, 4, bands)`` of :func:`skin_errors`."""
    sums = sums[np.isfinite(sums).all(axis=(1, 2))]
    return [
        {
            "lightness": list(band),
            "pixels": int(pixels.sum()),
            "hue_error": interval(np.stack([hue, with_hue], axis=1)),
            "chroma_error": interval(np.stack([chroma, pixels], axis=1)),
        }
        for band, (hue, with_hue, chroma, pixels) in zip(BANDS, sums.transpose(2, 1, 0), strict=True)
    ]


def _people(figures: Figures, kinds: np.ndarray) -> dict[str, Any] | None:
    """Means over pictures with people and over those without, where the data's ``source`` column says so."""
    groups = {"with": np.isin(kinds, WITH_PEOPLE), "without": np.isin(kinds, WITHOUT_PEOPLE)}
    if not all(chosen.any() for chosen in groups.values()):
        return None
    return {
        name: {metric: interval(figures[metric][chosen]) for metric in _GROUPED if metric in figures}
        for name, chosen in groups.items()
    }
