"""EXIF and TIFF directories, read and written byte for byte.

Pillow writes EXIF anew, which moves maker notes away from the offsets they hold. Here a block is patched in place where
that is possible (:mod:`colorhub.photo.metadata.exif_fitting`), and entries travel as raw bytes in their own byte order
where it is not. Every read is bounded, so that loops and absurd counts in hostile files cost nothing.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x0112, 0x011A, 0x011B, 0x0128
EXIF_POINTER, GPS_POINTER, INTEROP_POINTER = 0x8769, 0x8825, 0xA005
XMP, IPTC, PHOTOSHOP, ICC = 700, 33723, 34377, 34675
_UNIT = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_WHOLE = (1, 3, 4, 13, 16)  # kinds that hold whole numbers: BYTE, SHORT, LONG, IFD, LONG8
_ORDERS: dict[bytes, Literal["<", ">"]] = {b"II": "<", b"MM": ">"}
_POINTERS = (EXIF_POINTER, GPS_POINTER, INTEROP_POINTER)
_NO_UNIT, _INCH, _CENTIMETRE = 1, 2, 3
_SAME_RESOLUTION = 0.005
_DEEPEST = 2  # directories below the first: Exif, and interoperability below it
_OUTLINED = 4096  # bytes of a value that an outline holds
_MOST_ENTRIES, _MOST_ENTRIES_IN_ALL, _MOST_BYTES = (
    4096,
    1 << 17,
    1 << 26,
)  # no camera or scanner writes more; hostile files claim it
# Tags that describe how a TIFF file stores its pixels, and those that are kept apart from EXIF.
STRUCTURAL = frozenset(
    {*range(254, 267), 273, 277, 278, 279, 280, 281, 284, *range(288, 294), 297, 301, *range(317, 326), 330, 332, 334}
    | {336, 338, 339, 340, 341, 342, 347, *range(512, 522), *range(529, 533), XMP, IPTC, PHOTOSHOP, ICC, 37724, 50341}
    # SGI's channels and volumes; sensor patterns; the stacks of microscopes (FluoView, MetaMorph, LSM, TVIPS, NDPI);
    # DNG, ImageJ and Micro-Manager.
    | {*range(32995, 32999), 33421, 33422, *range(33628, 33632), 34361, 34362, 34412, 37706, *range(65420, 65459)}
    | {*range(50706, 51200)}
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
        self._entries_left = _MOST_ENTRIES_IN_ALL
        self.damaged = False  # whether an entry was left out
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
        return self._directory(offset, depth, _MOST_BYTES)

    def outline(self, offset: int) -> Directory:
        """The directory at ``offset`` without long values and the directories below it."""
        return self._directory(offset, _DEEPEST, _OUTLINED)

    def _directory(self, offset: int, depth: int, longest: int) -> Directory:
        count_size, entry_size, pointer = (8, 20, 8) if self.big else (2, 12, 4)
        count = self.number(self.bytes_at(offset, count_size))
        self._entries_left -= count
        if count > _MOST_ENTRIES or self._entries_left < 0:
            raise ExifError(f"{count} entries in one directory")
        start = offset + count_size
        table = self.bytes_at(start, count * entry_size)
        entries = []
        for index in range(count):
            at = start + index * entry_size
            entry = self._entry(table[index * entry_size :][:entry_size], at, depth, longest)
            if entry is not None:
                entries.append(entry)
        next_at = start + count * entry_size
        tail = self._read(next_at, pointer)  # some writers leave it out
        return Directory(entries, next_at, self.number(tail) if len(tail) == pointer else 0)

    def _entry(self, raw: bytes, at: int, depth: int, longest: int) -> Entry | None:
        inline = 8 if self.big else 4
        tag, kind = self.number(raw[:2]), self.number(raw[2:4])
        count = self.number(raw[4 : 4 + inline])
        size = count * _UNIT.get(kind, 0)
        if size == 0:
            self.damaged = self.damaged or kind not in _UNIT
            return None
        if size > longest:
            return None
        at += 4 + inline
        if size > inline:
            at = self.number(raw[-inline:])
        try:
            value = self.bytes_at(at, size)
            children = self._below(value, depth) if tag in _POINTERS else None
        except ExifError:
            self.damaged = True
            return None
        if tag in _POINTERS and children is None:
            return None
        return Entry(tag, kind, count, value, at, children)

    def _below(self, value: bytes, depth: int) -> Directory | None:
        return self.directory(self.number(value), depth + 1) if depth < _DEEPEST else None


def from_bytes(block: bytes) -> Reader:
    """A reader over a block of EXIF (without the ``Exif\\0\\0`` that JPEG puts before it)."""
    return Reader(lambda offset, length: block[offset : offset + length])


def orientation(block: bytes) -> int | None:
    """The EXIF orientation, 1 to 8; ``None`` where there is none, or the block is damaged."""
    try:
        reader = from_bytes(block)
        return orientation_of(reader.directory(reader.first), reader)
    except ExifError:
        return None


def orientation_of(directory: Directory, reader: Reader) -> int | None:
    """A directory's orientation, 1 to 8, in whatever whole numbers it was written; ``None`` where it has none."""
    value = whole_number(directory, ORIENTATION, reader)
    return value if value is not None and 1 <= value <= 8 else None


def whole_number(directory: Directory, tag: int, reader: Reader) -> int | None:
    """The first value of a tag that holds whole numbers."""
    entry = directory.find(tag)
    if entry is None or entry.kind not in _WHOLE:
        return None
    return reader.number(entry.value[: _UNIT[entry.kind]])


def is_sensible(*dots_per_inch: float) -> bool:
    """Whether a resolution may be meant: 0 and 1 stand for "not known" where a format always holds a number."""
    return all(1 < value < 1e6 for value in dots_per_inch)


def resolution(block: bytes) -> tuple[float, float] | None:
    """Horizontal and vertical dots per inch, where the block has them."""
    try:
        reader = from_bytes(block)
        directory = reader.directory(reader.first)
    except ExifError:
        return None
    unit = whole_number(directory, RESOLUTION_UNIT, reader) or _INCH
    values = [_fraction(directory.find(tag), reader) for tag in (X_RESOLUTION, Y_RESOLUTION)]
    horizontal, vertical = (value * (2.54 if unit == _CENTIMETRE else 1) for value in values)
    return (horizontal, vertical) if unit != _NO_UNIT and is_sensible(horizontal, vertical) else None


def _fraction(entry: Entry | None, reader: Reader) -> float:
    """0 where there is none."""
    if entry is None or entry.kind != 5:
        return 0
    over, under = reader.number(entry.value[:4]), reader.number(entry.value[4:8])
    return over / under if under else 0


def pack(directory: Directory, order: str, base: int = 8) -> bytes:
    """A directory and those below it as bytes that start at offset ``base``; the entries' values follow the tables."""
    # Kinds above 13 exist only in BigTIFF.
    kept = [entry for entry in directory.entries if entry.kind <= 13 or entry.children is not None]
    entries = sorted(kept, key=lambda entry: entry.tag)
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
    """The block (or a new one) with a resolution, for formats that have no other place for it. The same one stays as
    it is written, another one (a camera's 72 as a rule) is corrected where it stands."""
    order, directory = "<", Directory()
    if block is not None:
        reader = from_bytes(block)
        order, directory = reader.order, reader.directory(reader.first)
        known = resolution(block)
        if known and all(abs(a / b - 1) < _SAME_RESOLUTION for a, b in zip(known, dpi, strict=True)):
            return block
        unit, *places = (directory.find(tag) for tag in (RESOLUTION_UNIT, X_RESOLUTION, Y_RESOLUTION))
        if unit and unit.kind == 3 and all(place and place.kind == 5 for place in places):
            data = bytearray(block)
            struct.pack_into(order + "H", data, unit.at, _INCH)
            for place, value in zip(places, dpi, strict=True):
                struct.pack_into(order + "II", data, place.at if place else 0, round(value * 1000), 1000)
            return bytes(data)
    directory.entries = [entry for entry in directory.entries if entry.tag not in (X_RESOLUTION, Y_RESOLUTION)]
    for tag, value in zip((X_RESOLUTION, Y_RESOLUTION), dpi, strict=True):
        directory.entries.append(Entry(tag, 5, 1, struct.pack(order + "II", round(value * 1000), 1000)))
    directory.entries = [entry for entry in directory.entries if entry.tag != RESOLUTION_UNIT]
    directory.entries.append(Entry(RESOLUTION_UNIT, 3, 1, struct.pack(order + "H", 2)))
    return block_of(directory, order)
