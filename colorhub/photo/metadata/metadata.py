"""What a photo file holds beside its pixels, and must survive: EXIF, XMP, IPTC captions, comments, texts,
resolution."""

from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from colorhub.photo.metadata import exif as tiff
from colorhub.photo.metadata import exif_fitting, photoshop, xmp_extended, xmp_fitting
from colorhub.photo.metadata import xmp as packets
from colorhub.photo.metadata.turning import Turn
from colorhub.photo.png import XMP_KEY, Chunks, Text

_EXIF_PREFIX = b"Exif\0\0"
_PHOTOSHOP_PREFIX = b"Photoshop 3.0\0"
_XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\0"
_RAW_PROFILE = "Raw profile type "
_RAW_KINDS = frozenset(["exif", "xmp", "iptc", "8bim", "app1", "icc", "icm"])
_LONG = 4
_PER_METRE = 0.0127  # half a dot per metre, in dots per inch
_GIF_XMP = b"\x21\xff\x0bXMP DataXMP"
_MOST_SEARCHED = 1 << 26


@dataclass(frozen=True)
class Metadata:
    """Everything is as it stood in the file. ``dpi`` is (horizontal, vertical) dots per inch. ``lost`` says what could
    not be read."""

    exif: bytes | None = None  # a TIFF structure, without JPEG's prefix
    xmp: bytes | None = None  # with what extended XMP adds to it
    iptc: bytes | None = None  # IPTC-IIM records
    photoshop: bytes | None = None  # "8BIM" resource blocks other than IPTC
    comments: tuple[bytes, ...] = ()  # in whatever encoding they were written
    texts: tuple[Text, ...] = ()  # PNG's keyword texts
    dpi: tuple[float, float] | None = None
    had_profile: bool = False
    lost: tuple[str, ...] = ()

    def stated_orientation(self) -> int | None:
        """The orientation that the metadata ask for, 1 to 8: EXIF's; XMP's only where EXIF has none (Metadata Working
        Group, Guidelines 2.0, section 5); ``None`` where they ask for none. A damaged block has no vote."""
        found = tiff.orientation(self.exif) if self.exif else None
        return packets.orientation(self.xmp) if found is None and self.xmp else found

    def orientation(self) -> int:
        """The same, 1 where none is stated."""
        return self.stated_orientation() or 1

    def after_reading(self, turn: Turn, *, converted: bool) -> tuple["Metadata", tuple[str, ...]]:
        """The metadata that fits the picture once ``turn`` was made and, if ``converted``, its colours became sRGB; and
        notes on what was left out."""
        notes = list(self.lost)
        block, packet = self.exif, self.xmp
        if block is not None:
            try:
                block = exif_fitting.fit(block, turn, is_srgb=converted, notes=notes)
            except tiff.ExifError:
                block = None
                notes.append("its EXIF data is damaged and was left out")
        if packet is not None:
            packet = xmp_fitting.fit(packet, turn, is_srgb=converted, notes=notes)
        dpi = self.dpi[::-1] if self.dpi and turn.swaps else self.dpi
        return replace(self, exif=block, xmp=packet, dpi=dpi, lost=()), tuple(dict.fromkeys(notes))


def read_metadata(image: Any) -> Metadata:
    """The metadata of an open Pillow image, but for TIFF's tags, which :func:`with_tiff_tags` adds."""
    metadata = _beside_texts(image)
    return with_png_texts(metadata, _texts_of_image(image)) if image.format == "PNG" else metadata


def metadata_of_png(image: Any, chunks: Chunks) -> Metadata:
    """The metadata of a PNG file whose chunks were read already; of ``image`` no pixel need be decoded."""
    metadata = _beside_texts(image)
    metadata = replace(metadata, exif=metadata.exif or _without_prefix(chunks.exif or b""), had_profile=chunks.stated)
    return with_png_texts(metadata, chunks.texts)


def _beside_texts(image: Any) -> Metadata:
    """The metadata but for PNG's texts."""
    info = image.info
    xmp, lost = _joined_xmp(image)
    resources = _jpeg_resources(image)
    metadata = Metadata(
        exif=_exif_block(info),
        xmp=xmp,
        iptc=photoshop.iptc_of(resources),
        photoshop=photoshop.pack(resources),
        comments=_comments(image),
        dpi=_dpi(info) if _states_resolution(image) else None,
        had_profile=bool(info.get("icc_profile")),
        lost=lost,
    )
    if metadata.dpi is None and metadata.exif is not None:
        metadata = replace(metadata, dpi=tiff.resolution(metadata.exif))
    return metadata


def with_png_texts(metadata: Metadata, texts: list[Text]) -> Metadata:
    """The metadata with PNG's texts, and with the blocks that ImageMagick and exiftool put into texts: EXIF, XMP, IPTC
    and Photoshop's resources."""
    raw, lost = _blocks_in_texts(texts)
    exif = metadata.exif or _without_prefix(raw.get("exif", b""))
    resources = photoshop.unpack(raw.get("8bim", b"")) | photoshop.unpack(raw.get("iptc", b""))
    xmp = next((t.value.encode("utf-8", "replace") for t in texts if t.key == XMP_KEY), raw.get("xmp"))
    bare = raw.get("iptc", b"")
    return replace(
        metadata,
        exif=exif,
        xmp=metadata.xmp or xmp or None,
        iptc=photoshop.iptc_of(resources) or (bare if bare.startswith(b"\x1c") else None),
        photoshop=photoshop.pack(resources),
        texts=tuple(t for t in texts if t.key != XMP_KEY and _profile_kind(t) not in _RAW_KINDS),
        dpi=metadata.dpi or (tiff.resolution(exif) if exif else None),
        lost=(*metadata.lost, *lost),
    )


def _blocks_in_texts(texts: list[Text]) -> tuple[dict[str, bytes], list[str]]:
    """The first block of each kind, and what must be said of the others. ``APP1`` is a JPEG segment: EXIF or XMP."""
    found: dict[str, bytes] = {}
    lost = []
    for text in texts:
        kind = _profile_kind(text)
        if kind not in _RAW_KINDS:
            continue
        block = _profile_of_text(text.value)
        if kind == "app1" and block:
            kind = "xmp" if block.startswith(_XMP_PREFIX) else "exif" if block.startswith(_EXIF_PREFIX) else kind
        if kind in ("icc", "icm"):
            lost.append("an ICC profile in one of its texts, where it says nothing of the colours, was left out")
        elif not block or kind == "app1":
            lost.append(f"its {kind.upper()} data in a text is damaged and was left out")
        else:
            found.setdefault(kind, block.removeprefix(_XMP_PREFIX))
    return found, lost


def _profile_kind(text: Text) -> str:
    return text.key.removeprefix(_RAW_PROFILE).lower() if text.key.startswith(_RAW_PROFILE) else ""


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


def tiff_reader(file: BinaryIO) -> tiff.Reader:
    """A reader of directories over an open TIFF file."""

    def read(offset: int, length: int) -> bytes:
        file.seek(offset)
        return file.read(length)

    return tiff.Reader(read)


def with_tiff_tags(metadata: Metadata, file: BinaryIO, offset: int | None = None) -> Metadata:
    """The metadata with the tags of a TIFF file's page at ``offset``, and with those of its first page where that one
    has none."""
    try:
        reader = tiff_reader(file)
        top = reader.directory(reader.first if offset is None else offset)
        if offset is not None and offset != reader.first:
            known = {entry.tag for entry in top.entries} | tiff.STRUCTURAL - {tiff.XMP, tiff.IPTC, tiff.PHOTOSHOP}
            top.entries += [entry for entry in reader.directory(reader.first).entries if entry.tag not in known]
    except (tiff.ExifError, OverflowError, OSError):
        return metadata
    raw = {tag: entry.value for tag in (tiff.XMP, tiff.PHOTOSHOP, tiff.ICC) if (entry := top.find(tag))}
    resources = photoshop.unpack(raw.get(tiff.PHOTOSHOP, b""))
    kept = [entry for entry in top.entries if entry.tag not in tiff.STRUCTURAL]
    block = tiff.block_of(tiff.Directory(kept), reader.order) if kept else None
    return replace(
        metadata,
        exif=block,
        xmp=raw.get(tiff.XMP) or None,
        iptc=_tiff_iptc(top) or photoshop.iptc_of(resources),
        photoshop=photoshop.pack(resources),
        dpi=tiff.resolution(block) if block else None,
        had_profile=tiff.ICC in raw,
        lost=("a part of its TIFF tags is damaged and was left out",) if reader.damaged else (),
    )


def _tiff_iptc(directory: tiff.Directory) -> bytes | None:
    """IPTC records in TIFF. Adobe calls them a row of 32-bit numbers, which some programs then write in the file's byte
    order."""
    entry = directory.find(tiff.IPTC)
    if entry is None:
        return None
    value = entry.value
    if entry.kind == _LONG and not value.startswith(b"\x1c"):
        swapped = b"".join(value[at : at + 4][::-1] for at in range(0, len(value), 4))
        value = swapped if swapped.startswith(b"\x1c") else value
    return value or None


def _exif_block(info: dict[str, Any]) -> bytes | None:
    return _without_prefix(_as_bytes(info.get("exif")) or b"")


def _without_prefix(raw: bytes) -> bytes | None:
    while raw.startswith(_EXIF_PREFIX):
        raw = raw[len(_EXIF_PREFIX) :]
    return raw or None


def _as_bytes(value: Any) -> bytes | None:
    if isinstance(value, str):
        return value.encode("utf-8", "replace") or None
    return bytes(value) if isinstance(value, bytes | bytearray) and value else None


def _joined_xmp(image: Any) -> tuple[bytes | None, tuple[str, ...]]:
    segments = [s for name, s in _segments(image) if name == "APP1" and s.startswith(xmp_extended.EXTENSION)]
    packet = _as_bytes(image.info.get("xmp"))
    if not segments and (not packet or b"HasExtendedXMP" not in packet):
        return packet, ()
    packet, whole = xmp_extended.joined(packet, segments)
    return packet, () if whole else ("its extended XMP data is damaged or belongs elsewhere and was left out",)


def _profile_of_text(text: str) -> bytes | None:
    """ImageMagick's and exiftool's way of putting other blocks into PNG: a text of a name, a length and hexadecimal
    digits, each on lines of their own (the name may have two words)."""
    try:
        return bytes.fromhex("".join(text.strip().splitlines()[2:])) or None
    except ValueError:
        return None


def png_profile_text(kind: str, block: bytes) -> str:
    """The text that :func:`with_png_texts` reads."""
    digits = block.hex()
    lines = [digits[start : start + 72] for start in range(0, len(digits), 72)]
    return "\n".join([f"\n{kind}", f"{len(block):8d}", *lines, ""])


def _segments(image: Any) -> list[tuple[str, bytes]]:
    return list(getattr(image, "applist", None) or [])


def _jpeg_resources(image: Any) -> photoshop.Resources:
    bodies = [s for name, s in _segments(image) if name == "APP13" and s.startswith(_PHOTOSHOP_PREFIX)]
    return photoshop.unpack(b"".join(body[len(_PHOTOSHOP_PREFIX) :] for body in bodies))


def _comments(image: Any) -> tuple[bytes, ...]:
    found = [content for name, content in _segments(image) if name == "COM"]
    if not found and image.format != "PNG" and image.info.get("comment"):
        found = [image.info["comment"]]
    raw = [comment.encode("utf-8", "replace") if isinstance(comment, str) else bytes(comment) for comment in found]
    return tuple(comment for comment in raw if comment.strip(b"\0"))


def text_of_comment(comment: bytes) -> str:
    """A comment for formats that want its encoding: UTF-8 where it is, else Latin-1, which keeps its bytes in PNG."""
    try:
        return comment.decode("utf-8").rstrip("\0")
    except UnicodeDecodeError:
        return comment.decode("latin-1").rstrip("\0")


def _texts_of_image(image: Any) -> list[Text]:
    """The texts of a PNG as Pillow reads them: the last one of every name."""
    texts = getattr(image, "text", None) or {}
    return [
        Text(key, str(value), getattr(value, "lang", None) or "", getattr(value, "tkey", None) or "")
        for key, value in texts.items()
    ]


def _dpi(info: dict[str, Any]) -> tuple[float, float] | None:
    try:
        horizontal, vertical = (float(value) for value in info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return (_rounded(horizontal), _rounded(vertical)) if tiff.is_sensible(horizontal, vertical) else None


def _states_resolution(image: Any) -> bool:
    """Whether the resolution that Pillow gives stands in the file's header: of a JPEG without one it gives EXIF's, and
    72 where that is damaged, absent or 0."""
    return image.format not in ("JPEG", "MPO") or image.info.get("jfif_unit") in (1, 2)


def _rounded(value: float) -> float:
    """PNG and BMP count dots per metre: 300 per inch become 299.9994."""
    return float(round(value)) if abs(value - round(value)) < _PER_METRE else value


def xmp_of_gif(file: BinaryIO) -> bytes | None:
    """The XMP packet of a GIF file, which Pillow does not read: an extension whose data end in a row of falling bytes
    (XMP specification, part 3, section 1.1.2)."""
    file.seek(0)
    raw = file.read(_MOST_SEARCHED)
    start = raw.find(_GIF_XMP)
    end = raw.find(b"\x01\xff\xfe\xfd\xfc", start)
    return raw[start + len(_GIF_XMP) : end] or None if 0 <= start < end else None
