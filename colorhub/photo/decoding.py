"""Files to pixels: which formats, what is checked before a pixel is decoded, and who decodes 16 bits."""

import logging
import struct
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np

from colorhub.photo import exif as tiff
from colorhub.photo.errors import unreadable
from colorhub.photo.metadata import Metadata, read_metadata, read_tiff_metadata, tiff_reader
from colorhub.photo.pixels import Pixels, pixels_of_image, pixels_of_planes

_BRANDS = {b"avif": "AVIF", b"avis": "AVIF"}
_HEIF_BRANDS = frozenset([b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"])
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# Formats by their first bytes, which are neither pictures nor accepted, for a sentence that helps.
_STRANGERS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "is a ZIP archive"),
    (b"PK\x05\x06", "is a ZIP archive"),
    (b"\x1f\x8b", "is a gzip archive"),
    (b"7z\xbc\xaf", "is a 7-Zip archive"),
    (b"Rar!", "is a RAR archive"),
    (b"%PDF", "is a PDF document"),
    (b"%!PS", "is a PostScript document"),
    (b"8BPS", "is a Photoshop document"),
    (b"\x00\x00\x00\x0cjP  ", "is a JPEG 2000 picture"),
    (b"FUJIFILM", "is a camera's raw file"),
    (b"RIFF", "is a sound or video file"),
)
_READERS: dict[str, tuple[str, str]] = {
    "JPEG": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "WEBP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "TIFF": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "HEIF": ("pillow_heif", "HeifImageFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
}
_MOST_SCANS = 200  # of a progressive JPEG: encoders write about ten; thousands keep a decoder busy for minutes
_DNG_VERSION = 50706
_SILENT = logging.NullHandler()


@dataclass
class Decoded:
    """A file's first picture. ``orientation`` is what is still to be applied."""

    pixels: Pixels
    metadata: Metadata
    icc: bytes | None
    format: str
    orientation: int = 1
    lossless: bool = False
    notes: tuple[str, ...] = ()


def decode_file(file: BinaryIO, name: str, max_pixels: int) -> Decoded:
    """Decode an open, seekable file. Raises :class:`PhotoError` for what is no accepted picture, and whatever the
    libraries raise for damaged ones."""
    file.seek(0)
    format_name = sniff(file.read(4096), name)
    if format_name == "TIFF":
        return _decode_tiff(file, name, max_pixels)
    if format_name == "JPEG":
        _refuse_endless_scans(file, name)
    image = open_reader(format_name, file)
    check_size(image.size, name, max_pixels)
    if format_name == "PNG" and _is_deep_color_png(file):
        image.load()  # Pillow notices a file that is cut short and gathers the texts behind the pixels
        return _finish(image, file, format_name, _decode_deep_png(file))
    return _finish(image, file, format_name, None)


def _finish(image: Any, file: BinaryIO, format_name: str, pixels: Pixels | None) -> Decoded:
    image.load()
    metadata = read_metadata(image, file)
    notes = _page_notes(image, format_name)
    orientation = 1 if format_name == "HEIF" else metadata.orientation()  # libheif has turned the picture already
    return Decoded(
        pixels=pixels or pixels_of_image(image),
        metadata=metadata,
        icc=image.info.get("icc_profile") or None,
        format=format_name,
        orientation=orientation,
        lossless=format_name not in ("JPEG", "WEBP", "HEIF", "AVIF")
        or (format_name == "WEBP" and _is_lossless_webp(file)),
        notes=notes,
    )


def sniff(head: bytes, name: str) -> str:
    """The format of a file from its first bytes, whatever its name says. Raises :class:`PhotoError` for other kinds."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith(_TIFF_MAGIC):
        if head[8:10] == b"CR":
            raise unreadable(name, "is a camera's raw file")
        return "TIFF"
    if head.startswith(b"BM"):
        return "BMP"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head[4:8] == b"ftyp":
        return _sniff_boxes(head, name)
    raise unreadable(name, _describe_stranger(head))


def _sniff_boxes(head: bytes, name: str) -> str:
    length = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12]] + [head[at : at + 4] for at in range(16, length - 3, 4)]
    for brand in brands:
        if brand in _BRANDS:
            return _BRANDS[brand]
    if any(brand in _HEIF_BRANDS for brand in brands):
        return "HEIF"
    raise unreadable(name, "is a video or another file in that container, not a picture")


def _describe_stranger(head: bytes) -> str:
    if not head.strip(b"\0"):
        return "holds nothing but zeros"
    for magic, reason in _STRANGERS:
        if head.startswith(magic):
            return reason
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in text[:1024]:
        return "is an SVG drawing, not a photograph"
    if text.startswith((b"<!doctype html", b"<html")):
        return "is a web page, not a picture"
    if all(byte >= 32 or byte in b"\t\r\n\f" for byte in head[:512]):
        return "is text, not a picture"
    return "is not a picture in a known format"


def check_size(size: tuple[int, int], name: str, max_pixels: int) -> None:
    """Raise :class:`PhotoError` for a picture without pixels or with more than ``max_pixels``."""
    width, height = size
    if width <= 0 or height <= 0:
        raise unreadable(name, f"claims a size of {width} x {height} pixels")
    if width * height > max_pixels:
        raise unreadable(
            name,
            f"has {width} x {height} = {width * height / 1e6:,.1f} million pixels",
            f"at most {max_pixels / 1e6:,.1f} million are accepted (the setting is max_pixels)",
        )


def open_reader(format_name: str, file: BinaryIO) -> Any:
    """Pillow's reader of one format, which reads the header only. Asking the reader itself, not ``Image.open``, leaves
    Pillow's process-wide limit on pixels to others and keeps the rarely used readers out."""
    module, class_name = _READERS[format_name]
    reader: Callable[..., Any] = getattr(import_module(module), class_name)
    file.seek(0)
    return reader(file)


def _refuse_endless_scans(file: BinaryIO, name: str) -> None:
    file.seek(0)
    scans, last = 0, b""
    while chunk := file.read(1 << 20):
        scans += (last + chunk).count(b"\xff\xda")
        last = chunk[-1:] if chunk.endswith(b"\xff") else b""
    if scans > _MOST_SCANS:
        raise unreadable(name, f"is a JPEG of {scans} scans, more than any camera or program writes")


def _is_deep_color_png(file: BinaryIO) -> bool:
    file.seek(24)
    depth, color_type = struct.unpack("BB", file.read(2))
    return depth == 16 and color_type != 0


def _decode_deep_png(file: BinaryIO) -> Pixels:
    import imagecodecs

    file.seek(0)
    array = imagecodecs.png_decode(file.read())
    channels = 1 if array.ndim == 2 else array.shape[2]
    return pixels_of_planes(array, photometric=2 if channels >= 3 else 1, alpha_kind=2)


def _is_lossless_webp(file: BinaryIO) -> bool:
    """Whether the first picture of a WebP file is stored in the lossless way."""
    file.seek(12)
    for _ in range(64):
        head = file.read(8)
        if len(head) < 8 or head[:4] == b"VP8 ":
            return False
        if head[:4] == b"VP8L":
            return True
        size = int.from_bytes(head[4:], "little")
        file.seek(16 if head[:4] == b"ANMF" else size + size % 2, 1)  # an animation's frame holds chunks itself
    return False


def _page_notes(image: Any, format_name: str) -> tuple[str, ...]:
    if format_name == "GIF":
        return ("animated GIF: first frame",) if getattr(image, "is_animated", False) else ()
    frames = getattr(image, "n_frames", 1)
    if frames <= 1:
        return ()
    if format_name == "HEIF":
        return (f"HEIC of {frames} pictures: the main one",)
    return (f"animated {format_name}: first of {frames} frames",)


def _decode_tiff(file: BinaryIO, name: str, max_pixels: int) -> Decoded:
    """A TIFF file: Pillow for what it knows exactly, tifffile for more than 8 bits, very large and unusual files."""
    from PIL import Image

    reader = tiff_reader(file)
    top = reader.directory(reader.first)
    tags = {tag: _first_number(reader, top, tag) for tag in (256, 257, 258, 262, 277, 322, 323, _DNG_VERSION)}
    if tags[_DNG_VERSION] is not None:
        raise unreadable(name, "is a camera's raw file (DNG)")
    size = tags[256] or 0, tags[257] or 0
    check_size(size, name, max_pixels)
    tile = (tags[322] or 1) * (tags[323] or 1)
    if tile > max(4 * size[0] * size[1], 1 << 24) or (tags[277] or 1) > 64:
        raise unreadable(name, "claims tiles or channels that do not fit its size")
    pages = tiff.count_pages(tiff_reader(file))
    limit = Image.MAX_IMAGE_PIXELS
    small = limit is None or max(size[0] * size[1], tile) <= limit
    decoded = _tiff_with_pillow(file) if (tags[258] or 1) <= 8 and small else None
    if decoded is None:
        decoded = _tiff_with_tifffile(file, name)
    if pages > 1:
        decoded.notes = (f"multi-page TIFF: first of {'more than ' if pages >= 1000 else ''}{pages} pages",)
    return decoded


def _first_number(reader: tiff.Reader, directory: tiff.Directory, tag: int) -> int | None:
    entry = directory.find(tag)
    if entry is None:
        return None
    size = len(entry.value) // max(entry.count, 1)
    return reader.number(entry.value[:size])


def _tiff_with_pillow(file: BinaryIO) -> Decoded | None:
    """``None`` where Pillow does not know the layout."""
    try:
        image = open_reader("TIFF", file)
    except (SyntaxError, KeyError):
        return None
    if image.mode.startswith(("I;16", "F", "I")):
        return None
    image.load()  # applies the orientation
    metadata = read_metadata(image, file)
    icc = image.info.get("icc_profile") or None
    pixels = pixels_of_image(image)
    return Decoded(pixels, metadata, icc, "TIFF", orientation=1, lossless=True)


def _tiff_with_tifffile(file: BinaryIO, name: str) -> Decoded:
    import tifffile

    # Its complaints about damaged files would reach the terminal where nobody set up logging; what matters is raised.
    logging.getLogger("tifffile").addHandler(_SILENT)
    file.seek(0)
    with tifffile.TiffFile(file) as opened:
        page = opened.pages.first
        if page.imagedepth > 1 or page.samplesperpixel > 64:
            raise unreadable(name, "holds a volume, not a picture")
        array = page.asarray()
        if page.axes == "SYX":
            array = np.moveaxis(array, 0, -1)
        elif page.axes not in ("YX", "YXS"):
            raise unreadable(name, f"stores its pixels in an unusual order ({page.axes})")
        extra = [int(kind) for kind in page.extrasamples]
        kind = extra[0] if extra and extra[0] in (1, 2) else None
        if page.photometric == 3:
            raise unreadable(name, "has a palette of a kind that is not supported")
        array = _expand_bits(array, int(page.bitspersample))
        pixels = pixels_of_planes(array, photometric=int(page.photometric), alpha_kind=kind)
        icc = page.tags[34675].value if 34675 in page.tags else None
    metadata = read_tiff_metadata(file)
    return Decoded(pixels, metadata, bytes(icc) if icc else None, "TIFF", metadata.orientation(), lossless=True)


def _expand_bits(array: np.ndarray, bits: int) -> np.ndarray:
    """Scanners' 10, 12 and 14 bits, and 2 and 4, to the full range of their type."""
    if array.dtype.kind != "u" or bits in (8, 16, 32):
        return array
    full = np.uint8 if bits < 8 else np.uint16
    scale = np.iinfo(full).max / (2**bits - 1)
    return np.round(array * np.float32(scale)).astype(full)
