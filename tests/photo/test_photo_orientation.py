"""Which block decides about the orientation, and what turns with the pixels."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
import skimage
from old_tools import exiftool_needed, exiftool_tags
from photo_files import colored, encoded, grey_picture, oriented_exif, oriented_xmp, tiff, with_segments, xmp_packet
from PIL import Image, ImageOps

from colorhub.photo import ColorPhoto, Photo
from colorhub.photo.metadata.turning import Turn

DAMAGED_EXIF = b"Exif\0\0II*\0\xff\xff\xff\x7f"
DAMAGED_XMP = oriented_xmp(8).replace(b"</x:xmpmeta>", b"")


def tiff_file(dtype: type, orientation: int | None, xmp: bytes) -> bytes:
    tags: list[tuple[Any, ...]] = [(700, 1, len(xmp), xmp, True)] if xmp else []
    if orientation is not None:
        tags.append((274, 3, 1, orientation, True))
    return tiff(grey_picture().astype(dtype), photometric="minisblack", extratags=tags)


def file_of(kind: str, orientation: int | None, xmp: bytes) -> bytes:
    """A file of every format in which EXIF and XMP may disagree."""
    if kind == "tiff8":
        return tiff_file(np.uint8, orientation, xmp)
    if kind == "tiff16":
        return tiff_file(np.uint16, orientation, xmp)
    options = {"exif": oriented_exif(orientation)} if orientation is not None else {}
    if kind == "PNG":
        from PIL.PngImagePlugin import PngInfo

        texts = PngInfo()
        texts.add_itxt("XML:com.adobe.xmp", xmp.decode())
        return encoded(grey_picture(), "PNG", pnginfo=texts, **options)
    return encoded(grey_picture(), kind, xmp=xmp, **options)


KINDS = ["JPEG", "PNG", "WEBP", "tiff8", "tiff16"]
# (EXIF's, XMP's) -> the one that counts.
VOTES = {
    "EXIF 1 against XMP 8": (1, oriented_xmp(8), 1),
    "EXIF 6 against XMP 1": (6, oriented_xmp(1), 6),
    "XMP alone": (None, oriented_xmp(6), 6),
    "EXIF says nothing known": (0, oriented_xmp(3), 3),
    "XMP is damaged": (None, DAMAGED_XMP, 1),
    "XMP is an attribute": (
        None,
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b"<r:Description r:about='' xmlns:t='http://ns.adobe.com/tiff/1.0/' t:Orientation='8'/></r:RDF></x:xmpmeta>",
        8,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("vote", VOTES)
def test_one_rule_for_the_orientation(kind: str, vote: str) -> None:
    exif, xmp, expected = VOTES[vote]
    photo = Photo.open(file_of(kind, exif, xmp))
    image = Image.fromarray(grey_picture())
    image.getexif()[0x0112] = expected
    upright = np.asarray(ImageOps.exif_transpose(image))
    assert photo.grey.shape == upright.shape
    tolerance = 0 if kind.startswith("tiff") or kind == "PNG" else 12
    levels = photo.grey / 257 if kind == "WEBP" else photo.grey.astype(int)  # WebP holds colours only
    assert np.abs(levels - upright).mean() <= tolerance
    assert photo.metadata.orientation() == 1


def test_a_damaged_exif_block_has_no_vote() -> None:
    raw = encoded(grey_picture(), "JPEG", exif=DAMAGED_EXIF, xmp=oriented_xmp(6))
    photo = Photo.open(raw)
    assert photo.size == (60, 80)
    assert photo.notes == ("its EXIF data is damaged and was left out",)


def test_what_is_written_is_upright_for_everybody(tmp_path: Path) -> None:
    """Pillow reads XMP's orientation, too, where EXIF has none."""
    for name, raw in {
        "a.jpg": file_of("JPEG", 1, oriented_xmp(8)),
        "b.tif": file_of("tiff16", None, DAMAGED_XMP),
    }.items():
        result = colored(Photo.open(raw)).save(tmp_path / name, record=False)
        assert ImageOps.exif_transpose(Image.open(result)).size == (80, 60)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_points_turn_as_pillow_turns_pixels(orientation: int) -> None:
    marked = np.zeros((40, 60), np.uint8)
    marked[7, 11] = 255
    image = Image.fromarray(marked)
    image.getexif()[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(image))
    (row,), (column,) = np.nonzero(upright)
    turn = Turn(orientation, 60, 40)
    assert turn.size == upright.shape[::-1]
    assert turn.pixel(11, 7) == (column, row)
    x, y = turn.point(11.5 / 60, 7.5 / 40)
    assert (x * turn.size[0], y * turn.size[1]) == pytest.approx((column + 0.5, row + 0.5))


REGIONS = {
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "ext": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
}


def face_packet(width: int, height: int) -> bytes:
    """A face at x 0.1 to 0.3 and y 0.2 to 0.6 of the stored picture, as four programs would say it."""
    return xmp_packet(
        '<mwg-rs:Regions rdf:parseType="Resource">'
        f'<mwg-rs:AppliedToDimensions stDim:w="{width}" stDim:h="{height}" stDim:unit="pixel"/>'
        '<mwg-rs:RegionList><rdf:Bag><rdf:li><rdf:Description mwg-rs:Name="Ann" mwg-rs:Type="Face">'
        '<mwg-rs:Area stArea:x="0.2" stArea:y="0.4" stArea:w="0.2" stArea:h="0.4" stArea:unit="normalized"/>'
        "</rdf:Description></rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"
        '<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag><rdf:li rdf:parseType="Resource">'
        "<MPReg:Rectangle>0.1, 0.2, 0.2, 0.4</MPReg:Rectangle><MPReg:PersonDisplayName>Ann</MPReg:PersonDisplayName>"
        "</rdf:li></rdf:Bag></MPRI:Regions></MP:RegionInfo>"
        '<ext:ImageRegion><rdf:Bag><rdf:li rdf:parseType="Resource"><ext:RegionBoundary rdf:parseType="Resource">'
        "<ext:rbShape>rectangle</ext:rbShape><ext:rbUnit>relative</ext:rbUnit><ext:rbX>0.1</ext:rbX><ext:rbY>0.2</ext:rbY>"
        "<ext:rbW>0.2</ext:rbW><ext:rbH>0.4</ext:rbH></ext:RegionBoundary></rdf:li></rdf:Bag></ext:ImageRegion>"
        "<exif:SubjectArea><rdf:Seq><rdf:li>16</rdf:li><rdf:li>24</rdf:li><rdf:li>16</rdf:li><rdf:li>24</rdf:li></rdf:Seq>"
        "</exif:SubjectArea>",
        **REGIONS,
    )


def expected_box(orientation: int) -> tuple[float, ...]:
    """x, y, width and height of the face in the upright picture: painted, turned by Pillow and measured."""
    painted = np.zeros((60, 80), np.uint8)
    painted[12:36, 8:24] = 255
    image = Image.fromarray(painted)
    image.getexif()[0x0112] = orientation
    upright = ImageOps.exif_transpose(image)
    left, top, right, bottom = upright.getbbox()
    width, height = upright.size
    return left / width, top / height, (right - left) / width, (bottom - top) / height


def face_jpeg(orientation: int, packet: bytes) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x011A], exif[0x011B], exif[0x0128] = orientation, 300.0, 600.0, 2
    below = exif.get_ifd(0x8769)
    below.update({0x9214: (16, 24, 16, 24), 0xA214: (16, 24), 0xA002: 80, 0xA003: 60, 0xA20E: 100.0, 0xA20F: 200.0})
    return encoded(grey_picture(), "JPEG", exif=exif, xmp=packet)


@exiftool_needed
@pytest.mark.slow
@pytest.mark.parametrize("orientation", range(1, 9))
def test_faces_areas_and_sizes_turn_with_the_pixels(orientation: int, tmp_path: Path) -> None:
    result = colored(Photo.open(face_jpeg(orientation, face_packet(80, 60)))).save(tmp_path / "out.jpg")
    tags = exiftool_tags(result)
    x, y, width, height = expected_box(orientation)
    size = Image.open(result).size
    region = tags["XMP-mwg-rs:RegionInfo"]["RegionList"][0]
    area = [float(region["Area"][side]) for side in "XYWH"]
    assert area == pytest.approx([x + width / 2, y + height / 2, width, height], abs=1e-5)
    assert region["Name"] == "Ann"
    dimensions = tags["XMP-mwg-rs:RegionInfo"]["AppliedToDimensions"]
    assert (float(dimensions["W"]), float(dimensions["H"])) == size
    rectangle = tags["XMP-MP:RegionInfoMP"]["Regions"][0]["Rectangle"]
    assert [float(part) for part in rectangle.split(",")] == pytest.approx([x, y, width, height], abs=1e-5)
    boundary = tags["XMP-iptcExt:ImageRegion"][0]["RegionBoundary"]
    numbers = [float(boundary[f"Rb{side}"]) for side in "XYWH"]
    assert numbers == pytest.approx([x, y, width, height], abs=1e-5)
    center = ((x + width / 2) * size[0], (y + height / 2) * size[1])
    turned_sides = (16, 24) if orientation < 5 else (24, 16)
    for place in ("ExifIFD:SubjectArea", "XMP-exif:SubjectArea"):
        found = tags[place]
        numbers = [int(number) for number in (found.split() if isinstance(found, str) else found)]
        assert numbers[:2] == pytest.approx(center, abs=1.5), place
        assert tuple(numbers[2:]) == turned_sides
    assert [int(number) for number in tags["ExifIFD:SubjectLocation"].split()] == pytest.approx(center, abs=1.5)
    assert (tags["ExifIFD:ExifImageWidth"], tags["ExifIFD:ExifImageHeight"]) == size
    upright = (300, 600) if orientation < 5 else (600, 300)
    assert (tags["IFD0:XResolution"], tags["IFD0:YResolution"]) == upright
    focal = (100, 200) if orientation < 5 else (200, 100)
    assert (tags["ExifIFD:FocalPlaneXResolution"], tags["ExifIFD:FocalPlaneYResolution"]) == focal


def test_regions_measured_in_the_upright_picture_stay(tmp_path: Path) -> None:
    photo = Photo.open(face_jpeg(6, face_packet(60, 80)))
    assert b'stArea:x="0.2"' in photo.metadata.xmp
    assert b'stDim:w="60"' in photo.metadata.xmp


def test_regions_of_an_upright_picture_stay_byte_for_byte() -> None:
    packet = face_packet(80, 60)
    assert Photo.open(face_jpeg(1, packet)).metadata.xmp == packet


def test_senseless_regions_go_and_it_is_said() -> None:
    photo = Photo.open(face_jpeg(6, face_packet(80, 60).replace(b"0.1, 0.2, 0.2, 0.4", b"0.1\\")))
    assert b"MPRI:Regions" not in photo.metadata.xmp
    assert b"RegionList" in photo.metadata.xmp
    assert any("regions" in note for note in photo.notes)


def test_orientation_of_heic_is_applied_once_and_faces_turn() -> None:
    out = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(grey_picture())).save(
        out, quality=90, exif=oriented_exif(6), xmp=face_packet(80, 60)
    )
    assert b"irot" in out.getvalue()
    photo = Photo.open(out.getvalue())
    assert photo.size == (60, 80)
    assert b'stDim:w="60"' in photo.metadata.xmp
    assert b'stArea:x="0.6" stArea:y="0.2" stArea:w="0.4" stArea:h="0.2"' in photo.metadata.xmp


def test_orientation_written_as_a_long_counts() -> None:
    block = b"II*\0\x08\0\0\0\x01\0" + b"\x12\x01\x04\0\x01\0\0\0\x06\0\0\0" + bytes(4)
    raw = with_segments(
        encoded(grey_picture(), "JPEG"), b"\xff\xe1" + (len(block) + 8).to_bytes(2, "big") + b"Exif\0\0" + block
    )
    assert Photo.open(raw).size == (60, 80)


@exiftool_needed
@pytest.mark.slow
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(
    "entry",
    [
        struct.pack("<HHI4B", 274, 3, 2, 6, 0, 6, 0),  # twice the value
        struct.pack("<HHI4B", 274, 13, 1, 6, 0, 0, 0),  # IFD
        struct.pack("<HHI4B", 274, 8, 1, 6, 0, 0, 0),  # a signed number
        struct.pack("<HHI4s", 274, 2, 2, b"6\0"),  # a text
        struct.pack("<HHI4B", 274, 3, 1, 6, 0, 0, 0) * 2,  # twice the tag
    ],
)
def test_after_the_turn_nobody_finds_another_orientation(entry: bytes, format: str, tmp_path: Path) -> None:
    block = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entry) // 12) + entry + bytes(4)
    source = encoded(grey_picture(), "JPEG", exif=b"Exif\0\0" + block)
    written = colored(Photo.open(source)).save(tmp_path / "out", format)
    found = exiftool_tags(written)
    assert [value for tag, value in found.items() if tag.endswith("Orientation") and value not in (1, "1")] == []


def test_a_photo_that_was_turned_is_not_passed_through_as_it_was() -> None:
    color = skimage.data.astronaut()[:60, 100:180]
    for photo in (Photo.open(encoded(color, "PNG")), Photo.open(color)):
        raw, _ = ColorPhoto.unchanged(photo.turned(6)).encode()
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(raw))), np.rot90(color, -1))


def test_a_turn_that_heics_exif_alone_states_is_not_made_and_it_is_said() -> None:
    """Of HEIC the container decides (ISO/IEC 23008-12); some telephones leave that out."""
    out = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(grey_picture())).save(out, quality=90, exif=oriented_exif(1))
    order = "<" if oriented_exif(1)[6:8] == b"II" else ">"
    upright, turned = (struct.pack(f"{order}HHIHH", 0x0112, 3, 1, value, 0) for value in (1, 6))
    assert upright in out.getvalue()
    photo = Photo.open(out.getvalue().replace(upright, turned))
    assert photo.size == (80, 60)
    assert any("not turned" in note for note in photo.notes)
    assert Photo.open(out.getvalue()).notes == ()
