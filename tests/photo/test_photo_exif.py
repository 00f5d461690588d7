"""EXIF blocks that are too large, from other pixels, or damaged in part."""

import io
import struct

import numpy as np
from photo_files import colored, encoded, grey_picture, tiff
from PIL import Image

from colorhub.photo import Photo
from colorhub.photo.metadata.exif import from_bytes


def exif_with(**below: object) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F] = "Scanner & Co"
    exif.get_ifd(0x8769).update(
        {0x9003: "1912:05:01 10:00:00"} | {int(tag[1:], 16): value for tag, value in below.items()}
    )
    return exif


def test_of_a_block_too_large_for_jpeg_the_largest_values_go_and_it_is_said() -> None:
    source = encoded(grey_picture(), "PNG", exif=exif_with(x927C=b"M" * 70_000, x9286=b"ASCII\0\0\0our garden"))
    result = colored(Photo.open(source))
    raw, _ = result.encode("JPEG")
    exif = Image.open(io.BytesIO(raw)).getexif()
    below = exif.get_ifd(0x8769)
    assert exif[0x010F] == "Scanner & Co"
    assert below[0x9003] == "1912:05:01 10:00:00"
    assert below[0x9286] == b"ASCII\0\0\0our garden"
    assert 0x927C not in below
    assert any("does not fit into JPEG: left out maker notes" in note for note in result.notes)


def test_tags_of_the_old_files_pixels_are_not_copied() -> None:
    """A JPEG made from a grey TIFF often says that it has one sample a pixel."""
    exif = exif_with()
    exif[0x0115], exif[0x0106], exif[0x0100], exif[0x0101] = 1, 1, 4000, 3000
    raw, _ = colored(Photo.open(encoded(grey_picture(), "JPEG", exif=exif))).encode()
    written = Image.open(io.BytesIO(raw)).getexif()
    assert written[0x010F] == "Scanner & Co"
    assert not {0x0115, 0x0106, 0x0100, 0x0101} & set(written)


def test_a_block_keeps_its_layout_when_tags_go() -> None:
    exif = exif_with()
    exif[0x0115] = 1
    before = encoded(grey_picture(), "JPEG", exif=exif)
    after, _ = colored(Photo.open(before)).encode()

    def place(raw: bytes) -> int:
        return raw.index(b"1912:05:01") - raw.index(b"Exif\0\0")

    assert place(before) == place(after)


def test_damage_in_part_is_said_where_the_block_is_laid_out_anew() -> None:
    block = bytearray(exif_with().tobytes()[6:])
    reader = from_bytes(bytes(block))
    top = reader.directory(reader.first)
    maker = top.find(0x010F)
    assert maker is not None
    place = block.index(struct.pack(reader.order + "HH", 0x010F, 2)) + 8
    struct.pack_into(reader.order + "I", block, place, 1 << 30)  # leads outside
    result = colored(Photo.open(encoded(grey_picture(), "JPEG", exif=b"Exif\0\0" + bytes(block))))
    raw, _ = result.encode("TIFF")
    assert Image.open(io.BytesIO(raw)).getexif().get_ifd(0x8769)[0x9003] == "1912:05:01 10:00:00"
    assert any("part of its EXIF data is damaged" in note for note in result.notes)


def test_directories_of_a_bigtiff_survive() -> None:
    """Its pointers to directories are 64 bits long."""
    raw = bytearray(
        tiff(grey_picture(), bigtiff=True, extratags=[(34664, 16, 1, 0, True), (271, 2, 0, "Scanner", True)])
    )
    date = b"1912:05:01 10:00:00\0"
    start = len(raw)
    raw += struct.pack("<QHHQQQ", 1, 0x9003, 2, len(date), start + 36, 0) + date
    place = raw.index(struct.pack("<HHQQ", 34664, 16, 1, 0))
    struct.pack_into("<HHQQ", raw, place, 0x8769, 18, 1, start)
    written, _ = colored(Photo.open(bytes(raw))).encode("JPEG")
    exif = Image.open(io.BytesIO(written)).getexif()
    assert exif[0x010F] == "Scanner"
    assert exif.get_ifd(0x8769)[0x9003] == "1912:05:01 10:00:00"


def test_a_place_on_a_map_goes_with_a_turn_only() -> None:
    scale = (33550, 12, 3, (0.5, 0.5, 0.0), True)
    straight = Photo.open(tiff(grey_picture(), extratags=[scale]))
    turned = Photo.open(tiff(grey_picture(), extratags=[scale, (274, 3, 1, 6, True)]))
    for photo, kept in ((straight, True), (turned, False)):
        raw, _ = colored(photo).encode()
        assert (33550 in Image.open(io.BytesIO(raw)).tag_v2) == kept
        assert any("GeoTIFF" in note for note in photo.notes) != kept
    assert np.array_equal(turned.grey, np.rot90(straight.grey, -1))


def test_entries_out_of_order_are_put_in_order() -> None:
    """Old scanners' software wrote them so, and archives refuse such files."""
    rows = struct.pack("<HHII", 0x0131, 2, 3, 0x00796D) + struct.pack("<HHII", 0x010F, 2, 4, 0x6E6E41)
    block = b"II*\0\x08\0\0\0\x02\0" + rows + bytes(4)
    for format in ("JPEG", "PNG", "WEBP", "TIFF"):
        raw, _ = colored(Photo.open(encoded(grey_picture(), "JPEG", exif=b"Exif\0\0" + block))).encode(format)
        start = 0 if format == "TIFF" else raw.index(b"II*\0")
        (first,) = struct.unpack_from("<I", raw, start + 4)
        (count,) = struct.unpack_from("<H", raw, start + first)
        tags = [struct.unpack_from("<H", raw, start + first + 2 + 12 * index)[0] for index in range(count)]
        assert tags == sorted(tags)
        assert {0x010F, 0x0131} <= set(tags)


def test_a_place_of_0_by_0_costs_no_turn() -> None:
    """Telephones without a fix write latitudes of 0/0, 0/0, 0/0."""
    place = struct.pack("<H", 2) + struct.pack("<HHII", 1, 2, 1, 0) + struct.pack("<HHII", 2, 5, 3, 68) + bytes(28)
    rows = struct.pack("<HHII", 0x0112, 3, 1, 6) + struct.pack("<HHII", 0x8825, 4, 1, 38)
    block = b"II*\0\x08\0\0\0\x02\0" + rows + bytes(4) + place
    for format in ("JPEG", "PNG", "WEBP"):
        photo = Photo.open(encoded(grey_picture(), format, exif=b"Exif\0\0" + block))
        assert photo.size == (60, 80)
        assert colored(photo).encode()[0]
