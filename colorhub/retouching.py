"""One photo whose colours are told by hints, again and again: what does not depend on the hints is done once."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from colorhub.hints import Hint, HintedLayers, hints_of
from colorhub.hints.hint import lightness_at
from colorhub.hints.layers import composed_at
from colorhub.hints.suggesting import hex_of, likeliest
from colorhub.inference.layer import ColorLayer, compose
from colorhub.inference.preprocess import NetworkInput
from colorhub.photo import ColorPhoto, Photo
from colorhub.pipeline import ColorizationPipeline
from colorhub.settings import Settings, SettingsError, chosen

_EIGHTHS = ((0.71, -0.71), (0.71, 0.71))  # cosine and sine of turns of the hue


class Retouching:
    """A photo and what a model says about it, ready for hints.

    ``pipeline(photo, hints=...)`` gives the same pictures; here the network runs once (for models that take hints
    themselves, once for each list of hints), and what spreads from a pixel is kept.

    Args:
        pipeline: with the model.
        photo: a :class:`Photo`, or what the pipeline opens. Of a full-size grey plane single pixels are read again and
            again: it may be a memory-mapped array.
        settings: the pipeline's own when not given.
        layer: the photo's colour layer without hints, one of several samples for example, where it was predicted
            already; its own settings count.
        changes: settings by keyword, but for samples.

    Raises:
        PhotoError: a file that cannot be read.
        SettingsError: an unknown setting, one out of range, samples without a layer, or a layer of another model.
        LayerError: a layer of a photo of another shape.

    Example:
        >>> from colorhub import ColorizationPipeline, Retouching
        >>> from skimage import data
        >>> retouching = Retouching(ColorizationPipeline(), data.camera())
        >>> hints = [(250, 200, "#a33c2e")]
        >>> retouching.preview(hints, side=256).shape
        (256, 256, 3)
        >>> retouching.compose(hints).pixels.shape
        (512, 512, 3)
    """

    def __init__(
        self,
        pipeline: ColorizationPipeline,
        photo: Any,
        settings: Settings | None = None,
        *,
        layer: ColorLayer | None = None,
        **changes: Any,
    ) -> None:
        self.pipeline = pipeline
        made_with = layer.provenance.settings if layer else chosen(settings, pipeline.settings).changed(**changes)
        if layer is None and made_with.samples:
            raise SettingsError("samples must be None for Retouching: hints are given to one colouring.")
        self.settings: Settings = made_with
        self.photo: Photo = pipeline.open(photo)
        self.prepared: NetworkInput = pipeline.prepare(self.photo, made_with, in_color="recolor")
        self.plain: ColorLayer = layer or pipeline.predict(self.prepared)
        self.plain.expect_photo(self.photo)
        self._propagator: HintedLayers | None = None
        self._last: tuple[tuple[Hint, ...], ColorLayer] = ((), self.plain)
        self._distributions: dict[tuple[Hint, ...], Tensor] = {}
        self._reduced: dict[int, np.ndarray] = {}

    @property
    def has_suggestions(self) -> bool:
        """Whether the model knows more than one likely colour for a place."""
        return self.pipeline.model.has_distribution

    @property
    def asks_model(self) -> bool:
        """Whether the network runs again for other hints, because the model takes them itself."""
        return self.pipeline.model.accepts_hints and not self.settings.is_sampling and self.prepared.box.whole

    def layer(self, hints: Iterable[Any] = ()) -> ColorLayer:
        """The photo's colour layer with hints, as in a call of the pipeline.

        Raises:
            HintsError: hints that cannot be used.

        Example:
            >>> from colorhub import ColorizationPipeline, Retouching
            >>> from skimage import data
            >>> retouching = Retouching(ColorizationPipeline(), data.coins())
            >>> retouching.layer([(110, 60, "teal")]).provenance.hints
            ((110, 60, '#008080'),)
        """
        key, last = tuple(hints_of(hints, self.photo.size)), self._last
        if not key:
            return self.plain
        if last[0] != key:
            last = self._last = key, self.pipeline.hint(self.prepared, self.plain, key, self.propagator)
        return last[1]

    @property
    def propagator(self) -> HintedLayers:
        """What spreads hints over this photo: some 50 MB, made when it is first asked for."""
        propagator = self._propagator or HintedLayers(self.photo, self.plain.L)
        self._propagator = propagator  # another thread may let go of it
        return propagator

    def warm_up(self) -> None:
        """Do what the first hint and the first suggestions would wait for.

        Example:
            >>> from colorhub import ColorizationPipeline, Retouching
            >>> from skimage import data
            >>> retouching = Retouching(ColorizationPipeline(), data.coins())
            >>> retouching.warm_up()  # in a thread of its own, say, while the page is shown
            >>> retouching.layer([(110, 60, "teal")]).photo_size
            (384, 303)
        """
        if self.has_suggestions:
            self._distribution(())
        self.propagator.fields(self.plain.ab, [(0.5, 0.5)])

    def release(self) -> None:
        """Let go of what is heavy, the propagator; the next hint makes it anew.

        Example:
            >>> from colorhub import ColorizationPipeline, Retouching
            >>> from skimage import data
            >>> retouching = Retouching(ColorizationPipeline(), data.coins())
            >>> before = retouching.preview([(110, 60, "teal")])
            >>> retouching.release()
            >>> bool((retouching.preview([(110, 60, "teal")]) == before).all())
            True
        """
        self._propagator = None

    def compose(self, hints: Iterable[Any] = (), vividness: float | None = None) -> ColorPhoto:
        """The photo with hints at full size.

        Raises:
            HintsError: hints that cannot be used.
            SettingsError: a vividness out of range.

        Example:
            >>> from colorhub import ColorizationPipeline, Retouching
            >>> from skimage import data
            >>> retouching = Retouching(ColorizationPipeline(), data.coins())
            >>> photo = retouching.compose([(110, 60, "teal")], vividness=1.2)
            >>> photo.save("coins.png").name
            'coins.png'
        """
        return compose(self.photo, self.layer(hints), vividness, device=self.pipeline.device)

    def preview(self, hints: Iterable[Any] = (), side: int = 1024, vividness: float | None = None) -> np.ndarray:
        """The photo with hints for a screen: sRGB ``(h, w, 3)`` uint8, its long side at most ``side`` pixels.

        Raises:
            HintsError: hints that cannot be used.
            SettingsError: a vividness out of range.

        Example:
            >>> from colorhub import ColorizationPipeline, Retouching
            >>> from skimage import data
            >>> retouching = Retouching(ColorizationPipeline(), data.coins())
            >>> retouching.preview([(110, 60, "teal")], side=192).shape
            (152, 192, 3)
        """
        small = replace(self.photo, grey=self._small(side), rgb=None, alpha=None, bits=8)
        return compose(small, self.layer(hints), vividness, device=self.pipeline.device).pixels

    def color_at(self, x: int, y: int, hints: Iterable[Any] = ()) -> str:
        """The colour ``#rrggbb`` of the photo with hints at a pixel of full size.

        Raises:
            HintsError: hints that cannot be used, or a pixel outside the photo.

        Example:
            >>> from colorhub import ColorizationPipeline, Retouching
            >>> from skimage import data
            >>> retouching = Retouching(ColorizationPipeline(), data.coins())
            >>> color = retouching.color_at(110, 60, [(110, 60, "red")])
            >>> red, green, blue = bytes.fromhex(color[1:])
            >>> red > max(green, blue)
            True
        """
        return hex_of(*self._color_at(x, y, hints))

    def variations(self, x: int, y: int, hints: Iterable[Any] = ()) -> list[str]:
        """Six colours ``#rrggbb`` to choose from at a pixel, by any model: the colour of the photo with hints there,
        and it stronger, paler, without chroma, and an eighth of the hues further on either side.

        Raises:
            HintsError: hints that cannot be used, or a pixel outside the photo.

        Example:
            >>> from colorhub import ColorizationPipeline, Retouching
            >>> from skimage import data
            >>> retouching = Retouching(ColorizationPipeline(), data.coins())
            >>> colors = retouching.variations(110, 60)
            >>> len(colors), colors[0] == retouching.color_at(110, 60)
            (6, True)
        """
        L, ab = self._color_at(x, y, hints)
        turned = [torch.stack([c * ab[0] - s * ab[1], s * ab[0] + c * ab[1]]) for c, s in _EIGHTHS]
        return [hex_of(L, color) for color in (ab, 1.8 * ab, 0.5 * ab, 0 * ab, *turned)]

    def suggestions(self, x: int, y: int, n: int = 6, hints: Iterable[Any] = ()) -> list[str]:
        """Up to ``n`` likely colours of the thing at a pixel, the likeliest first, as ``#rrggbb`` of the photo's
        lightness there; none for a model that has one answer.

        A model that takes hints knows the others of ``hints``, but not one at the pixel itself.

        Raises:
            HintsError: hints that cannot be used, or a pixel outside the photo.

        Example:
            >>> from colorhub import ColorizationPipeline, Retouching
            >>> from skimage import data
            >>> retouching = Retouching(ColorizationPipeline("eccv16"), data.coins())
            >>> likely = retouching.suggestions(110, 60, n=3)
            >>> 1 <= len(likely) <= 3, likely[0].startswith("#")
            (True, True)
            >>> Retouching(ColorizationPipeline("unet"), data.coins()).suggestions(110, 60)
            []
        """
        L = self._lightness_at(x, y)
        if not self.has_suggestions or n < 1:
            return []
        others = tuple(hint for hint in hints_of(hints, self.photo.size) if (hint.x, hint.y) != (x, y))
        probabilities = self._distribution(others if self.pipeline.model.accepts_hints else ())
        height, width = probabilities.shape[1:]
        across, down = self._share(x, y)
        return likeliest(probabilities[:, int(down * height), int(across * width)], L, n)

    def _color_at(self, x: int, y: int, hints: Iterable[Any]) -> tuple[float, Tensor]:
        """L and ab ``(2,)`` of the photo with hints at a pixel."""
        layer, L = self.layer(hints), self._lightness_at(x, y)
        return L, composed_at(layer.L, layer.ab[0], [self._share(x, y)], torch.tensor([L]))[0]

    def _distribution(self, hints: tuple[Hint, ...]) -> Tensor:
        if hints not in self._distributions:
            found = self.pipeline.distribution(self.prepared, hints=hints)
            self._distributions = {hints: found.half()}  # some 3 MB
        return self._distributions[hints]

    def _small(self, side: int) -> np.ndarray:
        width, height = self.photo.size
        scale = side / max(width, height)
        if scale >= 1:
            return self.photo.grey
        if side not in self._reduced:
            size = max(1, round(width * scale)), max(1, round(height * scale))
            self._reduced[side] = cv2.resize(self.photo.grey, size, interpolation=cv2.INTER_AREA)
        return self._reduced[side]

    def _share(self, x: int, y: int) -> tuple[float, float]:
        width, height = self.photo.size
        return (x + 0.5) / width, (y + 0.5) / height

    def _lightness_at(self, x: int, y: int) -> float:
        (place,) = hints_of([(x, y, "#000000")], self.photo.size)
        return float(lightness_at(self.photo, [place])[0])
