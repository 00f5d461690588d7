"""Stimuli: originals, models' colourings, distorted attention items and plates, all through one path to their files.

Original and colourings have the same lightness, are 8-bit sRGB of the same size, and go through the same encoder: they
differ in colour alone.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from colorhub._text import one_line
from colorhub.inference.layer import ColorLayer, compose
from colorhub.photo import Photo
from colorhub.pipeline import ColorizationPipeline
from colorhub.study.errors import StudyError

_CHROMA = 60.0  # of attention items, in CIELAB units
_BATCH = 8


class ModelFacts(NamedTuple):
    """Which weights coloured the stimuli."""

    name: str
    architecture: str
    weights_sha256: str


def colored_by(
    name: str,
    squares: Sequence[np.ndarray],
    names: Sequence[str],
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[list[np.ndarray], ModelFacts]:
    """The squares as a model colours them from their lightness alone, ``(size, size, 3)`` uint8 each.

    Raises:
        StudyError: the model cannot be loaded, or fails on one of the pictures (it is named).
    """
    try:
        pipeline = ColorizationPipeline(name, in_color="recolor")
    except (ValueError, LookupError, OSError) as error:
        raise StudyError(f"{one_line(error, None)}.") from None
    pixels: list[np.ndarray] = []
    for first in range(0, len(squares), _BATCH):
        photos = [Photo.open(square) for square in squares[first : first + _BATCH]]
        pixels += _colored(pipeline, name, photos, names[first : first + _BATCH])
        progress(len(photos))
    model = pipeline.model
    return pixels, ModelFacts(name, model.architecture, str(model.weights_sha256 or ""))


def _colored(pipeline: ColorizationPipeline, name: str, photos: list[Photo], names: Sequence[str]) -> list[np.ndarray]:
    try:
        layers = pipeline.predict(pipeline.prepare(photos), batch_size=_BATCH)
    except Exception:  # whatever a model can raise: which picture it was is found one by one
        layers = [_one_layer(pipeline, name, photo, of) for photo, of in zip(photos, names, strict=True)]
    pixels = []
    for photo, layer, of in zip(photos, layers, names, strict=True):
        if not bool(layer.ab.isfinite().all()):
            raise StudyError(f"The model {name} fails on {of}: it answers with colours that are no numbers.")
        pixels.append(pipeline.compose(photo, layer).pixels)
    return pixels


def _one_layer(pipeline: ColorizationPipeline, name: str, photo: Photo, of: str) -> ColorLayer:
    try:
        return pipeline.predict(pipeline.prepare(photo))
    except Exception as error:
        raise StudyError(f"The model {name} fails on {of}: {one_line(error, None)}.") from None


def original(square: np.ndarray) -> np.ndarray:
    """A square's own colours by the way that colourings go: through :class:`~colorhub.photo.Photo` to 8 bits."""
    return compose(Photo.open(square), None).pixels


def distorted(square: np.ndarray) -> np.ndarray:
    """An attention item: the square's lightness under colours that go once round the hue circle from corner to corner,
    which nobody who looks takes for real. ``(S, S, 3)`` uint8."""
    lab = cv2.cvtColor(square.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    down, across = np.mgrid[: len(square), : len(square)] / len(square)
    angle = np.pi * (down + across)
    wheel = _CHROMA * np.stack([np.cos(angle), np.sin(angle)], axis=2)
    inside = 1 - np.abs(lab[..., :1] / 50 - 1)  # black and white hold no colour
    lab[..., 1:] = (wheel * np.sqrt(inside)).astype(np.float32)
    return np.rint(np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB), 0, 1) * 255).astype(np.uint8)
