"""Photo in, colour photo out, in two steps: predict a small colour layer, compose it with the full-size photo."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from colorhub.color import grey_to_lightness
from colorhub.compose import compose_rows, edge_maps, widen
from colorhub.models import Colorizer, load
from colorhub.photo import ColorPhoto, Photo

MAX_PIXELS = 400_000_000
_STRIP = 2**17  # pixels composed at a time: small enough for the processor's cache
_LONGEST = 4  # the working picture's long side is at most this many times its short side


@dataclass(frozen=True)
class ColorLayer:
    """What a model says about a photo, at working size.

    ``ab``: ``(1, 2, h, w)`` in CIELAB units; ``L``: ``(1, 1, h, w)``, the lightness it saw; ``size``: the short side in
    pixels that was asked for.
    """

    ab: Tensor
    L: Tensor
    size: int


class ColorizationPipeline:
    """Colour photos with any model of the hub.

    Args:
        model: a :class:`~colorhub.Colorizer`, or a name, folder or Hub id for :func:`colorhub.load`.
        device: ``cuda``, ``mps`` or ``cpu``; chosen by itself when not given.
        max_pixels: larger photos are refused before they are decoded.
    """

    def __init__(
        self,
        model: Colorizer | str | os.PathLike[str] = "unet",
        *,
        device: str | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.device = torch.device(device or _best_device())
        self.max_pixels = max_pixels
        loaded = model if isinstance(model, Colorizer) else load(model)
        self.name = loaded.architecture if isinstance(model, Colorizer) else Path(model).name
        self.precision = _best_precision(self.device)
        self.model = loaded.to(self.device, memory_format=torch.channels_last).eval()

    def __call__(
        self,
        photos: Any,
        *,
        size: int | None = None,
        vividness: float = 1.0,
        batch_size: int = 8,
        recolor: bool = False,
        progress: bool | None = None,
    ) -> ColorPhoto | list[ColorPhoto]:
        """Colour one photo, or a list of photos.

        Args:
            photos: a path, bytes, PIL image, array or :class:`Photo`; or a list of them, which gives a list.
            size: short side in pixels that the network works at; what the model was trained at when not given.
            vividness: factor on chroma.
            batch_size: photos that go through the network together; it does not change the result.
            recolor: colour photos that are in colour anew from their lightness instead of passing them through.
            progress: show a progress bar; by itself on lists, in a terminal.

        Raises:
            PhotoError: a file that cannot be read.
            ValueError: settings out of range.
        """
        _check_settings(size, vividness, batch_size)
        if not isinstance(photos, (list, tuple, Iterator)):
            return next(self._color([photos], size, vividness, 1, recolor))
        hidden = None if progress is None else not progress
        total = len(photos) if isinstance(photos, Sequence) else None
        colored = self._color(photos, size, vividness, batch_size, recolor)
        return list(tqdm(colored, total=total, unit="photo", disable=hidden))

    def open(self, source: Any) -> Photo:
        """Read a photo under this pipeline's size limit. A :class:`Photo` is returned as it is."""
        return source if isinstance(source, Photo) else Photo.open(source, max_pixels=self.max_pixels)

    @torch.inference_mode()
    def predict(
        self, photos: Photo | Sequence[Photo], size: int | None = None, batch_size: int = 8
    ) -> ColorLayer | list[ColorLayer]:
        """Run the network: one colour layer a photo. Photos whose working pictures agree in shape share a batch."""
        _check_settings(size, 1.0, batch_size)
        if isinstance(photos, Photo):
            return self.predict([photos], size, 1)[0]
        size = size or self.model.working_size
        lightnesses = [working_lightness(photo, size, self.model.multiple) for photo in photos]
        answers: dict[int, Tensor] = {}
        for group in _same_shape(lightnesses, batch_size):
            batch = torch.cat([lightnesses[i] for i in group])
            answers.update(zip(group, self._forward(batch).split(1), strict=True))
        return [ColorLayer(answers[i], L, size) for i, L in enumerate(lightnesses)]

    @torch.inference_mode()
    def compose(self, photo: Photo, layer: ColorLayer, vividness: float = 1.0) -> ColorPhoto:
        """Put a colour layer onto its full-size photo. Vividness is applied here: changing it needs no network."""
        _check_settings(None, vividness, 1)
        height, width = photo.grey.shape
        pixels = np.empty((height, width, 3 if photo.alpha is None else 4), np.uint16 if photo.bits == 16 else np.uint8)
        if photo.alpha is not None:
            pixels[..., 3] = photo.alpha
        device = self.device if self.device.type == "cuda" else torch.device("cpu")
        maps = widen(edge_maps(layer.L.to(device), layer.ab.to(device)), width)
        white = float(np.iinfo(pixels.dtype).max)
        rows = max(1, _STRIP // width)
        for first in range(0, height, rows):
            grey = torch.tensor(photo.grey[first : first + rows], device=device)
            rgb = compose_rows(_lightness(grey), maps, first, height, vividness)
            strip = (rgb[0] * white + 0.5).to(torch.uint8 if photo.bits == 8 else torch.int32).permute(1, 2, 0)
            pixels[first : first + rows, :, :3] = strip.cpu().numpy()
        return ColorPhoto(pixels, photo, self._provenance(layer, vividness))

    def _color(
        self, sources: Iterable[Any], size: int | None, vividness: float, batch_size: int, recolor: bool
    ) -> Iterator[ColorPhoto]:
        sources = iter(sources)
        while window := [self.open(source) for source in islice(sources, batch_size)]:
            grey = [photo for photo in window if recolor or not photo.in_color]
            layers = iter(self.predict(grey, size, batch_size))
            for photo in window:
                if photo.in_color and not recolor:
                    yield photo.pass_through()
                else:
                    yield self.compose(photo, next(layers), vividness)

    def _forward(self, L: Tensor) -> Tensor:
        L = L.to(self.device, memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            return self.model(L).ab.float().cpu()

    def _provenance(self, layer: ColorLayer, vividness: float) -> dict[str, str]:
        return {
            "model": self.name,
            "architecture": self.model.architecture,
            "weights_sha256": self.model.weights_sha256,
            "settings": f"size={layer.size} vividness={vividness:g}",
        }


def working_lightness(photo: Photo, size: int, multiple: int = 1) -> Tensor:
    """The photo's lightness ``(1, 1, h, w)``, its short side about ``size`` pixels (less beyond 4 to 1).

    Both sides are rounded to the nearest multiple of ``multiple``: a network that is given whole multiples needs no
    padding, which costs it far more than a slightly stretched picture does.
    """
    height, width = photo.grey.shape
    scale = min(size / min(height, width), _LONGEST * size / max(height, width))
    shape = [max(1, round(side * scale / multiple)) * multiple for side in (width, height)]
    shrinks = shape[0] <= width and shape[1] <= height
    small = cv2.resize(photo.grey, shape, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return _lightness(torch.from_numpy(small))


def _lightness(grey: Tensor) -> Tensor:
    """Grey codes ``(H, W)`` to L ``(1, 1, H, W)``. 8-bit codes have 256 lightness values: a table look-up."""
    if grey.dtype == torch.uint8:
        return _lightness_table(grey.device).index_select(0, grey.flatten().int()).view(1, 1, *grey.shape)
    return grey_to_lightness(grey.float() / 65535)[None, None]


@cache
def _lightness_table(device: torch.device) -> Tensor:
    return grey_to_lightness(torch.arange(256, device=device) / 255)


def _same_shape(tensors: Sequence[Tensor], batch_size: int) -> Iterator[list[int]]:
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for i, tensor in enumerate(tensors):
        by_shape.setdefault(tuple(tensor.shape), []).append(i)
    for group in by_shape.values():
        yield from (group[i : i + batch_size] for i in range(0, len(group), batch_size))


def _check_settings(size: int | None, vividness: float, batch_size: int) -> None:
    if size is not None and not 16 <= size <= 4096:
        raise ValueError(f"size must be between 16 and 4096 pixels, got {size}.")
    if not 0 <= vividness <= 4:
        raise ValueError(f"vividness must be between 0 and 4, got {vividness}.")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}.")


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _best_precision(device: torch.device) -> str:
    """bf16 where the hardware multiplies it natively; elsewhere it is slower than float32."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    native = device.type == "cpu" and torch.backends.mkldnn.is_available() and torch.cpu._is_avx512_bf16_supported()
    return "bf16" if native else "fp32"
