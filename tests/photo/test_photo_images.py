"""PIL images whose format cannot be written, or that are closed."""

import io
import struct
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
import skimage
from fuzz_files import png_chunk
from photo_files import colored, encoded, grey_picture, xmp_packet
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from colorhub.photo import Photo, PhotoError


def opened(format: str, image: Image.Image | np.ndarray, **options: object) -> Image.Image:
    return Image.open(io.BytesIO(encoded(image, format, **options)))


@pytest.mark.parametrize("format", ["JPEG2000", "PPM", "TGA", "PCX", "SGI", "ICO"])
def test_what_cannot_be_written_becomes_png_and_it_is_said(format: str, tmp_path: Path) -> None:
    image = Image.fromarray(grey_picture()).resize((64, 64))
    result = colored(Photo.open(opened(format, image.convert("RGB") if format == "ICO" else image)))
    path = result.save(tmp_path / "out")
    assert path == tmp_path / "out.png"
    assert Image.open(path).format == "PNG"
    assert any("cannot be written: written as PNG" in note for note in result.notes)
    assert result.encode()[1] == ".png"


def test_of_16_bits_it_becomes_tiff(tmp_path: Path) -> None:
    deep = grey_picture().astype(np.uint16) * 257
    result = colored(Photo.open(opened("PPM", deep)))
    assert result.photo.bits == 16
    assert result.save(tmp_path / "out") == tmp_path / "out.tif"
    assert result.encode()[1] == ".tif"


@pytest.mark.parametrize(("format", "suffix"), [("DIB", ".bmp"), ("MPO", ".jpg"), (None, ".png")])
def test_pillows_other_names_of_what_can_be_written(format: str | None, suffix: str) -> None:
    image = Image.fromarray(grey_picture()) if format is None else opened(format, grey_picture())
    result = colored(Photo.open(image))
    assert result.encode()[1] == suffix
    assert not any("cannot be written" in note for note in result.notes)


@pytest.mark.parametrize("how", ["close", "with"])
def test_a_closed_image_is_closed_and_not_damaged(how: str, tmp_path: Path) -> None:
    path = tmp_path / "grandma.png"
    path.write_bytes(encoded(grey_picture(), "PNG"))
    image = Image.open(path)
    if how == "close":
        image.close()
    else:
        with image:
            pass
    with pytest.raises(PhotoError, match=r"^grandma\.png was closed already; open it again") as caught:
        Photo.open(image)
    assert "damaged" not in str(caught.value)


def test_an_image_that_was_loaded_before_it_was_closed_is_read() -> None:
    with opened("PNG", grey_picture()) as image:
        image.load()
    assert np.array_equal(Photo.open(image).grey, grey_picture())


@pytest.mark.parametrize("format", ["HEIF", "AVIF"])
def test_colour_spaces_by_code_points_are_applied(format: str) -> None:
    """P3's primaries and a gamma of 2.8, without ICC: the same statement in a PNG, which is checked against the
    definition of an RGB space, is the reference."""
    color = (128 + (skimage.data.astronaut()[:64, 100:180].astype(float) - 128) * 0.5).astype(np.uint8)
    if format == "HEIF":
        out = io.BytesIO()
        pillow_heif.from_pillow(Image.fromarray(color)).save(
            out, quality=-1, color_primaries=12, transfer_characteristics=5
        )
        raw = out.getvalue()
    else:
        raw = bytearray(encoded(color, "AVIF", quality=100, subsampling="4:4:4"))
        at = raw.index(b"colrnclx") + 8
        raw[at : at + 4] = bytes([0, 12, 0, 5])
        raw = bytes(raw)
    stated = png_chunk(b"cICP", bytes([12, 5, 0, 1]))
    png = encoded(color, "PNG")
    expected = Photo.open(png[:33] + stated + png[33:]).rgb
    assert np.abs(expected.astype(int) - color).mean() > 2
    assert np.abs(Photo.open(raw).rgb.astype(int) - expected).mean() < 1.5


def test_resolution_of_a_tiff_that_pillow_opened_turns() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = Photo.open(opened("TIFF", grey_picture(), dpi=(300, 600), exif=exif))
    assert photo.size == (60, 80)
    assert photo.metadata.dpi == (600, 300)


def test_a_png_that_pillow_opened_says_the_same_as_its_file() -> None:
    texts = PngInfo()
    texts.add_text("Author", "Ann")
    texts.add_itxt(
        "XML:com.adobe.xmp", xmp_packet("<dc:source>attic</dc:source>", dc="http://purl.org/dc/elements/1.1/").decode()
    )
    png = encoded(grey_picture(), "PNG", pnginfo=texts)
    raw = png[:33] + png_chunk(b"gAMA", struct.pack(">I", 55556)) + png[33:]
    by_file, by_pillow = Photo.open(raw), Photo.open(Image.open(io.BytesIO(raw)))
    assert np.array_equal(by_pillow.grey, by_file.grey)
    assert not np.array_equal(by_file.grey, grey_picture())
    assert by_pillow.metadata == by_file.metadata
