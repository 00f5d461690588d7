"""Which pictures count as black-and-white: neutral ones and toned prints, not photographs of little colour."""

import io
from pathlib import Path

import cv2
import gradio
import numpy as np
import pytest
import skimage
from PIL import Image
from skimage.color import rgb2lab

from colorhub.photo import Photo
from colorhub.photo.tint import is_in_color

ASSETS = Path(gradio.__file__).parent / "media_assets" / "images"
# Tones as the colours of shadows, middle and highlights, in sRGB.
TONES = {
    "sepia": [(30, 18, 10), (150, 115, 80), (250, 240, 215)],
    "cyanotype": [(5, 20, 60), (50, 110, 160), (235, 245, 250)],
    "selenium": [(25, 18, 30), (125, 115, 130), (248, 246, 248)],
    "split tone": [(10, 25, 50), (128, 126, 124), (255, 245, 210)],
    "duotone": [(45, 15, 40), (180, 100, 80), (250, 230, 170)],
    "green glass": [(10, 25, 15), (110, 140, 110), (235, 250, 235)],
    "yellowed paper": [(20, 18, 15), (140, 130, 112), (245, 232, 200)],
}


def toned(grey: np.ndarray, tone: str, strength: float) -> np.ndarray:
    """``grey`` (H, W) with the colours of a tone, ``strength`` from 0 (none) to 1."""
    curve = np.array(TONES[tone], float)
    full = np.stack([np.interp(grey, [0, 128, 255], curve[:, c]) for c in range(3)], axis=-1)
    plain = np.repeat(grey[..., None].astype(float), 3, axis=2)
    return np.clip(plain + strength * (full - plain), 0, 255).round().astype(np.uint8)


def jpeg(array: np.ndarray, quality: int = 85) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, "JPEG", quality=quality)
    return out.getvalue()


def lightness(grey: np.ndarray) -> np.ndarray:
    """scikit-image's L* of an (H, W) grey."""
    return rgb2lab(np.repeat(grey[..., None] / np.iinfo(grey.dtype).max, 3, axis=2))[..., 0]


def greys() -> dict[str, np.ndarray]:
    """Enlarged to the size of a small scan: JPEG spreads the colours of 512 px over a good part of the copy that is
    judged."""
    pictures = {name: getattr(skimage.data, name)() for name in ("camera", "coins")}
    pictures["astronaut"] = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2GRAY)
    pictures["chelsea"] = cv2.cvtColor(skimage.data.chelsea(), cv2.COLOR_RGB2GRAY)
    return {
        name: cv2.resize(picture, (round(1000 * picture.shape[1] / picture.shape[0]), 1000))
        for name, picture in pictures.items()
    }


def colors() -> dict[str, np.ndarray]:
    pictures = {name: getattr(skimage.data, name)() for name in ("astronaut", "chelsea", "coffee", "rocket")}
    for name in ("cheetah.jpg", "lion.jpg", "tower.jpg", "groot.jpeg"):
        pictures[name] = np.asarray(Image.open(ASSETS / name).convert("RGB"))
    return pictures


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("strength", [0.2, 0.5, 0.8])
def test_toned_prints_are_black_and_white(tone: str, strength: float) -> None:
    for name, grey in greys().items():
        print_ = toned(grey, tone, strength)
        photo = Photo.open(jpeg(print_, quality=80))
        assert not photo.in_color, name
        part = np.s_[300:400, 300:400]
        assert np.abs(lightness(photo.grey[part]) - rgb2lab(print_[part])[..., 0]).mean() < 1.5, name


@pytest.mark.parametrize("quality", [20, 60, 95])
def test_grey_in_color_jpeg_is_black_and_white(quality: int) -> None:
    for name, grey in greys().items():
        assert not Photo.open(jpeg(np.repeat(grey[..., None], 3, axis=2), quality)).in_color, name


def test_uneven_tone_grain_stamp_and_painted_cheeks_are_black_and_white() -> None:
    rng = np.random.default_rng(0)
    for name, grey in greys().items():
        height, width = grey.shape
        print_ = toned(grey, "sepia", 0.8).astype(float)
        faded = np.linspace(0.6, 1, width)[None, :, None]  # a tone that bleached on one side
        neutral = np.repeat(grey[..., None].astype(float), 3, axis=2)
        grain = rng.normal(0, 6, (height, width, 1)) + rng.normal(0, 1.5, (height, width, 3))  # silver, and a scanner's
        picture = neutral + faded * (print_ - neutral) + grain
        picture = np.clip(picture, 0, 255).astype(np.uint8)
        picture[: height // 8, : width // 6] = (180, 30, 40)  # a stamp, 2 % of the area
        picture[-height // 8 :, -width // 6 :, 0] = np.minimum(picture[-height // 8 :, -width // 6 :, 0] + 30.0, 255)
        assert not is_in_color(picture), name


@pytest.mark.parametrize("saturation", [1.0, 0.5])
def test_color_photographs_are_in_color(saturation: float) -> None:
    pictures = colors()
    if saturation < 1:
        del pictures["cheetah.jpg"]  # tan animals in tan grass: at half its saturation, a toned print
    for name, picture in pictures.items():
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None].astype(float)
        muted = np.clip(grey + saturation * (picture - grey), 0, 255).round().astype(np.uint8)
        assert Photo.open(jpeg(muted)).in_color, name


def test_fog_over_a_color_photograph_is_in_color() -> None:
    for name in ("astronaut", "coffee"):
        picture = colors()[name].astype(float)
        fog = (0.45 * picture + 0.55 * np.array([205, 210, 215])).astype(np.uint8)
        assert Photo.open(jpeg(fog)).in_color, name


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_judgement_does_not_depend_on_size_or_depth(dtype: type) -> None:
    picture = skimage.data.astronaut().astype(dtype) * (257 if dtype is np.uint16 else 1)
    sepia = toned(skimage.data.camera(), "sepia", 1.0).astype(dtype) * (257 if dtype is np.uint16 else 1)
    for size in (40, 300, 2500):
        assert is_in_color(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA))
        assert not is_in_color(cv2.resize(sepia, (size, size), interpolation=cv2.INTER_AREA))


def test_flat_and_tiny_pictures_are_judged() -> None:
    red = np.full((50, 50, 3), (200, 20, 20), np.uint8)
    assert not is_in_color(red)  # one colour for its one lightness
    assert not is_in_color(np.full((1, 1, 3), 77, np.uint8))
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert is_in_color(noise)


@pytest.mark.shared
def test_historical_prints_are_black_and_white(shared_data: Path) -> None:
    paths = sorted((shared_data / "historical").glob("*.jpg"))
    assert len(paths) > 20
    assert [path.name for path in paths if Photo.open(path).in_color] == []


@pytest.mark.shared
@pytest.mark.parametrize("name", ["photos/test", "people/test"])
def test_color_photographs_are_rarely_taken_for_toned(name: str, shared_data: Path) -> None:
    """Prints the rate; what is wrongly called toned are skies, fog and sand: pictures of nearly one hue."""
    from pyarrow import parquet

    files = sorted((shared_data / name).parent.glob(f"{Path(name).name}-*.parquet"))
    rows = [row for file in files for row in parquet.read_table(file, columns=["image"]).to_pylist()]
    wrong = [index for index, row in enumerate(rows) if not Photo.open(row["image"]["bytes"]).in_color]
    print(f"\n{name}: {len(wrong)} of {len(rows)} ({len(wrong) / len(rows):.1%}) taken for toned, rows {wrong}")
    assert len(rows) > 200
    assert len(wrong) / len(rows) <= 0.03
