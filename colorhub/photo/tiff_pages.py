"""Which page of a TIFF file is the picture: the first of full resolution, never a thumbnail, a mask or what a sensor
saw through its pattern of filters."""

import io
import struct
from dataclasses import dataclass, replace
from typing import BinaryIO

from colorhub.photo.errors import unreadable
from colorhub.photo.jpeg import structure
from colorhub.photo.metadata.exif import Directory, ExifError, Reader, whole_number

_NEW_SUBFILE, _OLD_SUBFILE, _WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC, _SUB_IFDS = 254, 255, 256, 257, 259, 262, 330
_STRIPS, _STRIP_SIZES, _TILES, _JPEG_START, _JPEG_SIZE, _JPEG_TABLES = 273, 279, 324, 513, 514, 347
_DNG_VERSION = 50706
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType (TIFF 6.0, section 8)
_SENSOR = (32803, 34892)  # colour filter array, linear raw (DNG 1.7, chapter 4)
_JPEGS = (6, 7)
_MOST_PAGES, _MOST_BELOW = 1000, 32
_JPEG_HEAD = 1 << 17  # bytes in which a JPEG file says how large its picture is, EXIF and a thumbnail before that
_LEAST_PREVIEW = 640  # pixels of the longer side: less is a thumbnail
_FULL = 0.5  # of the sensor's side: a preview of as much is the picture


@dataclass(frozen=True)
class Page:
    """A directory with pixels. ``offset`` is where it stands, ``jpeg`` the place (start, length) of a JPEG file inside
    the TIFF file that is all of the page's picture."""

    offset: int
    directory: Directory
    width: int
    height: int
    is_reduced: bool
    is_sensor: bool
    jpeg: tuple[int, int] | None = None


@dataclass(frozen=True)
class Choice:
    """The picture of a file: its page, and notes on what else there is. ``is_preview``: the file is a camera's, and the
    page what the camera made of its raw data."""

    page: Page
    notes: tuple[str, ...]
    is_preview: bool = False


def choose_page(reader: Reader, name: str) -> Choice:
    """The picture among a file's pages, their sub-pages included.

    Raises :class:`PhotoError` for a raw file without a preview of some size, :class:`ExifError` for a damaged file.
    """
    chain = _chain(reader)
    pages = [page for offset in chain if (page := _page(reader, offset))]
    if not pages:
        raise ExifError("no page")
    top = pages[0].directory
    below = [page for above in pages[:_MOST_BELOW] for page in _pages_below(reader, above)]
    sensor = [page for page in (*pages, *below) if page.is_sensor]
    if sensor or top.find(_DNG_VERSION):
        return _preview(pages + below, sensor, reader, name)
    full = [page for page in pages if not page.is_reduced]
    page = next(iter(full), None) or next((page for page in below if not page.is_reduced), pages[0])
    count = len(full) if full else 1
    if len(chain) < _MOST_PAGES and count <= 1:
        return Choice(page, ())
    many = "more than " if len(chain) >= _MOST_PAGES else ""
    return Choice(page, (f"multi-page TIFF: first of {many}{count} pages",))


def _chain(reader: Reader) -> list[int]:
    """Where the directories of a file's chain stand; a loop ends it."""
    found: dict[int, None] = {}
    offset = reader.first
    count_size, entry_size, pointer = (8, 20, 8) if reader.big else (2, 12, 4)
    while offset and offset not in found and len(found) < _MOST_PAGES:
        found[offset] = None
        try:
            entries = reader.number(reader.bytes_at(offset, count_size))
            offset = reader.number(reader.bytes_at(offset + count_size + entries * entry_size, pointer))
        except ExifError:
            break
    return list(found)


def _page(reader: Reader, offset: int) -> Page | None:
    try:
        directory = reader.outline(offset)
    except ExifError:
        return None

    def number(tag: int) -> int:
        return whole_number(directory, tag, reader) or 0

    reduced = bool(number(_NEW_SUBFILE) & (_REDUCED | _MASK)) or number(_OLD_SUBFILE) == 2
    is_sensor = number(_PHOTOMETRIC) in _SENSOR
    jpeg = _whole_jpeg(directory, reader, number(_COMPRESSION))
    return Page(offset, directory, number(_WIDTH), number(_HEIGHT), reduced, is_sensor, jpeg)


def _whole_jpeg(directory: Directory, reader: Reader, compression: int) -> tuple[int, int] | None:
    """Cameras put previews into their raw files as whole JPEG files, named by two tags or as a single strip."""
    if directory.find(_TILES) or directory.find(_JPEG_TABLES):
        return None
    if compression not in _JPEGS and not directory.find(_JPEG_START):
        return None
    tags = (_JPEG_START, _JPEG_SIZE) if directory.find(_JPEG_START) else (_STRIPS, _STRIP_SIZES)
    entries = [directory.find(tag) for tag in tags]
    if any(entry is None or entry.count != 1 for entry in entries):
        return None
    start, size = (whole_number(directory, tag, reader) or 0 for tag in tags)
    return (start, size) if start and size else None


def _pages_below(reader: Reader, page: Page) -> list[Page]:
    entry = page.directory.find(_SUB_IFDS)
    if entry is None:
        return []
    size = len(entry.value) // entry.count
    offsets = [reader.number(entry.value[at : at + size]) for at in range(0, len(entry.value), size)]
    return [found for offset in offsets[:_MOST_BELOW] if offset and (found := _page(reader, offset))]


def _preview(pages: list[Page], sensor: list[Page], reader: Reader, name: str) -> Choice:
    """The largest page of a camera's raw file that is a picture already."""
    kind = "DNG" if pages[0].directory.find(_DNG_VERSION) else "raw"
    sized = [_sized(page, reader) for page in pages if not page.is_sensor]
    pictures = [page for page in sized if page.width and page.height]
    largest = max(pictures, key=lambda page: (page.width * page.height, bool(page.jpeg)), default=None)
    full = max((max(page.width, page.height) for page in sensor), default=0)
    if largest is None or max(largest.width, largest.height) < min(_LEAST_PREVIEW, max(1, round(full * _FULL))):
        reason = f"whose largest preview has {largest.width} x {largest.height} pixels" if largest else ""
        raise unreadable(name, f"is a camera's raw file ({kind}) {reason or 'without a preview'}")
    size = f"{largest.width} x {largest.height} pixels"
    note = f"a camera's raw file ({kind}): the preview in it of {size} instead of the raw data"
    return Choice(largest, (note,), is_preview=True)


def _sized(page: Page, reader: Reader) -> Page:
    """A page with the size of the JPEG file that it is, which many cameras write there alone. One of a lossless process
    is what a sensor saw."""
    if page.jpeg is None or (page.width and page.height):
        return page
    start, length = page.jpeg
    try:
        found = structure(io.BytesIO(reader.bytes_at(start, min(length, _JPEG_HEAD))))
    except ExifError:
        return page
    return page if found.is_lossless else replace(page, width=found.size[0], height=found.size[1])


def file_of(file: BinaryIO, page: Page, reader: Reader) -> BinaryIO:
    """The file as if the page were its first: what is behind it in the chain stays behind it."""
    if page.offset == reader.first:
        return file
    file.seek(0)
    raw = bytearray(file.read())
    layout, at = ("Q", 8) if reader.big else ("I", 4)
    struct.pack_into(reader.order + layout, raw, at, page.offset)
    return io.BytesIO(raw)
