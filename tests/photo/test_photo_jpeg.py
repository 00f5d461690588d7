"""JPEG files as cameras, phones and old programs write them: what stands behind the picture, comments, rare kinds."""

import io
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import skimage
from old_tools import exiftool_needed, exiftool_tags
from photo_files import colored, encoded, grey_picture, jpeg_segment, with_segments, xmp_packet
from PIL import Image

from colorhub.photo import Photo, PhotoError

VIDEO = struct.pack(">I", 24) + b"ftypmp42\0\0\0\0mp42isom" + b"\xff\xda\x12\x34" * 300
GOOGLE = "http://ns.google.com/photos/1.0/"


def multi_picture(first: bytes, second: bytes) -> bytes:
    """A file of two pictures (CIPA DC-007) with the index that Pillow needs."""
    images = [Image.open(io.BytesIO(raw)) for raw in (first, second)]
    out = io.BytesIO()
    images[0].save(out, "MPO", save_all=True, append_images=images[1:])
    return out.getvalue()


def test_scans_behind_the_picture_are_none_of_its_own() -> None:
    """A video behind a photo holds the marker of a scan once in 65,536 pairs of bytes."""
    jpeg = encoded(grey_picture(), "JPEG")
    photo = Photo.open(jpeg + VIDEO)
    assert np.array_equal(photo.grey, Photo.open(jpeg).grey)
    assert photo.notes == ("motion photo: the video behind the picture was left out",)


def test_markers_inside_metadata_are_no_scans() -> None:
    jpeg = with_segments(encoded(grey_picture(), "JPEG"), jpeg_segment(0xEC, b"\xff\xda" * 1000))
    assert Photo.open(jpeg).notes == ()


def test_the_end_of_an_embedded_picture_is_not_the_end() -> None:
    """EXIF's thumbnail is a whole JPEG file inside a segment."""
    thumbnail = jpeg_segment(0xE1, b"thumbnail\0" + encoded(grey_picture(), "JPEG"))
    jpeg = with_segments(encoded(grey_picture(), "JPEG", progressive=True), thumbnail)
    assert np.array_equal(Photo.open(jpeg).grey, np.asarray(Image.open(io.BytesIO(jpeg))))
    assert Photo.open(jpeg).notes == ()


LEFT_BEHIND = {
    "a second view": (lambda jpeg: multi_picture(jpeg, jpeg), "JPEG of 2 pictures"),
    "another picture": (lambda jpeg: jpeg + jpeg, "another picture behind it"),
    "other data": (lambda jpeg: jpeg + b"SEFH" * 500, "2.0 kB of other data"),
}


@pytest.mark.parametrize("kind", LEFT_BEHIND)
def test_what_stands_behind_the_picture_is_said_to_be_lost(kind: str) -> None:
    make, words = LEFT_BEHIND[kind]
    jpeg = encoded(grey_picture(), "JPEG")
    photo = Photo.open(make(jpeg))
    assert any(words in note for note in photo.notes), photo.notes
    assert Photo.open(jpeg + bytes(5000)).notes == ()  # padding


def test_xmp_no_longer_claims_what_is_gone() -> None:
    packet = xmp_packet(
        "<GCamera:MotionPhoto>1</GCamera:MotionPhoto><GCamera:BurstID>7</GCamera:BurstID>"
        '<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"/></rdf:Seq></Container:Directory>'
        "<hdrgm:Version>1.0</hdrgm:Version><dc:creator><rdf:Seq><rdf:li>Ann</rdf:li></rdf:Seq></dc:creator>",
        GCamera=f"{GOOGLE}camera/",
        Container=f"{GOOGLE}container/",
        hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/",
        dc="http://purl.org/dc/elements/1.1/",
    )
    photo = Photo.open(encoded(grey_picture(), "JPEG", xmp=packet) + VIDEO)
    for gone in (b"MotionPhoto>", b"Container:Directory", b"hdrgm:Version"):
        assert gone not in photo.metadata.xmp
    for kept in (b"<GCamera:BurstID>7</GCamera:BurstID>", b"<rdf:li>Ann</rdf:li>"):
        assert kept in photo.metadata.xmp
    assert any("further pictures, videos and sounds" in note for note in photo.notes)


@pytest.mark.parametrize(
    "comment", ["Бабушка".encode("cp1251"), "祖母".encode("shift_jis"), "Großmutter".encode(), b"x" * 150_000]
)
def test_comments_keep_their_bytes_from_jpeg_to_jpeg(comment: bytes) -> None:
    segments = [jpeg_segment(0xFE, comment[at : at + 60_000]) for at in range(0, len(comment), 60_000)]
    source = with_segments(encoded(grey_picture(), "JPEG"), *segments)
    raw, _ = colored(Photo.open(source)).encode()
    found = [body for name, body in Image.open(io.BytesIO(raw)).applist if name == "COM"]
    assert b"".join(found) == comment


def test_a_comment_of_unknown_encoding_keeps_its_bytes_in_png_and_tiff() -> None:
    comment = "Бабушка".encode("cp1251")
    photo = Photo.open(with_segments(encoded(grey_picture(), "JPEG"), jpeg_segment(0xFE, comment)))
    png, _ = colored(photo).encode("PNG")
    assert b"tEXtComment\0" + comment in png
    tiff, _ = colored(photo).encode("TIFF")
    assert comment in tiff


@pytest.mark.parametrize("channels", [1, 3])
def test_twelve_bits_are_decoded(channels: int) -> None:
    smooth = np.linspace(0, 4095, 4800).reshape(60, 80).astype(np.uint16)
    pixels = smooth if channels == 1 else np.stack([smooth, 4095 - smooth, smooth // 2], axis=-1)
    raw = imagecodecs.jpeg8_encode(pixels, bitspersample=12, level=98, subsampling="444")
    photo = Photo.open(raw)
    assert (photo.bits, photo.format, photo.notes) == (16, "JPEG", ())
    seen = photo.grey if channels == 1 else photo.rgb
    assert np.abs(seen / 65535 - pixels / 4095).mean() < 0.005
    assert np.unique(seen).size > 256


def test_twelve_bits_keep_their_metadata() -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Scanner & Co", 6
    pixels = grey_picture().astype(np.uint16) * 16
    raw = imagecodecs.jpeg8_encode(pixels, bitspersample=12, level=95)
    source = with_segments(raw, jpeg_segment(0xE1, b"Exif\0\0" + exif.tobytes()[6:]), jpeg_segment(0xFE, b"by Ann"))
    photo = Photo.open(source)
    assert photo.size == (60, 80)
    written, _ = colored(photo).encode("PNG")
    assert Image.open(io.BytesIO(written)).getexif()[0x010F] == "Scanner & Co"


@pytest.mark.parametrize("bits", [8, 16])
def test_lossless_jpeg_is_decoded(bits: int) -> None:
    grey = grey_picture().astype(np.uint16) * (1 if bits == 8 else 257)
    photo = Photo.open(imagecodecs.ljpeg_encode(grey, bitspersample=bits))
    assert np.array_equal(photo.grey, grey)
    color = skimage.data.astronaut()[:60, :80]
    assert np.array_equal(Photo.open(imagecodecs.jpegls_encode(color)).rgb, color)


def test_a_flood_of_segments_ends() -> None:
    flood = with_segments(encoded(grey_picture(), "JPEG"), jpeg_segment(0xEC, b"") * 3_000_000)
    with pytest.raises(PhotoError, match="segments"):
        Photo.open(flood)


def test_a_kind_that_nothing_decodes_is_named_and_not_damaged() -> None:
    raw = bytearray(encoded(grey_picture(), "JPEG"))
    raw[raw.index(b"\xff\xc0") + 1] = 0xC5
    with pytest.raises(PhotoError, match="hierarchical JPEG") as caught:
        Photo.open(bytes(raw))
    assert "damaged" not in str(caught.value)


def test_damaged_segments_do_not_cost_the_picture() -> None:
    plain = encoded(grey_picture(), "JPEG")
    for damaged in (jpeg_segment(0xE0, b"JFIF\0"), jpeg_segment(0xEE, b"Adobe"), jpeg_segment(0xE2, b"ICC_PROFILE\0")):
        photo = Photo.open(plain[:2] + damaged + plain[2:])
        assert np.array_equal(photo.grey, np.asarray(Image.open(io.BytesIO(plain))))


@exiftool_needed
@pytest.mark.slow
def test_no_second_picture_or_video_is_claimed_for_exiftool(tmp_path: Path) -> None:
    jpeg = encoded(grey_picture(), "JPEG")
    for name, raw in {"stereo": multi_picture(jpeg, jpeg), "motion": jpeg + VIDEO}.items():
        tags = exiftool_tags(colored(Photo.open(raw)).save(tmp_path / f"{name}.jpg"))
        assert not [tag for tag in tags if "MPImage" in tag or "MotionPhoto" in tag or "Trailer" in tag]
