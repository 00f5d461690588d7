"""Which pictures are black-and-white whatever time made of them, which are in colour, and of which that is not sure."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import gradio
import numpy as np
import pytest
import skimage
from PIL import Image
from skimage.color import rgb2lab

from colorhub.photo import ColorAnswer, Photo
from colorhub.photo.tint import seen_in_color

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
        assert photo.in_color is ColorAnswer.NO or strength == 0.8, name
        part = np.s_[300:400, 300:400]
        assert np.abs(lightness(photo.grey[part]) - rgb2lab(print_[part])[..., 0]).mean() < 1.5, name


@pytest.mark.parametrize("quality", [20, 60, 95])
def test_grey_in_color_jpeg_is_black_and_white(quality: int) -> None:
    for name, grey in greys().items():
        assert Photo.open(jpeg(np.repeat(grey[..., None], 3, axis=2), quality)).in_color is ColorAnswer.NO, name


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
        assert not seen_in_color(picture), name


@pytest.mark.parametrize("saturation", [1.0, 0.5])
def test_color_photographs_are_in_color(saturation: float) -> None:
    pictures = colors()
    del pictures["cheetah.jpg"]  # tan animals in tan grass: not sure
    for name, picture in pictures.items():
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None].astype(float)
        muted = np.clip(grey + saturation * (picture - grey), 0, 255).round().astype(np.uint8)
        answer = Photo.open(jpeg(muted)).in_color
        assert answer is not ColorAnswer.NO, name
        assert answer or (saturation < 1 and name in ("chelsea", "coffee")), name  # a brown cat, a brown table


def test_fog_over_a_color_photograph_is_not_taken_for_a_tone() -> None:
    for name in ("astronaut", "coffee"):
        picture = colors()[name].astype(float)
        fog = (0.45 * picture + 0.55 * np.array([205, 210, 215])).astype(np.uint8)
        assert Photo.open(jpeg(fog)).in_color is not ColorAnswer.NO, name


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_judgement_does_not_depend_on_size_or_depth(dtype: type) -> None:
    picture = skimage.data.astronaut().astype(dtype) * (257 if dtype is np.uint16 else 1)
    sepia = toned(skimage.data.camera(), "sepia", 1.0).astype(dtype) * (257 if dtype is np.uint16 else 1)
    for size in (40, 300, 2500):
        assert seen_in_color(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA))
        assert not seen_in_color(cv2.resize(sepia, (size, size), interpolation=cv2.INTER_AREA))


def test_flat_and_tiny_pictures_are_judged() -> None:
    red = np.full((50, 50, 3), (200, 20, 20), np.uint8)
    assert seen_in_color(red) is ColorAnswer.NO  # one colour for its one lightness
    assert seen_in_color(np.full((1, 1, 3), 77, np.uint8)) is ColorAnswer.NO
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert seen_in_color(noise)


def on_page(print_: np.ndarray) -> np.ndarray:
    """On the brown page of an album, which is more than half of the picture."""
    height, width = print_.shape[:2]
    page = np.full((round(1.5 * height), round(1.5 * width), 3), (112, 84, 58), np.uint8)
    page[height // 4 : height // 4 + height, width // 4 : width // 4 + width] = print_
    return page


def on_mount(print_: np.ndarray) -> np.ndarray:
    return cv2.copyMakeBorder(print_, 150, 200, 150, 150, cv2.BORDER_CONSTANT, value=(240, 225, 190))


def written_on(print_: np.ndarray) -> np.ndarray:
    ink = np.ascontiguousarray(print_)
    cv2.putText(ink, "No. 217", (60, 300), cv2.FONT_HERSHEY_SIMPLEX, 5, (190, 30, 40), 14, cv2.LINE_AA)
    cv2.line(ink, (50, 900), (900, 940), (190, 30, 40), 10, cv2.LINE_AA)
    return ink


def beside_chart(print_: np.ndarray) -> np.ndarray:
    patches = np.array([(115, 82, 68), (98, 122, 157), (87, 108, 67), (214, 126, 44), (80, 91, 166), (193, 90, 99)])
    chart = np.repeat(np.repeat(patches[:, None].astype(np.uint8), 160, axis=1), -(-len(print_) // 6), axis=0)
    return np.concatenate([print_, chart[: len(print_)]], axis=1)


def taped(print_: np.ndarray) -> np.ndarray:
    out = print_.copy()
    out[:90, 100:500] = (out[:90, 100:500] * [0.9, 0.75, 0.4]).astype(np.uint8)
    return out


def in_mixed_light(print_: np.ndarray) -> np.ndarray:
    lamp = np.linspace(0, 1, print_.shape[1])[None, :, None]
    return (print_ * (lamp * [1.0, 0.85, 0.62] + (1 - lamp) * [0.8, 0.9, 1.0])).astype(np.uint8)


def shifted(print_: np.ndarray) -> np.ndarray:
    out = print_.copy()
    out[..., 0] = np.roll(out[..., 0], (1, -1), axis=(0, 1))
    return out


def stained(print_: np.ndarray) -> np.ndarray:
    height, width = print_.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    inside = np.clip((0.35 * width - np.hypot(x - 0.7 * width, y - 0.3 * height)) / 40, 0, 1)[..., None]
    return (print_ * (1 - inside + inside * [0.85, 0.72, 0.5])).astype(np.uint8)


HARMS = (on_page, on_mount, written_on, beside_chart, taped, in_mixed_light, shifted, stained)


@pytest.mark.parametrize("harm", HARMS)
def test_what_time_and_hands_do_to_a_print_leaves_it_black_and_white(harm: Callable) -> None:
    for name, grey in greys().items():
        for strength in (0.0, 0.6):
            assert not Photo.open(jpeg(harm(toned(grey, "sepia", strength)))).in_color, (name, strength)


def test_a_photo_of_one_hue_is_not_repainted_without_a_word() -> None:
    cheetah = colors()["cheetah.jpg"]  # tan animals in tan grass
    grey = cv2.cvtColor(cheetah, cv2.COLOR_RGB2GRAY)[..., None].astype(float)
    for saturation in (1.0, 0.8):
        muted = np.clip(grey + saturation * (cheetah - grey), 0, 255).round().astype(np.uint8)
        assert Photo.open(jpeg(muted)).in_color is not ColorAnswer.NO


def test_the_answer_is_a_word_and_only_a_sure_yes_is_true() -> None:
    assert [bool(answer) for answer in (ColorAnswer.YES, ColorAnswer.NO, ColorAnswer.UNSURE)] == [True, False, False]
    assert ColorAnswer("unsure") is ColorAnswer.UNSURE
    assert f"{ColorAnswer.YES}" == json.loads(json.dumps(ColorAnswer.YES)) == "yes"
    assert Photo.open(skimage.data.camera()).in_color is ColorAnswer.NO


@pytest.mark.shared
def test_historical_prints_are_coloured(shared_data: Path) -> None:
    paths = sorted((shared_data / "historical").glob("*.jpg"))
    assert len(paths) > 20
    found = {path.name: Photo.open(path).in_color for path in paths}
    print(f"\nnot sure: {[name for name, answer in found.items() if answer is ColorAnswer.UNSURE]}")
    assert [name for name, answer in found.items() if answer] == []


@pytest.mark.shared
@pytest.mark.parametrize("name", ["photos/test", "people/test"])
def test_color_photographs_are_rarely_coloured_anew(name: str, shared_data: Path) -> None:
    """Prints the rates; what is not surely in colour are skies, fog and sand: pictures of nearly one hue."""
    from pyarrow import parquet

    files = sorted((shared_data / name).parent.glob(f"{Path(name).name}-*.parquet"))
    rows = [row for file in files for row in parquet.read_table(file, columns=["image"]).to_pylist()]
    found = [Photo.open(row["image"]["bytes"]).in_color for row in rows]
    for answer in (ColorAnswer.NO, ColorAnswer.UNSURE):
        numbers = [number for number, one in enumerate(found) if one is answer]
        print(f"\n{name}: {len(numbers)} of {len(rows)} ({len(numbers) / len(rows):.1%}) {answer}, rows {numbers}")
    assert len(rows) > 200
    assert np.mean([answer is ColorAnswer.NO for answer in found]) <= 0.01  # repainted without a word
    assert np.mean([not answer for answer in found]) <= 0.08
