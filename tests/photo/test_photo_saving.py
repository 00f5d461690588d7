"""Writing photos: pixels, metadata, times, provenance, and what happens when the disk says no."""

import errno
import io
import os
import struct
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import skimage
import tifffile
from fuzz_files import SUFFIXES
from PIL import ExifTags, Image, ImageCms, IptcImagePlugin
from skimage.color import rgb2lab

from colorhub.photo import ColorPhoto, Photo, PhotoError

FORMATS = ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"]
PROVENANCE = {"model": "unet", "weights_sha256": "0123abcd", "settings": "size 256, vividness 1.0"}
OLD_XMP = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="uuid:42" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    b'xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#" '
    b'xmlns:odd="http://example.org/odd/" odd:Thing="kept" '
    b'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" Iptc4xmpExt:DigitalSourceType="old">'
    b'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">Gro\xc3\x9fmutter, 1912</rdf:li></rdf:Alt></dc:description>'
    b'<xmpMM:History><rdf:Seq><rdf:li stEvt:action="scanned"/></rdf:Seq></xmpMM:History>'
    b'</rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>'
)
CAPTION = b"\x1c\x02\x78\x00\x0aOur garden\x1c\x02\x50\x00\x03Ann"  # IIM 2:120 caption, 2:80 byline
MAKER_NOTE = b"MAKER\0" + bytes(range(200))
NAMES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "odd": "http://example.org/odd/",
    "ext": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "hub": "urn:colorhub:provenance:1.0:",
    "mm": "http://ns.adobe.com/xap/1.0/mm/",
    "evt": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
}


@pytest.fixture(scope="module")
def grey() -> np.ndarray:
    return skimage.data.camera()[:120, 100:260].copy()


@pytest.fixture(scope="module")
def color() -> np.ndarray:
    return skimage.data.astronaut()[:240, 100:340].copy()


def full_exif(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Artist] = "Scanner & Co", "Ann"
    below = exif.get_ifd(ExifTags.IFD.Exif)
    below.update({0x9003: "1912:05:01 10:00:00", 0x927C: MAKER_NOTE, 0xA002: 160, 0xA003: 120})
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (52.0, 31.0, 12.5), 3: "E", 4: (13.0, 24.0, 18.0)})
    return exif


def photoshop_segment(iptc: bytes) -> bytes:
    block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + bytes(len(iptc) % 2)
    other = b"8BIM\x03\xf3\0\0" + struct.pack(">I", 2) + b"\x01\x00"
    body = b"Photoshop 3.0\0" + other + block
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body


def rich_jpeg(grey: np.ndarray, **options: object) -> bytes:
    out = io.BytesIO()
    options = {"exif": full_exif(), "dpi": (300, 300), "comment": b"scanned by Ann", "xmp": OLD_XMP} | options
    Image.fromarray(grey).save(out, "JPEG", quality=95, extra=photoshop_segment(CAPTION), **options)
    return out.getvalue()


def colored(photo: Photo) -> ColorPhoto:
    """Invented colours with the photo's alpha."""
    grey = photo.grey if photo.bits == 16 or photo.grey.dtype == np.uint8 else (photo.grey // 257).astype(np.uint8)
    other = grey // 2 + grey // 4
    return ColorPhoto(photo.with_alpha(np.stack([grey, other, other], axis=-1)), photo, PROVENANCE)


def packet_of(raw: bytes, suffix: str) -> bytes | None:
    """The XMP packet as Pillow or pillow-heif finds it."""
    if suffix == ".heic":
        import pillow_heif

        return pillow_heif.open_heif(io.BytesIO(raw)).info.get("xmp")
    return Image.open(io.BytesIO(raw)).info.get("xmp")


def exif_of(raw: bytes, suffix: str) -> Image.Exif:
    if suffix == ".heic":
        import pillow_heif

        exif = Image.Exif()
        exif.load(pillow_heif.open_heif(io.BytesIO(raw)).info["exif"])
        return exif
    return Image.open(io.BytesIO(raw)).getexif()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF"])
def test_output_format_follows_the_input(format: str, grey: np.ndarray, tmp_path: Path) -> None:
    source = tmp_path / f"in{SUFFIXES[format]}"
    Image.fromarray(grey).save(source, format)
    result = colored(Photo.open(source)).save(tmp_path / "out")
    assert result == tmp_path / f"out{SUFFIXES[format]}"
    with Image.open(result) as image:
        assert image.format == format
        assert image.mode == "RGB"
        assert image.size == (160, 120)


@pytest.mark.parametrize("format", [*FORMATS, "BMP"])
def test_pixels_arrive(format: str, color: np.ndarray) -> None:
    photo = Photo.open(color)
    raw, suffix = ColorPhoto(color, photo, PROVENANCE).encode(format)
    assert suffix == SUFFIXES[format]
    seen = Photo.open(raw).rgb
    if format in ("PNG", "TIFF", "BMP", "WEBP"):  # WebP: the source was lossless
        assert np.array_equal(seen, color)
    else:
        difference = np.abs(rgb2lab(seen)[..., 0] - rgb2lab(color)[..., 0])
        assert difference.mean() < 0.7


def test_jpeg_is_written_at_quality_95_without_subsampling(color: np.ndarray) -> None:
    raw, _ = ColorPhoto(color, Photo.open(color), PROVENANCE).encode("jpg")
    reference = io.BytesIO()
    Image.fromarray(color).save(reference, "JPEG", quality=95, subsampling="4:4:4")
    ours, theirs = Image.open(io.BytesIO(raw)), Image.open(reference)
    assert ours.quantization == theirs.quantization
    assert [layer[1:3] for layer in ours.layer] == [(1, 1)] * 3


@pytest.mark.parametrize("lossless", [False, True])
def test_webp_stays_lossless_or_lossy(lossless: bool, color: np.ndarray) -> None:
    out = io.BytesIO()
    Image.fromarray(color).save(out, "WEBP", lossless=lossless, quality=90)
    photo = Photo.open(out.getvalue())
    raw, _ = ColorPhoto(photo.rgb, photo, PROVENANCE).encode()
    assert (b"VP8L" in raw[:64]) == lossless


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize("channels", [3, 4])
def test_16_bits_survive(format: str, channels: int, tmp_path: Path) -> None:
    y, x = np.mgrid[0:60, 0:90]
    deep = (x * 700 + y * 3 + 1).astype(np.uint16)
    alpha = (65535 - x * 600).astype(np.uint16)
    source = np.stack([deep, alpha], axis=-1) if channels == 4 else deep
    photo = Photo.open(source)
    result = colored(photo).save(tmp_path / f"out{SUFFIXES[format]}")
    if format == "TIFF":
        seen = tifffile.imread(result)
    else:
        import cv2

        seen = cv2.imread(str(result), cv2.IMREAD_UNCHANGED)[..., [2, 1, 0, 3][:channels]]
    assert seen.dtype == np.uint16
    assert np.array_equal(seen, colored(photo).pixels)
    assert Photo.open(result).bits == 16


def test_16_bits_as_jpeg_become_8_and_it_is_said() -> None:
    photo = Photo.open(np.linspace(0, 65535, 600).astype(np.uint16).reshape(20, 30))
    result = colored(photo)
    raw, _ = result.encode("JPEG")
    assert Image.open(io.BytesIO(raw)).mode == "RGB"
    assert any("8 bits" in note for note in result.notes)


@pytest.mark.parametrize("format", FORMATS)
def test_alpha_survives_or_is_flattened_on_white(format: str, grey: np.ndarray) -> None:
    alpha = np.where(np.arange(160) < 80, 255, 0).astype(np.uint8)[None].repeat(120, axis=0)
    result = colored(Photo.open(np.stack([grey, alpha], axis=-1)))
    raw, _ = result.encode(format)
    seen = Photo.open(raw)
    if format == "JPEG":
        assert seen.alpha is None
        assert seen.grey[:, 90:].min() > 250 * (257 if seen.grey.dtype == np.uint16 else 1)
        assert any("flattened on white" in note for note in result.notes)
    else:
        assert np.abs(seen.alpha.astype(int) - alpha).max() <= 2
        assert result.notes == ()


@pytest.mark.parametrize("format", FORMATS)
def test_exif_survives(format: str, grey: np.ndarray) -> None:
    photo = Photo.open(rich_jpeg(grey))
    raw, suffix = colored(photo).encode(format)
    exif = exif_of(raw, suffix)
    assert exif[ExifTags.Base.Make] == "Scanner & Co"
    assert exif[ExifTags.Base.Artist] == "Ann"
    assert exif.get_ifd(ExifTags.IFD.Exif)[0x9003] == "1912:05:01 10:00:00"
    assert exif.get_ifd(ExifTags.IFD.Exif)[0x927C] == MAKER_NOTE
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    assert (gps[1], gps[3]) == ("N", "E")
    assert [float(value) for value in gps[2]] == [52.0, 31.0, 12.5]
    assert exif.get(ExifTags.Base.Orientation, 1) == 1


def test_maker_notes_stay_at_their_offset(grey: np.ndarray) -> None:
    """Maker notes hold offsets from the start of the EXIF block, so the block must not be laid out anew."""
    source = rich_jpeg(grey, exif=full_exif(6))
    raw, _ = colored(Photo.open(source)).encode()

    def place(file: bytes) -> int:
        return file.index(MAKER_NOTE) - file.index(b"Exif\0\0")

    assert place(raw) == place(source)


@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_is_reset_sides_swapped_and_thumbnail_dropped(order: str, grey: np.ndarray) -> None:
    thumbnail = io.BytesIO()
    Image.fromarray(grey).resize((40, 30)).save(thumbnail, "JPEG")
    block = exif_with_thumbnail(order, thumbnail.getvalue())
    source = io.BytesIO()
    Image.fromarray(grey).save(source, "JPEG", exif=b"Exif\0\0" + block)
    assert source.getvalue().count(b"\xff\xd8\xff") == 2
    raw, _ = colored(Photo.open(source.getvalue())).encode()
    image = Image.open(io.BytesIO(raw))
    exif = image.getexif()
    assert image.size == (120, 160)
    assert exif[ExifTags.Base.Orientation] == 1
    below = exif.get_ifd(ExifTags.IFD.Exif)
    assert (below[0xA002], below[0xA003]) == (120, 160)
    assert raw.count(b"\xff\xd8\xff") == 1
    assert not exif.get_ifd(ExifTags.IFD.IFD1)
    assert thumbnail.getvalue()[20:60] not in raw


def exif_with_thumbnail(order: str, thumbnail: bytes) -> bytes:
    """EXIF of orientation 6 and 160 x 120 pixels with a thumbnail, laid out by hand."""

    def entry(tag: int, kind: int, value: int) -> bytes:
        short = struct.pack(order + "HH", value, 0) if kind == 3 else struct.pack(order + "I", value)
        return struct.pack(order + "HHI", tag, kind, 1) + short

    def directory(entries: list[bytes], following: int) -> bytes:
        return struct.pack(order + "H", len(entries)) + b"".join(entries) + struct.pack(order + "I", following)

    size = 2 + 12 * 2 + 4
    first = directory([entry(0x0112, 3, 6), entry(0x8769, 4, 8 + size)], 8 + 2 * size)
    below = directory([entry(0xA002, 4, 160), entry(0xA003, 4, 120)], 0)
    second = directory([entry(0x0201, 4, 8 + 3 * size), entry(0x0202, 4, len(thumbnail))], 0)
    return {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", 8) + first + below + second + thumbnail


@pytest.mark.parametrize("format", FORMATS)
def test_resolution_survives(format: str, grey: np.ndarray) -> None:
    source = io.BytesIO()
    Image.fromarray(grey).save(source, "JPEG", dpi=(300, 600))
    photo = Photo.open(source.getvalue())
    raw, suffix = colored(photo).encode(format)
    if format in ("WEBP", "HEIF", "AVIF"):  # no place but EXIF
        exif = exif_of(raw, suffix)
        assert (exif[0x011A], exif[0x011B], exif[0x0128]) == (300, 600, 2)
    else:
        assert Image.open(io.BytesIO(raw)).info["dpi"] == pytest.approx((300, 600), abs=0.02)
    assert Photo.open(raw).metadata.dpi == pytest.approx((300, 600), abs=0.02)


def test_resolution_turns_with_the_picture(grey: np.ndarray) -> None:
    source = io.BytesIO()
    Image.fromarray(grey).save(source, "JPEG", dpi=(300, 600), exif=full_exif(6))
    raw, _ = colored(Photo.open(source.getvalue())).encode()
    assert Image.open(io.BytesIO(raw)).info["dpi"] == (600, 300)


@pytest.mark.parametrize("format", ["JPEG", "TIFF", "PNG"])
def test_iptc_captions_survive(format: str, grey: np.ndarray) -> None:
    raw, _ = colored(Photo.open(rich_jpeg(grey))).encode(format)
    if format == "PNG":
        text = Image.open(io.BytesIO(raw)).text["Raw profile type iptc"]
        assert CAPTION in bytes.fromhex("".join(text.split()[2:]))
    else:
        found = IptcImagePlugin.getiptcinfo(Image.open(io.BytesIO(raw)))
        assert found == {(2, 120): b"Our garden", (2, 80): b"Ann"}
    assert Photo.open(raw).metadata.iptc == CAPTION
    again, _ = colored(Photo.open(raw)).encode("JPEG")
    assert IptcImagePlugin.getiptcinfo(Image.open(io.BytesIO(again)))[(2, 120)] == b"Our garden"


@pytest.mark.parametrize("format", ["WEBP", "HEIF", "AVIF", "BMP"])
def test_what_a_format_cannot_hold_is_said(format: str, grey: np.ndarray) -> None:
    result = colored(Photo.open(rich_jpeg(grey)))
    result.encode(format)
    assert any("left out" in note for note in result.notes)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
def test_comments_survive(format: str, grey: np.ndarray) -> None:
    raw, _ = colored(Photo.open(rich_jpeg(grey, exif=b""))).encode(format)
    image = Image.open(io.BytesIO(raw))
    found = {"JPEG": image.info.get("comment"), "PNG": image.info.get("Comment")}.get(format) or image.tag_v2[270]
    assert found in (b"scanned by Ann", "scanned by Ann")


def test_png_texts_survive(grey: np.ndarray) -> None:
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    texts.add_text("Author", "Ann")
    texts.add_itxt("Title", "Großmutter \u2013 祖母")
    out = io.BytesIO()
    Image.fromarray(grey).save(out, "PNG", pnginfo=texts)
    photo = Photo.open(out.getvalue())
    raw, _ = colored(photo).encode()
    assert Image.open(io.BytesIO(raw)).text | {"XML:com.adobe.xmp": ""} == {
        "Author": "Ann",
        "Title": "Großmutter \u2013 祖母",
        "XML:com.adobe.xmp": "",
    }
    jpeg, _ = colored(photo).encode("JPEG")
    assert "Title: Großmutter \u2013 祖母".encode() in jpeg


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_tiff_tags_survive(format: str, grey: np.ndarray) -> None:
    tags = {271: "Scanner & Co", 272: "Flat 1", 306: "1912:05:01 10:00:00", 315: "Ann", 33432: "(c) Ann"}
    source = io.BytesIO()
    exif = full_exif()
    for tag, value in tags.items():
        exif[tag] = value
    Image.fromarray(grey).save(source, "TIFF", exif=exif.tobytes(), dpi=(600, 600))
    result = colored(Photo.open(source.getvalue()))
    raw, suffix = result.encode(format)
    found = exif_of(raw, suffix)
    assert {tag: found[tag] for tag in tags} == tags
    assert found.get_ifd(ExifTags.IFD.Exif)[0x927C] == MAKER_NOTE
    assert found.get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"
    assert result.notes == ()


def test_tiff_is_deflated_and_holds_what_it_held(grey: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "in.tif"
    extra = [(700, 1, len(OLD_XMP), OLD_XMP, True), (33723, 7, len(CAPTION), CAPTION, True), (315, 2, 4, "Ann", True)]
    tifffile.imwrite(
        path, grey, resolution=(118.11, 118.11), resolutionunit="CENTIMETER", extratags=extra, byteorder=">"
    )
    result = colored(Photo.open(path)).save(tmp_path / "out.tif")
    with tifffile.TiffFile(result) as opened:
        page = opened.pages.first
        assert page.compression.name == "ADOBE_DEFLATE"
        assert page.tags[33723].value == CAPTION
        assert page.tags[315].value == "Ann"
        assert page.resolution == pytest.approx((300, 300), abs=0.01)
        assert page.resolutionunit == 2
        assert b"Gro\xc3\x9fmutter" in page.tags[700].value
        assert len(opened.pages) == 1


def parsed(packet: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(packet[packet.index(b"<x:xmpmeta") : packet.index(b"</x:xmpmeta>") + 12])


@pytest.mark.parametrize("format", FORMATS)
def test_provenance_is_recorded_beside_what_was_there(format: str, grey: np.ndarray) -> None:
    raw, suffix = colored(Photo.open(rich_jpeg(grey))).encode(format)
    root = parsed(packet_of(raw, suffix))
    hub = f"{{{NAMES['hub']}}}"
    assert root.find(f".//{hub}Model").text == "unet"
    assert root.find(f".//{hub}WeightsSha256").text == "0123abcd"
    assert root.find(f".//{hub}Settings").text == "size 256, vividness 1.0"
    assert "invented by a model" in root.find(f".//{hub}Colors").text
    descriptions = root.findall(".//rdf:Description", NAMES)
    kinds = [d.get(f"{{{NAMES['ext']}}}DigitalSourceType") for d in descriptions]
    assert [kind.rsplit("/", 1)[1] for kind in kinds if kind] == ["compositeWithTrainedAlgorithmicMedia"]
    assert {d.get(f"{{{NAMES['rdf']}}}about") for d in descriptions} == {"uuid:42"}
    assert root.find(".//dc:description/rdf:Alt/rdf:li", NAMES).text == "Großmutter, 1912"
    assert any(d.get(f"{{{NAMES['odd']}}}Thing") == "kept" for d in descriptions)
    events = root.findall(".//mm:History/rdf:Seq/rdf:li", NAMES)
    assert len(root.findall(".//mm:History", NAMES)) == 1
    assert events[0].get(f"{{{NAMES['evt']}}}action") == "scanned"
    assert "model unet" in events[1].find("evt:parameters", NAMES).text
    assert events[1].find("evt:softwareAgent", NAMES).text.startswith("colorhub ")


def test_provenance_twice_keeps_one_statement_and_two_events(grey: np.ndarray) -> None:
    raw, _ = colored(Photo.open(rich_jpeg(grey))).encode()
    photo = Photo.open(raw)
    again, _ = ColorPhoto(photo.rgb, photo, {"model": "eccv16 <&>\x00"}).encode()
    root = parsed(packet_of(again, ".jpg"))
    assert [found.text for found in root.findall(".//hub:Model", NAMES)] == ["eccv16 <&> "]
    assert len(root.findall(".//mm:History/rdf:Seq/rdf:li", NAMES)) == 3


def test_provenance_without_a_packet(color: np.ndarray) -> None:
    raw, _ = ColorPhoto(color, Photo.open(color), PROVENANCE).encode("PNG")
    root = parsed(packet_of(raw, ".png"))
    assert root.find(".//ext:DigitalSourceType", NAMES).text.endswith("compositeWithTrainedAlgorithmicMedia")


@pytest.mark.parametrize("format", FORMATS)
def test_the_record_can_be_turned_off(format: str, grey: np.ndarray, tmp_path: Path) -> None:
    result = colored(Photo.open(rich_jpeg(grey)))
    raw, suffix = result.encode(format, record=False)
    if format in ("JPEG", "PNG", "TIFF"):
        assert packet_of(raw, suffix) == OLD_XMP
    path = result.save(tmp_path / "out", format, record=False)
    assert b"colorhub" not in path.read_bytes()


@pytest.mark.parametrize(
    "broken", [b"<x:xmpmeta", b"\xff\xfe\xfa", OLD_XMP.replace(b"?>\n<x", b"?><!DOCTYPE a []>\n<x")]
)
def test_broken_xmp_is_replaced_and_it_is_said(broken: bytes, grey: np.ndarray) -> None:
    result = colored(Photo.open(rich_jpeg(grey, xmp=broken)))
    raw, _ = result.encode()
    assert parsed(packet_of(raw, ".jpg")).find(".//hub:Model", NAMES).text == "unet"
    assert any("XMP" in note for note in result.notes)


def test_profile_is_replaced_by_srgb(color: np.ndarray) -> None:
    import imagecodecs

    icc = imagecodecs.cms_profile("adobergb")
    for format in FORMATS:
        source = io.BytesIO()
        Image.fromarray(color).save(source, "TIFF", icc_profile=icc)
        photo = Photo.open(source.getvalue())
        raw, suffix = ColorPhoto(photo.rgb, photo, PROVENANCE).encode(format)
        if suffix == ".heic":
            continue  # Pillow does not open it; the pixels are checked below
        written = Image.open(io.BytesIO(raw)).info["icc_profile"]
        assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(written)))
        seen = Photo.open(raw)
        assert np.abs(seen.rgb.astype(int) - photo.rgb).mean() < 3  # not converted a second time
        assert seen.notes == ()


def test_no_profile_in_none_out(color: np.ndarray) -> None:
    for format in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        raw, _ = ColorPhoto(color, Photo.open(color), PROVENANCE).encode(format)
        assert "icc_profile" not in Image.open(io.BytesIO(raw)).info


def test_file_times_survive(grey: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "in.jpg"
    path.write_bytes(rich_jpeg(grey))
    accessed, modified = 1_000_000_000_123_456_789, 500_000_000_987_654_321
    os.utime(path, ns=(accessed, modified))
    result = colored(Photo.open(path)).save(tmp_path / "out.jpg")
    status = result.stat()
    assert status.st_mtime_ns == modified
    assert abs(status.st_atime_ns - accessed) < 10**9 or status.st_atime_ns > accessed  # a look at it may move it


def test_suffix_tells_the_truth(grey: np.ndarray, tmp_path: Path) -> None:
    photo = Photo.open(rich_jpeg(grey))
    result = colored(photo)
    assert result.save(tmp_path / "a.png") == tmp_path / "a.png"
    assert Image.open(tmp_path / "a.png").format == "PNG"
    assert result.save(tmp_path / "b.jpg", "png") == tmp_path / "b.png"
    assert result.save(tmp_path / "c.JPEG") == tmp_path / "c.JPEG"
    assert result.save(tmp_path / "d.v2", "webp") == tmp_path / "d.v2.webp"
    assert result.save(tmp_path / "e.gif") == tmp_path / "e.png"
    assert any("GIF" in note for note in result.notes)
    for wrong in (lambda: result.save(tmp_path / "f.xyz"), lambda: result.encode("psd")):
        with pytest.raises(PhotoError, match="JPEG, PNG, WebP, TIFF, BMP, HEIC and AVIF"):
            wrong()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png", "c.JPEG", "d.v2.webp", "e.png"]


def test_gif_becomes_png(grey: np.ndarray) -> None:
    out = io.BytesIO()
    Image.fromarray(grey).save(out, "GIF", comment=b"scanned by Ann")
    result = colored(Photo.open(out.getvalue()))
    raw, suffix = result.encode()
    assert suffix == ".png"
    assert Image.open(io.BytesIO(raw)).text["Comment"] == "scanned by Ann"
    assert result.notes == ("GIF holds 256 colours only: written as PNG",)


def test_missing_encoder_is_answered_with_another_format(
    grey: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from colorhub.photo import formats

    monkeypatch.setattr(formats, "_can_write", lambda name: name != "HEIF")
    result = colored(Photo.open(rich_jpeg(grey)))
    assert result.save(tmp_path / "a.heic") == tmp_path / "a.jpg"
    assert any("written as JPEG" in note for note in result.notes)


def test_passed_through_is_the_same_file(color: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "in.jpg"
    Image.fromarray(color).save(path, quality=70)
    photo = Photo.open(path)
    result = ColorPhoto.unchanged(photo)
    assert result.passed_through
    assert result.provenance is None
    assert result.notes == ("already in colour: passed through unchanged",)
    assert np.array_equal(result.pixels, photo.rgb)
    assert result.save(tmp_path / "out.jpg").read_bytes() == path.read_bytes()
    assert result.encode() == (path.read_bytes(), ".jpg")
    png = result.save(tmp_path / "out.png")
    assert np.array_equal(np.asarray(Image.open(png)), photo.rgb)
    assert b"colorhub" not in png.read_bytes()
    path.write_bytes(b"something else")
    assert Photo.open(result.save(tmp_path / "late.jpg")).size == photo.size


def test_existing_files_are_kept_unless_told(grey: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"precious")
    result = colored(Photo.open(grey))
    with pytest.raises(PhotoError, match="exists already"):
        result.save(path, overwrite=False)
    assert path.read_bytes() == b"precious"
    result.save(path)
    assert Photo.open(path).size == (160, 120)


def test_links_are_followed(grey: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    assert colored(Photo.open(grey)).save(tmp_path / "link.png") == tmp_path / "link.png"
    assert (tmp_path / "link.png").is_symlink()
    assert Photo.open(tmp_path / "real.png").size == (160, 120)


FAILURES = {
    errno.ENOSPC: "the disk is full",
    errno.EROFS: "read-only",
    errno.EACCES: "no permission",
    errno.EIO: "Input/output error",
}


@pytest.mark.parametrize("code", FAILURES)
@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_failures_leave_nothing_half_written(
    code: int, moment: str, grey: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"precious")

    def fail(*arguments: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(*((os, "fsync") if moment == "fsync" else (Path, "replace")), fail)
    with pytest.raises(PhotoError) as caught:
        colored(Photo.open(grey)).save(path)
    assert str(path) in str(caught.value)
    assert FAILURES[code] in str(caught.value)
    assert path.read_bytes() == b"precious"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.png"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_disk_full_for_real(grey: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def open_full(self: Path, mode: str = "r", *arguments: object, **options: object) -> object:
        return opened(Path("/dev/full"), "wb") if mode == "xb" else opened(self, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", open_full)
    with pytest.raises(PhotoError, match="the disk is full"):
        colored(Photo.open(grey)).save(tmp_path / "out.png")
    assert list(tmp_path.iterdir()) == []


def test_missing_folder_and_folder_of_that_name(grey: np.ndarray, tmp_path: Path) -> None:
    result = colored(Photo.open(grey))
    with pytest.raises(PhotoError, match="its folder does not exist"):
        result.save(tmp_path / "no" / "out.png")
    (tmp_path / "dir.png").mkdir()
    with pytest.raises(PhotoError, match="there is a folder of that name"):
        result.save(tmp_path / "dir.png")
    assert [entry.name for entry in tmp_path.iterdir()] == ["dir.png"]


def test_wrong_pixels_are_refused(grey: np.ndarray) -> None:
    for pixels in (grey, np.zeros((4, 4, 3), np.float32), np.zeros((4, 4, 2), np.uint8)):
        with pytest.raises(ValueError, match=r"\(H, W, 3\) or \(H, W, 4\)"):
            ColorPhoto(pixels, Photo.open(grey))


def test_notebook_preview_is_small(tmp_path: Path) -> None:
    large = np.zeros((3000, 5000, 3), np.uint16)
    large[..., 0] = 65535
    preview = Image.open(io.BytesIO(ColorPhoto(large, Photo.open(large))._repr_png_()))
    assert max(preview.size) == 1024
    assert preview.getpixel((500, 300)) == (255, 0, 0)
    assert ColorPhoto(large[:4, :4], Photo.open(large)).to_pil().mode == "RGB"


@pytest.mark.parametrize("shape", [(1, 1), (4000, 3), (3, 4000)])
@pytest.mark.parametrize("format", [*FORMATS, "BMP"])
def test_odd_sizes_are_written(shape: tuple[int, int], format: str) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    raw, _ = colored(Photo.open(array)).encode(format)
    assert Photo.open(raw).grey.shape == shape
