"""A photo's colour layer: what a model says about it, small, who said it, and how it is put onto the photo."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from colorhub.inference.compose import compose_codes, compose_rows, edge_maps, widen
from colorhub.inference.preprocess import Box
from colorhub.inference.resize import lightness
from colorhub.photo import ColorAnswer, ColorPhoto, Photo
from colorhub.photo.color_photo import NOT_SURE
from colorhub.settings import Settings, chosen

_STRIP = 2**22  # pixels composed at a time on an accelerator
_KEY, _VERSION = "colorhub", 1  # of a file's metadata


class LayerError(ValueError):
    """A colour layer that cannot be read, or that belongs to another photo: one sentence.

    Example:
        >>> from colorhub import ColorLayer, LayerError
        >>> try:
        ...     ColorLayer.load("scan.safetensors")
        ... except LayerError as error:
        ...     print(error)
        The colour layer scan.safetensors cannot be read (...).
    """


@dataclass(frozen=True)
class Provenance:
    """Who made a colour layer, and of what.

    ``model``: its name; ``architecture`` and ``weights_sha256``: the model itself. ``settings``: with the ``size`` that
    was in effect. ``box``: what the network saw of a print, without its border; ``restored``: whether it saw other
    tones than the print has. ``sample``: its number among ``settings.samples``, from 1; 0 for a model's one answer.
    ``hints``: colours that people told, (x, y, colour) each.
    """

    model: str
    architecture: str
    weights_sha256: str
    settings: Settings
    box: Box = Box()
    restored: bool = False
    sample: int = 0
    hints: tuple[tuple[int, int, str], ...] = ()

    def record(self, photo: Photo, settings: Settings) -> dict[str, str]:
        """What a file says of its colours: as much as is needed to make them again, and no more.

        Args:
            photo: the layer was put onto.
            settings: it was composed with.
        """
        made = self.settings
        needed: dict[str, Any] = {"size": made.size, "views": made.views, "restore": made.restore}
        needed["vividness"] = settings.vividness
        if made.temperature is not None:
            needed["temperature"] = made.temperature
        if self.sample:
            needed |= {"sample": self.sample, "seed": made.seed}
        if photo.in_color is not ColorAnswer.NO:
            needed["in_color"] = "recolor"
        if self.hints:
            needed["hints"] = [list(hint) for hint in self.hints]
        return {
            "model": self.model,
            "architecture": self.architecture,
            "weights_sha256": self.weights_sha256,
            "settings": json.dumps(needed),
        }


@dataclass(frozen=True, eq=False)
class ColorLayer:
    """What a model says about a photo, at working size: data, which needs no model to be put onto its photo.

    ``ab``: ``(1, 2, h, w)`` in CIELAB units; ``L``: ``(1, 1, h, w)``, the photo's lightness there; ``photo_size``:
    (width, height) of the photo; ``provenance``: who made it.

    Example:
        >>> from colorhub import ColorizationPipeline, Photo, compose
        >>> from skimage import data
        >>> photo = Photo.open(data.coins())
        >>> layer = ColorizationPipeline("unet").predict(photo)
        >>> layer.photo_size, layer.provenance.model
        ((384, 303), 'unet')
        >>> stronger = compose(photo, layer, vividness=1.5)  # no network runs
    """

    ab: Tensor
    L: Tensor
    photo_size: tuple[int, int]
    provenance: Provenance

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the layer into a safetensors file.

        Raises:
            LayerError: it cannot be written.

        Example:
            >>> from colorhub import ColorizationPipeline, ColorLayer, Photo
            >>> from skimage import data
            >>> layer = ColorizationPipeline().predict(Photo.open(data.coins()))
            >>> layer.save("coins.safetensors")
            >>> ColorLayer.load("coins.safetensors").ab.equal(layer.ab)
            True
        """
        facts = {"version": _VERSION, "photo_size": self.photo_size, "provenance": asdict(self.provenance)}
        tensors = {"ab": self.ab.float().cpu().contiguous(), "L": self.L.float().cpu().contiguous()}
        try:
            save_file(tensors, path, metadata={_KEY: json.dumps(facts)})
        except (OSError, SafetensorError) as error:
            reason = str(error).removeprefix("Error while serializing: ")
            raise LayerError(f"The colour layer cannot be written to {path} ({reason}).") from None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            LayerError: no such file, or none that holds a colour layer of this version.

        Example:
            >>> from colorhub import ColorizationPipeline, ColorLayer, Photo, compose
            >>> from skimage import data
            >>> photo = Photo.open(data.coins())
            >>> ColorizationPipeline().predict(photo).save("coins.safetensors")
            >>> compose(photo, ColorLayer.load("coins.safetensors")).pixels.shape
            (303, 384, 3)
        """
        path = Path(path)
        try:
            with safe_open(path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 no dict
                facts = json.loads((file.metadata() or {}).get(_KEY, "{}"))
        except OSError as error:
            raise LayerError(f"The colour layer {path} cannot be read ({error.strerror or error}).") from None
        except (SafetensorError, ValueError, RecursionError):
            raise LayerError(f"{path} is no safetensors file, or was cut short: expected a colour layer.") from None
        version = facts.get("version") if isinstance(facts, dict) else None
        if isinstance(version, int) and version > _VERSION:
            raise LayerError(
                f"{path} holds a colour layer of version {version}, and this colorhub knows up to {_VERSION}: install "
                "a newer one."
            )
        try:
            ab, L = (_read_map(tensors[name], channels) for name, channels in (("ab", 2), ("L", 1)))
            if ab.shape[2:] != L.shape[2:]:
                raise ValueError("ab and L are maps of one grid")
            width, height = (_whole(side, 1) for side in facts["photo_size"])
            return cls(ab, L, (width, height), provenance_of(facts["provenance"]))
        except (KeyError, TypeError, ValueError):
            raise LayerError(f"{path} holds no colour layer: expected a file that ColorLayer.save wrote.") from None

    def expect_photo(self, photo: Photo) -> None:
        """Check that a photo has the layer's shape. A smaller copy may have sides rounded to whole pixels.

        Raises:
            LayerError: the layer is of a photo of another shape.

        Example:
            >>> from colorhub import ColorizationPipeline, Photo
            >>> from skimage import data
            >>> layer = ColorizationPipeline().predict(Photo.open(data.coins()))
            >>> layer.expect_photo(Photo.open(data.camera()))
            Traceback (most recent call last):
                ...
            colorhub.inference.layer.LayerError: The colour layer is of a photo of 384 x 303 pixels and does not ...
        """
        (width, height), (own_width, own_height) = photo.size, self.photo_size
        if abs(width * own_height - height * own_width) > max(own_width, own_height, width, height):
            raise LayerError(
                f"The colour layer is of a photo of {own_width} x {own_height} pixels and does not belong to "
                f"{photo.name}, which has {width} x {height}."
            )


def _read_map(found: Tensor, channels: int) -> Tensor:
    """A file's map ``(1, channels, h, w)`` as float32, or ValueError."""
    whole = found.float()
    if whole.ndim != 4 or whole.shape[:2] != (1, channels) or not whole.numel() or not whole.isfinite().all():
        raise ValueError("no map of finite numbers")
    return whole


def _whole(value: Any, least: int) -> int:
    """A whole number of at least ``least`` as JSON holds it, or ValueError."""
    if type(value) is not int or value < least:
        raise ValueError(f"no whole number of at least {least}")
    return value


def provenance_of(values: dict[str, Any]) -> Provenance:
    """A provenance of its fields as JSON holds them; TypeError, KeyError or ValueError where they are none."""
    hints = tuple((_whole(x, 0), _whole(y, 0), str(color)) for x, y, color in values["hints"])
    settings, box = Settings.from_dict(values["settings"]), Box(**values["box"])
    made = Provenance(**{**values, "settings": settings, "box": box, "hints": hints})
    _whole(made.sample, 0)
    if not all(isinstance(word, str) for word in (made.model, made.architecture, made.weights_sha256)):
        raise ValueError("model, architecture and weights_sha256 are words")
    if not all(isinstance(edge, (int, float)) and 0 <= edge <= 1 for edge in asdict(box).values()):
        raise ValueError("a box's edges are parts of a picture's sides")
    return made


@torch.inference_mode()
def compose(
    photo: Photo,
    layer: ColorLayer | None,
    vividness: float | None = None,
    *,
    settings: Settings | None = None,
    device: torch.device | str = "cpu",
) -> ColorPhoto:
    """Put a colour layer onto its photo, at full size or smaller. No model is needed, and none runs.

    Args:
        photo: the :class:`~colorhub.Photo` the layer is of, or a smaller copy of it.
        layer: from :meth:`~colorhub.ColorizationPipeline.predict`; ``None`` for a photo that is left as it is.
        vividness: factor on chroma, 0 to 4; that of the settings when not given.
        settings: of the result's colours and of its file; those that the layer was made with when not given.
        device: where it is done.

    Raises:
        LayerError: the layer is of a photo of another shape.
        SettingsError: a vividness out of range.

    Example:
        >>> from colorhub import ColorizationPipeline, compose
        >>> from skimage import data
        >>> pipeline = ColorizationPipeline()
        >>> photo = pipeline.open(data.camera())
        >>> layer = pipeline.predict(photo)
        >>> compose(photo, layer, vividness=1.2).pixels.shape
        (512, 512, 3)
    """
    if not isinstance(layer, ColorLayer | None) or not isinstance(photo, Photo):
        kinds = f"{type(photo).__name__} and {type(layer).__name__}"
        raise TypeError(f"compose takes an opened photo and one colour layer or None, got {kinds}.")
    settings = chosen(settings, layer.provenance.settings if layer else Settings())
    if vividness is not None:
        settings = settings.changed(vividness=vividness)
    output: dict[str, Any] = {"format": settings.format, "quality": settings.quality, "record": settings.record}
    if layer is None:
        return ColorPhoto.unchanged(photo, **output)
    layer.expect_photo(photo)
    pixels = _composed(photo, layer, settings.vividness, torch.device(device))
    notes = (*photo.notes, NOT_SURE) if is_doubtful(photo, settings) else None
    return ColorPhoto(pixels, photo, layer.provenance.record(photo, settings), notes, **output)


def is_doubtful(photo: Photo, settings: Settings) -> bool:
    """Whether it is said of a photo that was coloured that it may have been in colour already."""
    return photo.in_color is ColorAnswer.UNSURE and settings.in_color != "recolor"


def _composed(photo: Photo, layer: ColorLayer, vividness: float, device: torch.device) -> np.ndarray:
    """sRGB codes ``(H, W, 3)``, or 4 with the photo's transparency, of the photo's own bits."""
    height, width = photo.grey.shape
    pixels = np.empty((height, width, 3 if photo.alpha is None else 4), np.uint16 if photo.bits == 16 else np.uint8)
    if photo.alpha is not None:
        pixels[..., 3] = photo.alpha
    if device.type == "cuda":
        _compose_tensors(photo.grey, layer, vividness, pixels, device)
    else:
        L, ab = (part[0].float().cpu().numpy() for part in (layer.L, layer.ab))
        compose_codes(photo.grey, L[0], ab, vividness, pixels)
    return pixels


def _compose_tensors(
    grey: np.ndarray, layer: ColorLayer, vividness: float, pixels: np.ndarray, device: torch.device
) -> None:
    """As :func:`~colorhub.inference.compose.compose_codes`, on any device."""
    height, width = grey.shape
    maps = widen(edge_maps(layer.L.to(device), layer.ab.to(device)), width)
    white = float(np.iinfo(pixels.dtype).max)
    rows = max(1, _STRIP // width)
    for first in range(0, height, rows):
        codes = torch.tensor(grey[first : first + rows], device=device)
        rgb = compose_rows(lightness(codes), maps, first, height, vividness)
        strip = (rgb[0] * white + 0.5).to(torch.uint8 if pixels.dtype == np.uint8 else torch.int32).permute(1, 2, 0)
        pixels[first : first + rows, :, :3] = strip.cpu().numpy()
