"""What the page does with a photo, without any page: colour it, show a preview, write the full-size file, fill an album."""

import shutil
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from colorhub.space.limits import PREVIEW
from colorhub.space.models import SHELF, Shelf, predict

if TYPE_CHECKING:
    from colorhub import ColorLayer, Photo

_PREVIEW_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 90]


@dataclass(frozen=True)
class Settings:
    """What a visitor can choose. ``size``: working size in pixels, None for what the model was trained at."""

    model: str = ""
    size: int | None = None
    recolor: bool = False


@dataclass(frozen=True)
class Colored:
    """A photo that has been through the network: enough to show it at any vividness and to write it at full size later.

    ``view`` is the photo at most ``PREVIEW`` pixels wide and high; ``layer`` is None for a photo that was already in colour and
    was left as it is.
    """

    path: Path
    view: "Photo" = field(repr=False)
    layer: "ColorLayer | None" = field(repr=False)
    model: str
    size: tuple[int, int]
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def passed_through(self) -> bool:
        """Whether the photo was already in colour and was left as it is."""
        return self.layer is None

    @property
    def summary(self) -> str:
        """One line: how long it took, which model, at what size."""
        width, height = self.size
        if self.layer is None:
            return f"Left as it is · {width} x {height} pixels"
        return f"Coloured in {self.seconds:.1f} s by {self.model} · working size {self.layer.size} · {width} x {height} pixels"


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
        layer = predict(settings.model or pipeline.name, without_colors(photo), settings.size)
    view = shrink(photo, PREVIEW)
    seconds = perf_counter() - start
    return Colored(path, view, layer, pipeline.name, photo.size, seconds, tuple(photo.notes))


def after(colored: Colored, vividness: float, shelf: Shelf = SHELF) -> np.ndarray:
    """The preview in colour, ``(h, w, 3)`` uint8. Only composes: the network does not run."""
    if colored.layer is None:
        return before(colored)
    pixels = shelf.get(colored.model).compose(colored.view, colored.layer, vividness).pixels
    return _on_white(pixels)


def before(colored: Colored) -> np.ndarray:
    """The preview as it was sent, ``(h, w, 3)`` uint8."""
    alpha = [] if colored.view.alpha is None else [colored.view.alpha[..., None]]
    return _on_white(np.concatenate([colored.view.rgb, *alpha], axis=2))


def write_preview(pixels: np.ndarray, path: Path) -> Path:
    """Write preview pixels as JPEG: fast to write and quick to send; what is downloaded is never this file."""
    ok, data = cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]), _PREVIEW_QUALITY)
    if not ok:
        raise OSError("the preview could not be encoded")
    path.write_bytes(data.tobytes())
    return path


def write_full_size(colored: Colored, vividness: float, folder: Path, shelf: Shelf = SHELF) -> Path:
    """Write the photo at full size in the format it came in, with its metadata, as ``NAME-colorized.SUFFIX``.

    A photo that was left as it is keeps its bytes.
    """
    if colored.layer is None:
        return Path(shutil.copyfile(colored.path, folder / colored.path.name))
    pipeline = shelf.get(colored.model)
    photo = pipeline.open(colored.path)
    data, suffix = pipeline.compose(photo, colored.layer, vividness).encode()
    target = folder / f"{colored.path.stem}-colorized{suffix}"
    target.write_bytes(data)
    return target


@dataclass(frozen=True)
class Album:
    """Several photos in one zip: how many were coloured, which were left as they are, which failed and why."""

    path: Path
    colored: int
    kept: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


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
    colored, kept, failed, used = 0, [], [], set()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as album:
        for source in sources:
            try:
                path = receive(source)
                tell(path.name)
                done = colorize_upload(path, settings, shelf)
                file = write_full_size(done, vividness, folder, shelf)
            except ValueError as error:  # PhotoError, RefusedError: sentences that name the file
                failed.append(str(error))
                continue
            album.write(file, free_name(f"{path.stem}{file.suffix}", used))
            file.unlink()
            colored += not done.passed_through
            kept += [path.name] if done.passed_through else []
    return Album(target, colored, tuple(kept), tuple(failed))


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
    """The photo with its longer side at most ``longest`` pixels. One that is small enough is returned as it is."""
    width, height = photo.size
    scale = longest / max(width, height)
    if scale >= 1:
        return photo
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))

    def smaller(plane: np.ndarray | None) -> np.ndarray | None:
        return None if plane is None else cv2.resize(plane, shape, interpolation=cv2.INTER_AREA)

    return replace(photo, grey=smaller(photo.grey), rgb=smaller(photo.rgb), alpha=smaller(photo.alpha))


def without_colors(photo: "Photo") -> "Photo":
    """The photo's lightness alone: what a network needs, and small enough to hand to another process."""
    return replace(photo, rgb=None, alpha=None)


def _on_white(pixels: np.ndarray) -> np.ndarray:
    """8-bit RGB of any preview: 16-bit is scaled down, transparency shown on white."""
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.shape[2] == 3:
        return pixels
    alpha = pixels[..., 3:].astype(np.float32) / 255
    return np.rint(pixels[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
