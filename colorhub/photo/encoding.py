"""Pixels and metadata to the bytes of a file, one function a format."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from colorhub._pixels import on_white, to_uint8
from colorhub.photo.lightness import in_strips
from colorhub.photo.metadata import exif as tiff
from colorhub.photo.metadata import exif_fitting, iptc, photoshop, xmp, xmp_extended
from colorhub.photo.metadata.metadata import Metadata, png_profile_text, text_of_comment, tiff_reader
from colorhub.photo.png import Text
from colorhub.photo.profiles import srgb_profile

_EXIF_PREFIX = b"Exif\0\0"
_QUALITY = 95
_SEGMENT = 65533  # bytes that a JPEG segment holds
_MOST_JFIF = 65535  # dots per inch
_PNG_TEXT = 1 << 20  # bytes of a compressed text that Pillow and others accept
# tifffile writes these itself.
_OWN = frozenset([tiff.ORIENTATION, tiff.X_RESOLUTION, tiff.Y_RESOLUTION, tiff.RESOLUTION_UNIT])
# tifffile does not write pointers to directories. They are written under the code before theirs, which keeps the table
# sorted, and renamed once the directories have been put behind the file.
_STAND_IN = {tiff.EXIF_POINTER: tiff.EXIF_POINTER - 1, tiff.GPS_POINTER: tiff.GPS_POINTER - 1}
_BYTES, _UNDEFINED = 1, 7
_LARGEST_CLASSIC = 3_900_000_000  # bytes: a classic TIFF holds 4 GiB, and some room is needed


def encode_pixels(
    pixels: np.ndarray, metadata: Metadata, name: str, *, lossless: bool, quality: int | None = None
) -> tuple[bytes, tuple[str, ...]]:
    """The file's bytes and notes on what the format ``name`` could not hold.

    ``pixels`` are ``(H, W, 3)`` or ``(H, W, 4)``, uint8 or uint16. ``lossless`` asks for exact
    pixels where a format leaves the choice (WebP); ``quality`` is 1 to 100 of formats that lose some, 95 when not
    given. Raises ``ValueError``, ``OSError`` or ``RuntimeError`` where the encoder fails.
    """
    notes: list[str] = []
    if name not in ("PNG", "TIFF"):
        pixels = _to_eight_bits(pixels, name, notes)
    if name in ("JPEG", "BMP") and pixels.shape[2] == 4:
        pixels = in_strips(pixels, on_white, 3, np.uint8)
        notes.append(f"{name} holds no transparency: flattened on white")
    lossless = lossless and quality is None  # who names a quality wants a small file
    quality = quality or _QUALITY
    encoders: dict[str, Callable[[], bytes]] = {
        "JPEG": lambda: _jpeg(pixels, metadata, notes, quality),
        "PNG": lambda: _png(pixels, metadata, notes),
        "WEBP": lambda: _webp(pixels, metadata, notes, quality, lossless),
        "TIFF": lambda: _tiff(pixels, metadata, notes, lossless),
        "BMP": lambda: _bmp(pixels, metadata, notes),
        "HEIF": lambda: _heif(pixels, metadata, notes, quality),
        "AVIF": lambda: _avif(pixels, metadata, notes, quality),
    }
    return encoders[name](), tuple(notes)


def _to_eight_bits(pixels: np.ndarray, name: str, notes: list[str]) -> np.ndarray:
    if pixels.dtype == np.uint8:
        return pixels
    notes.append(f"{name} is written with 8 bits a channel, the photo has 16 (PNG and TIFF keep them)")
    return to_uint8(pixels)


def _profile(metadata: Metadata) -> bytes | None:
    """A photo that came with a profile leaves with one, sRGB's."""
    return srgb_profile() if metadata.had_profile else None


def _jpeg(pixels: np.ndarray, metadata: Metadata, notes: list[str], quality: int) -> bytes:
    options: dict[str, object] = {}
    in_header = max(metadata.dpi or (0,)) <= _MOST_JFIF
    block = metadata.exif if in_header else _exif_with_resolution(metadata, "JPEG", notes)
    if exif := _exif_for_jpeg(block, notes):
        options["exif"] = _EXIF_PREFIX + exif
    packet, extended = xmp_extended.split(metadata.xmp) if metadata.xmp else (None, [])
    if packet:
        options["xmp"] = packet
    elif metadata.xmp:
        notes.append(f"its XMP data of {len(metadata.xmp)} bytes is damaged, does not fit into JPEG and was left out")
    if metadata.dpi and in_header:
        options["dpi"] = metadata.dpi
    extra = b"".join(_segment(0xE1, body) for body in extended)
    extra += _photoshop_segments(metadata)
    comments = [*metadata.comments, *(_plain(text).encode("utf-8", "replace") for text in metadata.texts)]
    # What one segment cannot hold goes on in the next.
    pieces = [comment[at : at + _SEGMENT] for comment in comments for at in range(0, len(comment), _SEGMENT)]
    extra += b"".join(_segment(0xFE, piece) for piece in pieces)
    icc = _profile(metadata)
    return _saved(pixels, "JPEG", quality=quality, subsampling=0, extra=extra, icc_profile=icc, **options)


def _exif_for_jpeg(block: bytes | None, notes: list[str]) -> bytes | None:
    """The block, without its largest values where it does not fit into a segment: maker notes, as a rule."""
    room = _SEGMENT - len(_EXIF_PREFIX)
    if block is None or len(block) <= room:
        return block
    try:
        smaller, dropped = exif_fitting.shrink(block, room)
    except tiff.ExifError:
        notes.append(f"its EXIF data of {len(block)} bytes does not fit into JPEG and was left out")
        return None
    names = ", ".join("maker notes" if tag == exif_fitting.MAKER_NOTE else f"tag {tag}" for tag in dropped)
    if dropped:
        notes.append(f"its EXIF data of {len(block)} bytes does not fit into JPEG: left out {names}")
    return smaller


def _plain(text: Text) -> str:
    """One of PNG's texts for formats that know comments only."""
    return text.value if text.key == "Comment" else f"{text.key}: {text.value}"


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _photoshop_segments(metadata: Metadata) -> bytes:
    blocks = photoshop.with_iptc(metadata.photoshop, metadata.iptc)
    prefix = b"Photoshop 3.0\0"
    room = _SEGMENT - len(prefix)  # readers join what is split over several segments
    return b"".join(_segment(0xED, prefix + blocks[at : at + room]) for at in range(0, len(blocks), room))


def _png(pixels: np.ndarray, metadata: Metadata, notes: list[str]) -> bytes:
    import imagecodecs

    raw = bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels), level=3))
    chunks = []
    if metadata.had_profile:
        chunks.append(_chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(srgb_profile())))
    if metadata.dpi:
        dots = [round(value / 0.0254) for value in metadata.dpi]
        chunks.append(_chunk(b"pHYs", struct.pack(">IIB", *dots, 1)))
    if metadata.exif:
        chunks.append(_chunk(b"eXIf", metadata.exif))
    if metadata.xmp:
        chunks.append(_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp))
    if resources := photoshop.with_iptc(metadata.photoshop, metadata.iptc):
        kind = "iptc" if metadata.iptc else "8bim"
        text = png_profile_text(kind, resources).encode("ascii")
        if len(text) > _PNG_TEXT:
            notes.append("its IPTC and Photoshop data are too large for a text of PNG and were left out")
        else:
            chunks.append(_chunk(b"zTXt", f"Raw profile type {kind}\0\0".encode() + zlib.compress(text)))
    texts = list(metadata.texts)
    if metadata.comments:
        texts.append(Text("Comment", "\n".join(text_of_comment(comment) for comment in metadata.comments)))
    chunks += [_text_chunk(text) for text in texts]
    behind_header = 8 + 12 + 13  # signature, and IHDR with its frame
    return raw[:behind_header] + b"".join(chunks) + raw[behind_header:]


def _text_chunk(text: Text) -> bytes:
    keyword = text.key.encode("latin-1", "replace")[:79] or b"Comment"
    if not text.international:
        try:
            return _chunk(b"tEXt", keyword + b"\0" + text.value.encode("latin-1"))
        except UnicodeEncodeError:
            pass
    language, translated = text.language.encode("latin-1", "replace"), text.translated.encode("utf-8", "replace")
    head = keyword + b"\0\0\0" + language + b"\0" + translated + b"\0"
    return _chunk(b"iTXt", head + text.value.encode("utf-8", "replace"))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _blocks(metadata: Metadata, name: str, notes: list[str]) -> dict[str, bytes | None]:
    """For formats with EXIF and XMP only: the resolution goes into EXIF, what has no place is said."""
    exif = _exif_with_resolution(metadata, name, notes)
    packet = _with_captions(metadata, name, notes)
    if metadata.comments or metadata.texts:
        notes.append(f"{name} has no place for comments: left out")
    if metadata.photoshop and set(photoshop.unpack(metadata.photoshop)) - {photoshop.DIGEST_RESOURCE}:
        notes.append(f"{name} has no place for Photoshop's settings: left out")
    return {"exif": exif or b"", "xmp": packet or b"", "icc_profile": _profile(metadata)}


def _exif_with_resolution(metadata: Metadata, name: str, notes: list[str]) -> bytes | None:
    if not metadata.dpi:
        return metadata.exif
    try:
        return tiff.with_resolution(metadata.exif, metadata.dpi)
    except tiff.ExifError:
        notes.append(f"its resolution could not be written into {name}")
        return metadata.exif


def _with_captions(metadata: Metadata, name: str, notes: list[str]) -> bytes | None:
    """The XMP packet with what IPTC records say. Where both say something, XMP's word counts, unless the records were
    edited after it (Metadata Working Group, Guidelines 2.0, section 3.2)."""
    if not metadata.iptc:
        return metadata.xmp
    properties, without = iptc.as_properties(metadata.iptc)
    override = photoshop.iptc_was_edited(metadata.photoshop, metadata.iptc)
    packet, kept = xmp.with_properties(metadata.xmp, properties, override=override)
    notes.append(f"{name} has no place for IPTC captions: written as XMP")
    if without:
        notes.append(f"{without} of its IPTC entries have no place in XMP and were left out")
    if not kept:
        notes.append("its XMP data is damaged or too large and was replaced")
    return packet


def _webp(pixels: np.ndarray, metadata: Metadata, notes: list[str], quality: int, lossless: bool) -> bytes:
    if max(pixels.shape[:2]) > 16383:
        raise ValueError("WebP holds at most 16383 pixels a side")
    blocks = _blocks(metadata, "WebP", notes)
    effort = 30 if lossless else quality  # for lossless: how hard to try, not how good
    return _saved(pixels, "WEBP", quality=effort, lossless=lossless, exact=True, method=2, **blocks)


def _bmp(pixels: np.ndarray, metadata: Metadata, notes: list[str]) -> bytes:
    beside = (metadata.exif, metadata.xmp, metadata.iptc, metadata.photoshop, metadata.comments, metadata.texts)
    if any(beside) or metadata.had_profile:
        notes.append("BMP has no place for metadata: left out")
    return _saved(pixels, "BMP", dpi=metadata.dpi or (96, 96))


def _heif(pixels: np.ndarray, metadata: Metadata, notes: list[str], quality: int) -> bytes:
    import pillow_heif
    from PIL import Image

    blocks = {name: block or None for name, block in _blocks(metadata, "HEIC", notes).items()}
    if exif := blocks["exif"]:
        blocks["exif"] = _EXIF_PREFIX + exif
    out = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(pixels)).save(out, quality=quality, chroma=444, **blocks)
    return out.getvalue()


def _avif(pixels: np.ndarray, metadata: Metadata, notes: list[str], quality: int) -> bytes:
    blocks = _blocks(metadata, "AVIF", notes)
    return _saved(pixels, "AVIF", quality=quality, subsampling="4:4:4", speed=8, **blocks)


def _saved(pixels: np.ndarray, format_name: str, **options: Any) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format_name, **options)
    return out.getvalue()


def _tiff(pixels: np.ndarray, metadata: Metadata, notes: list[str], lossless: bool) -> bytes:
    """``(H, W, 3 or 4)`` uint8 or uint16 and metadata as a TIFF file. Says in ``notes`` what could not be kept."""
    import tifffile

    order, top = _directory(metadata, notes)
    big = pixels.nbytes > _LARGEST_CLASSIC
    below = [entry for entry in top.entries if entry.tag in _STAND_IN]
    if big and below:
        top.entries = [entry for entry in top.entries if entry.children is None]
        notes.append("a TIFF of more than 4 GB is written without camera and GPS data")
    out = io.BytesIO()
    with tifffile.TiffWriter(out, byteorder=order, bigtiff=big) as writer:
        writer.write(
            pixels,
            photometric="rgb",
            compression="adobe_deflate",
            compressionargs={"level": 4},
            predictor=True,
            rowsperstrip=max(1, (1 << 20) // (pixels.shape[1] * pixels.shape[2] * pixels.itemsize)),
            extrasamples=["unassalpha"] if pixels.shape[2] == 4 else None,
            resolution=metadata.dpi or (1, 1),
            resolutionunit="INCH" if metadata.dpi else "NONE",
            software=False,
            metadata=None,
            iccprofile=srgb_profile() if metadata.had_profile else None,
            extratags=_extra_tags(top, metadata),
        )
    if below and not big:
        _append_directories(out, below, order)
    return out.getvalue()


def _directory(metadata: Metadata, notes: list[str]) -> tuple[Literal["<", ">"], tiff.Directory]:
    """The EXIF block's directory and its byte order, in which the file is written: maker notes are in it too."""
    if metadata.exif is None:
        return "<", _with_description(tiff.Directory(), metadata, notes)
    try:
        reader = tiff.from_bytes(metadata.exif)
        top = reader.directory(reader.first)
    except tiff.ExifError:
        notes.append("its EXIF data is damaged and was left out")
        return "<", _with_description(tiff.Directory(), metadata, notes)
    if reader.damaged:
        notes.append("a part of its EXIF data is damaged and was left out")
    skipped = tiff.STRUCTURAL | _OWN | {tiff.INTEROP_POINTER}
    top.entries = [entry for entry in top.entries if entry.tag not in skipped]
    return reader.order, _with_description(top, metadata, notes)


def _with_description(top: tiff.Directory, metadata: Metadata, notes: list[str]) -> tiff.Directory:
    """Comments become the image description, unless there is one."""
    comments = [comment.rstrip(b"\0") for comment in metadata.comments]
    comments += [_plain(text).encode("utf-8", "replace") for text in metadata.texts]
    value = b"\n".join(comments)
    if value and top.find(exif_fitting.DESCRIPTION):
        notes.append("TIFF has no further place for comments: left out")
    elif program := exif_fitting.layout_described(value):
        notes.append(f"its comment is a layout of pixels by {program}, which does not fit one picture: left out")
    elif value:
        top.entries.append(tiff.Entry(exif_fitting.DESCRIPTION, 2, len(value) + 1, value + b"\0"))
    return top


def _extra_tags(top: tiff.Directory, metadata: Metadata) -> list[tuple[Any, ...]]:
    tags: list[tuple[Any, ...]] = []
    for entry in top.entries:
        if entry.children is not None:
            tags.append((_STAND_IN[entry.tag], 4, 1, 0, True))
        elif entry.kind <= 12 and entry.tag not in _STAND_IN.values():
            tags.append((entry.tag, entry.kind, entry.count, entry.value, True))
    if metadata.xmp:
        tags.append((tiff.XMP, _BYTES, len(metadata.xmp), metadata.xmp, True))
    if metadata.iptc:
        tags.append((tiff.IPTC, _UNDEFINED, len(metadata.iptc), metadata.iptc, True))
    if metadata.photoshop:
        resources = photoshop.with_iptc(metadata.photoshop, metadata.iptc)
        tags.append((tiff.PHOTOSHOP, _BYTES, len(resources), resources, True))
    return tags


def _append_directories(out: io.BytesIO, entries: list[tiff.Entry], order: str) -> None:
    """Put the Exif and GPS directories behind the file and their offsets into the tags that wait for them."""
    reader = tiff_reader(out)
    top = reader.outline(reader.first)
    for entry in entries:
        stand_in = top.find(_STAND_IN[entry.tag])
        if entry.children is None or stand_in is None:
            continue
        end = out.seek(0, io.SEEK_END)
        out.write(bytes(end % 2))
        at = out.tell()
        out.write(tiff.pack(entry.children, order, at))
        out.seek(stand_in.at - 8)  # the entry begins with its tag, kind and count
        out.write(struct.pack(order + "HHII", entry.tag, 4, 1, at))
