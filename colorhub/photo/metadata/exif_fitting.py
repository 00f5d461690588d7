"""An EXIF block made to fit the picture that is written: upright, coloured, and laid out in another way than the file
it came from. What stays does so at its place: maker notes hold offsets from the start of the block."""

import json
import struct

from colorhub.photo.metadata.exif import (
    EXIF_POINTER,
    INTEROP_POINTER,
    ORIENTATION,
    STRUCTURAL,
    X_RESOLUTION,
    Y_RESOLUTION,
    Directory,
    Entry,
    ExifError,
    Reader,
    block_of,
    from_bytes,
)
from colorhub.photo.metadata.turning import Turn

DESCRIPTION = 270
MAKER_NOTE = 0x927C
_COLOR_SPACE, _PIXEL_WIDTH, _PIXEL_HEIGHT = 0xA001, 0xA002, 0xA003
_RELATED_WIDTH, _RELATED_HEIGHT = 0x1001, 0x1002
_SUBJECT_AREA, _SUBJECT_LOCATION = 0x9214, 0xA214
_FOCAL_X, _FOCAL_Y = 0xA20E, 0xA20F
_THUMBNAIL_OFFSET, _THUMBNAIL_LENGTH = 0x0201, 0x0202
# GeoTIFF: where a pixel lies on the ground, which is true for unturned pixels only.
_GEOGRAPHIC = frozenset([33550, 33922, 34264, 34735, 34736, 34737])
_KEPT_IN_BLOCKS = frozenset([37724, 50341])  # Photoshop's layers and Print Image Matching are no layout of pixels
# struct's letters of the kinds of whole numbers: BYTE, SHORT, LONG, their signed cousins, and IFD.
_NUMBER = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I"}
# How descriptions begin that tell programs how a file's pixels are laid out, and who writes them.
_LAYOUTS = (
    (b"ImageJ=", "ImageJ"),
    (b'{"shape"', "tifffile"),
    (b"shape=", "tifffile"),
    (b"Aperio ", "Aperio"),
    (b"<MetaData>", "MetaSeries"),
    (b"SCANIMAGE", "ScanImage"),
    (b"state.", "ScanImage"),
)


def layout_described(description: bytes) -> str | None:
    """Whose description of a stack's or pyramid's pixels this is (``ImageJ``, ``tifffile``, ``OME``, ...), which would
    be wrong in a file of one picture; ``None`` for people's words."""
    text = description.lstrip(b"\xef\xbb\xbf \r\n\t")
    for start, program in _LAYOUTS:
        if text.startswith(start):
            return program
    return "OME" if text.startswith(b"<") and b"<OME" in text[:4096] else None


def _says_shape_alone(description: bytes) -> bool:
    """Whether it is tifffile's own note of an array's shape: nobody misses it."""
    try:
        found = json.loads(description.rstrip(b"\0"))
    except ValueError:
        return False
    return isinstance(found, dict) and set(found) <= {"shape", "axes", "truncated"}


def fit(block: bytes, turn: Turn, *, is_srgb: bool, notes: list[str]) -> bytes:
    """The block for the picture after ``turn``: orientation 1, sizes and places turned, without the thumbnail and
    without what described the old file's pixels; everything else where it was.

    ``is_srgb``: the colours were converted, so the recorded colour space becomes sRGB. Says in ``notes`` what was left
    out. Raises :class:`ExifError` for a damaged block.
    """
    reader = from_bytes(block)
    if reader.big:
        raise ExifError("a BigTIFF structure is no EXIF block")
    top = reader.directory(reader.first)
    data = bytearray(block)
    unfit = _unfit(top, turn, notes)
    oriented = [entry for entry in top.entries if entry.tag == ORIENTATION]
    if not (len(oriented) == 1 and _write(data, reader, oriented[0], 1)):
        unfit |= {ORIENTATION}  # in a spelling of its own: without one it is upright, too
    if turn.swaps:
        _exchange(data, top, X_RESOLUTION, Y_RESOLUTION)
    below = top.find(EXIF_POINTER)
    if below and below.children:
        _fit_below(data, reader, below.children, turn, is_srgb)
    _remove(data, reader, reader.first, unfit)
    _drop_thumbnail(data, reader, top)
    return bytes(data)


def _unfit(top: Directory, turn: Turn, notes: list[str]) -> frozenset[int]:
    """The tags of the first directory that are not true of the new picture."""
    unfit = STRUCTURAL - _KEPT_IN_BLOCKS
    description = top.find(DESCRIPTION)
    program = layout_described(description.value) if description else None
    if program:
        unfit |= {DESCRIPTION}
    if description and program and not _says_shape_alone(description.value):
        notes.append(f"its description of a layout of pixels by {program} does not fit one picture and was left out")
    if turn.orientation != 1 and any(entry.tag in _GEOGRAPHIC for entry in top.entries):
        unfit |= _GEOGRAPHIC
        notes.append("its place on a map (GeoTIFF) does not fit the turned picture and was left out")
    return unfit


def _fit_below(data: bytearray, reader: Reader, directory: Directory, turn: Turn, is_srgb: bool) -> None:
    """The Exif directory: colour space, sizes, and the subject's place."""
    if is_srgb:
        _write(data, reader, directory.find(_COLOR_SPACE), 1)
    width, height = turn.size
    sides = directory.find(_PIXEL_WIDTH), directory.find(_PIXEL_HEIGHT)
    if all(sides):
        _write(data, reader, sides[0], width)
        _write(data, reader, sides[1], height)
    if turn.swaps:
        _exchange(data, directory, _FOCAL_X, _FOCAL_Y)
    for tag in (_SUBJECT_AREA, _SUBJECT_LOCATION):
        _turn_area(data, reader, directory.find(tag), turn)
    interop = directory.find(INTEROP_POINTER)
    if interop and interop.children:
        _write(data, reader, interop.children.find(_RELATED_WIDTH), width)
        _write(data, reader, interop.children.find(_RELATED_HEIGHT), height)


def _write(data: bytearray, reader: Reader, entry: Entry | None, value: int) -> bool:
    """One whole number in place of another, in the same kind. Returns whether it could be written."""
    if entry is None or entry.kind not in _NUMBER or entry.count != 1:
        return False
    try:
        struct.pack_into(reader.order + _NUMBER[entry.kind], data, entry.at, value)
    except struct.error:
        return False
    return True


def _exchange(data: bytearray, directory: Directory, one: int, other: int) -> None:
    first, second = directory.find(one), directory.find(other)
    if first and second and first.kind == second.kind and first.count == second.count:
        data[first.at : first.at + len(first.value)] = second.value
        data[second.at : second.at + len(second.value)] = first.value


def _turn_area(data: bytearray, reader: Reader, entry: Entry | None, turn: Turn) -> None:
    """A point, a circle (x, y, diameter) or a rectangle (x and y of its centre, width, height) in pixels (Exif 3.0,
    section 4.6.6.5.21)."""
    if entry is None or entry.kind != 3 or not 2 <= entry.count <= 4:
        return
    layout = f"{reader.order}{entry.count}H"
    x, y, *sides = struct.unpack(layout, entry.value)
    if x >= turn.width or y >= turn.height:  # of a picture that was cropped or resized since
        return
    if len(sides) == 2 and turn.swaps:
        sides.reverse()
    struct.pack_into(layout, data, entry.at, *turn.pixel(x, y), *sides)


def _drop_thumbnail(data: bytearray, reader: Reader, top: Directory) -> None:
    """Cut the picture of the second directory off where it ends the block, else blank it."""
    if not top.next_offset:
        return
    try:
        second = reader.directory(top.next_offset)
    except ExifError:
        return
    offset, size = second.find(_THUMBNAIL_OFFSET), second.find(_THUMBNAIL_LENGTH)
    if offset is None or size is None:
        return
    start, length = reader.number(offset.value), reader.number(size.value)
    if start < top.next_offset:  # values of other tags may share a wrong range
        return
    if start + length >= len(data):
        del data[start:]
    else:
        data[start : start + length] = bytes(length)


def _remove(data: bytearray, reader: Reader, offset: int, tags: frozenset[int]) -> None:
    """Take entries out of the first directory's table, and the way to the second one (the thumbnail's), and put the
    others in order, which strict readers ask for; values and other directories stay where they are."""
    order = reader.order
    (count,) = struct.unpack_from(order + "H", data, offset)
    start, end = offset + 2, offset + 2 + 12 * count
    table = [bytes(data[at : at + 12]) for at in range(start, end, 12)]
    kept = [raw for raw in table if reader.number(raw[:2]) not in tags]
    kept.sort(key=lambda raw: reader.number(raw[:2]))
    struct.pack_into(order + "H", data, offset, len(kept))
    whole = len(data[start : end + 4])
    data[start : end + 4] = b"".join(kept).ljust(whole, b"\0")


def shrink(block: bytes, most: int) -> tuple[bytes, list[int]]:
    """The block without its largest values, so that it has at most ``most`` bytes; and the tags that were left out.

    Raises :class:`ExifError` for a damaged block, or one that cannot become so small.
    """
    reader = from_bytes(block)
    top = reader.directory(reader.first)
    directories = _directories(top)
    size = 8 + sum(7 + 12 * len(directory.entries) for directory in directories)
    places = [(directory, entry) for directory in directories for entry in directory.entries if len(entry.value) > 4]
    size += sum(len(entry.value) + 1 for _, entry in places)
    dropped: list[int] = []
    for directory, entry in sorted(places, key=lambda place: -len(place[1].value)):
        if size <= most:
            break
        directory.entries.remove(entry)
        dropped.append(entry.tag)
        size -= len(entry.value) + 13
    if size > most:
        raise ExifError("too many entries")
    return block_of(top, reader.order), dropped


def _directories(top: Directory) -> list[Directory]:
    found = [top]
    for entry in top.entries:
        if entry.children is not None:
            found += _directories(entry.children)
    return found
