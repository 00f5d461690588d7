"""ICC profiles as cameras and programs write them: wide ones, ones whose size is wrong, ones for other pixels."""

import io
import struct

import imagecodecs
import numpy as np
import pytest
import skimage
from photo_files import colored, encoded, grey_picture
from PIL import Image, ImageCms

from colorhub.photo import Photo

COLOR = skimage.data.astronaut()[:60, 100:180].copy()


@pytest.mark.parametrize("off", [-2, 2])
def test_a_size_that_is_off_by_two_costs_neither_colours_nor_the_result(off: int) -> None:
    """Some telephones write it, and strict libraries then refuse to write a PNG."""
    icc = bytearray(imagecodecs.cms_profile("adobergb"))
    whole = Photo.open(encoded(COLOR, "JPEG", icc_profile=bytes(icc)))
    icc[:4] = struct.pack(">I", len(icc) + off)
    photo = Photo.open(encoded(COLOR, "JPEG", icc_profile=bytes(icc)))
    assert np.array_equal(photo.rgb, whole.rgb)
    raw, _ = colored(photo).encode("PNG")
    written = Image.open(io.BytesIO(raw)).info["icc_profile"]
    assert len(written) == int.from_bytes(written[:4], "big")


def test_prophoto_is_converted() -> None:
    """Primaries and gamma of ISO 22028-2's ROMM RGB."""
    primaries = (0.7347, 0.2653, 1.0, 0.1596, 0.8404, 1.0, 0.0366, 0.0001, 1.0)
    icc = bytes(imagecodecs.cms_profile("rgb", whitepoint=(0.3457, 0.3585, 1.0), primaries=primaries, gamma=1.8))
    wide = ImageCms.profileToProfile(
        Image.fromarray(COLOR), ImageCms.createProfile("sRGB"), ImageCms.ImageCmsProfile(io.BytesIO(icc)), 1, "RGB"
    )
    photo = Photo.open(encoded(wide, "PNG", icc_profile=icc))
    assert np.abs(np.asarray(wide).astype(int) - COLOR).mean() > 10
    assert np.abs(photo.rgb.astype(int) - COLOR).mean() < 1.5


@pytest.mark.parametrize("format", ["TIFF", "JPEG", "PNG"])
def test_a_profile_of_colours_on_grey_pixels_is_applied(format: str) -> None:
    """Scanners put the profile of their colours into grey scans, too."""
    grey = grey_picture()
    plain = Photo.open(encoded(grey, format)).grey
    same = Photo.open(encoded(grey, format, icc_profile=imagecodecs.cms_profile("srgb")))
    assert np.array_equal(same.grey, plain)
    assert same.notes == ()
    primaries = (0.64, 0.33, 1.0, 0.30, 0.60, 1.0, 0.15, 0.06, 1.0)  # of sRGB; without them the profile has none
    icc = bytes(imagecodecs.cms_profile("rgb", whitepoint=(0.3127, 0.3290, 1.0), primaries=primaries, gamma=1.8))
    darker = Photo.open(encoded(grey, format, icc_profile=icc))
    assert darker.notes == ()
    expected = 255 * (plain / 255) ** 1.8
    light = darker.grey / 65535
    linear = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4) * 255
    assert np.abs(linear - expected).max() < 2
