"""TIFF files of scanners, microscopes and cameras: which page is the picture, what describes other pixels, CIELAB."""

import io
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
import skimage
import tifffile
from photo_files import colored, encoded, grey_picture, oriented_exif, tiff
from PIL import Image
from skimage.color import rgb2xyz, xyz2lab

from colorhub.photo import Photo, PhotoError

SENSOR = 32803  # photometric interpretation: colour filter array


def pages(*written: tuple[np.ndarray, dict[str, object]]) -> bytes:
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        for array, options in written:
            writer.write(array, **({"metadata": None, "photometric": "minisblack"} | options))
    return out.getvalue()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_thumbnail_in_front_is_not_the_picture(dtype: type) -> None:
    full = grey_picture().astype(dtype)
    photo = Photo.open(pages((full[::4, ::4], {"subfiletype": 1}), (full, {"subfiletype": 0})))
    assert np.array_equal(photo.grey, full)
    assert photo.notes == ()


def test_the_picture_may_be_below_its_thumbnail() -> None:
    full = grey_picture()
    photo = Photo.open(pages((full[::4, ::4], {"subfiletype": 1, "subifds": 1}), (full, {"subfiletype": 0})))
    assert np.array_equal(photo.grey, full)


def test_a_pyramid_is_one_picture() -> None:
    full = grey_picture()
    smaller = [(full[::step, ::step].copy(), {"subfiletype": 1}) for step in (2, 4)]
    for source in (pages((full, {"subifds": 2}), *smaller), pages((full, {}), *smaller)):
        photo = Photo.open(source)
        assert np.array_equal(photo.grey, full)
        assert photo.notes == ()


def test_what_the_first_page_says_of_all_is_kept() -> None:
    maker = (271, 2, 0, "Scanner & Co", True)
    full = grey_picture()
    source = pages((full[::4, ::4], {"subfiletype": 1, "extratags": [maker]}), (full, {}))
    raw, _ = colored(Photo.open(source)).encode()
    assert Image.open(io.BytesIO(raw)).tag_v2[271] == "Scanner & Co"


def raw_file(preview: tuple[int, int], *, dng: bool, sized: bool = True) -> bytes:
    """A camera's raw file: a small thumbnail, below it the sensor's data and a preview that is a JPEG file, which alone
    says its size where the page does not (``sized``)."""
    width, height = preview
    jpeg = encoded(skimage.data.astronaut()[:height, :width], "JPEG")
    version = [(50706, 1, 4, b"\1\4\0\0", True)] if dng else []
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        thumbnail = np.full((30, 40, 3), 99, np.uint8)
        extra = [*version, (274, 3, 1, 6, True), (271, 2, 0, "Camera & Co", True)]
        options = {"photometric": "rgb", "subfiletype": 1, "subifds": 1, "metadata": None, "extratags": extra}
        writer.write(thumbnail, **options)
        writer.write(np.full((512, 512), 7, np.uint16), photometric=SENSOR, subfiletype=0, metadata=None)
    return with_jpeg_page(out.getvalue(), jpeg, *((width, height) if sized else (0, 0)))


def with_jpeg_page(raw: bytes, jpeg: bytes, width: int, height: int) -> bytes:
    """A TIFF file with one more page in its chain: a JPEG file, named as cameras do."""
    (first,) = struct.unpack_from("<I", raw, 4)
    (count,) = struct.unpack_from("<H", raw, first)
    data = bytearray(raw + bytes(len(raw) % 2))
    start = len(data)
    entries = {254: 1, 256: width, 257: height, 259: 6, 262: 6, 513: start + 2 + 12 * 7 + 4, 514: len(jpeg)}
    data += struct.pack("<H", len(entries))
    data += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items()) + bytes(4) + jpeg
    struct.pack_into("<I", data, first + 2 + 12 * count, start)
    return bytes(data)


@pytest.mark.parametrize("sized", [True, False])
@pytest.mark.parametrize("dng", [True, False])
def test_of_a_raw_file_the_preview_is_the_picture(dng: bool, sized: bool) -> None:
    photo = Photo.open(raw_file((480, 400), dng=dng, sized=sized))
    assert photo.size == (400, 480)  # turned, as the file around it says
    assert photo.in_color
    assert any("preview in it of 480 x 400 pixels" in note for note in photo.notes)
    raw, suffix = colored(photo).encode()
    assert suffix == ".tif"
    with tifffile.TiffFile(io.BytesIO(raw)) as written:
        assert not written.is_dng
        assert written.pages.first.tags[271].value == "Camera & Co"


@pytest.mark.parametrize("dng", [True, False])
def test_a_raw_file_with_a_thumbnail_alone_is_refused_by_name(dng: bool) -> None:
    with pytest.raises(PhotoError, match=r"camera's raw file .*largest preview has 48 x 40 pixels"):
        Photo.open(raw_file((48, 40), dng=dng))


def image_j() -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, np.stack([grey_picture()] * 3), imagej=True, metadata={"axes": "ZYX", "Info": "Ann's slide"})
    return out.getvalue()


LAYOUTS = {
    "ImageJ": image_j,
    "tifffile": lambda: tiff(grey_picture(), metadata={"axes": "YX"}),
    "OME": lambda: tiff(np.stack([grey_picture()] * 3), ome=True, metadata={"axes": "ZYX"}),
}


@pytest.mark.parametrize("kind", LAYOUTS)
@pytest.mark.parametrize("format", ["TIFF", "JPEG"])
def test_descriptions_of_other_pixels_are_not_copied(kind: str, format: str, tmp_path: Path) -> None:
    result = colored(Photo.open(LAYOUTS[kind]()))
    path = result.save(tmp_path / "out", format)
    if format == "JPEG":
        assert 270 not in Image.open(path).getexif()
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with tifffile.TiffFile(path) as opened:
            assert not opened.is_imagej
            assert not opened.is_shaped
            assert not opened.is_ome
            assert np.array_equal(opened.asarray(), result.pixels)
    assert any(f"by {kind}" in note for note in result.notes) == (kind != "tifffile")


def test_peoples_descriptions_stay() -> None:
    raw, _ = colored(Photo.open(tiff(grey_picture(), description="Our garden {1912}"))).encode()
    assert Image.open(io.BytesIO(raw)).tag_v2[270] == "Our garden {1912}"


@pytest.mark.parametrize("order", ["<", ">"])
def test_iptc_in_either_order_of_bytes(order: str) -> None:
    """Adobe calls IPTC a row of 32-bit numbers, and some programs then swap their bytes."""
    records = b"\x1c\x02\x78\x00\x0aOur garden\0"
    swapped = b"".join(records[at : at + 4][::-1] for at in range(0, 16, 4))
    for value in (records, swapped):
        extra = [(33723, 4, 4, struct.unpack(f"{order}4I", value), True)]
        photo = Photo.open(tiff(grey_picture(), byteorder=order, extratags=extra))
        assert photo.metadata.iptc == records


def d50_lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of sRGB colours for ICC's white, by the Bradford transform (ICC.1:2022, annex E)."""
    bradford = [[1.047886, 0.022919, -0.050216], [0.029582, 0.990484, -0.017079], [-0.009252, 0.015073, 0.751678]]
    return xyz2lab(rgb2xyz(rgb) @ np.array(bradford).T, illuminant="D50")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("kind", ["CIELAB", "ICC"])
def test_lab_of_8_and_16_bits(dtype: type, kind: str) -> None:
    color = (128 + (skimage.data.astronaut()[:60, 100:180].astype(float) - 128) * 0.5).astype(np.uint8)
    lab = d50_lab(color)
    unit = 256 if dtype is np.uint16 else 1
    full = {("CIELAB", np.uint16): 0xFFFF, ("ICC", np.uint16): 0xFF00}.get((kind, dtype), 0xFF)
    numbers = np.concatenate(
        [lab[..., :1] / 100 * full, lab[..., 1:] * unit + (128 * unit if kind == "ICC" else 0)], -1
    )
    values = np.round(numbers).astype(np.int64).astype(dtype)
    photometric = 8 if kind == "CIELAB" else 9
    photo = Photo.open(tiff(values, photometric=photometric, planarconfig="contig"))
    seen = photo.rgb / (np.iinfo(photo.rgb.dtype).max / 255)
    assert np.abs(seen - color).mean() < (0.1 if dtype is np.uint16 else 1.5)


@pytest.mark.parametrize(("around", "size"), [(None, (400, 480)), (8, (400, 480)), (1, (480, 400))])
def test_a_preview_is_turned_by_the_file_around_it_or_else_by_itself(around: int | None, size: tuple[int, int]) -> None:
    jpeg = encoded(skimage.data.astronaut()[:400, :480], "JPEG", exif=oriented_exif(8))
    extra = [] if around is None else [(274, 3, 1, around, True)]
    thumbnail, sensor = np.full((30, 40, 3), 99, np.uint8), np.full((512, 512), 7, np.uint16)
    source = pages(
        (thumbnail, {"photometric": "rgb", "subfiletype": 1, "subifds": 1, "extratags": extra}),
        (sensor, {"photometric": SENSOR, "subfiletype": 0}),
    )
    assert Photo.open(with_jpeg_page(source, jpeg, 480, 400)).size == size


@pytest.mark.parametrize("values", [(7000, 225_000), (-1, 255)])
def test_numbers_of_no_known_range_are_not_called_damaged(values: tuple[int, int]) -> None:
    """As detectors write them, 32-bit counts with -1 for dead pixels."""
    with pytest.raises(PhotoError, match=f"holds values from {values[0]:.6g} to {values[1]:.6g}") as caught:
        Photo.open(tiff(np.array([values] * 9, np.int32)))
    assert "damaged" not in str(caught.value)


def test_what_is_not_supported_is_not_called_damaged() -> None:
    source = bytearray(tiff(grey_picture(), photometric="minisblack"))
    tag = source.index(struct.pack("<HHII", 262, 3, 1, 1))
    struct.pack_into("<H", source, tag + 8, 32844)  # LogLuv's grey
    with pytest.raises(PhotoError) as caught:
        Photo.open(bytes(source))
    assert "not supported" in str(caught.value)
    assert "damaged" not in str(caught.value)


@pytest.mark.parametrize("layout", [{"subsampling": (2, 2)}, {"subsampling": (1, 1), "tile": (32, 32)}])
def test_ycbcr_jpeg_is_decoded_alike_whoever_decodes_it(layout: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above Pillow's limit of 89 million pixels another library does; the limit is lowered instead."""
    color = skimage.data.astronaut()[:60, 100:180]
    source = tiff(color, photometric="ycbcr", compression="jpeg", **layout)
    expected = np.asarray(Image.open(io.BytesIO(source)).convert("RGB"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert np.abs(Photo.open(source).rgb.astype(int) - expected).max() <= 1
