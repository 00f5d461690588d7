"""ICC profiles: what space a profile is for, and colours and greys through it to sRGB."""

from functools import cache

import numpy as np

from colorhub.photo.lightness import grey_of_colors, in_strips

_RELATIVE, _BLACK_POINT, _NO_TABLES = 1, 0x2000, 0x0100  # Little CMS's rendering intent and flags


@cache
def srgb_profile() -> bytes:
    """An ICC profile of sRGB, the same bytes every time."""
    from PIL import ImageCms

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = b"\x07\xd0\x00\x01\x00\x01" + bytes(6)  # the date of creation: midnight of 1 January 2000
    profile[84:100] = bytes(16)  # the profile's id is a hash over the date too: 0 means not computed
    return bytes(profile)


@cache
def lab_profile() -> bytes:
    """A profile of CIELAB itself, with ICC's white, D50."""
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def profile_space(icc: bytes) -> str:
    """``rgb``, ``gray``, ``cmyk`` or what else the ICC header says; empty for bytes that are no profile."""
    if len(icc) < 128 or icc[36:40] != b"acsp":
        return ""
    return icc[16:20].decode("latin-1").strip().lower()


def to_srgb(pixels: np.ndarray, icc: bytes, space: str, dtype: np.dtype | type, *, exact: bool = False) -> np.ndarray:
    """Colours in the space of a profile to sRGB ``(H, W, 3)``: relative colorimetric with black point compensation.

    ``pixels`` are ``(H, W)`` for a ``gray`` profile, ``(H, W, 3)`` uint16 for ``lab`` (L* / 100, (a + 128) / 255), else
    ``(H, W, 3 or 4)``, uint8 or uint16.
    ``exact`` goes without the CMS's precomputed tables: ten times slower, and 0.4 L* closer in the deepest shadows.
    Raises ``ValueError`` or ``RuntimeError`` for a profile that cannot be used.
    """
    import imagecodecs

    def convert(strip: np.ndarray) -> np.ndarray:
        return imagecodecs.cms_transform(
            np.ascontiguousarray(strip),
            icc,
            srgb_profile(),
            colorspace=space,
            outcolorspace="rgb",
            outdtype=np.dtype(dtype),
            intent=_RELATIVE,
            flags=_BLACK_POINT | (_NO_TABLES if exact else 0),
        )

    return in_strips(pixels, convert, 3, dtype)


def is_srgb(icc: bytes) -> bool:
    """Whether an RGB profile changes no 8-bit colour of a grid by more than one level: then nothing has to be
    converted."""
    steps = np.arange(0, 256, 51, dtype=np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(1, -1, 3)
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    probe = np.concatenate([grid, ramp], axis=1)
    return bool(np.abs(to_srgb(probe, icc, "rgb", np.uint8).astype(int) - probe).max() <= 1)


def grey_through_profile(grey: np.ndarray, icc: bytes, space: str) -> np.ndarray:
    """A grey picture in the space of a ``gray`` or ``rgb`` profile to sRGB grey: a table of all its values.

    Returns ``grey`` itself where the profile changes none by more than one 8-bit level, else uint16.
    """
    count = int(np.iinfo(grey.dtype).max) + 1
    same = np.arange(count, dtype=np.uint32) * 65535 // (count - 1)
    levels = same.astype(np.uint16).reshape(1, -1)  # 16 bits also for 8-bit greys: the CMS is coarser with 8
    source = levels if space == "gray" else np.repeat(levels[..., None], 3, axis=2)
    table = grey_of_colors(to_srgb(source, icc, space, np.uint16, exact=True))[0]
    if np.abs(table.astype(np.int64) - same).max() <= 257:
        return grey
    return in_strips(grey, lambda strip: table[strip], None, np.uint16)
