"""EXIF and TIFF directories, read and written byte for byte.

Pillow writes EXIF anew, which moves maker notes away from the offsets they hold. Here a block is patched in place
where that is possible, and entries travel as raw bytes in their own byte order where it is not. Every read is bounded,
so that loops and absurd counts in hostile files cost nothing.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x0112, 0x011A, 0x011B, 0x0128
EXIF_POINTER, GPS_POINTER, INTEROP_POINTER = 0x8769, 0x8825, 0xA005
XMP, IPTC, PHOTOSHOP, ICC = 700, 33723, 34377, 34675
_COLOR_SPACE, _PIXEL_WIDTH, _PIXEL_HEIGHT = 0xA001, 0xA002, 0xA003
_THUMBNAIL_OFFSET, _THUMBNAIL_LENGTH = 0x0201, 0x0202
_UNIT = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_ORDERS: dict[bytes, Literal["<", ">"]] = {b"II": "<", b"MM": ">"}
_POINTERS = (EXIF_POINTER, GPS_POINTER, INTEROP_POINTER)
_MOST_ENTRIES, _MOST_BYTES = 4096, 1 << 26  # no camera or scanner writes more; hostile files claim it
# Tags that describe how a TIFF file stores its pixels, and those that are kept apart from EXIF.
STRUCTURAL = frozenset(
    {*range(254, 267), 273, 277, 278, 279, 280, 281, 284, *range(288, 294), 297, 301, *range(317, 326), 330, 332, 334}
    | {336, 338, 339, 340, 341, 342, 347, *range(512, 522), *range(529, 533), XMP, IPTC, PHOTOSHOP, ICC, 37724, 50341}
)


class ExifError(ValueError):
    """A block that is not EXIF or a directory that leads outside its file."""


@dataclass
class Entry:
    """One tag: its value as raw bytes in the block's byte order, or the directory it points to."""

    tag: int
    kind: int
    count: int
    value: bytes
    at: int = 0  # where the value's bytes lie
    children: "Directory | None" = None


@dataclass
class Directory:
    """A TIFF directory (IFD): its entries, and where its pointer to the next one stands and leads."""

    entries: list[Entry] = field(default_factory=list)
    next_at: int = 0
    next_offset: int = 0

    def find(self, tag: int) -> Entry | None:
        return next((entry for entry in self.entries if entry.tag == tag), None)


class Reader:
    """Reads directories of a TIFF structure through ``read(offset, length)``. ``order`` is ``<`` or ``>``.

    Raises :class:`ExifError` where the structure is damaged.
    """

    def __init__(self, read: Callable[[int, int], bytes]) -> None:
        self._read = read
        self._budget = _MOST_BYTES
        head = read(0, 16)
        if head[:2] not in _ORDERS or len(head) < 8:
            raise ExifError("no TIFF header")
        self.order = _ORDERS[head[:2]]
        version = self.number(head[2:4])
        if version not in (42, 43):
            raise ExifError("no TIFF header")
        self.big = version == 43
        self.first = self.number(head[8:16] if self.big else head[4:8])

    def number(self, raw: bytes) -> int:
        return int.from_bytes(raw, "little" if self.order == "<" else "big")

    def bytes_at(self, offset: int, length: int) -> bytes:
        self._budget -= length
        if length < 0 or self._budget < 0:
            raise ExifError("more data than any camera writes")
        raw = self._read(offset, length)
        if len(raw) != length:
            raise ExifError("a value lies outside the file")
        return raw

    def directory(self, offset: int, depth: int = 0) -> Directory:
        """The directory at ``offset`` with the Exif, GPS and interoperability directories below it; those that are
        damaged are left out."""
        count_size, entry_size, pointer = (8, 20, 8) if self.big else (2, 12, 4)
        count = self.number(self.bytes_at(offset, count_size))
        if count > _MOST_ENTRIES:
            raise ExifError(f"{count} entries in one directory")
        start = offset + count_size
        table = self.bytes_at(start, count * entry_size)
        entries = []
        for index in range(count):
            at = start + index * entry_size
            entry = self._entry(table[index * entry_size :][:entry_size], at, depth)
            if entry is not None:
                entries.append(entry)
        next_at = start + count * entry_size
        tail = self._read(next_at, pointer)  # some writers leave it out
        return Directory(entries, next_at, self.number(tail) if len(tail) == pointer else 0)

    def _entry(self, raw: bytes, at: int, depth: int) -> Entry | None:
        inline = 8 if self.big else 4
        tag, kind = self.number(raw[:2]), self.number(raw[2:4])
        count = self.number(raw[4 : 4 + inline])
        size = count * _UNIT.get(kind, 0)
        if size == 0:
            return None
        at += 4 + inline
        if size > inline:
            at = self.number(raw[-inline:])
        try:
            value = self.bytes_at(at, size)
            children = self._below(value, depth) if tag in _POINTERS else None
        except ExifError:
            return None
        if tag in _POINTERS and children is None:
            return None
        return Entry(tag, kind, count, value, at, children)

    def _below(self, value: bytes, depth: int) -> Directory | None:
        return self.directory(self.number(value), depth + 1) if depth < 2 else None


def count_pages(reader: Reader, most: int = 1000) -> int:
    """Number of directories in a TIFF file's chain, at most ``most``; a loop ends it."""
    seen: set[int] = set()
    offset = reader.first
    count_size, entry_size, pointer = (8, 20, 8) if reader.big else (2, 12, 4)
    while offset and offset not in seen and len(seen) < most:
        seen.add(offset)
        try:
            entries = reader.number(reader.bytes_at(offset, count_size))
            offset = reader.number(reader.bytes_at(offset + count_size + entries * entry_size, pointer))
        except ExifError:
            break
    return len(seen)


def from_bytes(block: bytes) -> Reader:
    """A reader over a block of EXIF (without the ``Exif\\0\\0`` that JPEG puts before it)."""
    return Reader(lambda offset, length: block[offset : offset + length])


def orientation(block: bytes) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or the block is damaged."""
    try:
        reader = from_bytes(block)
        entry = reader.directory(reader.first).find(ORIENTATION)
    except ExifError:
        return 1
    value = reader.number(entry.value[:2]) if entry and entry.kind == 3 else 1
    return value if 1 <= value <= 8 else 1


def resolution(block: bytes) -> tuple[float, float] | None:
    """Horizontal and vertical dots per inch, where the block has them."""
    try:
        reader = from_bytes(block)
        directory = reader.directory(reader.first)
    except ExifError:
        return None
    found = [directory.find(tag) for tag in (X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT)]
    per_inch = 2.54 if found[2] and reader.number(found[2].value[:2]) == 3 else 1.0
    values = []
    for entry in found[:2]:
        if entry is None or entry.kind != 5:
            return None
        over, under = reader.number(entry.value[:4]), reader.number(entry.value[4:8])
        if not over or not under:
            return None
        values.append(over / under * per_inch)
    return values[0], values[1]


def clean(block: bytes, *, swap_sides: bool, is_srgb: bool) -> bytes:
    """The block with its orientation reset to 1 and its thumbnail dropped, everything else where it was.

    ``swap_sides``: the picture was turned by 90 degrees, so the recorded width and height change places. ``is_srgb``:
    the colours were converted, so the recorded colour space becomes sRGB. Raises :class:`ExifError` for a damaged
    block.
    """
    reader = from_bytes(block)
    top = reader.directory(reader.first)
    data = bytearray(block)
    short = struct.Struct(reader.order + "H")
    turned = top.find(ORIENTATION)
    if turned and turned.kind == 3:
        short.pack_into(data, turned.at, 1)
    below = top.find(EXIF_POINTER)
    if below and below.children:
        space = below.children.find(_COLOR_SPACE)
        if is_srgb and space and space.kind == 3:
            short.pack_into(data, space.at, 1)
        width, height = below.children.find(_PIXEL_WIDTH), below.children.find(_PIXEL_HEIGHT)
        if swap_sides and width and height and width.kind == height.kind:
            data[width.at : width.at + len(width.value)] = height.value
            data[height.at : height.at + len(height.value)] = width.value
    _drop_thumbnail(data, reader, top)
    return bytes(data)


def _drop_thumbnail(data: bytearray, reader: Reader, top: Directory) -> None:
    """Unlink the second directory; cut its picture off where it ends the block, else blank it."""
    if not top.next_offset:
        return
    data[top.next_at : top.next_at + 4] = bytes(4)
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


def pack(directory: Directory, order: str, base: int = 8) -> bytes:
    """A directory and those below it as bytes that start at offset ``base``; the entries' values follow the tables."""
    # Kinds above 13 exist only in BigTIFF.
    entries = sorted((entry for entry in directory.entries if entry.kind <= 13), key=lambda entry: entry.tag)
    table = bytearray(struct.pack(order + "H", len(entries)))
    tail = bytearray()
    tail_at = base + 2 + 12 * len(entries) + 4
    for entry in entries:
        if entry.children is not None:
            tail += bytes(len(tail) % 2)
            value = struct.pack(order + "I", tail_at + len(tail))
            tail += pack(entry.children, order, tail_at + len(tail))
            kind, count = 4, 1
        else:
            kind, count, value = entry.kind, entry.count, entry.value
        if len(value) > 4:
            tail += bytes(len(tail) % 2)
            at = tail_at + len(tail)
            tail += value
            value = struct.pack(order + "I", at)
        table += struct.pack(order + "HHI", entry.tag, kind, count) + value.ljust(4, b"\0")
    return bytes(table) + bytes(4) + bytes(tail)


def block_of(directory: Directory, order: str) -> bytes:
    """A whole EXIF block of one directory."""
    return {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", 8) + pack(directory, order)


def with_resolution(block: bytes | None, dpi: tuple[float, float]) -> bytes:
    """The block (or a new one) with a resolution, for formats that have no other place for it. One that is there
    stays."""
    order, directory = "<", Directory()
    if block is not None:
        reader = from_bytes(block)
        order, directory = reader.order, reader.directory(reader.first)
        if directory.find(X_RESOLUTION):
            return block
    for tag, value in zip((X_RESOLUTION, Y_RESOLUTION), dpi, strict=True):
        directory.entries.append(Entry(tag, 5, 1, struct.pack(order + "II", round(value * 1000), 1000)))
    directory.entries = [entry for entry in directory.entries if entry.tag != RESOLUTION_UNIT]
    directory.entries.append(Entry(RESOLUTION_UNIT, 3, 1, struct.pack(order + "H", 2)))
    return block_of(directory, order)
