"""XMP packets: too long for JPEG, of another tone or size, in old readers, and with IPTC's word against theirs."""

import hashlib
import io
import struct
from pathlib import Path

import numpy as np
import pytest
from old_tools import exiftool_needed, exiftool_tags, identify_complaints, imagemagick_needed
from photo_files import RDF, colored, encoded, grey_picture, jpeg_segment, tiff, with_segments, xmp_packet
from PIL import Image, ImageCms

from colorhub.photo import ColorPhoto, Photo
from colorhub.photo.metadata.photoshop import iptc_was_edited
from colorhub.photo.metadata.xmp import with_properties
from colorhub.photo.metadata.xmp_extended import joined, split

DC = "http://purl.org/dc/elements/1.1/"
EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"


def keywords(count: int) -> str:
    items = "".join(f"<rdf:li>keyword {number:05d}</rdf:li>" for number in range(count))
    return f"<dc:subject><rdf:Bag>{items}</rdf:Bag></dc:subject>"


CAPTION = '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">Our garden</rdf:li></rdf:Alt></dc:description>'


def long_packet(count: int) -> bytes:
    odd = f"<odd:Log>{'developed again; ' * 2000}</odd:Log>"
    return xmp_packet(CAPTION + keywords(count) + odd, dc=DC, odd="http://example.org/odd/")


def jpeg_with_xmp(packet: bytes) -> bytes:
    """A JPEG of a packet of any length, as Adobe's programs write it."""
    main, extended = packet, b""
    if len(packet) > 65_000:
        extended = packet
        name = hashlib.md5(packet, usedforsecurity=False).hexdigest().upper()
        main = xmp_packet(f"<note:HasExtendedXMP>{name}</note:HasExtendedXMP>", note="http://ns.adobe.com/xmp/note/")
    pieces = [extended[at : at + 65_000] for at in range(0, len(extended), 65_000)]
    segments = [
        jpeg_segment(0xE1, EXTENSION + name.encode() + struct.pack(">II", len(extended), 65_000 * number) + piece)
        for number, piece in enumerate(pieces)
    ]
    return with_segments(encoded(grey_picture(), "JPEG", xmp=main), *segments)


@exiftool_needed
@pytest.mark.slow
@pytest.mark.parametrize("count", [100, 1_500, 6_000])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_long_xmp_arrives_whole(count: int, format: str, tmp_path: Path) -> None:
    result = colored(Photo.open(jpeg_with_xmp(long_packet(count))))
    assert result.notes == ()
    tags = exiftool_tags(result.save(tmp_path / "out", format))
    assert tags["XMP-dc:Subject"] == [f"keyword {number:05d}" for number in range(count)]
    assert tags["XMP-dc:Description"] == "Our garden"
    assert tags["XMP-odd:Log"].startswith("developed again; developed")
    assert tags["XMP-iptcExt:DigitalSourceType"].endswith("compositeWithTrainedAlgorithmicMedia")
    assert not any("HasExtendedXMP" in tag for tag in tags) or format == "JPEG"


def test_the_record_and_the_caption_are_in_the_first_segment() -> None:
    """Readers that know no extended XMP find the record that the colours are invented, and what matters to people."""
    raw, _ = colored(Photo.open(jpeg_with_xmp(long_packet(2_000)))).encode()
    main = Image.open(io.BytesIO(raw)).info["xmp"]
    for kept in (b"invented by a model", b"compositeWithTrained", b"Our garden", b"keyword 01999"):
        assert kept in main
    assert b"developed again" not in main
    again = Photo.open(raw).metadata.xmp
    assert b"developed again" in again
    assert b"HasExtendedXMP" not in again


def test_damaged_extended_xmp_is_said_to_be_lost() -> None:
    source = bytearray(jpeg_with_xmp(long_packet(6_000)))
    source[source.index(b"keyword 00100") + 9] ^= 1
    photo = Photo.open(bytes(source))
    assert photo.grey.shape == (60, 80)
    assert any("extended XMP data is damaged" in note for note in photo.notes)


def test_an_element_without_a_namespace_costs_nothing(tmp_path: Path) -> None:
    long = "<note>hello</note>" + keywords(3_000)
    for packet in (xmp_packet("<note>hello</note>"), xmp_packet(long, dc=DC)):
        source = jpeg_with_xmp(packet)
        result = colored(Photo.open(source)).save(tmp_path / "out.jpg", overwrite=True)
        assert Photo.open(result).size == Photo.open(source).size
        assert b"<note>hello</note>" in result.read_bytes()


def test_line_ends_and_tabs_survive() -> None:
    """minidom writes them as they are, and readers take them for spaces."""
    packet = xmp_packet("", photoshop="http://ns.adobe.com/photoshop/1.0/").replace(
        b'rdf:about=""', b'rdf:about="" photoshop:Instructions="one&#xA;two&#x9;three"'
    )
    raw, _ = colored(Photo.open(encoded(grey_picture(), "JPEG", xmp=packet))).encode()
    assert b"one&#10;two&#9;three" in Image.open(io.BytesIO(raw)).info["xmp"]


STALE = {
    "crs": ("http://ns.adobe.com/camera-raw-settings/1.0/", ["ConvertToGrayscale", "Treatment", "SplitToningBalance"]),
    "photoshop": ("http://ns.adobe.com/photoshop/1.0/", ["ColorMode", "ICCProfile"]),
    "tiff": ("http://ns.adobe.com/tiff/1.0/", ["SamplesPerPixel", "PhotometricInterpretation", "ImageWidth"]),
    "exif": ("http://ns.adobe.com/exif/1.0/", ["PixelXDimension", "NativeDigest"]),
    "xmp": ("http://ns.adobe.com/xap/1.0/", ["Thumbnails"]),
}


@pytest.mark.parametrize("spelling", ["elements", "attributes"])
def test_what_xmp_says_of_the_old_pixels_is_not_copied(spelling: str) -> None:
    named = [f"{prefix}:{name}" for prefix, (_, names) in STALE.items() for name in names]
    kept = {"crs:RawFileName": "a.dng", "photoshop:City": "Oslo", "tiff:Make": "Scanner", "xmp:Rating": "5"}
    values = dict.fromkeys(named, "1") | kept
    spaces = {prefix: uri for prefix, (uri, _) in STALE.items()}
    if spelling == "elements":
        packet = xmp_packet("".join(f"<{name}>{value}</{name}>" for name, value in values.items()), **spaces)
    else:
        attributes = " ".join(f'{name}="{value}"' for name, value in values.items())
        packet = xmp_packet("", **spaces).replace(b'rdf:about=""', f'rdf:about="" {attributes}'.encode())
    source = tiff(grey_picture(), extratags=[(700, 1, len(packet), packet, True)])
    result = colored(Photo.open(source))
    raw, _ = result.encode()
    written = Image.open(io.BytesIO(raw)).tag_v2[700]
    for name in named:
        assert f"{name}=".encode() not in written
        assert f"<{name}>".encode() not in written
    for value in kept.values():
        assert value.encode() in written
    assert any("Camera Raw" in note for note in result.notes)


def test_develop_settings_of_a_picture_that_is_passed_through_stay() -> None:
    packet = xmp_packet("<crs:Saturation>20</crs:Saturation>", crs=STALE["crs"][0])
    color = np.zeros((60, 80, 3), np.uint8)
    color[:30] = (200, 80, 40)
    result = ColorPhoto.unchanged(Photo.open(encoded(color, "JPEG", xmp=packet)))
    raw, _ = result.encode("PNG")
    assert b"crs:Saturation" in raw


@imagemagick_needed
@pytest.mark.slow
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("old", [b"", xmp_packet(CAPTION, dc=DC)])
def test_imagemagick_6_takes_the_result_without_a_word(format: str, old: bytes, tmp_path: Path) -> None:
    """Of XMP in WebP it complains whoever wrote it, also of exiftool's."""
    options = {"xmp": old} if old else {}
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = Photo.open(encoded(grey_picture(), "JPEG", dpi=(300, 300), icc_profile=icc, **options))
    first = colored(photo).save(tmp_path / "first", format)
    assert identify_complaints(first) == ""
    again = Photo.open(first)
    assert identify_complaints(ColorPhoto(again.rgb, again, {"model": "other"}).save(tmp_path / "again", format)) == ""


def test_nothing_is_declared_inside_or_twice() -> None:
    """What ImageMagick 6 stumbles over: namespaces on the items of the history."""
    raw, _ = colored(Photo.open(grey_picture())).encode("PNG")
    packet = Image.open(io.BytesIO(raw)).info["xmp"].decode()
    assert packet.count(f'xmlns:rdf="{RDF}"') == 1
    assert packet.count("xmlns:stEvt=") == 1
    assert "<rdf:li xmlns" not in packet


IPTC = b"".join(
    struct.pack(">BBBH", 0x1C, 2, number, len(value)) + value
    for number, value in [
        (120, "Großmutter".encode()),
        (25, b"garden"),
        (25, b"roses"),
        (80, b"Ann"),
        (55, b"19120501"),
    ]
)


def iptc_jpeg(digest: bytes | None, xmp: bytes) -> bytes:
    """IPTC and XMP, and the MD5 of the IPTC that the XMP was made for."""
    blocks = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(IPTC)) + IPTC + bytes(len(IPTC) % 2)
    if digest is not None:
        blocks += b"8BIM\x04\x25\0\0" + struct.pack(">I", 16) + digest
    segment = jpeg_segment(0xED, b"Photoshop 3.0\0" + blocks)
    return with_segments(encoded(grey_picture(), "JPEG", **({"xmp": xmp} if xmp else {})), segment)


RIGHT = hashlib.md5(IPTC, usedforsecurity=False).digest()
DIGESTS = {
    "no digest": (None, "Our garden"),
    "the digest": (RIGHT, "Our garden"),
    "edited": (bytes(15) + b"1", "Großmutter"),
}


@exiftool_needed
@pytest.mark.slow
@pytest.mark.parametrize("case", DIGESTS)
@pytest.mark.parametrize("format", ["WEBP", "HEIF", "AVIF"])
def test_captions_go_where_there_is_no_iptc(case: str, format: str, tmp_path: Path) -> None:
    """XMP's word counts, unless IPTC was edited after it (Metadata Working Group)."""
    digest, caption = DIGESTS[case]
    result = colored(Photo.open(iptc_jpeg(digest, xmp_packet(CAPTION, dc=DC))))
    tags = exiftool_tags(result.save(tmp_path / "out", format))
    assert tags["XMP-dc:Description"] == caption
    assert tags["XMP-dc:Subject"] == ["garden", "roses"]
    assert tags["XMP-dc:Creator"] in ("Ann", ["Ann"])
    assert tags["XMP-photoshop:DateCreated"] == "1912:05:01"
    assert any("written as XMP" in note for note in result.notes)


def test_damaged_xmp_is_replaced_by_what_iptc_says() -> None:
    packet, kept = with_properties(b"<x:xmpmeta", [], override=False)
    assert not kept
    assert packet is not None
    assert b"rdf:RDF" in packet


@pytest.mark.parametrize("padding", range(4))
def test_padding_is_no_edit(padding: int) -> None:
    """TIFF fills IPTC up to a multiple of four; the digest may be of either."""
    noted = b"8BIM\x04\x25\0\0" + struct.pack(">I", 16) + RIGHT
    assert not iptc_was_edited(noted, IPTC + bytes(padding))
    padded = hashlib.md5(IPTC + bytes(padding), usedforsecurity=False).digest()
    assert not iptc_was_edited(noted.replace(RIGHT, padded), IPTC)
    assert iptc_was_edited(noted, IPTC.replace(b"roses", b"tulip") + bytes(padding))


def test_a_value_in_place_of_a_resource_stands_alone() -> None:
    """The source is a URI, which some programs name as a resource."""
    old = '<ext:DigitalSourceType rdf:resource="http://cv.iptc.org/newscodes/digitalsourcetype/negativeFilm"/>'
    packet = xmp_packet(old, ext="http://iptc.org/std/Iptc4xmpExt/2008-02-29/")
    raw, _ = colored(Photo.open(encoded(grey_picture(), "JPEG", xmp=packet))).encode()
    written = Image.open(io.BytesIO(raw)).info["xmp"]
    assert b"negativeFilm" not in written
    assert b"resource" not in written
    assert b"compositeWithTrained" in written


def test_a_packet_of_very_many_attributes_is_too_large() -> None:
    attributes = " ".join(f'dc:p{number}="1"' for number in range(250_000))
    packet = xmp_packet("", dc=DC).replace(b'rdf:about=""', f'rdf:about="" {attributes}'.encode())
    result = colored(Photo.open(encoded(grey_picture(), "WEBP", xmp=packet)))
    result.encode()
    assert any("damaged or too large" in note for note in result.notes)


@pytest.mark.slow
def test_tens_of_thousands_of_properties_are_moved_into_extended_xmp() -> None:
    packet = xmp_packet("".join(f"<dc:p{number}>x</dc:p{number}>" for number in range(60_000)), dc=DC)
    main, extended = split(packet)
    assert len(main) <= 65_502
    again, whole = joined(main, extended)
    assert whole
    assert again.count(b">x</dc:p") == 60_000
