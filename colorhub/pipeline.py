"""The one way to colour a photo: open, in colour already?, prepare, predict, hint, compose, save.

A call does all of it. Whoever needs something between the steps (progress, cancelling, layers to keep) calls them one
by one: :meth:`~ColorizationPipeline.prepare` decides whether a photo is coloured at all and makes what the network
sees, :meth:`~ColorizationPipeline.predict` answers with a small colour layer, and :func:`colorhub.compose` puts that
onto the photo at full size. A photo that is left as it is has no network input and no layer (``None``), so that nobody
else decides about it.
"""

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import NoneType
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from colorhub import ab_bins
from colorhub.hints import HintedLayers, hints_of, native_hints
from colorhub.hub.loading import load, with_distribution
from colorhub.inference.batches import Layers, check_batch_size, predicted
from colorhub.inference.layer import ColorLayer, LayerError, compose
from colorhub.inference.preprocess import NetworkInput, network_input
from colorhub.inference.runtime import Network, best_device
from colorhub.inference.sampling import along_edges
from colorhub.models import Colorizer
from colorhub.photo import ColorAnswer, ColorPhoto, Photo
from colorhub.settings import DEFAULT_MODEL, Settings, SettingsError, chosen

MAX_PIXELS = 400_000_000


class ColorizationPipeline:
    """Colour photos with any model of the hub.

    Args:
        model: a :class:`~colorhub.Colorizer`, or a name, folder or Hub id for :func:`colorhub.load`; that of the
            settings when not given. Or a :class:`~colorhub.inference.runtime.Network`, which may run elsewhere.
        device: ``cuda``, ``mps`` or ``cpu``; chosen by itself when not given. A network has its own.
        max_pixels: larger photos are refused before they are decoded.
        settings: of every call that gives none of its own.
        changes: settings by keyword, in place of some of those.

    Raises:
        SettingsError: an unknown setting, one out of range, or temperature or samples for a model with one answer.
        ModelNotFoundError: no such weights.

    Example:
        >>> from colorhub import ColorizationPipeline
        >>> from skimage import data
        >>> pipeline = ColorizationPipeline(vividness=1.2)
        >>> photo = pipeline(data.camera())
        >>> photo.pixels.shape, photo.pixels.dtype
        ((512, 512, 3), dtype('uint8'))
        >>> photo.save("camera.png").name
        'camera.png'
    """

    def __init__(
        self,
        model: Colorizer | Network | str | os.PathLike[str] | None = None,
        *,
        device: str | None = None,
        max_pixels: int = MAX_PIXELS,
        settings: Settings | None = None,
        **changes: Any,
    ) -> None:
        settings = chosen(settings, Settings()).changed(**changes)
        model = (settings.model or DEFAULT_MODEL) if model is None else model
        self.network = model if isinstance(model, Network) else _network(model, device)
        given = os.fspath(model) if isinstance(model, (str, os.PathLike)) else self.name
        self.settings = replace(settings, model=given)
        self.max_pixels = max_pixels
        if self.settings.is_sampling:
            self._expect_distribution()

    @property
    def name(self) -> str:
        """The model's name."""
        return self.network.name

    @property
    def device(self) -> torch.device:
        """Where photos are composed."""
        return self.network.device

    @property
    def model(self) -> Colorizer:
        """The model, on its device."""
        return self.network.model

    def __call__(
        self,
        photos: Any,
        *,
        settings: Settings | None = None,
        hints: Iterable[Any] | None = None,
        batch_size: int = 8,
        progress: bool | None = None,
        **changes: Any,
    ) -> ColorPhoto | list[ColorPhoto] | list[list[ColorPhoto]]:
        """Colour one photo, or a list of photos.

        Args:
            photos: a path, bytes, an open binary file (read from its start), PIL image, array or :class:`Photo`; or a
                list of them, which gives a list.
            settings: the pipeline's own when not given.
            hints: colours that things have, for one photo: ``(x, y, colour)`` each, in pixels of the full-size photo as
                it is shown, x right and y down; colours as ``#rrggbb`` or CSS names, whose lightness does not count. A
                photo that is in colour is then coloured anew.
            batch_size: photos that go through the network together; it does not change the result.
            progress: show a progress bar; by itself on lists, in a terminal.
            changes: :class:`~colorhub.Settings` by keyword, in place of some: ``vividness=1.2``.

        Returns:
            A photo in colour; with ``samples`` a list of so many; for a list of photos a list of either.

        Raises:
            PhotoError: a file that cannot be read.
            ValueError: settings out of range; temperature or samples for a model that has one answer; hints that cannot
                be used (:class:`~colorhub.hints.HintsError`).

        Example:
            >>> from colorhub import ColorizationPipeline
            >>> from skimage import data
            >>> pipeline = ColorizationPipeline()
            >>> [photo.pixels.shape for photo in pipeline([data.camera(), data.coins()], progress=False)]
            [(512, 512, 3), (303, 384, 3)]
            >>> pipeline(data.coins(), hints=[(110, 60, "teal")], vividness=1.2).pixels.shape
            (303, 384, 3)
        """
        settings = self._settings(settings, changes)
        check_batch_size(batch_size)
        if _is_one(photos):
            return next(self._color([photos], settings, 1, hints))
        if hints is not None:
            raise ValueError("hints are for one photo: call the pipeline once for each photo that has some.")
        hidden = None if progress is None else not progress
        total = len(photos) if isinstance(photos, Sequence) else None
        colored = self._color(photos, settings, batch_size)
        return list(tqdm(colored, total=total, unit="photo", disable=hidden))

    def open(self, source: Any) -> Photo:
        """Read a photo under this pipeline's size limit. A :class:`Photo` is returned as it is.

        Raises:
            PhotoError: it cannot be read, or is larger than ``max_pixels``.

        Example:
            >>> from colorhub import ColorizationPipeline
            >>> from skimage import data
            >>> photo = ColorizationPipeline().open(data.coins())
            >>> photo.size, photo.rgb is None
            ((384, 303), True)
        """
        return source if isinstance(source, Photo) else Photo.open(source, max_pixels=self.max_pixels)

    def prepare(
        self,
        photos: Photo | Sequence[Photo],
        settings: Settings | None = None,
        *,
        hints: Iterable[Any] | None = None,
        **changes: Any,
    ) -> Any:
        """What the network sees of a photo, or of each of a list; ``None`` where a photo is left as it is, because it
        is in colour already and the settings do not ask for more.

        Args:
            photos: one that :meth:`open` gave, or a list of them.
            settings: the pipeline's own when not given.
            hints: where there are some, a photo in colour is coloured anew.
            changes: settings by keyword.

        Raises:
            ValueError: settings out of range; temperature or samples for a model that has one answer.

        Example:
            >>> from colorhub import ColorizationPipeline
            >>> from skimage import data
            >>> pipeline = ColorizationPipeline()
            >>> prepared = pipeline.prepare(pipeline.open(data.coins()), size=128)
            >>> prepared.settings.size
            128
            >>> min(prepared.L.shape[2:])  # the short side, in pixels
            128
            >>> print(pipeline.prepare(pipeline.open(data.astronaut())))  # in colour already
            None
        """
        settings = self._settings(settings, changes)
        _expect(photos, Photo)
        if isinstance(photos, Photo):
            return self._prepare(photos, settings, bool(hints))
        return [self._prepare(photo, settings, bool(hints)) for photo in photos]

    @torch.inference_mode()
    def predict(
        self,
        prepared: Photo | NetworkInput | Sequence[Photo | NetworkInput | None] | None,
        size: int | None = None,
        batch_size: int = 8,
        *,
        hints: Iterable[Any] | None = None,
        **changes: Any,
    ) -> Any:
        """Run the network: one colour layer a photo, or with ``samples`` a list of so many.

        Photos whose network inputs agree in shape share a batch.

        Args:
            prepared: from :meth:`prepare`, one or several; or photos that :meth:`open` gave, which are then prepared
                and coloured, whether they are in colour or not.
            size: as in :class:`~colorhub.Settings`, for photos. What is prepared has its settings already.
            batch_size: photos that go through the network together.
            hints: as in a call, for one photo.
            changes: settings by keyword, for photos.

        Returns:
            Layers in the order of the photos; ``None`` for one that is left as it is.

        Example:
            >>> from colorhub import ColorizationPipeline
            >>> from skimage import data
            >>> pipeline = ColorizationPipeline()
            >>> photo = pipeline.open(data.coins())
            >>> layer = pipeline.predict(pipeline.prepare(photo, size=128))
            >>> layer.ab.shape == (1, 2, *layer.L.shape[2:])
            True
            >>> layer.photo_size, layer.provenance.settings.size
            ((384, 303), 128)
        """
        check_batch_size(batch_size)
        _expect(prepared, Photo, NetworkInput, NoneType)
        if size is not None:
            changes["size"] = size
        if prepared is None or isinstance(prepared, (Photo, NetworkInput)):
            (one,) = self._inputs([prepared], changes)
            if one is None and hints:
                raise ValueError("This photo is left as it is: prepare it with hints, too, and it is coloured.")
            (layers,) = predicted(self.network, [one], batch_size)
            return layers if one is None or not hints else self.hint(one, layers, hints)
        if hints:
            raise ValueError("hints are for one photo: call predict once for each photo that has some.")
        return predicted(self.network, self._inputs(prepared, changes), batch_size)

    @torch.inference_mode()
    def hint(
        self, prepared: NetworkInput, layers: Layers, hints: Iterable[Any], propagator: HintedLayers | None = None
    ) -> Any:
        """A photo's colour layer, or several samples of it, with hints: the last step of :meth:`predict`.

        A model that takes hints answers anew, knowing them. What its answer, or another model's, still lacks at a hint
        is added there and spreads from there, up to the edges of things.

        Args:
            prepared: of the photo.
            layers: of :meth:`predict`, without hints.
            hints: as in a call; without any the layers are given back.
            propagator: of the same photo and lightness, so that it is not prepared again: see
                :class:`~colorhub.Retouching`.

        Raises:
            HintsError: hints that cannot be used.
            LayerError: layers of another photo, or of other settings than the photo was prepared with.

        Example:
            >>> from colorhub import ColorizationPipeline
            >>> from skimage import data
            >>> pipeline = ColorizationPipeline()
            >>> prepared = pipeline.prepare(pipeline.open(data.coins()))
            >>> layer = pipeline.predict(prepared)
            >>> pipeline.hint(prepared, layer, [(110, 60, "teal")]).provenance.hints
            ((110, 60, '#008080'),)
        """
        photo = prepared.photo
        given = hints_of(hints, photo.size)
        if not given or layers is None:
            return layers
        for layer in [layers] if isinstance(layers, ColorLayer) else layers:
            _expect_same_grid(layer, prepared)
        propagator = propagator or HintedLayers(photo, prepared.L)
        if isinstance(layers, ColorLayer):
            return self._hinted(prepared, layers, given, propagator)
        return [self._hinted(prepared, layer, given, propagator) for layer in layers]

    def compose(self, photo: Photo, layer: ColorLayer | None, vividness: float | None = None) -> ColorPhoto:
        """:func:`colorhub.compose` on this pipeline's device. Vividness is applied here: changing it needs no
        network.

        Raises:
            LayerError: the layer is of a photo of another shape.
            SettingsError: a vividness out of range.

        Example:
            >>> from colorhub import ColorizationPipeline
            >>> from skimage import data
            >>> pipeline = ColorizationPipeline()
            >>> photo = pipeline.open(data.coins())
            >>> layer = pipeline.predict(photo)
            >>> grey = pipeline.compose(photo, layer, vividness=0).pixels
            >>> bool((grey == data.coins()[..., None]).all())
            True
        """
        return compose(photo, layer, vividness, settings=None if layer else self.settings, device=self.device)

    @torch.inference_mode()
    def confidence(self, photo: Any, size: int | None = None) -> np.ndarray:
        """How sure the model is of its colour at every pixel of a photo, ``(H, W)`` float32 in 0..1.

        One minus the entropy of the distribution over the 313 bins, as a share of the largest possible one: 0 where all
        colours are equally likely, 1 where there is only one. A print's border is sure to have none.

        Raises:
            PhotoError: a file that cannot be read.
            ValueError: for a model that has one answer.

        Example:
            >>> from colorhub import ColorizationPipeline
            >>> from skimage import data
            >>> sure = ColorizationPipeline("eccv16").confidence(data.coins())
            >>> sure.shape, bool(0 <= sure.min() <= sure.max() <= 1)
            ((303, 384), True)
        """
        prepared = self._one_view(self.open(photo), {"size": size or self.settings.size})
        L = prepared.view.L
        sure = self.network.enlarged(ab_bins.confidence(self.network(L).distribution), L).float().cpu()
        around = prepared.around(sure, torch.ones(1))[0, 0].numpy()
        return cv2.resize(around, prepared.photo.size, interpolation=cv2.INTER_LINEAR)

    @torch.inference_mode()
    def distribution(
        self,
        photo: Any,
        size: int | None = None,
        hints: Iterable[Any] = (),
        **changes: Any,
    ) -> Tensor:
        """How likely a model finds each of the 313 colours of :mod:`colorhub.ab_bins`, averaged along the photo's
        edges: ``(313, h, w)``, a coarse grid that covers the photo. A border that is left out has no colour.

        Args:
            photo: a photo, what :meth:`open` takes, or a network input.
            size: as in :class:`~colorhub.Settings`.
            hints: for models that take them.
            changes: settings by keyword.

        Raises:
            PhotoError: a file that cannot be read.
            ValueError: for a model that has one answer.

        Example:
            >>> from colorhub import ColorizationPipeline
            >>> from skimage import data
            >>> chances = ColorizationPipeline("eccv16").distribution(data.coins(), size=128)
            >>> chances.shape[0]
            313
            >>> bool(((chances.sum(dim=0) - 1).abs() < 1e-4).all())
            True
        """
        if isinstance(photo, NetworkInput):
            self._expect_distribution()
            prepared = photo
        else:
            prepared = self._one_view(self.open(photo), {**changes, **({} if size is None else {"size": size})})
        L = prepared.view.L
        given = hints_of(hints, prepared.photo.size)
        probabilities = self.network(L, self._native(prepared, given)).distribution.float().softmax(dim=1)
        guide = F.interpolate(L, size=probabilities.shape[2:], mode="area").to(self.device)
        return prepared.around(along_edges(probabilities, guide).cpu(), ab_bins.sure_of_grey())[0]

    def retouch(
        self, photo: Photo, layer: ColorLayer, hints: Iterable[Any], spread: HintedLayers | None = None
    ) -> ColorLayer:
        """The name of :meth:`hint` in version 0.1. Use ``pipeline.predict(photo, hints=hints)``."""
        warnings.warn("pipeline.retouch is now pipeline.predict(photo, hints=...).", FutureWarning, stacklevel=2)
        settings = replace(layer.provenance.settings, in_color="recolor")
        return self.hint(self.prepare(photo, settings), layer, hints, spread)

    def _settings(self, settings: Settings | None, changes: dict[str, Any]) -> Settings:
        settings = chosen(settings, self.settings).changed(**changes)
        if settings.model is None:
            return replace(settings, model=self.settings.model)
        if settings.model not in (self.name, self.settings.model):
            raise SettingsError(
                f"This pipeline colours with the model {self.name!r}, and the settings ask for {settings.model!r}: "
                "make one with ColorizationPipeline(settings=...)."
            )
        return settings

    def _color(
        self, sources: Iterable[Any], settings: Settings, batch_size: int, hints: Iterable[Any] | None = None
    ) -> Iterator[Any]:
        sources = iter(sources)
        while window := [self.open(source) for source in islice(sources, batch_size)]:
            given = None if hints is None else hints_of(hints, window[0].size)
            prepared = self.prepare(window, settings, hints=given)
            layers = self.predict(prepared[0], hints=given) if given else self.predict(prepared, batch_size=batch_size)
            for photo, answer in zip(window, [layers] if given else layers, strict=True):
                several = answer if isinstance(answer, list) else [answer] * (settings.samples or 1)
                colored = [compose(photo, layer, settings=settings, device=self.device) for layer in several]
                yield colored if settings.samples else colored[0]

    def _prepare(self, photo: Photo, settings: Settings, hinted: bool = False) -> NetworkInput | None:
        if settings.is_sampling:
            self._expect_distribution()
        if not (hinted or _is_to_color(photo, settings)):
            return None
        in_effect = replace(settings, size=settings.size or self.model.working_size)
        return network_input(photo, in_effect, self.model.multiple)

    def _one_view(self, photo: Photo, changes: dict[str, Any]) -> NetworkInput:
        """A photo as a model with a distribution looks at it once."""
        self._expect_distribution()
        prepared = self._prepare(photo, self._settings(None, {**changes, "views": 1}), True)
        if prepared is None:
            raise ValueError("A photo that is left as it is has no network input.")
        return prepared

    def _inputs(
        self, prepared: Sequence[Photo | NetworkInput | None], changes: dict[str, Any]
    ) -> list[NetworkInput | None]:
        photos = [one for one in prepared if isinstance(one, Photo)]
        if changes and len(photos) < len(prepared):
            name = next(iter(changes))
            raise SettingsError(f"{name} cannot change what is already prepared: give it to prepare.")
        settings = self._settings(None, changes)
        return [self._prepare(one, settings, True) if isinstance(one, Photo) else one for one in prepared]

    def _hinted(
        self, prepared: NetworkInput, layer: ColorLayer, hints: Sequence[Any], propagator: HintedLayers
    ) -> ColorLayer:
        ab, before = layer.ab, layer.provenance.hints
        fresh = not before and not prepared.settings.is_sampling  # the model would forget what it was told before
        if fresh and (told := self._native(prepared, hints)) is not None:
            ab = self.network(prepared.view.L, told).ab.float().cpu()
        ab = propagator.apply(ab, hints)
        given = (*before, *((hint.x, hint.y, hint.color) for hint in hints))
        return replace(layer, ab=ab, provenance=replace(layer.provenance, hints=given))

    def _native(self, prepared: NetworkInput, hints: Sequence[Any]) -> Tensor | None:
        """Hints as the model takes them, if it does. They are places in the whole photo: not where a border was left
        out."""
        if not hints or not self.model.accepts_hints or not prepared.box.whole:
            return None
        return native_hints(hints, prepared.photo, prepared.view.L)

    def _expect_distribution(self) -> None:
        if not self.model.has_distribution:
            others = ", ".join(with_distribution()) or "none of those on this machine"
            raise SettingsError(
                f"The model {self.name} has one answer for a photo and takes no temperature or samples; "
                f"models that have more: {others}."
            )


def _expect_same_grid(layer: ColorLayer, prepared: NetworkInput) -> None:
    layer.expect_photo(prepared.photo)
    if layer.L.shape != prepared.L.shape:
        (height, width), (own_height, own_width) = prepared.L.shape[2:], layer.L.shape[2:]
        raise LayerError(
            f"The colour layer has {own_width} x {own_height} values and {prepared.photo.name} was prepared for "
            f"{width} x {height}: prepare it with the layer's settings."
        )


def _is_one(photos: Any) -> bool:
    """Whether a call is given one photo. An open file is one, though it can be iterated over."""
    return not isinstance(photos, (list, tuple, Iterator)) or hasattr(photos, "read")


def _expect(given: Any, *kinds: type) -> None:
    """Check that a stage is given what it takes, one or a list: a call opens files and arrays, a stage does not."""
    several = given if isinstance(given, (list, tuple)) else [given]
    if wrong := [one for one in several if not isinstance(one, kinds)]:
        kind = type(wrong[0]).__name__
        raise TypeError(f"prepare and predict take photos as pipeline.open gives them, one or a list, got {kind}.")


def _network(model: Colorizer | str | os.PathLike[str], device: str | None) -> Network:
    place = torch.device(device or best_device())
    if isinstance(model, Colorizer):
        return Network(model, place)
    return Network(load(model), place, Path(model).name)


def _is_to_color(photo: Photo, settings: Settings) -> bool:
    """The one place that says whether a photo is coloured or left as it is."""
    if settings.in_color == "recolor":
        return True
    left = (ColorAnswer.YES, ColorAnswer.UNSURE) if settings.in_color == "keep" else (ColorAnswer.YES,)
    return photo.in_color not in left
