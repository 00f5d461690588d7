"""Photo: any picture file as an upright grey picture, its colours if it has some, and what must survive."""

import errno
import io
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import numpy as np

from colorhub._text import one_line
from colorhub.photo.decoding import Decoded, check_size, decode_file
from colorhub.photo.errors import PhotoError, UnsupportedError, unreadable
from colorhub.photo.lightness import cmyk_to_rgb, grey_of_colors, is_neutral, lab_to_srgb
from colorhub.photo.metadata.exif import ORIENTATION
from colorhub.photo.metadata.metadata import Metadata, read_metadata, with_own_exif
from colorhub.photo.metadata.turning import Turn
from colorhub.photo.pixels import Pixels, pixels_of_array, pixels_of_image
from colorhub.photo.png import icc_of_image
from colorhub.photo.profiles import grey_through_profile, is_srgb, lab_profile, profile_space, to_srgb
from colorhub.photo.tint import ColorAnswer, seen_in_color

if TYPE_CHECKING:
    from PIL import Image

# How Pillow, tifffile and libheif say that they do not know a kind of picture.
_NOT_SUPPORTED = re.compile(r"unsupported|not supported|not implemented|cannot handle", re.IGNORECASE)
_WORDS = {
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "does not exist",
    errno.EACCES: "may not be read (no permission)",
    errno.EPERM: "may not be read (no permission)",
    errno.ENAMETOOLONG: "has a name that is too long",
    errno.ELOOP: "is a link that leads to itself",
}


@dataclass(frozen=True)
class _Source:
    """An open, seekable file, its name for messages, and for a path also the path and its (access, modification) times
    in ns."""

    file: BinaryIO
    name: str
    path: Path | None = None
    times: tuple[int, int] | None = None
    original: bytes | None = None


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph, upright and in sRGB.

    ``grey``: ``(H, W)`` gamma-encoded grey whose CIELAB L* is the photo's lightness; uint8 where 8-bit grey holds it
    exactly, else uint16 (16-bit files, coloured and toned pictures, greys behind an ICC profile).
    ``rgb``: ``(H, W, 3)`` uint8 or uint16 sRGB where the file had any colour, also a tone, else ``None``.
    ``alpha``: ``(H, W)`` of the output's depth, or ``None``.
    ``in_color``: whether it is a colour photograph already, one of three answers (see :class:`ColorAnswer`); as a bool
    only a sure *yes* is true. *No*: grey pictures and black-and-white prints, whatever tone they or their surroundings
    have.
    ``bits``: depth of the output, 8 or 16. ``format``: Pillow's name of the input's format (``PNG`` for arrays).
    ``notes``: what should be said once about this photo. ``times``: (access, modification) in ns of the file it came
    from.

    Example:
        >>> from colorhub import Photo
        >>> from skimage import data
        >>> photo = Photo.open(data.camera())
        >>> photo.size, photo.grey.dtype, photo.bits, photo.rgb is None
        ((512, 512), dtype('uint8'), 8, True)
        >>> bool(photo.in_color), bool(Photo.open(data.astronaut()).in_color)
        (False, True)
    """

    grey: np.ndarray = field(repr=False)
    rgb: np.ndarray | None = field(default=None, repr=False)
    alpha: np.ndarray | None = field(default=None, repr=False)
    in_color: ColorAnswer = ColorAnswer.NO
    bits: int = 8
    name: str = "the picture"
    path: Path | None = None
    format: str = "PNG"
    notes: tuple[str, ...] = ()
    metadata: Metadata = field(default_factory=Metadata, repr=False)
    times: tuple[int, int] | None = field(default=None, repr=False)
    lossless: bool = True
    original: bytes | None = field(default=None, repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.grey.shape[1], self.grey.shape[0]

    @classmethod
    def open(
        cls,
        source: "str | os.PathLike | bytes | BinaryIO | Image.Image | np.ndarray",
        *,
        max_pixels: int = 400_000_000,
        name: str | None = None,
    ) -> "Photo":
        """Open a path, the bytes of a file, an open binary file, a PIL image of any mode, or an array.

        Args:
            source: an array is ``(H, W)`` or ``(H, W, 1)`` grey, ``(H, W, 2)`` grey and alpha, ``(H, W, 3)`` or
                ``(H, W, 4)``; uint8, uint16, bool or float in 0..1.
            max_pixels: checked before a pixel is decoded.
            name: stands in messages instead of the file's.

        Raises:
            PhotoError: everything that is no readable picture, in one sentence.

        Example:
            >>> from colorhub import Photo, PhotoError
            >>> from PIL import Image
            >>> from skimage import data
            >>> Image.fromarray(data.coins()).save("coins.jpg", dpi=(300, 300))
            >>> photo = Photo.open("coins.jpg")
            >>> photo.name, photo.format, photo.size
            ('coins.jpg', 'JPEG', (384, 303))
            >>> try:
            ...     Photo.open("coins.jpg", max_pixels=1000)
            ... except PhotoError as error:
            ...     print(error)
            coins.jpg ...
        """
        from PIL import Image

        if isinstance(source, np.ndarray):
            return _open_array(source, max_pixels, name or "the array")
        if isinstance(source, Image.Image):
            return _open_image(source, max_pixels, name)
        with _open_source(source, name) as opened:
            return _guarded(opened.name, lambda: _open_file(opened, max_pixels))

    def with_alpha(self, rgb: np.ndarray) -> np.ndarray:
        """``(H, W, 3)`` colours with this photo's alpha as fourth channel, where it has one.

        Example:
            >>> import numpy as np
            >>> from colorhub import Photo
            >>> photo = Photo.open(np.dstack([np.full((4, 6), 128, np.uint8), np.full((4, 6), 255, np.uint8)]))
            >>> photo.with_alpha(np.zeros((4, 6, 3), np.uint8)).shape
            (4, 6, 4)
        """
        return rgb if self.alpha is None else np.concatenate([rgb, self.alpha[..., None].astype(rgb.dtype)], axis=2)

    def turned(self, orientation: int) -> Self:
        """The photo with one more EXIF orientation, 1 to 8, applied: one that its file does not state itself. Turned,
        it is no longer the picture in its file, and ``path`` is ``None``.

        Example:
            >>> from colorhub import Photo
            >>> from skimage import data
            >>> Photo.open(data.coins()).turned(6).size  # a quarter to the right
            (303, 384)
        """
        planes = {"grey": self.grey, "rgb": self.rgb, "alpha": self.alpha}
        turned: dict[str, Any] = {name: None if p is None else _turn(p, orientation) for name, p in planes.items()}
        metadata, notes = self.metadata.after_reading(Turn(orientation, *self.size), converted=False)
        file = {"path": self.path, "original": self.original} if orientation == 1 else {"path": None, "original": None}
        return replace(self, **turned, **file, metadata=metadata, notes=(*self.notes, *notes))


def _guarded(name: str, read: Callable[[], Photo]) -> Photo:
    """Run ``read``; what the many decoders raise for damaged files becomes one sentence."""
    try:
        return read()
    except PhotoError:
        raise
    except MemoryError:
        raise unreadable(name, "needs more memory than there is", "a smaller copy of it will work") from None
    except UnsupportedError as error:
        raise unreadable(name, str(error)) from None
    except Exception as error:
        if isinstance(error, NotImplementedError) or _NOT_SUPPORTED.search(str(error)):
            raise unreadable(name, f"is of a kind that cannot be decoded here ({one_line(error, 100)})") from None
        raise unreadable(name, f"is damaged or cut short ({one_line(error, 100)})") from None


def _open_file(source: _Source, max_pixels: int) -> Photo:
    decoded = decode_file(source.file, source.name, max_pixels)
    photo = _develop(decoded, source.name)
    return replace(photo, path=source.path, times=source.times, original=source.original)


def _open_array(array: np.ndarray, max_pixels: int, name: str) -> Photo:
    try:
        if array.ndim >= 2 and 0 not in array.shape:
            check_size((array.shape[1], array.shape[0]), name, max_pixels)
        pixels = pixels_of_array(array)
    except PhotoError:
        raise
    except ValueError as error:
        raise PhotoError(f"{name} {error}.") from None
    return _develop(Decoded(pixels, Metadata(), None, "PNG", lossless=True), name)


def _open_image(image: "Image.Image", max_pixels: int, name: str | None) -> Photo:
    filename = getattr(image, "filename", "")
    name = name or (Path(os.fsdecode(filename)).name if filename else "the image")
    check_size(image.size, name, max_pixels)

    def read() -> Photo:
        try:
            applied = _turned_by_pillow(image)
            image.load()
        except Exception as error:
            if getattr(image, "fp", None) is None or "closed" in str(error):
                raise unreadable(name, "was closed already", "open it again, or load() it before closing") from None
            raise
        metadata = with_own_exif(read_metadata(image), image)
        format_name = "JPEG" if image.format == "MPO" else image.format or "PNG"
        is_exact = format_name not in ("JPEG", "WEBP", "HEIF", "AVIF")
        icc = icc_of_image(image)
        metadata = replace(metadata, had_profile=metadata.had_profile or icc is not None)
        # Pillow's TIFF reader and libheif have turned the picture already.
        orientation = 1 if format_name in ("TIFF", "HEIF") else metadata.orientation()
        pixels = pixels_of_image(image)
        return _develop(Decoded(pixels, metadata, icc, format_name, orientation, applied, lossless=is_exact), name)

    return _guarded(name, read)


def _turned_by_pillow(image: "Image.Image") -> int:
    """The orientation that Pillow is going to apply when it loads a TIFF; 1 also where it has done so already."""
    tag = image.getexif().get(ORIENTATION, 1) if image.format == "TIFF" else 1
    return int(tag) if tag in range(1, 9) else 1


def _develop(decoded: Decoded, name: str) -> Photo:
    """Profile, colours, lightness, orientation: decoded pixels to a photo."""
    pixels, notes = decoded.pixels, list(decoded.notes)
    bits = 16 if pixels.values.dtype == np.uint16 else 8
    grey, rgb, converted = _to_grey_and_colors(pixels, decoded.icc, notes)
    in_color = ColorAnswer.NO if rgb is None else seen_in_color(rgb)
    height, width = pixels.values.shape[:2]
    turn = Turn(decoded.orientation, width, height)
    if decoded.applied != 1:  # the size is the upright picture's already
        turn = Turn(decoded.applied, *Turn(decoded.applied, width, height).size)
    metadata, more = decoded.metadata.after_reading(turn, converted=converted)
    return Photo(
        grey=_turn(grey, decoded.orientation),
        rgb=None if rgb is None else _turn(rgb, decoded.orientation),
        alpha=None if pixels.alpha is None else _turn(pixels.alpha, decoded.orientation),
        in_color=in_color,
        bits=bits,
        name=name,
        format=decoded.format,
        notes=(*notes, *more),
        metadata=metadata,
        lossless=decoded.lossless,
    )


def _to_grey_and_colors(
    pixels: Pixels, icc: bytes | None, notes: list[str]
) -> tuple[np.ndarray, np.ndarray | None, bool]:
    """Grey, colours or ``None``, and whether a profile converted them; says in ``notes`` what profile could not be
    used."""
    values, space = pixels.values, profile_space(icc) if icc else ""
    if pixels.kind == "rgb" and is_neutral(values):
        values = np.ascontiguousarray(values[..., 0])
    is_grey = values.ndim == 2
    if pixels.kind in ("lab", "lab16"):  # CIELAB means the same colours everywhere
        icc = None
    fits = space in (("gray", "rgb") if is_grey else (pixels.kind,))
    if icc and not fits:
        notes.append("its ICC profile is broken or does not fit the picture and was ignored")
    elif icc:
        try:
            if is_grey:
                through = grey_through_profile(values, icc, space)
                return through, None, through is not values
            if space != "rgb" or not is_srgb(icc):
                return *_split(to_srgb(values, icc, space, values.dtype)), True
        except Exception:  # each CMS failure has its own type; the picture is still worth having
            notes.append("its ICC profile is broken and was ignored")
    if is_grey:
        return values, None, False
    if pixels.kind == "cmyk":
        values = cmyk_to_rgb(values)
    elif pixels.kind == "lab":
        values = lab_to_srgb(values)
    elif pixels.kind == "lab16":
        values = to_srgb(values, lab_profile(), "lab", np.uint16)
    return *_split(values), False


def _split(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    if is_neutral(rgb):
        return np.ascontiguousarray(rgb[..., 0]), None
    return grey_of_colors(rgb), rgb


def _turn(array: np.ndarray, orientation: int) -> np.ndarray:
    """Apply an EXIF orientation, 1 to 8."""
    if orientation == 1:
        return array
    import cv2

    if orientation >= 5:
        array = cv2.transpose(array)
    # What is left after the transposition of 5 to 8: OpenCV's codes for a flip over the vertical axis, the other one,
    # and both.
    code = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return array if code is None else cv2.flip(array, code)


@contextmanager
def _open_source(source: Any, name: str | None) -> Iterator[_Source]:
    """A path, bytes or readable binary file as a :class:`_Source`. Raises :class:`PhotoError` where there is nothing to
    read."""
    if isinstance(source, bytes | bytearray | memoryview):
        raw = bytes(source)
        yield _in_memory(raw, name or "the picture")
    elif isinstance(source, str | os.PathLike):
        with _open_path(source, name) as opened:
            yield opened
    elif callable(getattr(source, "read", None)):
        yield _in_memory(_read_stream(source, name), name or _stream_name(source))
    else:
        raise PhotoError(
            f"A photo cannot be opened from {type(source).__name__}; "
            "expected a path, bytes, an open binary file, a PIL image or a NumPy array."
        )


def _in_memory(raw: bytes, name: str) -> _Source:
    if not raw:
        raise unreadable(name, "is empty")
    return _Source(io.BytesIO(raw), name, original=raw)


def _stream_name(stream: Any) -> str:
    name = getattr(stream, "name", None)
    return Path(name).name if isinstance(name, str) and name else "the picture"


def _read_stream(stream: Any, name: str | None) -> bytes:
    try:
        if callable(getattr(stream, "seekable", None)) and stream.seekable():
            stream.seek(0)  # whoever wrote the file, or has read its first bytes, left it elsewhere
        raw = stream.read()
    except Exception as error:
        raise unreadable(name or _stream_name(stream), f"could not be read ({one_line(error, 100)})") from None
    if not isinstance(raw, bytes | bytearray):
        raise unreadable(name or _stream_name(stream), "was opened as text", "open it in binary mode ('rb')")
    return bytes(raw)


@contextmanager
def _open_path(source: str | os.PathLike, name: str | None) -> Iterator[_Source]:
    path = Path(os.fsdecode(source))
    name = name or path.name or str(path)
    try:
        status = path.stat()
    except OSError as error:
        raise _not_opened(name, error) from None
    except ValueError:  # a NUL in the name
        raise unreadable(repr(name), "is no valid file name") from None
    _check_kind(status, name)
    try:
        file = path.open("rb")
    except OSError as error:
        raise _not_opened(name, error) from None
    with file:
        yield _Source(file, name, path, (status.st_atime_ns, status.st_mtime_ns))


def _not_opened(name: str, error: OSError) -> PhotoError:
    return unreadable(name, _WORDS.get(error.errno or 0, f"could not be opened ({one_line(error, 100)})"))


def _check_kind(status: os.stat_result, name: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise unreadable(name, "is a folder, not a picture")
    if not stat.S_ISREG(status.st_mode):
        raise unreadable(name, "is a device or a pipe, not a file")
    if status.st_size == 0:
        raise unreadable(name, "is empty")
