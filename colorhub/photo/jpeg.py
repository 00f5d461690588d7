"""The structure of a JPEG file: where its picture ends, how it is coded, and what stands behind it."""

import io
import re
from dataclasses import dataclass
from typing import BinaryIO

_CHUNK = 1 << 20
# In a scan 0xFF is followed by 0 (in JPEG-LS by anything below 0x80), by the number of a restart, or by more 0xFF.
_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")
_SOI, _EOI, _SOS, _MPF = 0xD8, 0xD9, 0xDA, 0xE2
_BARE = frozenset([0x01, _SOI, *range(0xD0, 0xD8)])  # markers without a length
_FRAMES = frozenset([*range(0xC0, 0xD0), 0xF7]) - {0xC4, 0xC8, 0xCC}
_LOSSLESS, JPEG_LS = 0xC3, 0xF7
_HIERARCHICAL = (0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF)
MOST_SEGMENTS = 20_000  # no camera or program writes more; hostile files keep a reader busy with them
_LEAST_TRAILER = 64  # fewer bytes are padding
_SEARCHED = 1 << 16


@dataclass
class Structure:
    """What the markers say. ``frame``: the marker of the frame (0xC0 baseline, ...); ``bits`` a sample; ``end``: where
    the picture ends, the file's end if it is cut short; ``pictures``: how many the index of a Multi-Picture file
    names."""

    scans: int = 0
    segments: int = 0
    frame: int = 0
    bits: int = 8
    components: int = 0
    size: tuple[int, int] = (0, 0)
    end: int = 0
    complete: bool = False
    pictures: int = 1

    @property
    def is_lossless(self) -> bool:
        """Whether it is coded by the lossless process of JPEG or by JPEG-LS."""
        return self.frame in (_LOSSLESS, JPEG_LS)

    @property
    def unsupported(self) -> str | None:
        """The name of a process that no decoder at hand knows."""
        if self.frame in _HIERARCHICAL:
            return "hierarchical JPEG"
        if self.frame == 0xCB:
            return "lossless JPEG with arithmetic coding"
        return None


def structure(file: BinaryIO) -> Structure:
    """Follow a JPEG file's markers from its start to its end (ITU-T T.81, annex B), without decoding anything."""
    found, at = Structure(), 2
    while (marker := _next_marker(file, at)) is not None:
        code, at = marker
        if code == _EOI:
            found.end, found.complete = at, True
            return found
        if code in _BARE:
            continue
        found.segments += 1
        if found.segments > MOST_SEGMENTS:
            break
        file.seek(at)
        length = int.from_bytes(file.read(2), "big")
        _note_segment(found, code, file, length)
        at += max(length, 2)
    found.end = file.seek(0, 2)
    return found


def _next_marker(file: BinaryIO, at: int) -> tuple[int, int] | None:
    """The next marker's code and where it ends: bytes that stand before it, a scan's or stray ones, are skipped."""
    file.seek(at)
    last, length = b"", 4096
    while chunk := file.read(length):
        searched = last + chunk
        match = _MARKER.search(searched)
        if match:
            return searched[match.end() - 1], at - len(last) + match.end()
        at += len(chunk)
        length = _CHUNK
        last = b"\xff" if chunk.endswith(b"\xff") else b""
    return None


def _note_segment(found: Structure, code: int, file: BinaryIO, length: int) -> None:
    if code == _SOS:
        found.scans += 1
    elif code in _FRAMES and not found.frame:
        body = file.read(6)
        if len(body) == 6:
            found.frame, found.bits, found.components = code, body[0], body[5]
            found.size = int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big")
    elif code == _MPF:
        body = file.read(min(max(length - 2, 0), 512))
        if body.startswith(b"MPF\0"):
            found.pictures = max(found.pictures, _pictures_indexed(body[4:]))


def _pictures_indexed(index: bytes) -> int:
    """The number of pictures in the index of a Multi-Picture Format file (CIPA DC-007, section 5.2.3): tag 0xB001."""
    from colorhub.photo.metadata.exif import ExifError, from_bytes, whole_number

    try:
        reader = from_bytes(index)
        return min(whole_number(reader.directory(reader.first), 0xB001, reader) or 1, 1000)
    except ExifError:
        return 1


def what_is_behind(file: BinaryIO, found: Structure) -> tuple[str, ...]:
    """Notes on what a file holds behind its first picture: more pictures, a motion photo's video, other data."""
    size = file.seek(0, 2)
    if not found.complete or size - found.end < _LEAST_TRAILER:
        return ()
    file.seek(found.end)
    start = file.read(_SEARCHED)
    file.seek(max(found.end, size - _SEARCHED))
    last = file.read(_SEARCHED)
    if not start.strip(b"\0") and not last.strip(b"\0"):
        return ()
    notes = []
    has_video = any(b"ftyp" in part or b"MotionPhoto_Data" in part or b"moov" in part for part in (start, last))
    if has_video:
        notes.append("motion photo: the video behind the picture was left out")
    if found.pictures > 1:
        notes.append(f"JPEG of {found.pictures} pictures: the first")
    elif not has_video and start.lstrip(b"\0").startswith(b"\xff\xd8\xff"):
        notes.append("JPEG with another picture behind it (a depth or gain map, or a second view): the first")
    elif not has_video:
        notes.append(f"{(size - found.end) / 1000:,.1f} kB of other data behind the JPEG picture were left out")
    return tuple(notes)


def around_another_picture(file: BinaryIO) -> bytes:
    """What stands in a JPEG file's APP segments and comments, around a small picture that every decoder knows."""
    from PIL import Image

    other = io.BytesIO()
    Image.new("L", (1, 1)).save(other, "JPEG")
    segments, _ = _segments(file)
    kept = [segment for code, segment in segments if _is_metadata(code)]
    return b"\xff\xd8" + b"".join(kept) + other.getvalue()[2:]


def without_metadata(file: BinaryIO) -> bytes:
    """The same JPEG without what stands in its APP segments and comments, but for Adobe's, which decides about the
    colours: for files in which a damaged one stops the decoder."""
    segments, rest = _segments(file)
    kept = [segment for code, segment in segments if not _is_metadata(code) or _decides_about_colors(code, segment)]
    return b"\xff\xd8" + b"".join(kept) + rest


def _is_metadata(code: int) -> bool:
    return 0xE0 <= code <= 0xEF or code == 0xFE


def _decides_about_colors(code: int, segment: bytes) -> bool:
    return code == 0xEE and segment[4:9] == b"Adobe" and len(segment) >= 16


def _segments(file: BinaryIO) -> tuple[list[tuple[int, bytes]], bytes]:
    """(code, bytes) of the segments before the first scan, and what follows them."""
    file.seek(0)
    raw = file.read()
    found: list[tuple[int, bytes]] = []
    at = 2
    while match := _MARKER.search(raw, at):
        code, start, at = raw[match.end() - 1], match.start(), match.end()
        if code in (_SOS, _EOI):
            return found, raw[start:]
        if code not in _BARE:
            at += max(int.from_bytes(raw[at : at + 2], "big"), 2)
            found.append((code, raw[start:at]))
    return found, b""
