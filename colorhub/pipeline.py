"""Photo in, colour photo out, in two steps: predict a small colour layer, compose it with the full-size photo."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from colorhub import ab_bins
from colorhub.agreement import AUTO, agreed, several_sizes
from colorhub.alternatives import Choice, along_edges
from colorhub.hints import HintedLayers, hints_of, native_hints
from colorhub.layer import ColorLayer, composed
from colorhub.models import Colorizer, load, with_distribution
from colorhub.network import Network, best_device
from colorhub.photo import ColorPhoto, Photo
from colorhub.prints import SeenPrint
from colorhub.working import same_shape, working_lightness

MAX_PIXELS = 400_000_000
Size = int | Literal["auto"] | None
Normalize = Literal["auto"] | None


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
        self.max_pixels = max_pixels
        loaded = model if isinstance(model, Colorizer) else load(model)
        self.name = loaded.architecture if isinstance(model, Colorizer) else Path(model).name
        self.device = torch.device(device or best_device())
        self.network = Network(loaded, self.device)

    @property
    def model(self) -> Colorizer:
        """The model, on its device."""
        return self.network.model

    def __call__(
        self,
        photos: Any,
        *,
        size: Size = None,
        normalize: Normalize = None,
        vividness: float = 1.0,
        batch_size: int = 8,
        recolor: bool = False,
        temperature: float | None = None,
        samples: int | None = None,
        seed: int = 0,
        hints: Iterable[Any] | None = None,
        progress: bool | None = None,
    ) -> ColorPhoto | list[ColorPhoto] | list[list[ColorPhoto]]:
        """Colour one photo, or a list of photos.

        Args:
            photos: a path, bytes, PIL image, array or :class:`Photo`; or a list of them, which gives a list.
            size: short side in pixels that the network works at; what the model was trained at when not given. With
                ``auto`` the photo is coloured at that size, a smaller and a larger one, and the answer is what they
                agree on: about 3 times the network's work. Temperature and samples take the model's own size.
            normalize: with ``auto`` the network sees an old print without its border and in the tones of a photograph
                (:mod:`colorhub.prints`); the answer keeps the photo's own lightness. Other photos stay as they are.
            vividness: factor on chroma.
            batch_size: photos that go through the network together; it does not change the result.
            recolor: colour photos that are in colour anew from their lightness instead of passing them through.
            temperature: how boldly a model with a distribution over colours chooses. Of its one answer: 0 the likeliest
                colours, 1 their mean, the model's own when not given. Of samples: towards 0 they agree, 1 is the
                distribution's own spread, 0.6 when not given.
            samples: give a list of so many different colourings for each photo, instead of one. Needs a model with a
                distribution, as temperature does: ``pipeline.model.has_distribution``.
            seed: of the samples; the first ones are the same however many are asked for.
            hints: colours that things have, for one photo: ``(x, y, colour)`` each, in pixels of the full-size photo as
                it is shown, x right and y down; colours as ``#rrggbb`` or CSS names, whose lightness does not count. A
                photo that is in colour is then coloured anew.
            progress: show a progress bar; by itself on lists, in a terminal.

        Raises:
            PhotoError: a file that cannot be read.
            ValueError: settings out of range; temperature or samples for a model that has one answer; hints that cannot
                be used (:class:`~colorhub.hints.HintsError`).
        """
        _check_settings(size, vividness, batch_size, normalize)
        choice = self._checked(Choice(temperature, samples, seed))
        if not isinstance(photos, (list, tuple, Iterator)):
            return next(self._color([photos], size, vividness, 1, recolor, choice, normalize, hints))
        if hints is not None:
            raise ValueError("hints are for one photo: call the pipeline once for each photo that has some.")
        hidden = None if progress is None else not progress
        total = len(photos) if isinstance(photos, Sequence) else None
        colored = self._color(photos, size, vividness, batch_size, recolor, choice, normalize)
        return list(tqdm(colored, total=total, unit="photo", disable=hidden))

    def open(self, source: Any) -> Photo:
        """Read a photo under this pipeline's size limit. A :class:`Photo` is returned as it is."""
        return source if isinstance(source, Photo) else Photo.open(source, max_pixels=self.max_pixels)

    @torch.inference_mode()
    def predict(
        self,
        photos: Photo | Sequence[Photo],
        size: Size = None,
        batch_size: int = 8,
        *,
        normalize: Normalize = None,
        temperature: float | None = None,
        samples: int | None = None,
        seed: int = 0,
    ) -> ColorLayer | list[ColorLayer] | list[list[ColorLayer]]:
        """Run the network: one colour layer a photo, or with ``samples`` a list of so many; settings as in a call.

        Photos whose working pictures agree in shape share a batch.
        """
        _check_settings(size, 1.0, batch_size, normalize)
        choice = self._checked(Choice(temperature, samples, seed))
        one = isinstance(photos, Photo)
        layers = self._predict([photos] if one else photos, size, batch_size, choice, normalize)
        return layers[0] if one else layers

    @torch.inference_mode()
    def confidence(self, photo: Any, size: int | None = None) -> np.ndarray:
        """How sure the model is of its colour at every pixel of a photo, ``(H, W)`` float32 in 0..1.

        One minus the entropy of the distribution over the 313 bins, as a share of the largest possible one: 0 where all
        colours are equally likely, 1 where there is only one.

        Raises:
            PhotoError: a file that cannot be read.
            ValueError: for a model that has one answer.
        """
        _check_settings(size, 1.0, 1)
        self._expect_distribution()
        photo = self.open(photo)
        L = working_lightness(photo, size or self.model.working_size, self.model.multiple)
        sure = self.network.enlarged(ab_bins.confidence(self.network(L).logits), L)[0, 0].cpu().numpy()
        return cv2.resize(sure, photo.grey.shape[::-1], interpolation=cv2.INTER_LINEAR)

    @torch.inference_mode()
    def distribution(
        self, photo: Any, size: Size = None, hints: Iterable[Any] = (), *, normalize: Normalize = None
    ) -> Tensor:
        """How likely a model finds each of the 313 colours of :mod:`colorhub.ab_bins`, averaged along the photo's
        edges: ``(313, h, w)``, a coarse grid that covers the photo. ``hints`` are for models that take them.
        ``normalize`` as in a call; a border that is left out has no colour.

        Raises:
            PhotoError: a file that cannot be read.
            ValueError: for a model that has one answer.
        """
        _check_settings(size, 1.0, 1, normalize)
        self._expect_distribution()
        photo = self.open(photo)
        seen = SeenPrint(photo, bool(normalize))
        L = seen.lightness(self._own_size(size), self.model.multiple)
        given = hints_of(hints, photo.size)
        told = native_hints(given, photo, L) if given and self.model.accepts_hints and seen.box.whole else None
        probabilities = self.network(L, told).logits.float().softmax(dim=1)
        guide = F.interpolate(L, size=probabilities.shape[2:], mode="area").to(self.device)
        return seen.around(along_edges(probabilities, guide).cpu(), ab_bins.sure_of_grey())[0]

    @torch.inference_mode()
    def retouch(
        self, photo: Photo, layer: ColorLayer, hints: Iterable[Any], spread: HintedLayers | None = None
    ) -> ColorLayer:
        """A photo's colour layer with hints: the step of a call between :meth:`predict` and :meth:`compose`.

        A model that takes hints answers anew, knowing them. What its answer, or another model's, still lacks at a hint
        is added there and spreads from there, up to the edges of things.

        Args:
            photo: the one the layer is of.
            layer: from :meth:`predict`.
            hints: as in a call.
            spread: of the same photo and layer, so that it is not prepared again: see
                :class:`~colorhub.retouching.Retouching`.

        Raises:
            HintsError: hints that cannot be used.
        """
        hints = hints_of(hints, photo.size)
        if not hints:
            return layer
        ab = layer.ab
        if self.model.accepts_hints and layer.seen is not None:
            ab = self.network(layer.seen, native_hints(hints, photo, layer.seen)).ab.float().cpu()
        ab = (spread or HintedLayers(photo, layer.L)).apply(ab, hints)
        return replace(layer, ab=ab, choice=f"{layer.choice} hints={len(hints)}".lstrip(), seen=None)

    @torch.inference_mode()
    def compose(self, photo: Photo, layer: ColorLayer, vividness: float = 1.0) -> ColorPhoto:
        """Put a colour layer onto its full-size photo. Vividness is applied here: changing it needs no network."""
        _check_settings(None, vividness, 1)
        pixels = composed(photo, layer, vividness, self.device)
        return ColorPhoto(pixels, photo, self._provenance(layer, vividness))

    def _color(
        self,
        sources: Iterable[Any],
        size: Size,
        vividness: float,
        batch_size: int,
        recolor: bool,
        choice: Choice,
        normalize: Normalize = None,
        hints: Iterable[Any] | None = None,
    ) -> Iterator[ColorPhoto | list[ColorPhoto]]:
        sources = iter(sources)
        while window := [self.open(source) for source in islice(sources, batch_size)]:
            if hints is not None:
                hints, recolor = hints_of(hints, window[0].size), True
            grey = [photo for photo in window if recolor or not photo.in_color]
            layers = iter(self._predict(grey, size, batch_size, choice, normalize))
            for photo in window:
                if photo.in_color and not recolor:
                    yield [photo.pass_through()] * choice.samples if choice.samples else photo.pass_through()
                    continue
                layer = next(layers)
                several = layer if choice.samples else [layer]
                if hints:
                    spread = HintedLayers(photo, several[0].L)
                    several = [self.retouch(photo, one, hints, spread) for one in several]
                colored = [self.compose(photo, one, vividness) for one in several]
                yield colored if choice.samples else colored[0]

    def _own_size(self, size: Size) -> int:
        """The short side of the one look at a photo that counts most."""
        return self.model.working_size if size in (None, AUTO) else size

    @torch.inference_mode()
    def _predict(
        self, photos: Sequence[Photo], size: Size, batch_size: int, choice: Choice, normalize: Normalize = None
    ) -> list[ColorLayer] | list[list[ColorLayer]]:
        own = self._own_size(size)
        seen = [SeenPrint(photo, bool(normalize)) for photo in photos]
        looks = several_sizes(own) if size == AUTO and not choice.asked else [(own, False)]
        answers = [self._answers(seen, *look, batch_size, choice, len(looks) == 1) for look in looks]
        layers, asked = [], own if len(looks) == 1 else AUTO
        for photo, *abs in zip(seen, *answers, strict=True):
            ab, L = photo.whole(abs[0] if len(abs) == 1 else agreed(abs), own, self.model.multiple)
            notes = [f"{choice.named(i)} {photo.note}".strip() for i in range(len(ab))]
            again = None if choice.asked or not photo.box.whole else photo.lightness(own, self.model.multiple)
            layers.append([ColorLayer(one[None], L, asked, note, again) for one, note in zip(ab, notes, strict=True)])
        return layers if choice.samples else [layer for (layer,) in layers]

    def _answers(
        self, photos: Sequence[SeenPrint], size: int, mirrored: bool, batch_size: int, choice: Choice, context: bool
    ) -> list[Tensor]:
        """ab ``(colourings, 2, h, w)`` of each photo at one size, where the network may look at it in a mirror."""
        lightnesses = [photo.lightness(size, self.model.multiple) for photo in photos]
        answers: dict[int, Tensor] = {}
        # Rounding differs with the size of a batch, and a draw can turn on the last bit: samples go one by one.
        for group in same_shape(lightnesses, 1 if choice.samples else batch_size):
            L = torch.cat([lightnesses[i] for i in group])
            ab = self.network.colors(L.flip(3) if mirrored else L, choice, context)
            ab = ab.flip(4) if mirrored else ab
            answers.update(zip(group, ab.cpu().unbind(dim=1), strict=True))
        return [answers[n] for n in range(len(photos))]

    def _checked(self, choice: Choice) -> Choice:
        if choice.asked:
            self._expect_distribution()
        return choice

    def _expect_distribution(self) -> None:
        if not self.model.has_distribution:
            others = ", ".join(with_distribution()) or "none of those on this machine"
            raise ValueError(
                f"The model {self.name} has one answer for a photo and takes no temperature or samples; "
                f"models that have more: {others}."
            )

    def _provenance(self, layer: ColorLayer, vividness: float) -> dict[str, str]:
        return {
            "model": self.name,
            "architecture": self.model.architecture,
            "weights_sha256": self.model.weights_sha256,
            "settings": f"size={layer.size} vividness={vividness:g} {layer.choice}".rstrip(),
        }


def _check_settings(size: Size, vividness: float, batch_size: int, normalize: Normalize = None) -> None:
    if size not in (None, AUTO) and (isinstance(size, str) or not 16 <= size <= 4096):
        raise ValueError(f"size must be between 16 and 4096 pixels or 'auto', got {size!r}.")
    if normalize not in (None, AUTO):
        raise ValueError(f"normalize must be 'auto' or None, got {normalize!r}.")
    if not 0 <= vividness <= 4:
        raise ValueError(f"vividness must be between 0 and 4, got {vividness}.")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}.")
