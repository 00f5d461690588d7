"""Pixels and metadata to the bytes of a file, one function a format."""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from colorhub._pixels import on_white, to_uint8
from colorhub.photo import exif as tiff
from colorhub.photo.lightness import in_strips
from colorhub.photo.metadata import Metadata, iptc_resource, png_profile_text
from colorhub.photo.profiles import srgb_profile
from colorhub.photo.tiff_writing import encode_tiff

_EXIF_PREFIX = b"Exif\0\0"
_QUALITY = 95
_SEGMENT = 65533  # bytes that a JPEG segment holds


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
        "PNG": lambda: _png(pixels, metadata),
        "WEBP": lambda: _webp(pixels, metadata, notes, quality, lossless),
        "TIFF": lambda: encode_tiff(pixels, metadata, notes, lossless),
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
    from PIL import Image

    options: dict[str, object] = {}
    exif = _EXIF_PREFIX + metadata.exif if metadata.exif else b""
    if len(exif) > _SEGMENT:
        notes.append(f"its EXIF data of {len(exif)} bytes does not fit into JPEG and was left out")
        exif = b""
    xmp = metadata.xmp or b""
    if len(xmp) > _SEGMENT - 29:
        notes.append(f"its XMP data of {len(xmp)} bytes does not fit into JPEG and was left out")
        xmp = b""
    if exif:
        options["exif"] = exif
    if xmp:
        options["xmp"] = xmp
    if metadata.dpi:
        options["dpi"] = metadata.dpi
    extra = b"".join(_segment(0xE1, body) for body in metadata.extended_xmp if xmp)
    extra += _photoshop_segments(metadata)
    comments = [*metadata.comments, *(f"{key}: {value}" for key, value in metadata.texts.items())]
    extra += b"".join(_segment(0xFE, comment.encode("utf-8", "replace")[:_SEGMENT]) for comment in comments)
    out = io.BytesIO()
    Image.fromarray(pixels).save(
        out, "JPEG", quality=quality, subsampling=0, extra=extra, icc_profile=_profile(metadata), **options
    )
    return out.getvalue()


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _photoshop_segments(metadata: Metadata) -> bytes:
    blocks = (metadata.photoshop or b"") + (iptc_resource(metadata.iptc) if metadata.iptc else b"")
    prefix = b"Photoshop 3.0\0"
    room = _SEGMENT - len(prefix)  # readers join what is split over several segments
    return b"".join(_segment(0xED, prefix + blocks[at : at + room]) for at in range(0, len(blocks), room))


def _png(pixels: np.ndarray, metadata: Metadata) -> bytes:
    import imagecodecs

    raw = imagecodecs.png_encode(np.ascontiguousarray(pixels), level=3)
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
    if metadata.iptc:
        text = png_profile_text("iptc", iptc_resource(metadata.iptc)).encode("ascii")
        chunks.append(_chunk(b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(text)))
    texts = dict(metadata.texts)
    if metadata.comments:
        texts.setdefault("Comment", "\n".join(metadata.comments))
    chunks += [_text_chunk(key, value) for key, value in texts.items()]
    behind_header = 8 + 12 + 13  # signature, and IHDR with its frame
    return raw[:behind_header] + b"".join(chunks) + raw[behind_header:]


def _text_chunk(key: str, value: str) -> bytes:
    keyword = key.encode("latin-1", "replace")[:79] or b"Comment"
    try:
        return _chunk(b"tEXt", keyword + b"\0" + value.encode("latin-1"))
    except UnicodeEncodeError:
        return _chunk(b"iTXt", keyword + b"\0\0\0\0\0" + value.encode("utf-8", "replace"))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _without_own_places(metadata: Metadata, name: str, notes: list[str]) -> Metadata:
    """For formats with EXIF and XMP only: the resolution goes into EXIF, what has no place is said."""
    if metadata.dpi:
        try:
            metadata = replace(metadata, exif=tiff.with_resolution(metadata.exif, metadata.dpi))
        except tiff.ExifError:
            notes.append(f"its resolution could not be written into {name}")
    if metadata.iptc:
        notes.append(f"{name} has no place for IPTC captions: left out")
    if metadata.comments or metadata.texts:
        notes.append(f"{name} has no place for comments: left out")
    return metadata


def _webp(pixels: np.ndarray, metadata: Metadata, notes: list[str], quality: int, lossless: bool) -> bytes:
    from PIL import Image

    if max(pixels.shape[:2]) > 16383:
        raise ValueError("WebP holds at most 16383 pixels a side")
    metadata = _without_own_places(metadata, "WebP", notes)
    out = io.BytesIO()
    Image.fromarray(pixels).save(
        out,
        "WEBP",
        quality=30 if lossless else quality,  # for lossless: how hard to try, not how good
        lossless=lossless,
        exact=True,
        method=2,
        exif=metadata.exif or b"",
        xmp=metadata.xmp or b"",
        icc_profile=_profile(metadata),
    )
    return out.getvalue()


def _bmp(pixels: np.ndarray, metadata: Metadata, notes: list[str]) -> bytes:
    from PIL import Image

    if metadata.exif or metadata.xmp or metadata.iptc or metadata.comments or metadata.texts:
        notes.append("BMP has no place for metadata: left out")
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "BMP", dpi=metadata.dpi or (96, 96))
    return out.getvalue()


def _heif(pixels: np.ndarray, metadata: Metadata, notes: list[str], quality: int) -> bytes:
    import pillow_heif
    from PIL import Image

    metadata = _without_own_places(metadata, "HEIC", notes)
    out = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(pixels)).save(
        out,
        quality=quality,
        chroma=444,
        exif=_EXIF_PREFIX + metadata.exif if metadata.exif else None,
        xmp=metadata.xmp,
        icc_profile=_profile(metadata),
    )
    return out.getvalue()


def _avif(pixels: np.ndarray, metadata: Metadata, notes: list[str], quality: int) -> bytes:
    from PIL import Image

    metadata = _without_own_places(metadata, "AVIF", notes)
    out = io.BytesIO()
    Image.fromarray(pixels).save(
        out,
        "AVIF",
        quality=quality,
        subsampling="4:4:4",
        speed=8,
        exif=metadata.exif or b"",
        xmp=metadata.xmp or b"",
        icc_profile=_profile(metadata),
    )
    return out.getvalue()
