"""Reading photos, checked against Pillow, tifffile and scikit-image."""

import io
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

import imagecodecs
import numpy as np
import pillow_heif
import pytest
import skimage
import tifffile
from fuzz_files import huge_png, looping_exif_jpeg, scanning_jpeg, wordy_png
from PIL import Image, ImageCms, ImageOps
from skimage.color import rgb2lab

from colorhub.photo import ColorAnswer, Photo, PhotoError


def lightness(array: np.ndarray) -> np.ndarray:
    """scikit-image's L* of an (H, W) grey or (H, W, 3) colour array."""
    unit = array.astype(np.float64) / np.iinfo(array.dtype).max
    return rgb2lab(np.repeat(unit[..., None], 3, axis=2) if unit.ndim == 2 else unit)[..., 0]


def encoded(image: Image.Image | np.ndarray, format: str, **options: object) -> bytes:
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


@pytest.fixture(scope="module")
def color() -> np.ndarray:
    return skimage.data.astronaut()[:200, 100:350].copy()


@pytest.fixture(scope="module")
def grey() -> np.ndarray:
    return skimage.data.camera()[:200, 100:350].copy()


def heif(array: np.ndarray, **options: object) -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(array)).save(out, quality=-1, **options)
    return out.getvalue()


LOSSY = {"JPEG": {"quality": 95}, "WEBP": {"quality": 95}, "AVIF": {"quality": 95}}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF"])
def test_color_file_has_the_lightness_that_scikit_image_computes(format: str, color: np.ndarray) -> None:
    raw = encoded(color, format, **LOSSY.get(format, {}))
    photo = Photo.open(raw)
    expected = np.asarray(Image.open(io.BytesIO(raw)).convert("RGB"))
    assert photo.format == format
    assert photo.in_color
    assert photo.bits == 8
    assert photo.size == (250, 200)
    assert photo.grey.dtype == np.uint16
    assert np.array_equal(photo.rgb, expected)
    # 1e-2 covers float32, the last digits of the white points and rounding to 16 bits.
    assert np.abs(lightness(photo.grey) - lightness(expected)).max() < 1e-2


def test_heic_is_read(color: np.ndarray) -> None:
    photo = Photo.open(heif(color))
    assert photo.format == "HEIF"
    assert photo.in_color
    assert np.abs(photo.rgb.astype(int) - color).mean() < 2


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "BMP", "GIF"])
def test_grey_file_keeps_its_values_exactly(format: str, grey: np.ndarray) -> None:
    raw = encoded(grey, format)
    photo = Photo.open(raw)
    assert photo.grey.dtype == np.uint8
    assert np.array_equal(photo.grey, np.asarray(Image.open(io.BytesIO(raw)).convert("L")))
    assert photo.rgb is None
    assert photo.alpha is None
    assert not photo.in_color


def test_grey_stored_as_rgb_is_grey(grey: np.ndarray) -> None:
    photo = Photo.open(encoded(np.repeat(grey[..., None], 3, axis=2), "PNG"))
    assert photo.rgb is None
    assert np.array_equal(photo.grey, grey)


def test_grey_stored_as_color_jpeg_is_not_in_color(grey: np.ndarray) -> None:
    photo = Photo.open(encoded(np.repeat(grey[..., None], 3, axis=2), "JPEG", quality=60))
    assert not photo.in_color
    assert np.abs(lightness(photo.grey) - lightness(grey)).mean() < 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_orientation_is_applied_as_pillow_does(format: str, orientation: int, color: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(color[60:140, 60:180])
    raw = heif(np.asarray(image), exif=exif.tobytes()) if format == "HEIF" else encoded(image, format, exif=exif)
    photo = Photo.open(raw)
    image.getexif()[0x0112] = orientation
    expected = ImageOps.exif_transpose(image)
    assert photo.size == expected.size
    assert np.abs(photo.rgb.astype(int) - np.asarray(expected)).mean() < 12  # lossy; a wrong turn is 60
    assert photo.metadata.orientation() == 1


def test_orientation_of_grey_and_alpha_and_16_bits(grey: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    both = Image.merge("LA", [Image.fromarray(grey), Image.fromarray(255 - grey)])
    photo = Photo.open(encoded(both, "PNG", exif=exif))
    assert np.array_equal(photo.grey, np.rot90(grey, -1))
    assert np.array_equal(photo.alpha, np.rot90(255 - grey, -1))
    out = io.BytesIO()
    deep = np.stack([grey.astype(np.uint16) * 256 + c for c in (1, 99, 200)], axis=-1)
    tifffile.imwrite(out, deep, photometric="rgb", extratags=[(274, 3, 1, 8, True)])
    assert np.array_equal(Photo.open(out.getvalue()).rgb, np.rot90(deep, 1))


def test_orientation_in_xmp_alone_is_applied_and_reset(color: np.ndarray) -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="3"/></rdf:RDF></x:xmpmeta>'
    )
    raw = encoded(color, "JPEG", xmp=packet)
    photo = Photo.open(raw)
    upright = np.asarray(Image.open(io.BytesIO(raw)))
    assert np.array_equal(photo.rgb, upright[::-1, ::-1])
    assert b'tiff:Orientation="1"' in photo.metadata.xmp


def test_deep_grey_png_and_tiff_keep_16_bits(grey: np.ndarray, tmp_path: Path) -> None:
    deep = grey.astype(np.uint16) * 250 + 17
    Image.fromarray(deep).save(tmp_path / "deep.png")
    tifffile.imwrite(tmp_path / "deep.tif", deep, compression="zlib", predictor=True)
    tifffile.imwrite(tmp_path / "negative.tif", 65535 - deep, photometric="miniswhite")
    for name in ("deep.png", "deep.tif", "negative.tif"):
        photo = Photo.open(tmp_path / name)
        assert photo.bits == 16
        assert np.array_equal(photo.grey, deep), name


@pytest.mark.parametrize("channels", [3, 4])
def test_deep_color_png_and_tiff_keep_16_bits(channels: int, tmp_path: Path) -> None:
    y, x = np.mgrid[0:90, 0:120]
    deep = np.stack([x * 500, y * 700, (x + y) * 300, 65535 - x * 100][:channels], axis=-1).astype(np.uint16)
    (tmp_path / "deep.png").write_bytes(imagecodecs.png_encode(deep))
    extra = ["unassalpha"] if channels == 4 else None
    tifffile.imwrite(
        tmp_path / "deep.tif", deep, photometric="rgb", extrasamples=extra, tile=(16, 16), compression="lzw"
    )
    tifffile.imwrite(tmp_path / "planes.tif", np.moveaxis(deep, -1, 0), photometric="rgb", planarconfig="separate")
    for name in ("deep.png", "deep.tif", "planes.tif"):
        photo = Photo.open(tmp_path / name)
        assert photo.bits == 16
        assert np.array_equal(photo.rgb, deep[..., :3]), name
        assert np.abs(lightness(photo.grey) - lightness(deep[..., :3])).max() < 1e-2
        if channels == 4 and name != "planes.tif":
            assert np.array_equal(photo.alpha, deep[..., 3]), name


def test_deep_grey_png_with_alpha(grey: np.ndarray) -> None:
    both = np.stack([grey.astype(np.uint16) * 257, 65535 - grey.astype(np.uint16) * 100], axis=-1)
    photo = Photo.open(imagecodecs.png_encode(both))
    assert photo.bits == 16
    assert np.array_equal(photo.grey, both[..., 0])
    assert np.array_equal(photo.alpha, both[..., 1])


def test_float_and_long_tiff(grey: np.ndarray, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "float.tif", grey.astype(np.float32) / 255)
    tifffile.imwrite(tmp_path / "long.tif", grey.astype(np.uint32) << 24)
    assert np.array_equal(Photo.open(tmp_path / "float.tif").grey, grey)
    assert np.array_equal(Photo.open(tmp_path / "long.tif").grey, grey.astype(np.uint16) << 8)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4"])
def test_tiff_compressions(compression: str | None, grey: np.ndarray) -> None:
    image = Image.fromarray(grey).convert("1") if compression == "group4" else Image.fromarray(grey)
    photo = Photo.open(encoded(image, "TIFF", compression=compression))
    tolerance = 40 if compression == "jpeg" else 0
    assert np.abs(photo.grey.astype(int) - np.asarray(image.convert("L"))).max() <= tolerance


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_multi_page_tiff_gives_the_first_and_says_so(bigtiff: bool, dtype: type, grey: np.ndarray) -> None:
    out = io.BytesIO()
    with tifffile.TiffWriter(out, bigtiff=bigtiff) as writer:
        for page in (grey, 255 - grey, grey // 2):
            writer.write(page.astype(dtype), photometric="minisblack")
    photo = Photo.open(out.getvalue())
    assert photo.notes == ("multi-page TIFF: first of 3 pages",)
    assert np.array_equal(photo.grey, grey)


def test_animations_give_the_first_frame_and_say_so(color: np.ndarray) -> None:
    frames = [Image.fromarray(color), Image.fromarray(255 - color)]
    gif = Photo.open(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    webp = Photo.open(encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True))
    assert gif.notes == ("animated GIF: first frame",)
    assert webp.notes == ("animated WEBP: first of 2 frames",)
    assert np.array_equal(webp.rgb, color)
    assert np.abs(gif.rgb.astype(int) - color).mean() < 12


MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "HSV", "I", "F", "I;16", "La"]


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_of_pillow(mode: str, color: np.ndarray) -> None:
    base = Image.fromarray(color).convert("RGBA")
    path = {"I;16": "L", "La": "LA", "PA": "P", "RGBa": "RGBA", "LAB": "RGB"}.get(mode)
    image = base.convert(path).convert(mode) if path else base.convert(mode)
    photo = Photo.open(image)
    plain = {"RGBa": "RGBA", "La": "LA"}.get(mode)
    is_grey = mode in ("1", "I", "F", "I;16", "L", "LA", "La")
    seen = (image.convert(plain) if plain else image).convert("L" if is_grey else "RGB")
    expected = np.asarray(seen)
    if expected.ndim == 3:
        assert np.abs(photo.rgb.astype(int) - expected).max() <= 1
    elif mode == "F":  # fractions of grey levels, which only 16 bits hold
        assert np.abs(photo.grey / 257 - np.asarray(image)).max() < 0.01
    else:
        assert np.array_equal(photo.grey, expected if mode != "I;16" else np.asarray(image))
    assert (photo.alpha is not None) == (mode in ("LA", "PA", "RGBA", "RGBa", "La"))


def test_lab_image(color: np.ndarray) -> None:
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    photo = Photo.open(ImageCms.applyTransform(Image.fromarray(color), to_lab))
    assert np.abs(photo.rgb.astype(int) - color).mean() < 3  # 8-bit a and b are coarse


def test_palette_with_transparency(color: np.ndarray) -> None:
    palette = Image.fromarray(color).quantize(16)
    raw = encoded(palette, "PNG", transparency=3)
    photo = Photo.open(raw)
    expected = np.asarray(Image.open(io.BytesIO(raw)).convert("RGBA"))
    assert np.array_equal(photo.alpha, expected[..., 3])
    assert np.array_equal(photo.rgb, expected[..., :3])
    assert 0 in photo.alpha


def test_png_with_one_transparent_grey(grey: np.ndarray) -> None:
    photo = Photo.open(encoded(grey, "PNG", transparency=int(grey[0, 0])))
    assert np.array_equal(photo.alpha == 0, grey == grey[0, 0])


def test_adobe_inverted_cmyk_jpeg(color: np.ndarray) -> None:
    raw = encoded(Image.fromarray(color).convert("CMYK"), "JPEG", quality=95)
    assert b"Adobe" in raw[:200]
    photo = Photo.open(raw)
    assert np.abs(photo.rgb.astype(int) - color).mean() < 4


def rgb_profile(primaries: tuple[float, ...], gamma: float) -> bytes:
    chromaticities = tuple(value for x, y in zip(primaries[::2], primaries[1::2], strict=True) for value in (x, y, 1.0))
    return imagecodecs.cms_profile("rgb", whitepoint=(0.3127, 0.3290, 1.0), primaries=chromaticities, gamma=gamma)


PROFILES = {
    "Display P3 primaries": ((0.68, 0.32, 0.265, 0.69, 0.15, 0.06), 2.2),
    "Adobe RGB": ((0.64, 0.33, 0.21, 0.71, 0.15, 0.06), 2.19921875),
    "gamma 1.8": ((0.64, 0.33, 0.30, 0.60, 0.15, 0.06), 1.8),
}


def luminance_of(unit: np.ndarray, primaries: tuple[float, ...], gamma: float) -> np.ndarray:
    """Relative luminance from the definition of an RGB space: primaries scaled so that they add up to the white
    point."""
    xyz = np.array([[x / y, 1, (1 - x - y) / y] for x, y in zip(primaries[::2], primaries[1::2], strict=True)]).T
    white = np.array([0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290])
    return (unit**gamma) @ np.linalg.solve(xyz, white)


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_profile_is_applied(name: str, format: str, color: np.ndarray) -> None:
    primaries, gamma = PROFILES[name]
    muted = (128 + (color.astype(float) - 128) * 0.5).astype(np.uint8)  # inside sRGB, so nothing is clipped
    raw = encoded(muted, format, icc_profile=rgb_profile(primaries, gamma))
    photo = Photo.open(raw)
    values = np.asarray(Image.open(io.BytesIO(raw)))
    luminance = luminance_of(values / 255, primaries, gamma)
    expected = np.where(luminance > 0.008856, 116 * np.cbrt(luminance) - 16, 903.3 * luminance)
    assert np.abs(lightness(photo.grey) - expected).max() < 0.5  # one 8-bit level of the converted colours
    assert not np.array_equal(photo.rgb, values)
    assert photo.notes == ()


def test_profile_is_applied_like_pillow_does_in_16_bits(color: np.ndarray) -> None:
    icc = rgb_profile(*PROFILES["Adobe RGB"])
    out = io.BytesIO()
    tifffile.imwrite(out, color.astype(np.uint16) * 257, photometric="rgb", iccprofile=icc)
    photo = Photo.open(out.getvalue())
    transform = ImageCms.buildTransform(io.BytesIO(icc), ImageCms.createProfile("sRGB"), "RGB", "RGB", 1, 0x2000)
    expected = np.asarray(ImageCms.applyTransform(Image.fromarray(color), transform))
    assert photo.bits == 16
    assert np.abs(photo.rgb / 257 - expected).max() < 4  # Pillow's 8-bit tables are coarse in the shadows
    assert np.abs(photo.rgb / 257 - expected).mean() < 0.5


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_profile_is_applied(dtype: type, grey: np.ndarray) -> None:
    icc = imagecodecs.cms_profile("gray", gamma=1.8, whitepoint=(0.3457, 0.3585, 1.0))
    out = io.BytesIO()
    tifffile.imwrite(out, grey.astype(dtype), iccprofile=icc, photometric="minisblack")
    photo = Photo.open(out.getvalue())
    luminance = (grey.astype(dtype) / np.iinfo(dtype).max) ** 1.8
    expected = np.where(luminance > 0.008856, 116 * np.cbrt(luminance) - 16, 903.3 * luminance)
    assert photo.grey.dtype == np.uint16  # 8 bits would not hold it exactly
    assert photo.bits == (16 if dtype is np.uint16 else 8)
    assert np.abs(lightness(photo.grey) - expected).max() < 0.2


def test_srgb_profile_changes_nothing(color: np.ndarray, grey: np.ndarray) -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(Photo.open(encoded(color, "PNG", icc_profile=icc)).rgb, color)
    photo = Photo.open(encoded(grey, "PNG", icc_profile=icc))  # grey with an RGB profile is common
    assert np.array_equal(photo.grey, grey)
    assert photo.notes == ()


@pytest.mark.parametrize("broken", [b"no profile at all", rgb_profile(*PROFILES["Adobe RGB"])[:200]])
def test_broken_profile_is_ignored_with_a_note(broken: bytes, color: np.ndarray) -> None:
    photo = Photo.open(encoded(color, "PNG", icc_profile=broken))
    assert np.array_equal(photo.rgb, color)
    assert len(photo.notes) == 1
    assert "ICC profile" in photo.notes[0]


ARRAYS = {
    "(H, W) uint8": lambda g: g,
    "(H, W, 1) uint8": lambda g: g[..., None],
    "(H, W) float from 8 bits": lambda g: g / 255,
    "(H, W) float32 from 8 bits": lambda g: (g / 255).astype(np.float32),
    "RGB of a grey": lambda g: np.repeat(g[..., None], 3, axis=2),
    "not contiguous": lambda g: np.repeat(g, 2, axis=1)[:, ::2],
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_of_one_grey_agree(kind: str, grey: np.ndarray) -> None:
    photo = Photo.open(ARRAYS[kind](grey))
    assert np.array_equal(photo.grey, grey)
    assert photo.rgb is None
    assert photo.format == "PNG"


def test_other_arrays(grey: np.ndarray, color: np.ndarray) -> None:
    assert np.array_equal(Photo.open(grey > 99).grey, np.where(grey > 99, 255, 0))
    both = Photo.open(np.stack([grey, 255 - grey], axis=-1))
    assert np.array_equal(both.alpha, 255 - grey)
    deep = Photo.open(np.linspace(0, 1, 1000).reshape(20, 50))
    assert deep.bits == 16
    assert np.abs(deep.grey / 65535 - np.linspace(0, 1, 1000).reshape(20, 50)).max() < 1e-5
    assert np.array_equal(Photo.open(np.dstack([color, grey])).alpha, grey)
    assert np.array_equal(Photo.open(grey.astype(">u2")).grey, grey)


WRONG_ARRAYS = {
    "int64": (np.zeros((4, 4), np.int64), "uint8"),
    "floats to 255": (np.full((4, 4), 200.0), "0..1"),
    "nan": (np.full((4, 4), np.nan), "0..1"),
    "one dimension": (np.zeros(4, np.uint8), "(H, W)"),
    "five channels": (np.zeros((4, 4, 5), np.uint8), "1 to 4 channels"),
    "channels first": (np.zeros((3, 40, 50), np.uint8), "channels last"),
    "nothing": (np.zeros((0, 4), np.uint8), "no pixel"),
}


@pytest.mark.parametrize("kind", WRONG_ARRAYS)
def test_wrong_arrays_are_taught(kind: str) -> None:
    array, lesson = WRONG_ARRAYS[kind]
    with pytest.raises(PhotoError) as caught:
        Photo.open(array)
    assert lesson in str(caught.value)


def test_wrong_types_are_taught() -> None:
    with pytest.raises(PhotoError, match="int"):
        Photo.open(42)


@pytest.mark.parametrize("shape", [(1, 1), (4000, 3), (3, 4000), (7, 13), (1, 257)])
def test_odd_sizes(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    array = rng.integers(0, 256, (*shape, 3), np.uint8)
    for source in (encoded(array, "PNG"), encoded(array, "JPEG"), array):
        assert Photo.open(source).grey.shape == shape


@pytest.mark.parametrize("kind", ["path", "str", "bytes", "file", "stream"])
def test_sources(kind: str, grey: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "a photo.png"
    Image.fromarray(grey).save(path)
    with path.open("rb") as file:
        sources = {"path": path, "str": str(path), "bytes": path.read_bytes(), "file": file}
        sources["stream"] = io.BytesIO(path.read_bytes())
        photo = Photo.open(sources[kind])
    assert np.array_equal(photo.grey, grey)
    assert photo.path == (path if kind in ("path", "str") else None)
    if kind in ("path", "str", "file"):
        assert photo.name == "a photo.png"


def bad_files(folder: Path, color: np.ndarray) -> dict[str, tuple[Path, str]]:
    """Name -> (path, a word of the reason)."""
    jpeg, png = encoded(color, "JPEG"), encoded(color, "PNG")
    contents: dict[str, tuple[bytes, str]] = {
        "text.jpg": (b"To whom it may concern\n", "is text"),
        "empty.jpg": (b"", "is empty"),
        "half.jpg": (jpeg[: len(jpeg) // 2], "damaged or cut short"),
        "almost.jpg": (jpeg[:-200], "damaged or cut short"),
        "half.png": (png[: len(png) // 2], "damaged or cut short"),
        "almost.png": (png[:-200], "damaged or cut short"),
        "half.tif": (encoded(color, "TIFF")[:40_000], "damaged or cut short"),
        "half.webp": (encoded(color, "WEBP")[:1000], "damaged or cut short"),
        "half.bmp": (encoded(color, "BMP")[:40_000], "damaged or cut short"),
        "half.gif": (encoded(color, "GIF")[:10_000], "damaged or cut short"),
        "half.avif": (encoded(color, "AVIF")[:2000], "damaged or cut short"),
        "half.heic": (heif(color)[:9000], "damaged or cut short"),
        "archive.jpg": (b"PK\x03\x04" + bytes(60), "is a ZIP archive"),
        "drawing.svg": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "is an SVG drawing"),
        "document.pdf": (b"%PDF-1.7\n", "is a PDF document"),
        "unknown.jpg": (b"\x00\x01\x02\x03" * 50, "known format"),
        "raw.tif": (struct.pack("<4sIHHHII", b"II*\0", 8, 1, 50706, 1, 4, 1), "camera's raw file"),
    }
    found = {}
    for name, (content, reason) in contents.items():
        (folder / name).write_bytes(content)
        found[name] = (folder / name, reason)
    (folder / "folder.jpg").mkdir()
    return found | {
        "folder.jpg": (folder / "folder.jpg", "is a folder"),
        "missing.jpg": (folder / "missing.jpg", "does not exist"),
        "missing folder": (folder / "text.jpg" / "a.jpg", "does not exist"),
    }


def test_bad_files_get_one_sentence(color: np.ndarray, tmp_path: Path) -> None:
    files = bad_files(tmp_path, color)
    for path, reason in files.values():
        with pytest.raises(PhotoError) as caught:
            Photo.open(path)
        message = str(caught.value)
        assert message.startswith(path.name + " "), message
        assert reason in message, message
        assert "JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC and AVIF" in message
        assert message.endswith(".")
        assert "\n" not in message
        assert caught.value.__cause__ is None


def test_files_that_may_not_be_read(grey: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.png"
    Image.fromarray(grey).save(path)

    def refuse(self: Path, *arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)  # the tests may run as root, who may read everything
    with pytest.raises(PhotoError, match=r"secret\.png may not be read"):
        Photo.open(path)


def test_pipes_and_sockets_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(PhotoError, match="device or a pipe"):
        Photo.open(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(tmp_path)  # socket names are limited to 108 characters
        server.bind("s.jpg")
        with pytest.raises(PhotoError, match="device or a pipe"):
            Photo.open("s.jpg")


def test_name_is_used_in_messages() -> None:
    with pytest.raises(PhotoError, match=r"^grandma\.png is empty"):
        Photo.open(b"", name="grandma.png")


def test_bomb_is_refused_with_flat_memory(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(huge_png())
    program = (
        "import resource, sys\n"
        "from colorhub.photo import Photo, PhotoError\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    Photo.open(sys.argv[1])\nexcept PhotoError as error:\n    print(error)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "bomb.png")],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    message, grown = done.stdout.strip().splitlines()
    assert message.startswith("bomb.png has 30000 x 30000 = 900.0 million pixels; at most 400.0 million")
    assert int(grown) < 20_000  # KiB; the decoded picture would take 900 MB


def test_limit_is_the_callers_and_pillows_stays() -> None:
    before = Image.MAX_IMAGE_PIXELS
    raw = huge_png(15_000, 13_000)  # above twice Pillow's own limit, at which Image.open raises
    assert 2 * before < 15_000 * 13_000
    with pytest.raises(PhotoError, match="max_pixels"):
        Photo.open(raw, max_pixels=50_000_000)
    assert Photo.open(raw).size == (15_000, 13_000)
    assert before == Image.MAX_IMAGE_PIXELS
    with pytest.raises(PhotoError, match="at most 0"):
        Photo.open(np.zeros((30, 30), np.uint8), max_pixels=100)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_above_pillows_limit(dtype: type, tmp_path: Path) -> None:
    array = np.zeros((13_000, 15_000), dtype)
    array[5000:, 7000:] = 200
    tifffile.imwrite(tmp_path / "large.tif", array, compression="zlib", rowsperstrip=100)
    assert np.array_equal(Photo.open(tmp_path / "large.tif").grey, array)


@pytest.mark.parametrize("name", ["wide.tif", "many_channels.tif", "huge_tile.tif"])
def test_tiff_headers_that_ask_for_too_much(name: str, grey: np.ndarray) -> None:
    def tags(**values: int) -> bytes:
        width, channels, tile = values.get("width", 16), values.get("channels", 1), values.get("tile")
        numbers = {256: width, 257: 16, 258: 16, 259: 1, 262: 1, 273: 200, 277: channels}
        numbers |= {322: tile, 323: tile, 324: 200, 325: 9} if tile else {278: 16, 279: 512}
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(numbers.items()))
        return b"II*\0\x08\0\0\0" + struct.pack("<H", len(numbers)) + entries + bytes(4) + bytes(2000)

    raw = {
        "wide.tif": tags(width=0x7FFFFFFF),
        "many_channels.tif": tags(channels=60_000),
        "huge_tile.tif": tags(tile=1 << 20),
    }[name]
    with pytest.raises(PhotoError):
        Photo.open(raw)


def test_hostile_metadata_ends(color: np.ndarray) -> None:
    assert Photo.open(looping_exif_jpeg()).in_color in ColorAnswer
    assert any("too large" in note for note in Photo.open(wordy_png()).notes)
    with pytest.raises(PhotoError, match="scans"):
        Photo.open(scanning_jpeg())
    entities = b'<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&b;</x:xmpmeta>'
    assert Photo.open(encoded(color, "JPEG", xmp=entities)).metadata.xmp == entities


def test_callers_image_is_left_alone(color: np.ndarray) -> None:
    image = Image.fromarray(color)
    exif = image.getexif()
    exif[0x0112] = 6
    before = image.tobytes()
    photo = Photo.open(image)
    assert photo.size == (200, 250)
    assert image.tobytes() == before
    assert image.getexif()[0x0112] == 6


def test_photos_open_in_threads(color: np.ndarray) -> None:
    raws = [encoded(np.roll(color, shift, axis=1), "PNG") for shift in range(8)]
    found: dict[int, np.ndarray] = {}

    def read(index: int) -> None:
        found[index] = Photo.open(raws[index]).grey

    threads = [threading.Thread(target=read, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[index], np.roll(found[0], index, axis=1)) for index in range(8))


def test_importing_is_light() -> None:
    program = (
        "import sys, colorhub.photo; print([m for m in ('torch', 'cv2', 'skimage', 'tifffile') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
