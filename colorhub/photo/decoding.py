"""Files to pixels: which formats, what is checked before a pixel is decoded, and who decodes 16 bits."""

import io
import logging
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from colorhub.photo import jpeg, png
from colorhub.photo.color_spaces import of_code_points
from colorhub.photo.errors import PhotoError, UnsupportedError, unreadable
from colorhub.photo.metadata import exif as tiff
from colorhub.photo.metadata.metadata import (
    Metadata,
    metadata_of_png,
    read_metadata,
    tiff_reader,
    with_tiff_tags,
    xmp_of_gif,
)
from colorhub.photo.metadata.turning import Turn
from colorhub.photo.pixels import Pixels, expand_bits, pixels_of_image, pixels_of_planes
from colorhub.photo.tiff_pages import Choice, choose_page, file_of

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
_LOSSY = ("JPEG", "WEBP", "HEIF", "AVIF")
# What Pillow's readers raise for blocks that they do not understand.
_REFUSALS = (SyntaxError, KeyError, ValueError, OSError, TypeError, IndexError, struct.error)
_SEARCHED = 1 << 16  # bytes of a HEIF or AVIF file in which its boxes are looked for
_SILENT = logging.NullHandler()


@dataclass
class Decoded:
    """A file's first picture. ``orientation`` is what is still to be applied, ``applied`` what the decoder applied
    already."""

    pixels: Pixels
    metadata: Metadata
    icc: bytes | None
    format: str
    orientation: int = 1
    applied: int = 1
    lossless: bool = False
    notes: tuple[str, ...] = ()


class Header(NamedTuple):
    """What a file says before a pixel is decoded. ``orientation``: what it states, 1 to 8, or ``None``. ``size``:
    (width, height) in pixels of the picture as it is stored."""

    metadata: Metadata
    orientation: int | None
    size: tuple[int, int]


def read_header(file: BinaryIO, name: str) -> Header:
    """The header of an open, seekable file. Raises as :func:`decode_file`."""
    file.seek(0)
    format_name = sniff(file.read(4096), name)
    if format_name == "TIFF":
        page = choose_page(tiff_reader(file), name).page
        metadata = with_tiff_tags(Metadata(), file, page.offset)
        return Header(metadata, metadata.stated_orientation(), (page.width, page.height))
    if format_name == "PNG":
        chunks = png.read_chunks(file)
        image = open_reader(format_name, chunks.file)
        metadata = metadata_of_png(image, chunks)
        return Header(metadata, metadata.stated_orientation(), image.size)
    image = open_reader(format_name, file)
    metadata = read_metadata(image)
    if format_name == "GIF":
        metadata = replace(metadata, xmp=xmp_of_gif(file))
    if format_name == "HEIF":  # its own transformations say how it is turned, even where there are none
        orientation = _turn_in_boxes(image, file)
        return Header(metadata, orientation, Turn(orientation, *image.size).size)
    return Header(metadata, metadata.stated_orientation(), image.size)


def decode_file(file: BinaryIO, name: str, max_pixels: int) -> Decoded:
    """Decode an open, seekable file. Raises :class:`PhotoError` for what is no accepted picture, and whatever the
    libraries raise for damaged ones."""
    file.seek(0)
    format_name = sniff(file.read(4096), name)
    decoders = {"TIFF": _decode_tiff, "JPEG": _decode_jpeg, "PNG": _decode_png}
    if format_name in decoders:
        return decoders[format_name](file, name, max_pixels)
    image, notes = _loaded(format_name, file, name, max_pixels)
    metadata = read_metadata(image)
    if format_name == "GIF":
        metadata = replace(metadata, xmp=xmp_of_gif(file))
    icc = image.info.get("icc_profile") or _stated_by_code_points(image, file, format_name)
    metadata = replace(metadata, had_profile=bool(icc))
    # libheif has turned the picture already, where the container tells it to; EXIF repeats that turn.
    orientation, applied = metadata.orientation(), 1
    if format_name == "HEIF":
        orientation, applied = 1, _turn_in_boxes(image, file)
        if image.info.get("original_orientation") not in (None, 1, applied):
            notes = (*notes, "its EXIF data asks for a turn that HEIC's own data does not make: not turned")
    lossless = format_name not in _LOSSY or (format_name == "WEBP" and _is_lossless_webp(file))
    notes = (*notes, *_page_notes(image, format_name))
    pixels = pixels_of_image(image)
    return Decoded(pixels, metadata, icc, format_name, orientation, applied, lossless=lossless, notes=notes)


def _turn_in_boxes(image: Any, file: BinaryIO) -> int:
    """The orientation that libheif applied: EXIF's, if the container has a turn at all."""
    file.seek(0)
    head = file.read(_SEARCHED)
    stated = image.info.get("original_orientation")
    return stated if stated in range(1, 9) and (b"irot" in head or b"imir" in head) else 1


def _loaded(format_name: str, file: BinaryIO, name: str, max_pixels: int) -> tuple[Any, tuple[str, ...]]:
    """The picture as Pillow decodes it; where metadata stop it, without them, which is noted. Raises what Pillow raises
    where the pixels are what is damaged."""

    def load(source: BinaryIO) -> Any:
        image = open_reader(format_name, source)
        check_size(image.size, name, max_pixels)
        image.load()
        return image

    try:
        return load(file), ()
    except PhotoError:
        raise
    except _REFUSALS:
        strip = {"JPEG": jpeg.without_metadata, "HEIF": _boxes_without_metadata, "AVIF": _boxes_without_metadata}
        if format_name not in strip:
            raise
        return load(io.BytesIO(strip[format_name](file))), ("its metadata are damaged and were left out",)


def _boxes_without_metadata(file: BinaryIO) -> bytes:
    """A HEIF or AVIF file whose EXIF and XMP have another type than decoders look for (ISO/IEC 23008-12, annex A)."""
    file.seek(0)
    return re.sub(rb"(infe[\x02\x03].{7})(Exif|mime)", rb"\1skip", file.read(), flags=re.DOTALL)


def _stated_by_code_points(image: Any, file: BinaryIO, format_name: str) -> bytes | None:
    """The profile of HEIF's and AVIF's other way to state a colour space (ISO/IEC 14496-12, section 12.1.5)."""
    if format_name == "HEIF":
        stated = image.info.get("nclx_profile") or {}
        primaries, transfer = stated.get("color_primaries", 2), stated.get("transfer_characteristics", 2)
    elif format_name == "AVIF":
        file.seek(0)
        head = file.read(_SEARCHED)
        at = head.find(b"colrnclx") + 8
        primaries, transfer = struct.unpack_from(">HH", head, at) if 8 <= at <= len(head) - 4 else (2, 2)
    else:
        return None
    return of_code_points(primaries, transfer, grey=False)


def _decode_jpeg(file: BinaryIO, name: str, max_pixels: int) -> Decoded:
    found = jpeg.structure(file)
    if found.scans > _MOST_SCANS:
        raise unreadable(name, f"is a JPEG of {found.scans} scans, more than any camera or program writes")
    if found.segments > jpeg.MOST_SEGMENTS:
        raise unreadable(
            name, f"is a JPEG of more than {jpeg.MOST_SEGMENTS} segments, as no camera or program writes it"
        )
    if found.unsupported:
        raise unreadable(name, f"is a {found.unsupported}, a kind that cannot be decoded here")
    notes = jpeg.what_is_behind(file, found)
    if found.bits != 8 or found.is_lossless:
        check_size(found.size, name, max_pixels)
        return _decode_rare_jpeg(file, found, notes)
    image, damage = _loaded("JPEG", file, name, max_pixels)
    metadata = read_metadata(image)
    icc = image.info.get("icc_profile") or None
    return Decoded(pixels_of_image(image), metadata, icc, "JPEG", metadata.orientation(), notes=(*damage, *notes))


def _decode_rare_jpeg(file: BinaryIO, found: jpeg.Structure, notes: tuple[str, ...]) -> Decoded:
    """A JPEG of 12 or 16 bits, or a lossless one, which Pillow does not know."""
    import imagecodecs

    if found.components not in (1, 3):
        raise UnsupportedError(
            f"is a JPEG of {found.components} channels and {found.bits} bits, which nothing here decodes"
        )
    file.seek(0)
    decode = imagecodecs.jpegls_decode if found.frame == jpeg.JPEG_LS else imagecodecs.jpeg_decode
    array = expand_bits(decode(file.read(found.end)), found.bits)
    pixels = pixels_of_planes(array, photometric=2 if array.ndim == 3 else 1, alpha_kind=None)
    image = open_reader("JPEG", io.BytesIO(jpeg.around_another_picture(file)))  # for what stands beside the pixels
    metadata = read_metadata(image)
    icc = image.info.get("icc_profile") or None
    return Decoded(pixels, metadata, icc, "JPEG", metadata.orientation(), lossless=found.is_lossless, notes=notes)


def _decode_png(file: BinaryIO, name: str, max_pixels: int) -> Decoded:
    chunks = png.read_chunks(file)
    image = open_reader("PNG", chunks.file)
    check_size(image.size, name, max_pixels)
    image.load()  # also where another library decodes: Pillow notices a file that is cut short
    is_deep = _is_deep_color_png(file)
    pixels = _decode_deep_png(chunks.file) if is_deep else pixels_of_image(image)
    metadata = metadata_of_png(image, chunks)
    notes = (*chunks.notes, *_page_notes(image, "PNG"))
    return Decoded(pixels, metadata, chunks.icc, "PNG", metadata.orientation(), lossless=True, notes=notes)


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
    choice = choose_page(reader, name)
    page = choice.page
    if page.jpeg is not None and choice.is_preview:
        return _decode_preview(file, choice, name, max_pixels)
    tags = {tag: tiff.whole_number(page.directory, tag, reader) for tag in (258, 277, 322, 323)}
    size = page.width, page.height
    check_size(size, name, max_pixels)
    tile = (tags[322] or 1) * (tags[323] or 1)
    if tile > max(4 * size[0] * size[1], 1 << 24) or (tags[277] or 1) > 64:
        raise unreadable(name, "claims tiles or channels that do not fit its size")
    limit = Image.MAX_IMAGE_PIXELS
    small = limit is None or max(size[0] * size[1], tile) <= limit
    seen = file_of(file, page, reader)
    metadata = with_tiff_tags(Metadata(), file, page.offset)
    decoded = _tiff_with_pillow(seen, metadata) if (tags[258] or 1) <= 8 and small else None
    if decoded is None:
        decoded = _tiff_with_tifffile(seen, metadata, name)
    decoded.notes = choice.notes
    return decoded


def _decode_preview(file: BinaryIO, choice: Choice, name: str, max_pixels: int) -> Decoded:
    """The JPEG inside a camera's raw file, with the metadata of the file around it."""
    start, size = choice.page.jpeg or (0, 0)
    file.seek(start)
    decoded = _decode_jpeg(io.BytesIO(file.read(size)), name, max_pixels)
    around = replace(with_tiff_tags(decoded.metadata, file), had_profile=bool(decoded.icc))
    orientation = around.stated_orientation() or decoded.orientation
    return replace(decoded, metadata=around, format="TIFF", orientation=orientation, notes=choice.notes)


def _tiff_with_pillow(file: BinaryIO, metadata: Metadata) -> Decoded | None:
    """``None`` where Pillow does not know the layout."""
    try:
        image = open_reader("TIFF", file)
        if image.mode.startswith(("I;16", "F", "I")):
            return None
        # Pillow turns by the tag; where there is none, it searches XMP for one, even a damaged packet.
        tag = image.tag_v2.get(tiff.ORIENTATION)
        applied = tag if tag in range(1, 9) else 1
        image.getexif()[tiff.ORIENTATION] = applied
        image.load()
    except _REFUSALS:
        return None
    icc = image.info.get("icc_profile") or None
    orientation = 1 if tag == applied else metadata.orientation()
    return Decoded(pixels_of_image(image), metadata, icc, "TIFF", orientation, applied, lossless=True)


def _tiff_with_tifffile(file: BinaryIO, metadata: Metadata, name: str) -> Decoded:
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
        array = expand_bits(array, int(page.bitspersample))
        # JPEG's decoder turns YCbCr into RGB.
        is_ycbcr_jpeg = page.photometric == 6 and page.compression in (6, 7)
        pixels = pixels_of_planes(array, photometric=2 if is_ycbcr_jpeg else int(page.photometric), alpha_kind=kind)
        icc = page.tags[34675].value if 34675 in page.tags else None
    return Decoded(pixels, metadata, bytes(icc) if icc else None, "TIFF", metadata.orientation(), lossless=True)
