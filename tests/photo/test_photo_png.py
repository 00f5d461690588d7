"""PNG's chunks: colour spaces that are stated outside ICC, and texts that are too large, damaged or in many places."""

import io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import skimage
from fuzz_files import png_chunk
from photo_files import colored, encoded, grey_picture, xmp_packet
from PIL import Image, ImageCms
from skimage.color import rgb2lab, xyz2lab

from colorhub.photo import Photo, PhotoError
from colorhub.photo.decoding import read_header


def with_chunks(png: bytes, *chunks: bytes) -> bytes:
    """A PNG with more chunks behind its header."""
    return png[:33] + b"".join(chunks) + png[33:]


def gamma_chunk(gamma: float) -> bytes:
    return png_chunk(b"gAMA", struct.pack(">I", round(gamma * 100_000)))


def primaries_chunk(*numbers: float) -> bytes:
    return png_chunk(b"cHRM", struct.pack(">8I", *(round(number * 100_000) for number in numbers)))


def lightness_of_light(light: np.ndarray) -> np.ndarray:
    """CIELAB L* of relative luminance."""
    return np.where(light > 216 / 24389, 116 * np.cbrt(light) - 16, 24389 / 27 * light)


def lightness(grey: np.ndarray) -> np.ndarray:
    unit = grey.astype(np.float64) / np.iinfo(grey.dtype).max
    return rgb2lab(np.repeat(unit[..., None], 3, axis=2))[..., 0]


@pytest.mark.parametrize("gamma", [1.8, 1.0, 2.5])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_gamma_of_a_grey_picture_is_applied(gamma: float, dtype: type) -> None:
    values = np.arange(256, dtype=dtype).repeat(4).reshape(16, 64) * dtype(np.iinfo(dtype).max // 255)
    photo = Photo.open(with_chunks(encoded(values, "PNG"), gamma_chunk(1 / gamma)))
    expected = lightness_of_light((values / np.iinfo(dtype).max) ** gamma)
    assert np.abs(lightness(photo.grey) - expected).max() < 0.3
    assert photo.notes == ()


@pytest.mark.parametrize("alpha", [False, True])
def test_gamma_and_primaries_of_colors_are_applied(alpha: bool) -> None:
    """Display P3's primaries with a gamma of 2.2, by the definition of an RGB space."""
    color = (128 + (skimage.data.astronaut()[:60, 100:180].astype(float) - 128) * 0.5).astype(np.uint8)
    primaries = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
    pixels = np.dstack([color, np.full(color.shape[:2], 200, np.uint8)]) if alpha else color
    chunks = gamma_chunk(1 / 2.2), primaries_chunk(0.3127, 0.3290, *primaries)
    photo = Photo.open(with_chunks(encoded(pixels, "PNG"), *chunks))
    xyz = np.array([[x / y, 1, (1 - x - y) / y] for x, y in zip(primaries[::2], primaries[1::2], strict=True)]).T
    white = np.array([0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290])
    scaled = xyz * np.linalg.solve(xyz, white)
    expected = xyz2lab((color / 255) ** 2.2 @ scaled.T)
    assert np.abs(rgb2lab(photo.rgb / 255.0) - expected).mean() < 0.6


def test_what_means_srgb_changes_nothing() -> None:
    color = skimage.data.astronaut()[:60, 100:180]
    srgb = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
    spellings = {
        "sRGB": [png_chunk(b"sRGB", b"\0"), gamma_chunk(1.0)],  # sRGB counts before gAMA
        "gAMA": [gamma_chunk(0.45455)],
        "gAMA and cHRM": [gamma_chunk(0.45455), primaries_chunk(*srgb)],
        "cICP": [png_chunk(b"cICP", bytes([1, 13, 0, 1])), gamma_chunk(1.0)],
    }
    for name, chunks in spellings.items():
        assert np.array_equal(Photo.open(with_chunks(encoded(color, "PNG"), *chunks)).rgb, color), name


def test_precedence_is_the_specifications() -> None:
    color = skimage.data.astronaut()[:60, 100:180]
    plain = encoded(color, "PNG")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    icc = png_chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(profile))
    p3 = png_chunk(b"cICP", bytes([12, 13, 0, 1]))
    alone = Photo.open(with_chunks(plain, p3)).rgb
    assert not np.array_equal(alone, color)
    assert np.array_equal(Photo.open(with_chunks(plain, icc, p3, gamma_chunk(1.0))).rgb, alone)
    assert np.array_equal(Photo.open(with_chunks(plain, icc, gamma_chunk(1.0))).rgb, color)
    unknown = png_chunk(b"cICP", bytes([200, 200, 0, 1]))
    assert np.array_equal(Photo.open(with_chunks(plain, unknown, icc, gamma_chunk(1.0))).rgb, color)


def test_hdr_is_shown_with_paper_white_as_white() -> None:
    """PQ (SMPTE ST 2084): 203 cd/m2 is the value 0.5807 (ITU-R BT.2408, table 1)."""
    grey = np.full((10, 10), round(0.5807 * 65535), np.uint16)
    photo = Photo.open(with_chunks(encoded(grey, "PNG"), png_chunk(b"cICP", bytes([9, 16, 0, 1]))))
    assert np.abs(photo.grey.astype(int) - 65535).max() < 300
    assert any("HDR" in note for note in photo.notes)


def test_a_stated_colour_space_is_stated_in_the_result() -> None:
    source = with_chunks(encoded(grey_picture(), "PNG"), gamma_chunk(1 / 1.8))
    raw, _ = colored(Photo.open(source)).encode()
    written = Image.open(io.BytesIO(raw)).info["icc_profile"]
    assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(written)))
    seen = Photo.open(raw)
    assert np.array_equal(seen.rgb, colored(Photo.open(source)).pixels)


MUCH = b"Scanned in 1999. " * 100_000  # 1.7 MB
TOO_LARGE = {
    "zTXt": png_chunk(b"zTXt", b"history\0\0" + zlib.compress(MUCH)),
    "tEXt": png_chunk(b"tEXt", b"history\0" + MUCH * 20),
    "iTXt": png_chunk(b"iTXt", b"history\0\1\0\0\0" + zlib.compress(MUCH)),
    "XMP": png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(MUCH)),
    "ICC": png_chunk(b"iCCP", b"mine\0\0" + zlib.compress(bytes(20_000_000))),
}
DAMAGED = {
    "checksum": png_chunk(b"tEXt", b"Title\0Garden")[:-1] + b"\0",
    "zlib": png_chunk(b"zTXt", b"Title\0\0not packed"),
    "cut gamma": png_chunk(b"gAMA", b"\0\1"),
    "cut resolution": png_chunk(b"pHYs", b"\0\1"),
    "profile": png_chunk(b"iCCP", b"mine\0\0not packed"),
}


@pytest.mark.parametrize("kind", [*TOO_LARGE, *DAMAGED])
@pytest.mark.parametrize("depth", [8, 16])
def test_metadata_never_cost_the_picture(kind: str, depth: int) -> None:
    color = skimage.data.astronaut()[:60, 100:180]
    plain = encoded(color, "PNG") if depth == 8 else imagecodecs.png_encode(color.astype(np.uint16) * 257)
    good = png_chunk(b"tEXt", b"Author\0Ann")
    photo = Photo.open(with_chunks(plain, good, (TOO_LARGE | DAMAGED)[kind]))
    assert np.array_equal(photo.rgb, Photo.open(plain).rgb)
    assert [(text.key, text.value) for text in photo.metadata.texts] == [("Author", "Ann")]
    assert len(photo.notes) == 1
    assert "left out" in photo.notes[0]
    assert ("too large" in photo.notes[0]) == (kind in TOO_LARGE)


def test_damage_everywhere_ends() -> None:
    """Each of these asks for a search of the file."""
    junk = b"".join(struct.pack(">I", 1 << 20) + b"abCd" + b"IDAT" * 9 for _ in range(40_000))
    source = with_chunks(encoded(grey_picture(), "PNG"), junk)
    with pytest.raises(PhotoError):
        Photo.open(source)


def test_a_profile_larger_than_a_text_may_be_is_applied() -> None:
    """Pillow refuses a file whose profile unpacks to more than 1 MB."""
    icc = imagecodecs.cms_profile("adobergb")
    color = skimage.data.astronaut()[:60, 100:180]
    padded = bytearray(icc + bytes(1_500_000))
    padded[:4] = len(padded).to_bytes(4, "big")
    large = with_chunks(encoded(color, "PNG"), png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(padded))))
    assert np.array_equal(Photo.open(large).rgb, Photo.open(encoded(color, "PNG", icc_profile=icc)).rgb)


def test_every_text_of_a_key_and_its_language_survive() -> None:
    chunks = [png_chunk(b"tEXt", b"Comment\0one"), png_chunk(b"tEXt", b"Comment\0two")]
    chunks.append(png_chunk(b"iTXt", b"Title\0\0\0de\0Titel\0Gro\xc3\x9fmutter"))
    source = with_chunks(encoded(grey_picture(), "PNG"), *chunks)
    raw, _ = colored(Photo.open(source)).encode()
    for chunk in chunks:
        assert chunk in raw


def test_blocks_in_texts_are_found() -> None:
    """As ImageMagick writes them: XMP, EXIF and IPTC in hexadecimal digits."""
    packet = xmp_packet("<dc:source>attic</dc:source>", dc="http://purl.org/dc/elements/1.1/")
    exif = Image.Exif()
    exif[0x010F] = "Scanner & Co"
    iptc = b"\x1c\x02\x78\x00\x06Garden"

    def profile(kind: str, block: bytes) -> bytes:
        text = f"\n{kind}\n{len(block):8d}\n{block.hex()}\n".encode()
        return png_chunk(b"zTXt", f"Raw profile type {kind}\0\0".encode() + zlib.compress(text))

    source = with_chunks(
        encoded(grey_picture(), "PNG"), profile("xmp", packet), profile("exif", exif.tobytes()), profile("iptc", iptc)
    )
    photo = Photo.open(source)
    assert photo.metadata.xmp == packet
    assert photo.metadata.iptc == iptc
    assert photo.metadata.texts == ()
    raw, _ = colored(photo).encode("JPEG")
    assert Image.open(io.BytesIO(raw)).getexif()[0x010F] == "Scanner & Co"


def profile_text(kind: str, block: bytes) -> bytes:
    text = f"\n{kind}\n{len(block):8d}\n{block.hex()}\n".encode()
    return png_chunk(b"zTXt", f"Raw profile type {kind}\0\0".encode() + zlib.compress(text))


def test_exif_and_xmp_in_texts_of_jpegs_segments() -> None:
    """As ImageMagick wrote them for years: both under the name of the segment that held them."""
    packet = xmp_packet("<dc:source>attic</dc:source>", dc="http://purl.org/dc/elements/1.1/")
    exif = Image.Exif()
    exif[0x010F] = "Scanner & Co"
    texts = profile_text("APP1", b"http://ns.adobe.com/xap/1.0/\0" + packet), profile_text("APP1", exif.tobytes())
    metadata = Photo.open(with_chunks(encoded(grey_picture(), "PNG"), *texts)).metadata
    assert metadata.xmp == packet
    assert b"Scanner & Co" in metadata.exif


def test_blocks_in_texts_that_go_are_said_and_other_texts_stay() -> None:
    texts = profile_text("icc", bytes(200)), profile_text("mine", b"abc"), profile_text("exif", b"")
    photo = Photo.open(with_chunks(encoded(grey_picture(), "PNG"), *texts))
    assert [text.key for text in photo.metadata.texts] == ["Raw profile type mine"]
    assert len(photo.notes) == 2


def test_long_texts_that_are_not_packed_are_read_back() -> None:
    packet = xmp_packet(f"<dc:source>{'attic, ' * 300_000}</dc:source>", dc="http://purl.org/dc/elements/1.1/")
    raw, _ = colored(Photo.open(encoded(grey_picture(), "WEBP", xmp=packet))).encode("PNG")
    again = Photo.open(raw)
    assert b"attic, attic, " * 1000 in again.metadata.xmp
    assert again.notes == ()


def test_unpacking_ends_with_its_budget() -> None:
    """A file of 3 MB whose texts and profiles would be 7 GB."""
    text = png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_000_000), 9))
    damaged = png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_000_000), 9)[:-8])
    profile = png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(20_000_000), 9))
    source = with_chunks(encoded(grey_picture(), "PNG"), *[text] * 1000, *[damaged] * 1000, *[profile] * 40)
    photo = Photo.open(source)
    assert np.array_equal(photo.grey, grey_picture())
    assert len(photo.metadata.texts) == 67
    assert any("64 MB in all" in note for note in photo.notes)


def test_a_header_is_read_without_pixels_also_where_exif_is_behind_them() -> None:
    """Pillow alone would have to decode the picture to find it: here that fails, for the pixels are noise."""
    exif = Image.Exif()
    exif[0x0112] = 6
    plain = encoded(grey_picture(), "PNG")
    start = plain.index(b"IDAT") - 4
    length = int.from_bytes(plain[start : start + 4], "big")
    noise = png_chunk(b"IDAT", b"\x55" * length)
    late = plain[:start] + noise + png_chunk(b"eXIf", exif.tobytes()[6:]) + plain[start + 12 + length :]
    header = read_header(io.BytesIO(with_chunks(late, png_chunk(b"tEXt", b"Title\0Garden"))), "a.png")
    assert (header.orientation, header.size) == (6, (80, 60))
    assert [text.value for text in header.metadata.texts] == ["Garden"]
    with pytest.raises(PhotoError):
        Photo.open(late)


@pytest.mark.parametrize("dots", [(300, 1), (1, 1), (0, 1), (4_000_000_000, 1), (7, 0), (200_000, 1)])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "BMP"])
def test_a_resolution_that_is_none_is_not_written(dots: tuple[int, int], format: str) -> None:
    """EXIF without a unit, in which some programs put 1/1 for "not known" and others nonsense."""
    rows = b"".join(struct.pack("<HHII", tag, 5, 1, 38 + 8 * i) for i, tag in enumerate((282, 283)))
    block = b"II*\0\x08\0\0\0\x02\0" + rows + bytes(4) + struct.pack("<II", *dots) * 2
    photo = Photo.open(encoded(grey_picture(), "WEBP", exif=b"Exif\0\0" + block))
    sensible = dots in ((300, 1), (200_000, 1))
    assert photo.metadata.dpi == ((dots[0], dots[0]) if sensible else None)
    raw, _ = colored(photo).encode(format)
    found = Photo.open(raw).metadata.dpi
    assert found == (pytest.approx(photo.metadata.dpi, rel=1e-3) if sensible else (96, 96) if format == "BMP" else None)


def test_of_an_animation_of_16_bits_the_first_frame_is_read() -> None:
    deep = skimage.data.astronaut()[:60, 100:180].astype(np.uint16) * 257
    still = imagecodecs.png_encode(deep)
    end = still.rindex(b"IEND") - 4
    frames = [png_chunk(b"fcTL", struct.pack(">5IHHBB", number, 80, 60, 0, 0, 1, 10, 0, 0)) for number in (0, 1)]
    second = png_chunk(b"fdAT", struct.pack(">I", 2) + zlib.compress(bytes(60 * (1 + 80 * 6))))
    animated = still[:33] + png_chunk(b"acTL", struct.pack(">II", 2, 0)) + frames[0] + still[33:end]
    photo = Photo.open(animated + frames[1] + second + still[end:])
    assert np.array_equal(photo.rgb, deep)
    assert photo.notes == ("animated PNG: first of 2 frames",)
