"""Damaged metadata in good pictures: the pixels are those of the undamaged file."""

import io
import random

import numpy as np
import pillow_heif
import pytest
import skimage
import tifffile
from fuzz_files import png_chunk
from photo_files import encoded, jpeg_segment, with_segments, xmp_packet
from PIL import Image

from colorhub.photo import ColorPhoto, Photo

PACKET = xmp_packet("<dc:source>attic</dc:source>", dc="http://purl.org/dc/elements/1.1/")
IPTC = b"\x1c\x02\x78\x00\x0aOur garden\x1c\x02\x50\x00\x03Ann"
RESOURCES = b"8BIM\x04\x04\0\0\0\0\0\x17" + IPTC + b"\0"


def exif_block() -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0132] = "Maker", "1999:01:01 00:00:00"
    exif.get_ifd(0x8769).update({0x9003: "1999:01:01 00:00:00", 0x927C: b"maker note" * 20})
    exif.get_ifd(0x8825).update({1: "N", 2: (1.0, 2.0, 3.0)})
    return exif.tobytes()[6:]


def originals() -> dict[str, tuple[bytes, list[bytes]]]:
    """Files by name, and the blocks in them that are to be damaged."""
    color, exif = skimage.data.astronaut()[:60, 100:180].copy(), exif_block()
    heif, tiff = io.BytesIO(), io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(color)).save(heif, quality=80, exif=b"Exif\0\0" + exif, xmp=PACKET)
    tags = [(700, 1, len(PACKET), PACKET, True), (34377, 1, len(RESOURCES), RESOURCES, True)]
    tifffile.imwrite(tiff, color.astype(np.uint16) * 257, photometric="rgb", extratags=tags, metadata=None)
    jpeg = encoded(color, "JPEG", exif=b"Exif\0\0" + exif, xmp=PACKET, dpi=(300, 300))
    segments = jpeg_segment(0xED, b"Photoshop 3.0\0" + RESOURCES), jpeg_segment(0xFE, b"scanned by Ann")
    texts = png_chunk(b"tEXt", b"Author\0Ann"), png_chunk(b"eXIf", exif), png_chunk(b"iTXt", b"Title\0\0\0\0\0Garden")
    png = encoded(color, "PNG", dpi=(300, 300))
    return {
        "JPEG": (with_segments(jpeg, *segments), [exif, PACKET, RESOURCES, b"scanned by Ann", b"JFIF\0\1\1"]),
        "PNG": (png[:33] + b"".join(texts) + png[33:], [*texts[:1], exif, texts[2][8:], b"pHYs\0\0"]),
        "WEBP": (encoded(color, "WEBP", exif=exif, xmp=PACKET), [exif, PACKET]),
        "TIFF": (encoded(color, "TIFF", exif=b"Exif\0\0" + exif), [b"1999:01:01", b"maker note" * 20]),
        "deep TIFF": (tiff.getvalue(), [PACKET, RESOURCES]),
        "HEIF": (heif.getvalue(), [exif, PACKET]),
        "AVIF": (encoded(color, "AVIF", exif=exif, xmp=PACKET, speed=10), [exif, PACKET]),
    }


def damaged(content: bytes, block: bytes, rng: random.Random) -> bytes:
    """The file with some bytes of one block flipped, blanked or replaced by noise."""
    start = content.index(block)
    piece = bytearray(block)
    kind = rng.randrange(3)
    if kind == 0:
        for _ in range(rng.choice([1, 3, 20])):
            piece[rng.randrange(len(piece))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        at = rng.randrange(len(piece))
        piece[at : at + 40] = bytes([rng.choice([0, 255])]) * len(piece[at : at + 40])
    else:
        piece[:] = rng.randbytes(len(piece))
    return content[:start] + bytes(piece) + content[start + len(block) :]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "deep TIFF", "HEIF", "AVIF"])
@pytest.mark.parametrize("count", [10, pytest.param(215, marks=pytest.mark.slow)])
def test_pixels_are_those_of_the_undamaged_file(format: str, count: int) -> None:
    content, blocks = originals()[format]
    expected = Photo.open(content).rgb
    rng = random.Random(count)
    for number in range(count):
        photo = Photo.open(damaged(content, blocks[number % len(blocks)], rng))
        assert np.array_equal(photo.rgb, expected), number
        if number % 10 == 0:
            for wanted in ("JPEG", "PNG", "TIFF", "WEBP"):
                ColorPhoto(photo.rgb, photo, {"model": "unet"}).encode(wanted)


@pytest.mark.parametrize("format", ["HEIF", "AVIF"])
def test_a_block_that_stops_the_decoder_is_left_out(format: str) -> None:
    content, (exif, _) = originals()[format]
    start = content.index(exif)
    broken = content[:start] + b"\xff" * len(exif) + content[start + len(exif) :]
    photo = Photo.open(broken)
    assert np.array_equal(photo.rgb, Photo.open(content).rgb)
    assert any("damaged" in note for note in photo.notes)
