"""The chunks of a PNG file: which Pillow may see, so that limits and damage of metadata never cost the picture, and
what they say of texts and colours."""

import io
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO

from colorhub.photo.color_spaces import HDR, of_code_points, of_gamma

# What a packed text may be unpacked, a profile unpacked, a chunk beside the pixels as it stands, and all that is
# unpacked and all texts together. Pillow has the same limits for texts.
_MOST_TEXT, _MOST_PROFILE, _MOST_CHUNK, _MOST_TOGETHER = 1 << 20, 1 << 24, 1 << 25, 1 << 26
_MOST_CHUNKS, _MOST_NOTES = 100_000, 20
_PIXELS = frozenset([b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"acTL", b"fcTL", b"fdAT"])
_LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"cICP": 4, b"tIME": 7}
XMP_KEY = "XML:com.adobe.xmp"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_KNOWN = re.compile(rb"IDAT|IEND|PLTE|tRNS|tEXt|zTXt|iTXt|eXIf|iCCP|gAMA|cHRM|sRGB|pHYs|cICP|tIME|bKGD|sBIT|acTL|fcTL")
# Hostile files may look as if they were damaged everywhere.
_MOST_TRIED, _MOST_CHECKED, _MOST_DAMAGED = 256, 1 << 26, 16
_COLOR_TYPES_WITHOUT_COLOR, _MODES_WITHOUT_COLOR = (0, 4), ("1", "L", "LA", "I", "I;16")


@dataclass(frozen=True)
class Text:
    """One of PNG's texts. ``language`` and ``translated`` (the keyword in that language) are those of iTXt."""

    key: str
    value: str
    language: str = ""
    translated: str = ""
    international: bool = False


@dataclass
class Chunks:
    """What the chunks hold. ``file`` is the PNG without those that were left out, and ``notes`` say which; ``stated``:
    whether anything states a colour space; ``icc``: the profile that is to be applied; ``exif``: of the first eXIf,
    also of one behind the pixels, which Pillow does not see before it has decoded them."""

    file: BinaryIO
    texts: list[Text] = field(default_factory=list)
    icc: bytes | None = None
    stated: bool = False
    notes: list[str] = field(default_factory=list)
    exif: bytes | None = None


@dataclass
class _Gathered:
    left_out: list[tuple[int, int]] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    color: dict[bytes, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    exif: bytes | None = None
    budget: int = _MOST_TOGETHER
    color_type: int = 2

    def unpack(self, packed: bytes, most: int) -> bytes | None:
        """``None`` where it would be more than ``most`` bytes, or more than may still be unpacked. What is refused or
        damaged counts, too: it was unpacked so far. Raises ``zlib.error`` for damaged data."""
        most = min(most, self.budget)
        if most == 0:
            return None
        unpacker = zlib.decompressobj()
        self.budget -= most
        raw = unpacker.decompress(packed, most + 1)
        self.budget += max(most - len(raw), 0)
        if len(raw) > most:
            return None
        if not unpacker.eof:
            raise zlib.error("cut short")
        return raw

    def take(self, plain: bytes) -> bytes | None:
        """The same for what is not packed."""
        if len(plain) > self.budget:
            return None
        self.budget -= len(plain)
        return plain


def read_chunks(file: BinaryIO) -> Chunks:
    """Read the chunks of an open PNG file beside its pixels."""
    found = _Gathered()
    for start, kind, length in _walk(file):
        end = start + 12 + length
        if kind == b"IHDR":
            file.seek(start + 17)
            found.color_type = (file.read(1) or b"\2")[0]
        elif kind not in _PIXELS and not _is_kept(file, start, kind, length, found):
            found.left_out.append((start, end))
    icc, stated = _color_space(found)
    lean = _without(file, found.left_out) if found.left_out else file
    notes = list(dict.fromkeys(found.notes))
    if len(notes) > _MOST_NOTES:
        notes[_MOST_NOTES:] = ["more blocks beside its pixels were left out"]
    return Chunks(lean, found.texts, icc, stated, notes, found.exif)


def _walk(file: BinaryIO) -> Iterator[tuple[int, bytes, int]]:
    """(start, kind, length) of each chunk; one that is damaged has no kind, and reaches to the next that is whole."""
    at, size, damaged = 8, file.seek(0, 2), 0
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        (length,), kind = struct.unpack(">I", head[:4]), head[4:]
        fits = kind.isalpha() and at + 12 + length <= size
        # Of pixels Pillow is the judge, and what is very large is left out in any case.
        if not fits or (kind not in _PIXELS and length <= _MOST_CHUNK and not _is_whole(file, at, length)):
            damaged += 1
            following = _next_whole(file, at + 4) if damaged <= _MOST_DAMAGED else None
            if following is None:
                return
            kind, length = b"", following - at - 12
        yield at, kind, length
        if kind == b"IEND":
            return
        at += 12 + length


def _is_whole(file: BinaryIO, start: int, length: int) -> bool:
    file.seek(start + 4)
    body, checksum = file.read(4 + length), file.read(4)
    return checksum == struct.pack(">I", zlib.crc32(body))


def _next_whole(file: BinaryIO, at: int) -> int | None:
    """Where the next chunk of a known kind with a right checksum starts."""
    file.seek(at)
    searched, budget = file.read(_MOST_PROFILE), _MOST_CHECKED
    for match in islice(_KNOWN.finditer(searched, 4), _MOST_TRIED):
        start = match.start() - 4
        (length,) = struct.unpack_from(">I", searched, start)
        if length > budget:
            continue
        budget -= length
        if _is_whole(file, at + start, length):
            return at + start
    return None


def _is_kept(file: BinaryIO, start: int, kind: bytes, length: int, found: _Gathered) -> bool:
    """Whether a chunk beside the pixels is whole and of a sensible size; what it says is put into ``found``."""
    name = kind.decode("ascii") or "of no known kind"
    if length > _MOST_CHUNK:
        found.notes.append(f"a block of {length / 1e6:,.1f} MB beside its pixels ({name}) is too large: left out")
        return False
    file.seek(start + 8)
    body = file.read(max(length, 0))
    try:
        if not kind or len(body) != _LENGTHS.get(kind, len(body)):
            raise ValueError("damaged")
        if kind in _TEXTS:
            return _keep_text(kind, body, found)
        if kind == b"iCCP":
            return _keep_profile(body, found)
    except (ValueError, zlib.error, struct.error, LookupError):
        found.notes.append(f"a block beside its pixels ({name}) is damaged and was left out")
        return False
    if kind == b"eXIf" and body:
        found.exif = found.exif or body
    if kind in _LENGTHS:
        found.color.setdefault(kind, body)
    return True


def _keep_text(kind: bytes, body: bytes, found: _Gathered) -> bool:
    keyword, _, rest = body.partition(b"\0")
    key, language, translated = keyword.decode("latin-1"), b"", b""
    packed = kind == b"zTXt"
    if kind == b"iTXt":
        flags, rest = rest[:2], rest[2:]
        language, _, rest = rest.partition(b"\0")
        translated, _, rest = rest.partition(b"\0")
        packed = flags[:1] == b"\1"
    elif packed:
        rest = rest[1:]
    raw = found.unpack(rest, _MOST_TEXT) if packed else found.take(rest)
    if raw is None:
        alone = packed and found.budget
        limit = f"more than {_MOST_TEXT >> 20} MB" if alone else f"more than {_MOST_TOGETHER >> 20} MB in all"
        what = "XMP data" if key == XMP_KEY else f"text {key[:40]!r}"
        found.notes.append(f"its {what} is too large ({limit}) and was left out")
        return False
    value = raw.decode("utf-8" if kind == b"iTXt" else "latin-1", "replace")
    found.texts.append(
        Text(key, value, language.decode("latin-1"), translated.decode("utf-8", "replace"), kind == b"iTXt")
    )
    return True


def _keep_profile(body: bytes, found: _Gathered) -> bool:
    """Profiles are unpacked here: Pillow refuses a file whose profile is larger than a text may be."""
    if b"iCCP" in found.color:  # the first counts
        return False
    icc = found.unpack(body.partition(b"\0")[2][1:], _MOST_PROFILE)
    if icc is None:
        found.notes.append(f"its ICC profile is too large (more than {_MOST_PROFILE >> 20} MB) and was left out")
        return False
    found.color.setdefault(b"iCCP", icc)
    return len(icc) <= _MOST_TEXT


def _without(file: BinaryIO, left_out: list[tuple[int, int]]) -> BinaryIO:
    lean, at = io.BytesIO(), 0
    for start, end in left_out:
        file.seek(at)
        lean.write(file.read(start - at))
        at = end
    file.seek(at)
    lean.write(file.read())
    return lean


def icc_of_image(image: Any) -> bytes | None:
    """The profile that is to be applied to a PNG that somebody else opened with Pillow, which does not tell cICP."""
    info = image.info
    if info.get("icc_profile") or "srgb" in info:
        return info.get("icc_profile") or None
    gamma, white_and_primaries = info.get("gamma"), info.get("chromaticity")
    if image.format != "PNG" or (gamma is None and white_and_primaries is None):
        return None
    return of_gamma(gamma or None, white_and_primaries, grey=image.mode in _MODES_WITHOUT_COLOR)


def _color_space(found: _Gathered) -> tuple[bytes | None, bool]:
    """The profile of the first of cICP, iCCP, sRGB, and gAMA with cHRM (PNG, third edition, section 4.3), and whether
    there is any of them."""
    color, grey = found.color, found.color_type in _COLOR_TYPES_WITHOUT_COLOR
    stated = any(kind in color for kind in (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM"))
    if b"cICP" in color:
        primaries, transfer, matrix, _ = color[b"cICP"]
        icc = of_code_points(primaries, transfer, grey=grey) if matrix == 0 else None
        if icc or (matrix == 0 and (primaries, transfer) in ((1, 1), (1, 6), (1, 13), (1, 14), (1, 15))):
            if transfer in HDR:
                found.notes.append("HDR picture: what is brighter than paper white was clipped")
            return icc, True
    if b"iCCP" in color:
        return color[b"iCCP"], True
    if b"sRGB" in color or not stated:
        return None, stated
    gamma = int.from_bytes(color[b"gAMA"], "big") / 100_000 if b"gAMA" in color else None
    chromaticities = None
    if b"cHRM" in color:
        chromaticities = tuple(value / 100_000 for value in struct.unpack(">8I", color[b"cHRM"]))
    return of_gamma(gamma or None, chromaticities, grey=grey), True
