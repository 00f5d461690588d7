"""ColorPhoto: colours for a photo, and the way back to a file with everything else as it was."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from colorhub.photo.encoding import encode_pixels
from colorhub.photo.errors import PhotoError, short
from colorhub.photo.formats import SUFFIXES, format_named, format_of_path, with_suffix, writable
from colorhub.photo.metadata import Metadata
from colorhub.photo.photo import Photo
from colorhub.photo.saving import write_whole
from colorhub.photo.xmp import record_provenance

if TYPE_CHECKING:
    from PIL import Image

_PREVIEW = 1024  # pixels of the longer side in notebooks


@dataclass(eq=False)
class ColorPhoto:
    """A photo in colour.

    ``pixels``: ``(H, W, 3)`` or ``(H, W, 4)``, uint8 or uint16, sRGB. ``photo``: where it came from. ``provenance``:
    what invented the colours, such as ``{"model": ..., "weights_sha256": ..., "settings": ...}``, or ``None`` where
    nothing did. ``notes``: what should be said, by default the photo's; saving adds what a format could not hold.
    ``passed_through``: the photo was in colour already; saved in its own format it is the very same file.
    """

    pixels: np.ndarray = field(repr=False)
    photo: Photo
    provenance: dict[str, str] | None = None
    notes: tuple[str, ...] | None = None
    passed_through: bool = False

    def __post_init__(self) -> None:
        if self.notes is None:
            self.notes = self.photo.notes
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] not in (3, 4) or dtype not in (np.uint8, np.uint16):
            raise ValueError(f"pixels must be (H, W, 3) or (H, W, 4) of uint8 or uint16, got {shape} of {dtype}.")

    def to_pil(self) -> "Image.Image":
        """The picture as a PIL image, RGB or RGBA. PIL holds 8 bits a channel: 16-bit colours are rounded."""
        from PIL import Image

        return Image.fromarray(_eight_bits(self.pixels))

    def encode(self, format: str | None = None, *, provenance: bool = True) -> tuple[bytes, str]:
        """The bytes of a file and its suffix (``.jpg``), in ``format`` or the input's. ``provenance`` records in XMP
        that a model invented the colours. Raises :class:`PhotoError` for a format that cannot be written."""
        wanted = format_named(format) if format else self.photo.format
        content, name = self._encode(wanted, provenance)
        return content, SUFFIXES[name][0]

    def save(
        self, path: str | os.PathLike, format: str | None = None, *, provenance: bool = True, overwrite: bool = True
    ) -> Path:
        """Write a file and return its path.

        The format is ``format``, else the path's suffix, else the input's. The returned path has another suffix than
        the given one where that would lie: for GIF, a PNG is written (and noted). The file appears whole or not at all
        and gets the times of the file the photo came from. Raises :class:`PhotoError` where it cannot be written.
        """
        target = Path(path)
        wanted = format_named(format) if format else format_of_path(target) or self.photo.format
        real = with_suffix(target, self._written_as(wanted))
        if not overwrite and real.exists():  # said before minutes are spent on encoding
            raise PhotoError(
                f"{real} exists already and was not overwritten; allow it with overwrite, or choose another name."
            )
        content, name = self._encode(wanted, provenance)
        real = with_suffix(target, name)
        write_whole(real, content, self.photo.times, overwrite=overwrite)
        return real

    def _written_as(self, wanted: str) -> str:
        if self._same_file(wanted):
            return wanted
        return writable(wanted, lossless=self.photo.lossless)[0]

    def _same_file(self, wanted: str) -> bool:
        has_source = self.photo.path is not None or self.photo.original is not None
        return self.passed_through and wanted == self.photo.format and has_source

    def _encode(self, wanted: str, provenance: bool) -> tuple[bytes, str]:
        if self._same_file(wanted) and (original := _original_file(self.photo)) is not None:
            return original, wanted
        name, note = writable(wanted, lossless=self.photo.lossless)
        notes = [note] if note else []
        metadata = self._metadata(provenance, name, notes)
        try:
            content, more = encode_pixels(self.pixels, metadata, name, lossless=self.photo.lossless)
        except MemoryError:
            raise PhotoError(f"{self.photo.name} could not be written as {name}: not enough memory.") from None
        except Exception as error:  # every encoder raises its own types
            raise PhotoError(f"{self.photo.name} could not be written as {name}: {short(error)}.") from None
        for said in (*notes, *more):
            if said not in self.notes:
                self.notes = (*self.notes, said)
        return content, name

    def _metadata(self, provenance: bool, name: str, notes: list[str]) -> Metadata:
        from colorhub import __version__

        metadata = self.photo.metadata
        if not provenance or self.provenance is None:
            return metadata
        if name == "BMP":
            notes.append("BMP has no place to record that the colours were invented")
            return metadata
        packet, kept = record_provenance(metadata.xmp, self.provenance, f"colorhub {__version__}")
        if not kept:
            notes.append("its XMP data is damaged and was replaced")
        return replace(metadata, xmp=packet, extended_xmp=metadata.extended_xmp if kept else ())

    def _repr_png_(self) -> bytes:
        """A preview of at most 1024 pixels a side, which notebooks show."""
        import io

        from PIL import Image

        step = max(1, max(self.pixels.shape[:2]) // (4 * _PREVIEW))
        image = Image.fromarray(_eight_bits(np.ascontiguousarray(self.pixels[::step, ::step])))
        image.thumbnail((_PREVIEW, _PREVIEW))
        out = io.BytesIO()
        image.save(out, "PNG", compress_level=3)
        return out.getvalue()


def _eight_bits(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.dtype == np.uint8 else ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _original_file(photo: Photo) -> bytes | None:
    """The bytes the photo was read from, if they are still the same."""
    if photo.path is None:
        return photo.original
    try:
        unchanged = photo.times is not None and photo.path.stat().st_mtime_ns == photo.times[1]
        return photo.path.read_bytes() if unchanged else None
    except OSError:
        return None
