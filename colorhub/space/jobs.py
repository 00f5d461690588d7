"""What the page does with a photo, without any page: colour it, preview it, write it at full size, fill an album."""

import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from colorhub.space.limits import PREVIEW, in_page_words
from colorhub.space.models import SHELF, Shelf, composer, predict, predict_several

if TYPE_CHECKING:
    from colorhub import ColorLayer, Photo

_PREVIEW_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 90]


@dataclass(frozen=True)
class Settings:
    """What a visitor can choose. ``size``: working size in pixels, or ``auto`` for three together; None for what the
    model was trained at."""

    model: str = ""
    size: int | str | None = None
    recolor: bool = False


@dataclass(frozen=True)
class Colored:
    """A photo that has been through the network: enough to show it at any vividness and to write it at full size.

    ``view``: the photo at most ``PREVIEW`` pixels wide and high. ``layer``: None for a photo that was already in colour
    and was left as it is. ``size``: (width, height) of the file. ``has_more``: whether the model has other answers.
    ``alternative``: the number of such an answer, from 1; 0 for the first one.
    """

    path: Path
    view: "Photo" = field(repr=False)
    layer: "ColorLayer | None" = field(repr=False)
    model: str
    size: tuple[int, int]
    seconds: float
    notes: tuple[str, ...] = ()
    has_more: bool = False
    alternative: int = 0

    @property
    def passed_through(self) -> bool:
        """Whether the photo was already in colour and was left as it is."""
        return self.layer is None

    @property
    def summary(self) -> str:
        """One line: how long it took, which model, at what size."""
        width, height = self.size
        if self.layer is None:
            return f"{width} x {height} pixels"
        size = self.layer.size
        by = f"{self.model}, {'three working sizes' if size == 'auto' else f'working size {size}'}"
        if self.alternative:
            return f"Alternative {self.alternative} by {by} · {width} x {height} pixels"
        took = f"{self.seconds:.1f}" if self.seconds >= 0.1 else f"{self.seconds:.2f}"
        return f"Coloured in {took} s by {by} · {width} x {height} pixels"


def colorize_upload(path: Path, settings: Settings, shelf: Shelf = SHELF) -> Colored:
    """Read a photo and run the network on it.

    Raises:
        PhotoError: the file is no photo that can be read, or has more pixels than the page accepts.
        RefusedError: there is no such model.
    """
    pipeline = shelf.get(settings.model)
    start = perf_counter()
    photo = pipeline.open(path)
    layer = None
    if settings.recolor or not photo.in_color:
        layer = predict(pipeline.name, lightness_only(photo), settings.size)
    view = shrink(photo, PREVIEW)
    seconds = perf_counter() - start
    has_more = layer is not None and pipeline.model.has_distribution
    return Colored(path, view, layer, pipeline.name, photo.size, seconds, photo.notes, has_more)


def other_answers(colored: Colored, count: int, skip: int = 0) -> list[Colored]:
    """The same photo in other colours, by a model with ``has_more``: ``count`` answers after the first ``skip``."""
    view = lightness_only(colored.view)
    layers = predict_several(colored.model, view, colored.layer.size, skip + count, seed=0)
    return [
        replace(colored, layer=layer, alternative=number) for number, layer in list(enumerate(layers, start=1))[skip:]
    ]


def after(colored: Colored, vividness: float, longest: int = PREVIEW, shelf: Shelf = SHELF) -> np.ndarray:
    """The preview in colour, ``(h, w, 3)`` uint8. Only composes: the network does not run."""
    if colored.layer is None:
        return before(colored)
    view = shrink(colored.view, longest)
    return _on_white(composer(shelf.get(colored.model)).compose(view, colored.layer, vividness).pixels)


def before(colored: Colored) -> np.ndarray:
    """The preview as it was sent, ``(h, w, 3)`` uint8."""
    view = colored.view
    rgb = np.repeat(view.grey[..., None], 3, axis=2) if view.rgb is None else view.rgb
    alpha = [] if view.alpha is None else [_eight_bits(view.alpha)[..., None]]
    return _on_white(np.concatenate([_eight_bits(rgb), *alpha], axis=2))


def write_preview(pixels: np.ndarray, path: Path) -> Path:
    """Write preview pixels as JPEG: fast to write and quick to send; what is downloaded is never this file."""
    ok, data = cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]), _PREVIEW_QUALITY)
    if not ok:
        raise OSError("the preview could not be encoded")
    path.write_bytes(data.tobytes())
    return path


@dataclass(frozen=True)
class Written:
    """A full-size file, and what should be said about writing it (a GIF, for example, becomes a PNG)."""

    path: Path
    notes: tuple[str, ...] = ()


def write_full_size(colored: Colored, vividness: float, folder: Path, shelf: Shelf = SHELF) -> Written:
    """Write the photo at full size in the format it came in, with its metadata, as ``NAME-colorized.SUFFIX``.

    A photo that was left as it is keeps its name and its bytes.
    """
    pipeline = composer(shelf.get(colored.model))
    photo = pipeline.open(colored.path)
    if colored.layer is None:
        done, stem = photo.pass_through(), colored.path.stem
    else:
        done, stem = pipeline.compose(photo, colored.layer, vividness), f"{colored.path.stem}-colorized"
    known = done.notes or ()
    data, suffix = done.encode()
    target = folder / f"{stem}{_usual_suffix(colored.path, suffix)}"
    target.write_bytes(data)
    return Written(target, tuple(note for note in done.notes or () if note not in known))


@dataclass(frozen=True)
class Album:
    """Several photos in one zip: how many were coloured, which were left as they are, which failed and why, and what
    else should be said."""

    path: Path
    colored: int
    kept: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def fill_album(
    sources: Iterable[Any],
    settings: Settings,
    vividness: float,
    folder: Path,
    shelf: Shelf = SHELF,
    receive: Callable[[Any], Path] = Path,
    tell: Callable[[str], None] = lambda name: None,
) -> Album:
    """Colour photos one after the other into ``folder/colorized-photos.zip``. A broken file never stops the rest.

    Names are kept; a second photo of the same name becomes ``name-2``.

    Args:
        receive: turns a source into a path; what it raises counts for that photo alone.
        tell: called with each name before its turn.
    """
    target = folder / "colorized-photos.zip"
    colored, kept, failed, notes, used = 0, [], [], [], set()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as album:
        for source in sources:
            try:
                path = receive(source)
                tell(path.name)
                done = colorize_upload(path, settings, shelf)
                file = write_full_size(done, vividness, folder, shelf)
            except ValueError as error:  # PhotoError, RefusedError: sentences that name the file
                failed.append(in_page_words(error))
                continue
            album.write(file.path, free_name(f"{path.stem}{file.path.suffix}", used))
            file.path.unlink()
            colored += not done.passed_through
            kept += [path.name] if done.passed_through else []
            notes += [f"{path.name}: {note}" for note in (*done.notes, *file.notes)]
    return Album(target, colored, tuple(kept), tuple(failed), tuple(notes))


def free_name(name: str, used: set[str]) -> str:
    """A name that is not in ``used`` (whatever its case), and is added to it: ``a.jpg``, ``a-2.jpg``, ``a-3.jpg``."""
    stem, suffix = Path(name).stem, Path(name).suffix
    number, free = 1, name
    while free.lower() in used:
        number += 1
        free = f"{stem}-{number}{suffix}"
    used.add(free.lower())
    return free


def shrink(photo: "Photo", longest: int) -> "Photo":
    """The photo with its longer side at most ``longest`` pixels and no metadata: for showing, not for saving."""
    from colorhub.photo.metadata import Metadata

    width, height = photo.size
    scale = min(1.0, longest / max(width, height))
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))

    def smaller(plane: np.ndarray | None) -> np.ndarray | None:
        return plane if plane is None or scale == 1 else cv2.resize(plane, shape, interpolation=cv2.INTER_AREA)

    planes = {"grey": smaller(photo.grey), "rgb": smaller(photo.rgb), "alpha": smaller(photo.alpha)}
    return replace(photo, **planes, metadata=Metadata(), original=None)


def lightness_only(photo: "Photo") -> "Photo":
    """What a network needs of a photo: small enough to hand to another process."""
    return replace(shrink(photo, max(photo.size)), rgb=None, alpha=None)


def _usual_suffix(path: Path, suffix: str) -> str:
    """The file's own suffix where it means the same format (``.jpeg``, ``.JPG``), else the one of what was written."""
    from colorhub.photo.formats import SUFFIXES

    same = next((names for names in SUFFIXES.values() if suffix in names), (suffix,))
    return path.suffix if path.suffix.lower() in same else suffix


def _eight_bits(values: np.ndarray) -> np.ndarray:
    return values if values.dtype == np.uint8 else np.rint(values / np.float32(257)).astype(np.uint8)


def _on_white(pixels: np.ndarray) -> np.ndarray:
    """8-bit RGB of any preview: 16-bit is scaled down, transparency shown on white."""
    pixels = _eight_bits(pixels)
    if pixels.shape[2] == 3:
        return pixels
    alpha = pixels[..., 3:].astype(np.float32) / 255
    return np.rint(pixels[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
