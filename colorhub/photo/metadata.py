"""What a photo file holds beside its pixels, and must survive: EXIF, XMP, IPTC captions, comments, texts,
resolution."""

import struct
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from colorhub.photo import exif as tiff
from colorhub.photo import xmp as packets

_EXIF_PREFIX = b"Exif\0\0"
_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_IPTC_RESOURCE = 0x0404
# Photoshop resources that describe the old file: thumbnails, ICC profile, caches of EXIF and XMP.
_STALE_RESOURCES = frozenset([0x0409, 0x040C, 0x040F, 0x0422, 0x0423, 0x0424])


@dataclass(frozen=True)
class Metadata:
    """Everything is as it stood in the file. ``dpi`` is (horizontal, vertical) dots per inch."""

    exif: bytes | None = None  # a TIFF structure, without JPEG's prefix
    xmp: bytes | None = None
    extended_xmp: tuple[bytes, ...] = ()  # JPEG APP1 segments that continue a long XMP packet
    iptc: bytes | None = None  # IPTC-IIM records
    photoshop: bytes | None = None  # "8BIM" resource blocks other than IPTC
    comments: tuple[str, ...] = ()
    texts: dict[str, str] = field(default_factory=dict)  # PNG's keyword texts
    dpi: tuple[float, float] | None = None
    had_profile: bool = False

    def orientation(self) -> int:
        """The orientation that the metadata asks for, 1 to 8: EXIF's, else XMP's."""
        if self.exif is not None and (found := tiff.orientation(self.exif)) != 1:
            return found
        return packets.orientation(self.xmp) if self.xmp else 1

    def after_reading(self, orientation: int, *, converted: bool) -> tuple["Metadata", tuple[str, ...]]:
        """The metadata that fits the picture once ``orientation`` was applied and, if ``converted``, its colours
        became sRGB; and notes on what was left out."""
        swap = orientation >= 5
        notes: list[str] = []
        block = self.exif
        if block is not None:
            try:
                block = tiff.clean(block, swap_sides=swap, is_srgb=converted)
            except tiff.ExifError:
                block = None
                notes.append("its EXIF data is damaged and was left out")
        dpi = self.dpi[::-1] if self.dpi and swap else self.dpi
        return replace(self, exif=block, xmp=packets.upright(self.xmp), dpi=dpi), tuple(notes)


def read_metadata(image: Any, file: BinaryIO | None) -> Metadata:
    """The metadata of an open Pillow image; ``file`` is its file where there is one (TIFF tags are read from it)."""
    info = image.info
    resources = _jpeg_resources(image)
    metadata = Metadata(
        exif=_exif_block(info),
        xmp=_as_bytes(info.get("xmp")),
        extended_xmp=tuple(s for name, s in _segments(image) if name == "APP1" and s.startswith(_EXTENDED_XMP)),
        iptc=_png_profile(info, "iptc") or resources.get(_IPTC_RESOURCE, (b"", b""))[1] or None,
        photoshop=_pack_resources(resources),
        comments=_comments(image),
        texts=_texts(image),
        dpi=_dpi(info),
        had_profile=bool(info.get("icc_profile")),
    )
    if file is not None and image.format == "TIFF":
        return _with_tiff_tags(metadata, file)
    if metadata.dpi is None and metadata.exif is not None:
        metadata = replace(metadata, dpi=tiff.resolution(metadata.exif))
    return metadata


def with_own_exif(metadata: Metadata, image: Any) -> Metadata:
    """The metadata with the EXIF that a Pillow image holds in parsed form (TIFF, or set by its user) where it has no
    block."""
    if metadata.exif is not None:
        return metadata
    parsed = type(image.getexif())()  # a copy: the image is the caller's
    parsed.update(image.getexif())
    for tag in [tag for tag in parsed if tag in tiff.STRUCTURAL]:
        del parsed[tag]
    return replace(metadata, exif=_exif_block({"exif": parsed.tobytes()})) if len(parsed) else metadata


def read_tiff_metadata(file: BinaryIO) -> Metadata:
    """The metadata of a TIFF file that Pillow does not know."""
    return _with_tiff_tags(Metadata(), file)


def tiff_reader(file: BinaryIO) -> tiff.Reader:
    """A reader of directories over an open TIFF file."""

    def read(offset: int, length: int) -> bytes:
        file.seek(offset)
        return file.read(length)

    return tiff.Reader(read)


def _with_tiff_tags(metadata: Metadata, file: BinaryIO) -> Metadata:
    try:
        reader = tiff_reader(file)
        top = reader.directory(reader.first)
    except (tiff.ExifError, OverflowError, OSError):
        return metadata
    raw = {tag: entry.value for tag in (tiff.XMP, tiff.IPTC, tiff.PHOTOSHOP, tiff.ICC) if (entry := top.find(tag))}
    resources = _unpack_resources(raw.get(tiff.PHOTOSHOP, b""))
    kept = [entry for entry in top.entries if entry.tag not in tiff.STRUCTURAL]
    block = tiff.block_of(tiff.Directory(kept), reader.order) if kept else None
    return replace(
        metadata,
        exif=block,
        xmp=raw.get(tiff.XMP) or None,
        iptc=raw.get(tiff.IPTC) or resources.get(_IPTC_RESOURCE, (b"", b""))[1] or None,
        photoshop=_pack_resources(resources),
        dpi=tiff.resolution(block) if block and not _unitless(top, reader) else None,
        had_profile=tiff.ICC in raw,
    )


def _unitless(directory: tiff.Directory, reader: tiff.Reader) -> bool:
    unit = directory.find(tiff.RESOLUTION_UNIT)
    return unit is not None and reader.number(unit.value[:2]) == 1


def _exif_block(info: dict[str, Any]) -> bytes | None:
    raw = _as_bytes(info.get("exif")) or _png_profile(info, "exif") or _png_profile(info, "APP1")
    if not raw:
        return None
    while raw.startswith(_EXIF_PREFIX):
        raw = raw[len(_EXIF_PREFIX) :]
    return raw or None


def _as_bytes(value: Any) -> bytes | None:
    if isinstance(value, str):
        return value.encode("utf-8", "replace") or None
    return bytes(value) if isinstance(value, bytes | bytearray) and value else None


def _png_profile(info: dict[str, Any], kind: str) -> bytes | None:
    """ImageMagick's and exiftool's way of putting other blocks into PNG: a text of a name, a length and hexadecimal
    digits."""
    text = info.get(f"Raw profile type {kind}")
    if not isinstance(text, str):
        return None
    try:
        raw = bytes.fromhex("".join(text.split()[2:]))
    except ValueError:
        return None
    resources = _unpack_resources(raw)
    if kind == "iptc" and _IPTC_RESOURCE in resources:
        return resources[_IPTC_RESOURCE][1]
    return raw or None


def png_profile_text(kind: str, block: bytes) -> str:
    """The text that :func:`_png_profile` reads."""
    digits = block.hex()
    lines = [digits[start : start + 72] for start in range(0, len(digits), 72)]
    return "\n".join([f"\n{kind}", f"{len(block):8d}", *lines, ""])


def _segments(image: Any) -> list[tuple[str, bytes]]:
    return list(getattr(image, "applist", None) or [])


def _jpeg_resources(image: Any) -> dict[int, tuple[bytes, bytes]]:
    prefix = b"Photoshop 3.0\0"
    blocks = b"".join(s[len(prefix) :] for name, s in _segments(image) if name == "APP13" and s.startswith(prefix))
    return _unpack_resources(blocks)


def _unpack_resources(blocks: bytes) -> dict[int, tuple[bytes, bytes]]:
    """Photoshop's resource blocks: number -> (name as stored, data). Stops at the first that is damaged."""
    found: dict[int, tuple[bytes, bytes]] = {}
    at = 0
    while blocks[at : at + 4] == b"8BIM" and at + 12 <= len(blocks):
        (number,) = struct.unpack_from(">H", blocks, at + 4)
        name_length = (blocks[at + 6] + 2) // 2 * 2  # a length byte and the name, padded to even
        name = blocks[at + 6 : at + 6 + name_length]
        at += 6 + name_length
        if at + 4 > len(blocks):
            break
        (size,) = struct.unpack_from(">I", blocks, at)
        data = blocks[at + 4 : at + 4 + size]
        if len(data) < size:
            break
        found[number] = (name, data)
        at += 4 + size + size % 2
    return found


def _pack_resources(resources: dict[int, tuple[bytes, bytes]]) -> bytes | None:
    kept = {n: value for n, value in resources.items() if n not in _STALE_RESOURCES and n != _IPTC_RESOURCE}
    return b"".join(resource_block(number, data, name) for number, (name, data) in kept.items()) or None


def resource_block(number: int, data: bytes, name: bytes = b"\0\0") -> bytes:
    """One Photoshop resource as bytes."""
    return b"8BIM" + struct.pack(">H", number) + name + struct.pack(">I", len(data)) + data + bytes(len(data) % 2)


def iptc_resource(iptc: bytes) -> bytes:
    """IPTC records as the Photoshop resource that JPEG and PNG hold them in."""
    return resource_block(_IPTC_RESOURCE, iptc)


def _comments(image: Any) -> tuple[str, ...]:
    found = [content for name, content in _segments(image) if name == "COM"]
    if not found and image.info.get("comment"):
        found = [image.info["comment"]]
    return tuple(_decode(comment) for comment in found if comment)


def _decode(comment: bytes | str) -> str:
    if isinstance(comment, str):
        return comment
    try:
        return comment.decode("utf-8").rstrip("\0")
    except UnicodeDecodeError:
        return comment.decode("latin-1").rstrip("\0")


def _texts(image: Any) -> dict[str, str]:
    if image.format != "PNG":
        return {}
    skipped = ("XML:com.adobe.xmp", "Raw profile type ")
    texts = getattr(image, "text", None) or {}
    return {key: str(value) for key, value in texts.items() if not key.startswith(skipped)}


def _dpi(info: dict[str, Any]) -> tuple[float, float] | None:
    try:
        horizontal, vertical = (float(value) for value in info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    # 0 and 1 mean "not known" in the formats that always hold a number.
    sensible = all(1 < value < 1e6 for value in (horizontal, vertical))
    return (horizontal, vertical) if sensible else None
