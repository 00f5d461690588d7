"""Fifteen hundred files with damaged metadata in good pictures: the pixels are those of the undamaged file or, where
the damaged block decides about pixels (ICC, orientation, gAMA, cHRM), those of the file without it."""

import io
import random
import struct
import zlib

import imagecodecs
import numpy as np
import pillow_heif
import pytest
import skimage
import tifffile
from fuzz_files import png_chunk
from photo_files import encoded, jpeg_segment, tiff, with_segments, xmp_packet
from PIL import Image, ImageCms

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
@pytest.mark.parametrize("count", [10, pytest.param(145, marks=pytest.mark.slow)])
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


COLOR = skimage.data.astronaut()[:60, 100:180].copy()


def with_profile(format: str, icc: bytes | None) -> bytes:
    options = {"icc_profile": icc} if icc else {}
    if format == "deep TIFF":
        return tiff(COLOR.astype(np.uint16) * 257, photometric="rgb", iccprofile=icc)
    if format == "HEIF":
        out = io.BytesIO()
        pillow_heif.from_pillow(Image.fromarray(COLOR)).save(out, quality=80, **options)
        return out.getvalue()
    if format == "PNG":
        plain = encoded(COLOR, "PNG")
        chunk = png_chunk(b"iCCP", b"mine\0\0" + zlib.compress(icc, 0)) if icc else b""  # stored, not packed
        return plain[:33] + chunk + plain[33:]
    return encoded(COLOR, format, **options)


def through(icc: bytes, rgb: np.ndarray) -> np.ndarray:
    """Colours through a profile, by Pillow's binding of Little CMS."""
    image, srgb = Image.fromarray(rgb), ImageCms.createProfile("sRGB")
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    return np.asarray(ImageCms.profileToProfile(image, profile, srgb, 1, "RGB", flags=flags))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "deep TIFF", "HEIF", "AVIF"])
@pytest.mark.parametrize("count", [5, pytest.param(45, marks=pytest.mark.slow)])
def test_a_damaged_profile_is_as_good_as_none(format: str, count: int) -> None:
    icc = imagecodecs.cms_profile("adobergb")
    content, plain = with_profile(format, icc), Photo.open(with_profile(format, None)).rgb
    whole, start = Photo.open(content).rgb, content.index(icc)
    assert not np.array_equal(whole, plain)
    rng = random.Random(count)
    for number in range(count):
        source = damaged(content, icc, rng)
        photo = Photo.open(source)
        if np.array_equal(photo.rgb, plain):
            assert photo.notes != ()
        elif not np.array_equal(photo.rgb, whole):  # a profile all the same, of other colours
            as_bytes = [(rgb // 257 if rgb.dtype == np.uint16 else rgb).astype(np.uint8) for rgb in (photo.rgb, plain)]
            expected = through(source[start : start + len(icc)], as_bytes[1])
            assert np.abs(as_bytes[0].astype(int) - expected).max() <= 3, number


def entry(tag: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, kind, count, value)


def no_orientation(rng: random.Random) -> bytes:
    """A block whose entry of orientation 6 was damaged so that it is none."""
    value = entry(274, rng.choice([3, 4]), 1, rng.choice([0, rng.randrange(9, 1 << 16)]))
    kind = entry(274, rng.choice([0, 5, 7, 12, 14, 15, *range(19, 65536, 7)]), 1, 6)
    count = entry(274, 3, rng.choice([0, rng.randrange(1 << 20, 1 << 32)]), 6)
    tag = entry(rng.randrange(275, 300), 3, 1, 6)
    body = struct.pack("<H", 2) + entry(271, 2, 4, 0x6E6E41) + rng.choice([value, kind, count, tag]) + bytes(4)
    block = b"II*\0\x08\0\0\0" + body
    lost = rng.choice([b"", b"", b"", b"II*\0" + rng.randbytes(len(block) - 4), block[: rng.randrange(len(block) - 4)]])
    return lost or block


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("count", [10, pytest.param(40, marks=pytest.mark.slow)])
def test_a_damaged_orientation_is_as_good_as_none(format: str, count: int) -> None:
    options = {"AVIF": {"speed": 10}}.get(format, {})
    good = b"II*\0\x08\0\0\0\x01\0" + entry(274, 3, 1, 6) + bytes(4)
    assert Photo.open(encoded(COLOR, format, exif=b"Exif\0\0" + good, **options)).size == (60, 80)
    plain = Photo.open(encoded(COLOR, format, **options)).rgb
    rng = random.Random(count)
    for number in range(count):
        block = no_orientation(rng)
        if format == "PNG":
            png = encoded(COLOR, "PNG")
            source = png[:33] + png_chunk(b"eXIf", block) + png[33:]
        elif format == "JPEG":
            source = with_segments(encoded(COLOR, "JPEG"), jpeg_segment(0xE1, b"Exif\0\0" + block))
        else:
            # Pillow repeats the turn in AVIF's boxes, where it would count: written with another tag.
            other = good.replace(entry(274, 3, 1, 6), entry(275, 3, 1, 6)).ljust(len(block), b"\0")
            source = encoded(COLOR, format, exif=b"Exif\0\0" + other, **options)
            assert other in source
            source = source.replace(other, block.ljust(len(other), b"\0"))
        assert np.array_equal(Photo.open(source).rgb, plain), (number, block)


@pytest.mark.parametrize("format", ["TIFF", "deep TIFF"])
@pytest.mark.parametrize("count", [10, pytest.param(40, marks=pytest.mark.slow)])
def test_a_damaged_orientation_in_tiff_is_as_good_as_none(format: str, count: int) -> None:
    color = COLOR if format == "TIFF" else COLOR.astype(np.uint16) * 257
    content, good = tiff(color, photometric="rgb", extratags=[(274, 3, 1, 6, True)]), entry(274, 3, 1, 6)
    assert Photo.open(content).size == (60, 80)
    rng = random.Random(count)
    for number in range(count):
        bad = entry(
            274, *rng.choice([(3, 1, 0), (3, 1, 9), (4, 1, 1 << 20), (0, 1, 6), (14, 1, 6), (3, 0, 6), (7, 4, 6)])
        )
        bad = rng.choice([bad, bad, entry(rng.randrange(65000, 65400), 3, 1, 6)])
        assert np.array_equal(Photo.open(content.replace(good, bad)).rgb, color), (number, bad)


GAMMA, PRIMARIES = (55_555,), (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)


@pytest.mark.parametrize("hit", ["gAMA", "cHRM"])
@pytest.mark.parametrize("count", [10, pytest.param(40, marks=pytest.mark.slow)])
def test_a_damaged_colour_space_of_png_is_as_good_as_none(hit: str, count: int) -> None:
    plain = encoded(COLOR, "PNG")
    bodies = {b"gAMA": struct.pack(">I", *GAMMA), b"cHRM": struct.pack(">8I", *PRIMARIES)}
    chunks = {kind: png_chunk(kind, body) for kind, body in bodies.items()}
    kind, (other,) = hit.encode(), (chunk for name, chunk in chunks.items() if name != hit.encode())
    whole = Photo.open(plain[:33] + b"".join(chunks.values()) + plain[33:]).rgb
    without = Photo.open(plain[:33] + other + plain[33:]).rgb
    assert not np.array_equal(whole, without)
    rng = random.Random(count)
    for number in range(count):
        body = bodies[kind]
        cut = png_chunk(kind, body[: rng.randrange(len(body))])
        senseless = png_chunk(kind, bytes(len(body)))
        torn = bytearray(chunks[kind])
        torn[rng.randrange(8, len(torn))] ^= rng.randrange(1, 256)
        bad = rng.choice([cut, senseless, bytes(torn), bytes(torn)])
        photo = Photo.open(plain[:33] + bad + other + plain[33:])
        assert np.array_equal(photo.rgb, without), (number, bad)
