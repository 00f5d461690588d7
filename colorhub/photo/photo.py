"""Photo: any picture file as an upright grey picture, its colours if it has some, and what must survive."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from colorhub._text import one_line
from colorhub.photo.decoding import Decoded, check_size, decode_file
from colorhub.photo.errors import PhotoError, unreadable
from colorhub.photo.lightness import cmyk_to_rgb, grey_of_colors, is_neutral, lab_to_srgb
from colorhub.photo.metadata import Metadata, read_metadata, with_own_exif
from colorhub.photo.pixels import Pixels, pixels_of_array, pixels_of_image
from colorhub.photo.profiles import grey_through_profile, is_srgb, profile_space, to_srgb
from colorhub.photo.sources import Source, open_source
from colorhub.photo.tint import ColorAnswer, seen_in_color

if TYPE_CHECKING:
    from PIL import Image


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

        Arrays: ``(H, W)``, ``(H, W, 1)`` grey, ``(H, W, 2)`` grey and alpha, ``(H, W, 3)``, ``(H, W, 4)``; uint8,
        uint16, bool or float in 0..1. ``max_pixels`` is checked before a pixel is decoded. ``name`` stands in messages
        instead of the file's.
        Raises :class:`PhotoError`, one sentence, for everything that is no readable picture.
        """
        from PIL import Image

        if isinstance(source, np.ndarray):
            return _open_array(source, max_pixels, name or "the array")
        if isinstance(source, Image.Image):
            return _open_image(source, max_pixels, name)
        with open_source(source, name) as opened:
            return _guarded(opened.name, lambda: _open_file(opened, max_pixels))

    def with_alpha(self, rgb: np.ndarray) -> np.ndarray:
        """``(H, W, 3)`` colours with this photo's alpha as fourth channel, where it has one."""
        return rgb if self.alpha is None else np.concatenate([rgb, self.alpha[..., None].astype(rgb.dtype)], axis=2)


def _guarded(name: str, read: Any) -> Photo:
    """Run ``read``; what the many decoders raise for damaged files becomes one sentence."""
    try:
        return read()
    except PhotoError:
        raise
    except MemoryError:
        raise unreadable(name, "needs more memory than there is", "a smaller copy of it will work") from None
    except Exception as error:
        raise unreadable(name, f"is damaged or cut short ({one_line(error, 100)})") from None


def _open_file(source: Source, max_pixels: int) -> Photo:
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
        image.load()
        metadata = with_own_exif(read_metadata(image, None), image)
        format_name = {None: "PNG", "MPO": "JPEG"}.get(image.format, image.format)
        is_exact = format_name not in ("JPEG", "WEBP", "HEIF", "AVIF")
        icc = image.info.get("icc_profile") or None
        # Pillow's TIFF reader and libheif have turned the picture already.
        orientation = 1 if format_name in ("TIFF", "HEIF") else metadata.orientation()
        return _develop(Decoded(pixels_of_image(image), metadata, icc, format_name, orientation, is_exact), name)

    return _guarded(name, read)


def _develop(decoded: Decoded, name: str) -> Photo:
    """Profile, colours, lightness, orientation: decoded pixels to a photo."""
    pixels, notes = decoded.pixels, list(decoded.notes)
    bits = 16 if pixels.values.dtype == np.uint16 else 8
    grey, rgb, converted = _to_grey_and_colors(pixels, decoded.icc, notes)
    in_color = ColorAnswer.NO if rgb is None else seen_in_color(rgb)
    metadata, more = decoded.metadata.after_reading(decoded.orientation, converted=converted)
    grey, rgb, alpha = (_turn(part, decoded.orientation) for part in (grey, rgb, pixels.alpha))
    return Photo(
        grey=grey,
        rgb=rgb,
        alpha=alpha,
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
    if pixels.kind == "lab":  # CIELAB means the same colours everywhere
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
    return *_split(values), False


def _split(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    if is_neutral(rgb):
        return np.ascontiguousarray(rgb[..., 0]), None
    return grey_of_colors(rgb), rgb


def _turn(array: np.ndarray | None, orientation: int) -> np.ndarray | None:
    """Apply an EXIF orientation, 1 to 8."""
    if array is None or orientation == 1:
        return array
    import cv2

    if orientation >= 5:
        array = cv2.transpose(array)
    # What is left after the transposition of 5 to 8: OpenCV's codes for a flip over the vertical axis, the other one,
    # and both.
    code = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return array if code is None else cv2.flip(array, code)
