"""What the page does with a photo, without any page: colour it, preview it, write it at full size, fill an album."""

import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from colorhub._files import fitting
from colorhub._pixels import on_white, to_uint8
from colorhub.settings import FIELDS, Settings
from colorhub.space.shared.limits import MAX_PIXELS, PREVIEW, in_page_words

if TYPE_CHECKING:
    from colorhub import ColorizationPipeline, ColorLayer, Photo

_DRAWN = int(FIELDS["samples"].high or 1)  # answers of one seed
_PREVIEW_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 90]


@dataclass(frozen=True)
class Colored:
    """A photo that has been through the network: enough to show it at any vividness and to write it at full size,
    without any model.

    ``view``: the photo at most ``PREVIEW`` pixels wide and high. ``layer``: None for a photo that is left as it is.
    ``settings``: what was asked for, with the model's name. ``size``: (width, height) of the file. ``has_more``:
    whether the model has other answers.
    """

    path: Path
    view: "Photo" = field(repr=False)
    layer: "ColorLayer | None" = field(repr=False)
    settings: Settings
    size: tuple[int, int]
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    has_more: bool = False

    @property
    def model(self) -> str:
        """The model's name."""
        return self.settings.model or ""

    @property
    def alternative(self) -> int:
        """The number of another answer of the model, from 1; 0 for its first one."""
        made = self.layer.provenance if self.layer else None
        return made.settings.seed * _DRAWN + made.sample if made else 0

    @property
    def passed_through(self) -> bool:
        """Whether the photo was left as it is."""
        return self.layer is None

    @property
    def unsure(self) -> bool:
        """Whether the photo was coloured, though it may have been in colour already."""
        from colorhub.inference.layer import is_doubtful

        return not self.passed_through and is_doubtful(self.view, self.settings)

    def is_made_with(self, settings: Settings) -> bool:
        """Whether other settings give the same but for vividness, which is no matter of the network's."""
        return settings.changed(vividness=self.settings.vividness) == self.settings

    @property
    def summary(self) -> str:
        """One line: how long it took, which model, at what size."""
        width, height = self.size
        if self.layer is None:
            return f"{width} x {height} pixels"
        made = self.layer.provenance.settings
        three = ", in three sizes" if made.views > 1 else ""
        by = f"{self.model}, working size {made.size}{three}"
        if self.alternative:
            return f"Alternative {self.alternative} by {by} · {width} x {height} pixels"
        return f"Coloured in {in_seconds(self.seconds)} by {by} · {width} x {height} pixels"


def open_photo(path: Path) -> "Photo":
    """Read a photo under the page's limits. Raises ``PhotoError``."""
    from colorhub import Photo

    return Photo.open(path, max_pixels=MAX_PIXELS)


def colorize_upload(
    pipeline: "ColorizationPipeline", path: Path, settings: Settings, photo: "Photo | None" = None
) -> Colored:
    """Read a photo and run the network on it.

    Args:
        pipeline: with the model, whose name the settings then have.
        path: of the file.
        settings: of the result.
        photo: the same file, where it is open already.

    Raises:
        PhotoError: the file is no photo that can be read, or has more pixels than the page accepts.
    """
    start = perf_counter()
    photo, settings = photo or pipeline.open(path), settings.changed(model=pipeline.name)
    layer = pipeline.predict(pipeline.prepare(photo, settings))
    view = shrink(photo, PREVIEW)
    seconds = perf_counter() - start
    has_more = layer is not None and pipeline.model.has_distribution
    return Colored(path, view, layer, settings, photo.size, seconds, photo.notes, has_more)


def other_answers(pipeline: "ColorizationPipeline", colored: Colored, count: int, skip: int = 0) -> list[Colored]:
    """The same photo in other colours, by a model with ``has_more``: ``count`` answers after the first ``skip``."""
    seed, skip = divmod(skip, _DRAWN)
    several = colored.settings.changed(samples=skip + count, seed=seed)
    layers = pipeline.predict(pipeline.prepare(pipeline.open(colored.path), several))
    return [replace(colored, layer=layer) for layer in layers[skip:]]


def after(colored: Colored, vividness: float, longest: int = PREVIEW) -> np.ndarray:
    """The preview in colour, ``(h, w, 3)`` uint8. Only composes: no network runs, and no model is needed."""
    from colorhub import compose

    return on_white(to_uint8(compose(shrink(colored.view, longest), colored.layer, vividness).pixels))


def before(colored: Colored) -> np.ndarray:
    """The preview as it was sent, ``(h, w, 3)`` uint8."""
    return after(replace(colored, layer=None), 1.0)


def in_seconds(seconds: float) -> str:
    """A time with its unit."""
    return f"{seconds:.1f} s" if seconds >= 0.1 else f"{seconds:.2f} s"


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


def write_full_size(colored: Colored, vividness: float, folder: Path) -> Written:
    """Write the photo at full size in the format it came in, or that of the settings, with its metadata, as
    ``NAME-colorized.SUFFIX``.

    A photo that was left as it is keeps its name and its bytes.
    """
    from colorhub import compose

    done = compose(open_photo(colored.path), colored.layer, vividness, settings=colored.settings)
    mark = "" if done.passed_through else "-colorized"
    known = done.notes or ()
    data, suffix = done.encode()
    target = folder / fitting(colored.path.stem, f"{mark}{_usual_suffix(colored.path, suffix)}")
    target.write_bytes(data)
    return Written(target, tuple(note for note in done.notes or () if note not in known))


@dataclass(frozen=True)
class Album:
    """Several photos in one zip: how many were coloured, which were left as they are, which failed and why, what else
    should be said, and which were coloured though they may have been in colour already."""

    path: Path
    colored: int
    kept: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()


def fill_album(
    pipeline: "ColorizationPipeline",
    sources: Iterable[Any],
    settings: Settings,
    folder: Path,
    receive: Callable[[Any], Path] = Path,
    progress: Callable[[str], object] = lambda name: None,
) -> Album:
    """Colour photos one after the other into ``folder/colorized-photos.zip``. A broken file never stops the rest.

    Names are kept; a second photo of the same name becomes ``name-2``.

    Args:
        receive: turns a source into a path; what it raises counts for that photo alone.
        progress: called with each name before its turn.
    """
    target = folder / "colorized-photos.zip"
    colored, used = 0, set[str]()
    kept, failed, notes, unsure = list[str](), list[str](), list[str](), list[str]()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as album:
        for source in sources:
            try:
                path = receive(source)
                progress(path.name)
                done = colorize_upload(pipeline, path, settings)
                file = write_full_size(done, settings.vividness, folder)
            except ValueError as error:  # PhotoError, RefusedError: sentences that name the file
                failed.append(in_page_words(error))
                continue
            album.write(file.path, free_name(f"{path.stem}{file.path.suffix}", used))
            file.path.unlink()
            colored += not done.passed_through
            kept += [path.name] if done.passed_through else []
            unsure += [path.name] if done.unsure else []
            notes += [f"{path.name}: {note}" for note in (*done.notes, *file.notes)]
    return Album(target, colored, tuple(kept), tuple(failed), tuple(notes), tuple(unsure))


def free_name(name: str, used: set[str]) -> str:
    """A name that is not in ``used`` (whatever its case), and is added to it: ``a.jpg``, ``a-2.jpg``, ``a-3.jpg``."""
    stem, suffix = Path(name).stem, Path(name).suffix
    number, free = 1, name
    while free.lower() in used:
        number += 1
        free = fitting(stem, f"-{number}{suffix}")
    used.add(free.lower())
    return free


def shrink(photo: "Photo", longest: int) -> "Photo":
    """The photo with its longer side at most ``longest`` pixels and no metadata: for showing, not for saving."""
    from colorhub.photo.metadata.metadata import Metadata

    width, height = photo.size
    scale = min(1.0, longest / max(width, height))
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))

    def smaller(plane: np.ndarray | None) -> np.ndarray | None:
        return plane if plane is None or scale == 1 else cv2.resize(plane, shape, interpolation=cv2.INTER_AREA)

    planes = {"grey": smaller(photo.grey), "rgb": smaller(photo.rgb), "alpha": smaller(photo.alpha)}
    return replace(photo, **planes, metadata=Metadata(), original=None)


def _usual_suffix(path: Path, suffix: str) -> str:
    """The file's own suffix where it means the same format (``.jpeg``, ``.JPG``), else the one of what was written."""
    from colorhub.photo.formats import SUFFIXES

    same = next((names for names in SUFFIXES.values() if suffix in names), (suffix,))
    return path.suffix if path.suffix.lower() in same else suffix
