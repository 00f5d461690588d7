"""ColorPhoto: colours for a photo, and the way back to a file with everything else as it was."""

import os
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from colorhub._pixels import to_uint8
from colorhub._text import one_line
from colorhub.photo.encoding import encode_pixels
from colorhub.photo.errors import PhotoError
from colorhub.photo.formats import SUFFIXES, format_named, format_of_path, with_suffix, writable
from colorhub.photo.metadata.metadata import Metadata
from colorhub.photo.metadata.xmp import record_provenance
from colorhub.photo.metadata.xmp_fitting import without_tone
from colorhub.photo.photo import Photo
from colorhub.photo.saving import write_whole
from colorhub.photo.tint import ColorAnswer

if TYPE_CHECKING:
    from PIL import Image

_PREVIEW = 1024  # pixels of the longer side in notebooks
NOT_SURE = "not sure whether it was in colour already, so it was coloured; in_color keep leaves such photos as they are"
_LEFT = {
    ColorAnswer.YES: "already in colour: ",
    ColorAnswer.UNSURE: "not sure whether it is in colour already: ",
    ColorAnswer.NO: "",
}


@dataclass(eq=False)
class ColorPhoto:
    """A photo in colour.

    ``pixels``: ``(H, W, 3)`` or ``(H, W, 4)``, uint8 or uint16, sRGB. ``photo``: where it came from. ``provenance``:
    what invented the colours, such as ``{"model": ..., "weights_sha256": ..., "settings": ...}``, or ``None`` where
    nothing did. ``notes``: what should be said, by default the photo's; saving adds what a format could not hold.
    ``passed_through``: the photo was left as it is; saved in its own format it is the very same file. ``format``,
    ``quality`` (1 to 100, of JPEG, WebP, HEIC and AVIF) and ``record`` (whether ``provenance`` is written) are what
    :meth:`save` and :meth:`encode` do where they are not told otherwise.

    Raises:
        ValueError: pixels of another shape or type.

    Example:
        >>> import numpy as np
        >>> from colorhub import ColorPhoto, Photo
        >>> photo = Photo.open(np.full((40, 60), 128, np.uint8))
        >>> orange = np.full((40, 60, 3), (200, 120, 40), np.uint8)
        >>> colored = ColorPhoto(orange, photo, {"model": "mine"}, quality=90)
        >>> colored.to_pil().size
        (60, 40)
        >>> colored.save("orange.jpg").name
        'orange.jpg'
    """

    pixels: np.ndarray = field(repr=False)
    photo: Photo
    provenance: dict[str, str] | None = None
    notes: tuple[str, ...] | None = None
    passed_through: bool = False
    format: str | None = None
    quality: int | None = None
    record: bool = True

    def __post_init__(self) -> None:
        if self.notes is None:
            self.notes = self.photo.notes
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] not in (3, 4) or dtype not in (np.uint8, np.uint16):
            raise ValueError(f"pixels must be (H, W, 3) or (H, W, 4) of uint8 or uint16, got {shape} of {dtype}.")

    @classmethod
    def unchanged(cls, photo: Photo, **output: Any) -> Self:
        """A photo as it is, with nothing invented: for pictures that are in colour already.

        Args:
            photo: at full size.
            output: ``format``, ``quality`` and ``record`` of the result.

        Example:
            >>> from colorhub import ColorPhoto, Photo
            >>> from skimage import data
            >>> left = ColorPhoto.unchanged(Photo.open(data.astronaut()))
            >>> bool((left.pixels == data.astronaut()).all())
            True
            >>> left.notes
            ('already in colour: passed through unchanged',)
        """
        pixels = photo.rgb
        if pixels is None:
            grey = photo.grey
            if grey.dtype == np.uint16 and photo.bits == 8:
                grey = np.round(grey / np.float32(257)).astype(np.uint8)
            pixels = np.repeat(grey[..., None], 3, axis=2)
        note = f"{_LEFT[photo.in_color]}passed through unchanged"
        return cls(photo.with_alpha(pixels), photo, None, (*photo.notes, note), passed_through=True, **output)

    def to_pil(self) -> "Image.Image":
        """The picture as a PIL image, RGB or RGBA. PIL holds 8 bits a channel: 16-bit colours are rounded.

        Example:
            >>> from colorhub import ColorPhoto, Photo
            >>> from skimage import data
            >>> ColorPhoto.unchanged(Photo.open(data.astronaut())).to_pil().size
            (512, 512)
        """
        from PIL import Image

        return Image.fromarray(to_uint8(self.pixels))

    def encode(self, format: str | None = None, **output: Any) -> tuple[bytes, str]:
        r"""The bytes of a file and its suffix (``.jpg``).

        Args:
            format: as people write it; the result's own, else the input's, when not given.
            output: ``quality`` and ``record`` in place of the result's own.

        Raises:
            PhotoError: a format that cannot be written.

        Example:
            >>> from colorhub import ColorPhoto, Photo
            >>> from skimage import data
            >>> content, suffix = ColorPhoto.unchanged(Photo.open(data.astronaut())).encode("jpeg", quality=90)
            >>> suffix, content[:3]
            ('.jpg', b'\xff\xd8\xff')
        """
        told = self._with(output)
        wanted = told._wanted(format) or self.photo.format
        content, name = told._encode(wanted)
        self.notes = told.notes
        return content, SUFFIXES[name][0]

    def save(
        self, path: str | os.PathLike, format: str | None = None, *, overwrite: bool = True, **output: Any
    ) -> Path:
        """Write a file and return its path.

        The format is ``format``, else the result's own, else the path's suffix, else the input's. The returned path has
        another suffix than the given one where that would lie: for GIF, a PNG is written (and noted). The file appears
        whole or not at all and gets the times of the file the photo came from.

        Args:
            path: of the file.
            format: as people write it.
            overwrite: replace a file that is there.
            output: ``quality`` and ``record`` in place of the result's own.

        Raises:
            PhotoError: it cannot be written.

        Example:
            >>> from colorhub import ColorPhoto, Photo
            >>> from skimage import data
            >>> colored = ColorPhoto.unchanged(Photo.open(data.astronaut()))
            >>> colored.save("astronaut.jpg", quality=90).name
            'astronaut.jpg'
            >>> colored.save("astronaut.jpg", overwrite=False)
            Traceback (most recent call last):
                ...
            colorhub.photo.errors.PhotoError: astronaut.jpg exists already and was not overwritten; ...
        """
        told, target = self._with(output), Path(path)
        wanted = told._wanted(format) or format_of_path(target) or self.photo.format
        real = with_suffix(target, told._written_as(wanted))
        if not overwrite and real.exists():  # said before minutes are spent on encoding
            raise PhotoError(
                f"{real} exists already and was not overwritten; allow it with overwrite, or choose another name."
            )
        content, name = told._encode(wanted)
        self.notes = told.notes
        real = with_suffix(target, name)
        write_whole(real, content, self.photo.times, overwrite=overwrite)
        return real

    def _with(self, output: dict[str, Any]) -> Self:
        if "provenance" in output:
            warnings.warn("provenance= of a ColorPhoto's file is now record=.", FutureWarning, stacklevel=3)
            output["record"] = output.pop("provenance")
        if unknown := set(output) - {"quality", "record"}:
            raise TypeError(f"A ColorPhoto's file has no setting {sorted(unknown)[0]!r}: quality and record are there.")
        quality, record = output.get("quality"), output.get("record", True)
        if quality is not None and (type(quality) is not int or not 1 <= quality <= 100):
            raise PhotoError(f"quality must be a whole number between 1 and 100, got {quality!r}.")
        if not isinstance(record, bool):
            raise PhotoError(f"record must be True or False, got {record!r}.")
        return replace(self, **output)

    def _wanted(self, format: str | None) -> str | None:
        named = format or self.format
        return format_named(named) if named else None

    def _written_as(self, wanted: str) -> str:
        if self._same_file(wanted):
            return wanted
        return writable(wanted, lossless=self.photo.lossless, bits=self.photo.bits)[0]

    def _same_file(self, wanted: str) -> bool:
        has_source = self.photo.path is not None or self.photo.original is not None
        return self.passed_through and wanted == self.photo.format and has_source

    def _encode(self, wanted: str) -> tuple[bytes, str]:
        if self._same_file(wanted) and (original := _original_file(self.photo)) is not None:
            return original, wanted
        name, note = writable(wanted, lossless=self.photo.lossless, bits=self.photo.bits)
        notes = [note] if note else []
        metadata = self._metadata(name, notes)
        try:
            content, more = encode_pixels(
                self.pixels, metadata, name, lossless=self.photo.lossless, quality=self.quality
            )
        except MemoryError:
            raise PhotoError(f"{self.photo.name} could not be written as {name}: not enough memory.") from None
        except Exception as error:  # every encoder raises its own types
            raise PhotoError(f"{self.photo.name} could not be written as {name}: {one_line(error, 100)}.") from None
        self.notes = tuple(dict.fromkeys([*(self.notes or ()), *notes, *more]))
        return content, name

    def _metadata(self, name: str, notes: list[str]) -> Metadata:
        from colorhub import __version__

        metadata = self.photo.metadata
        if metadata.xmp and not self.passed_through:
            metadata = replace(metadata, xmp=without_tone(metadata.xmp, notes))
        if not self.record or self.provenance is None:
            return metadata
        if name == "BMP":
            notes.append("BMP has no place to record that the colours were invented")
            return metadata
        packet, kept = record_provenance(metadata.xmp, self.provenance, f"colorhub {__version__}")
        if not kept:
            notes.append("its XMP data is damaged or too large and was replaced")
        return replace(metadata, xmp=packet)

    def _repr_png_(self) -> bytes:
        """A preview of at most 1024 pixels a side, which notebooks show."""
        import io

        from PIL import Image

        step = max(1, max(self.pixels.shape[:2]) // (4 * _PREVIEW))
        image = Image.fromarray(to_uint8(np.ascontiguousarray(self.pixels[::step, ::step])))
        image.thumbnail((_PREVIEW, _PREVIEW))
        out = io.BytesIO()
        image.save(out, "PNG", compress_level=3)
        return out.getvalue()


def _original_file(photo: Photo) -> bytes | None:
    """The bytes the photo was read from, if they are still the same."""
    if photo.path is None:
        return photo.original
    try:
        unchanged = photo.times is not None and photo.path.stat().st_mtime_ns == photo.times[1]
        return photo.path.read_bytes() if unchanged else None
    except OSError:
        return None
