"""Hints: exact where they are, stopped by edges, the same again and again; files; what is refused."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from scipy.ndimage import uniform_filter
from skimage import data
from skimage.color import lab2rgb, rgb2lab
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor

from colorhub import (
    ColorizationPipeline,
    Colorizer,
    Hint,
    HintsError,
    Photo,
    Prediction,
    Retouching,
    load_hints,
    save_hints,
)
from colorhub.hints import HintedLayers, hints_json, hints_of, native_hints, parse_hints
from colorhub.hints.spreading import CONTRAST, PEAK, REACH, THROUGH, Spreading
from colorhub.models import SIGGRAPH17

SIZE = (600, 400)


class Tinted(Colorizer):
    """Colour by lightness and place, smooth."""

    architecture = "tinted"
    working_size = 96

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        across = torch.linspace(-10, 10, L.shape[3]).expand_as(L)
        return Prediction(torch.cat([across, L / 5 - 10], dim=1))


class Listening(Tinted):
    """Takes hints, keeps those it was given and what it saw, and answers with the mean of their colours everywhere."""

    accepts_hints = True

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        self.saw, self.heard = L, hints
        if hints is None:
            return super().predict(L)
        mean = hints[:, :2].sum(dim=(2, 3), keepdim=True) / hints[:, 2:].sum(dim=(2, 3), keepdim=True)
        return Prediction(mean.expand(-1, -1, *L.shape[2:]).clone())


@pytest.fixture(scope="module")
def tinted() -> ColorizationPipeline:
    return ColorizationPipeline(Tinted(), device="cpu")


@pytest.fixture(scope="module")
def photo(grey: np.ndarray) -> Photo:
    """The cup of coffee, grey, 16 bits: rounding to 8 moves dark colours by more than a unit."""
    return Photo.open(grey.astype(np.uint16) * 257)


def colors_at(pixels: np.ndarray, hints: list[Any]) -> np.ndarray:
    """Lab of a picture at hints, by scikit-image, ``(n, 3)``."""
    return rgb2lab(pixels[[hint[1] for hint in hints], [hint[0] for hint in hints]][None])[0]


def inside_gamut(photo: Photo, count: int, seed: int) -> tuple[list[Hint], np.ndarray]:
    """Random hints of a photo whose colours sRGB holds at the photo's lightness, and their ab: each is made of the
    photo's lightness there, by scikit-image."""
    random, hints, colors = np.random.default_rng(seed), [], []
    while len(hints) < count:
        x, y = int(random.integers(photo.size[0])), int(random.integers(photo.size[1]))
        L = rgb2lab(np.full((1, 1, 3), photo.grey[y, x] / 65535))[0, 0, 0]
        code = (lab2rgb([[[L, *random.uniform(-45, 45, 2)]]])[0, 0] * 255).round().astype(np.uint8)
        lab = rgb2lab(code[None, None])[0, 0]
        if abs(lab[0] - L) < 0.5 and code.min() > 0 and code.max() < 255:
            hints.append(Hint(x, y, "#{:02x}{:02x}{:02x}".format(*code)))
            colors.append(lab[1:])
    return hints, np.array(colors)


# What they do to a picture


@pytest.mark.parametrize(("count", "size"), [(1, None), (20, 240), (5, 40)])
def test_the_colour_at_a_hint_is_the_hints(tinted: ColorizationPipeline, photo: Photo, count: int, size: int) -> None:
    hints, colors = inside_gamut(photo, count, seed=count)
    answer = colors_at(tinted(photo, hints=hints, size=size).pixels, hints)
    assert np.hypot(*(answer[:, 1:] - colors).T).max() <= 1


def test_it_is_exact_in_corners_and_on_thin_photos(tinted: ColorizationPipeline) -> None:
    random = np.random.default_rng(0)
    for shape in ((40, 300), (301, 33), (3, 5)):
        grey = (random.integers(100, 140, shape) * 257).astype(np.uint16)
        corners = [(0, 0), (shape[1] - 1, 0), (0, shape[0] - 1), (shape[1] - 1, shape[0] - 1)]
        hints = [
            (*place, color) for place, color in zip(corners, ("#a06060", "#60a060", "#6060a0", "#909050"), strict=True)
        ]
        answer = colors_at(tinted(grey, hints=hints).pixels, hints)[:, 1:]
        wanted = rgb2lab(np.array([[[int(h[2][i : i + 2], 16) for i in (1, 3, 5)] for h in hints]], np.uint8))[0, :, 1:]
        assert np.hypot(*(answer - wanted).T).max() <= 1, shape


def test_colours_that_srgb_does_not_hold_keep_their_hue(tinted: ColorizationPipeline, photo: Photo) -> None:
    hints = [(x, y, "#ff0000") for x, y in ((50, 60), (300, 200), (590, 390))]
    answer = colors_at(tinted(photo, hints=hints).pixels, hints)
    red = rgb2lab(np.array([[[1.0, 0, 0]]]))[0, 0]
    hue = np.degrees(np.arctan2(answer[:, 2], answer[:, 1]) - np.arctan2(red[2], red[1]))
    assert np.abs(hue).max() < 3
    grey = rgb2lab(np.dstack([photo.grey] * 3)[[60, 200, 390], [50, 300, 590]][None])[0]
    assert np.abs(answer[:, 0] - grey[:, 0]).max() < 0.5


@pytest.mark.parametrize("faded", [False, True])
@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("radius", [30, 120])
def test_a_strong_edge_stops_a_colour(radius: int, inside: bool, faded: bool) -> None:
    """A light disc on a dark ground, 40 units of lightness apart (in a faded print 12), and an untinted layer."""
    down, across = np.mgrid[:576, :768]
    distance = np.hypot(across - 384, down - 288)
    lightness = 30 + 40 * np.clip(radius - distance + 0.5, 0, 1)
    lightness[:16, :384], lightness[:16, 384:] = 0, 100  # a print that is not faded has black and white
    if faded:
        lightness = 50 + 0.3 * lightness
    grey = (lab2rgb(np.dstack([lightness, 0 * lightness, 0 * lightness]))[..., 0] * 65535).round().astype(np.uint16)
    place = (384, 288) if inside else (384, 288 - radius - 24)
    pipeline = ColorizationPipeline(Silent(), device="cpu")
    lab = rgb2lab(pipeline(grey, hints=[(*place, "#e0a585" if inside else "#6b4030")]).pixels)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    assert chroma[place[::-1]] > 20
    within, beyond = distance < radius - 9, (distance > radius + 9) & (distance < radius + 36)
    there, other = (within, beyond) if inside else (beyond, within)
    assert chroma[other].mean() <= (0.06 if faded else 0.05) * chroma[place[::-1]]  # restored, it has 32 of the 40
    near = there & (np.hypot(across - place[0], down - place[1]) < 24)
    assert chroma[near].min() > 0.8 * chroma[place[::-1]]


class Silent(Colorizer):
    """Answers grey, at a working size of 192."""

    architecture = "silent"
    working_size = 192

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        return Prediction(torch.zeros(len(L), 2, *L.shape[2:]))


def test_without_edges_a_colour_fades() -> None:
    field = Spreading(torch.full((1, 1, 60, 600), 50.0)).field(0.05, 0.5)[30]
    assert field[30] == pytest.approx(1)
    assert (field[31:].diff() < 0).all()
    assert field[60] > 0.3
    assert field[300:].max() < 0.01


def test_no_hints_change_nothing(tinted: ColorizationPipeline, photo: Photo) -> None:
    plain = tinted(photo).pixels
    assert np.array_equal(tinted(photo, hints=[]).pixels, plain)
    prepared = tinted.prepare(photo)
    layer = tinted.predict(prepared)
    assert tinted.hint(prepared, layer, []) is layer


def test_the_same_hints_give_the_same_picture(tinted: ColorizationPipeline, photo: Photo) -> None:
    hints, _ = inside_gamut(photo, 6, seed=1)
    once = tinted(photo, hints=hints)
    assert np.array_equal(tinted(photo, hints=hints[::-1]).pixels, once.pixels)
    overruled = [Hint(hints[0].x, hints[0].y, "lime"), *hints]
    assert np.array_equal(tinted(photo, hints=overruled).pixels, once.pixels)
    assert json.loads(once.provenance["settings"])["hints"] == [list(hint) for hint in hints_of(hints)]


def test_hints_that_contradict_each_other_are_blended(tinted: ColorizationPipeline, photo: Photo) -> None:
    plain = tinted.predict(photo)
    layer = tinted.retouch(photo, plain, [(300, 200, "#c04040"), (301, 200, "#4040c0"), (302, 201, "#40c040")])
    assert layer.ab.isfinite().all()
    assert (layer.ab - plain.ab).abs().max() < 250


def test_vividness_and_size_work_on_top(tinted: ColorizationPipeline, photo: Photo) -> None:
    hints = [(300, 30, "#7f6a5e")]
    chroma = [
        np.hypot(*colors_at(tinted(photo, hints=hints, vividness=v, size=64).pixels, hints)[0, 1:]) for v in (1, 1.5, 0)
    ]
    assert chroma[0] > 5
    assert abs(chroma[1] / chroma[0] - 1.5) < 0.05
    assert chroma[2] < 0.1


def test_hints_and_a_restored_print_are_given_together(photo: Photo) -> None:
    """A faded print is seen in full tones when there are hints too; its colours go by its own lightness."""
    model, hints = Listening(), [(300, 200, "#8a7070")]
    pipeline = ColorizationPipeline(model, device="cpu")
    faded = Photo.open((0.5 * 65535 + 0.3 * photo.grey).astype(np.uint16))
    pipeline.predict(faded)
    restored = model.saw
    pixels = pipeline(faded, hints=hints).pixels
    assert model.heard is not None
    assert torch.equal(model.saw, restored)
    assert np.ptp(restored.numpy()) > 75
    wanted = rgb2lab(np.array([[[0x8A, 0x70, 0x70]]], np.uint8))[0, 0, 1:]
    assert np.abs(colors_at(pixels, hints)[0, 1:] - wanted).max() < 1


def test_hints_on_a_hinted_layer_leave_the_first_ones_alone(photo: Photo) -> None:
    """A model that takes hints would forget them: it is not asked again."""
    model, first, second = Listening(), [(100, 100, "#8a7070")], [(500, 300, "#6f7a8a")]
    pipeline = ColorizationPipeline(model, device="cpu")
    prepared = pipeline.prepare(photo)
    layer = pipeline.predict(prepared, hints=first)
    heard = model.heard
    both = pipeline.hint(prepared, layer, second)
    assert [hint[:2] for hint in both.provenance.hints] == [(100, 100), (500, 300)]
    assert model.heard is heard
    assert torch.allclose(both.ab[..., :8, :8], layer.ab[..., :8, :8], atol=1)  # far from the second
    assert not torch.allclose(both.ab, layer.ab, atol=1)


def test_hints_in_a_border_are_spread(photo: Photo) -> None:
    """The network has not seen the border, so it cannot be asked about it: hints still do."""
    model = Listening()
    pipeline = ColorizationPipeline(model, device="cpu")
    bordered = Photo.open(np.pad(photo.grey, 40, constant_values=60000))
    pixels = pipeline(bordered, hints=[(10, 10, "#f0e6c8")]).pixels
    assert model.heard is None
    assert colors_at(pixels, [(10, 10)])[0, 2] > 8


def test_a_model_that_takes_hints_is_given_them(photo: Photo) -> None:
    model = Listening()
    pipeline = ColorizationPipeline(model, device="cpu")
    hints = [(0, 0, "#8a7070"), (599, 399, "#8a7070")]
    picture = pipeline(photo, hints=hints).pixels
    heard = model.heard[0]
    assert heard.shape == (3, 96, 144)
    assert heard[2].sum() == 8  # two squares of 3 x 3 in corners
    assert heard[2, :2, :2].all()
    assert heard[2, -2:, -2:].all()
    assert np.abs(heard[:2, 0, 0].numpy() - colors_at(picture, hints)[0, 1:]).max() < 1
    everywhere = rgb2lab(picture[40:360:40, 60:540:40])  # what the model makes of them: nothing is left to be spread
    middle = everywhere[(everywhere[..., 0] > 40) & (everywhere[..., 0] < 75)]  # the colour is in sRGB
    assert len(middle) > 20
    assert np.abs(middle[:, 1:] - heard[:2, 0, 0].numpy()).max() < 1


def test_nearby_hints_share_the_pixels_between_them(photo: Photo) -> None:
    L = torch.zeros(1, 1, 400, 600)
    given = native_hints(hints_of([(10, 10, "red"), (12, 10, "blue")]), photo, L)[0]
    assert given[2].sum() == 15
    assert given[0, 10, 9] == given[0, 10, 10] > 0
    assert given[1, 10, 13] == given[1, 10, 12] < 0


def test_siggraph17_is_exact_too(photo: Photo) -> None:
    torch.manual_seed(0)
    pipeline = ColorizationPipeline(SIGGRAPH17(**SIGGRAPH17.tiny()), device="cpu")
    hints, colors = inside_gamut(photo, 4, seed=3)
    answer = colors_at(pipeline(photo, hints=hints).pixels, hints)
    assert np.hypot(*(answer[:, 1:] - colors).T).max() <= 1


def test_samples_take_hints(photo: Photo) -> None:
    torch.manual_seed(0)
    pipeline = ColorizationPipeline(SIGGRAPH17(**SIGGRAPH17.tiny()), device="cpu")
    hints, colors = inside_gamut(photo, 2, seed=4)
    for one in pipeline(photo, hints=hints, samples=2):
        assert np.hypot(*(colors_at(one.pixels, hints)[:, 1:] - colors).T).max() <= 1


def test_a_photo_in_colour_is_coloured_anew(tinted: ColorizationPipeline) -> None:
    picture = data.coffee()
    assert tinted(picture).passed_through
    hints = [(300, 200, "#508080")]
    assert np.array_equal(tinted(picture, hints=hints).pixels, tinted(picture, hints=hints, recolor=True).pixels)


def test_places_count_after_orientation(tinted: ColorizationPipeline, tmp_path: Path) -> None:
    path, exif = tmp_path / "turned.png", Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.full((60, 90), 130, np.uint8)).save(path, exif=exif)
    pixels = tinted(path, hints=[(5, 80, "#ff4040")]).pixels
    assert pixels.shape[:2] == (90, 60)
    assert rgb2lab(pixels)[80, 5, 1] > rgb2lab(pixels)[5, 55, 1] + 20


@pytest.mark.shared
def test_more_true_hints_help_more(shared_data: Path) -> None:
    """On test photographs with the bundled model; ``benchmarks/hints.py`` measures all of them."""
    table = pq.read_table(next((shared_data / "photos").glob("test-*.parquet")), columns=["image"])
    pipeline, gains = ColorizationPipeline("unet", device="cpu"), []
    for number in range(0, 80, 10):
        original = np.asarray(Image.open(BytesIO(table["image"][number].as_py()["bytes"])).convert("RGB"))
        random, smooth = np.random.default_rng(number), uniform_filter(original, (3, 3, 1))
        places = [(int(random.integers(original.shape[1])), int(random.integers(original.shape[0]))) for _ in range(20)]
        hints = [(x, y, "#{:02x}{:02x}{:02x}".format(*smooth[y, x])) for x, y in places]
        retouching = Retouching(pipeline, original)
        found = [peak_signal_noise_ratio(original, retouching.compose(hints[:n]).pixels) for n in (0, 1, 5, 20)]
        gains.append(np.array(found[1:]) - found[0])
    one, five, twenty = np.mean(gains, axis=0)
    assert 0.5 < one < five < twenty
    assert twenty > 3


# The system of equations


def test_a_field_solves_the_equations() -> None:
    """Against a dense matrix that is written down pixel by pixel, on lightness that has neither grain nor pixels in
    between."""
    L = np.tile(np.repeat(np.random.default_rng(0).uniform(40, 50, 3), 3), (7, 1)).astype(np.float32)
    laplacian = np.zeros((63, 63))
    for one in range(63):
        for other in range(63):
            (y, x), (v, u) = divmod(one, 9), divmod(other, 9)
            if one != other and max(abs(y - v), abs(x - u)) == 1:
                weight = np.exp(-(((float(L[y, x]) - float(L[v, u])) / CONTRAST) ** 2)) + THROUGH
                laplacian[one, other] = -weight / ((y - v) ** 2 + (x - u) ** 2)
    laplacian -= np.diag(laplacian.sum(axis=1))
    green = np.linalg.inv(laplacian + np.eye(63) / (7 * REACH) ** 2)
    place = 2 * 9 + 6
    smooth, peak = (green @ green)[:, place], green[:, place]
    expected = (smooth / smooth[place] + PEAK * peak / peak[place]) / (1 + PEAK)
    found = Spreading(torch.from_numpy(L)[None, None]).field(6.5 / 9, 2.5 / 7)
    assert np.allclose(found.numpy().ravel(), expected, atol=1e-4)


def test_a_large_layer_is_solved_smaller_and_follows_the_edges() -> None:
    L = torch.full((1, 1, 500, 700), 30.0)
    L[..., 351:] = 75.0
    field = Spreading(L).field(0.25, 0.5)
    assert field.shape == (500, 700)
    assert field[250, 175] == pytest.approx(1, abs=0.02)
    assert field[200:300, 300:349].min() > 0.3
    assert field[:, 353:].max() < 0.02


def test_what_was_spread_once_is_kept(photo: Photo, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = HintedLayers(photo, torch.rand(1, 1, 40, 60) * 50 + 20)
    ab, hints = torch.zeros(1, 2, 40, 60), [Hint(100, 100, "#a06060"), Hint(400, 300, "#6060a0")]
    layers.apply(ab, hints)
    monkeypatch.setattr(Spreading, "_solved", None)
    again = layers.apply(ab, [Hint(100, 100, "#60a060"), Hint(400, 300, "#909050")])
    assert again.abs().max() > 10


# Files


def test_hints_come_back_from_their_file(tmp_path: Path) -> None:
    path = tmp_path / "hints.json"
    save_hints(path, [(10, 20, "teal"), (5, 3, "#A33C2E")], SIZE)
    assert json.loads(path.read_text()) == {
        "size": [600, 400],
        "hints": [{"x": 5, "y": 3, "color": "#a33c2e"}, {"x": 10, "y": 20, "color": "#008080"}],
    }
    assert load_hints(path, SIZE) == load_hints(path) == [Hint(5, 3, "#a33c2e"), Hint(10, 20, "#008080")]
    assert parse_hints(hints_json([], SIZE), SIZE) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "There is no JSON in h.json; hints look like"),
        (b"\xff\xfe\x00", "There is no JSON in h.json"),
        ("[" * 100_000, "There is no JSON in h.json"),
        ("[]", "There are no hints in h.json; they look like"),
        ('{"size": [600, 400]}', "There are no hints in h.json"),
        ('{"size": [600, 400], "hints": 3}', "There are no hints in h.json"),
        ('{"size": [600, "x"], "hints": []}', r'"size" in h.json must be \[width, height\]'),
        ('{"size": [600, 0], "hints": []}', '"size" in h.json must be'),
        ('{"size": [600, 400], "hints": [{"x": 1}]}', 'In h.json: Hint 1 must have "x", "y" and "color"'),
        ('{"size": [600, 400], "hints": [{"x": 1, "y": 2, "color": "reddish"}]}', "In h.json: The colour 'reddish'"),
        ('{"size": [600, 400], "hints": [{"x": 600, "y": 2, "color": "red"}]}', "In h.json: Hint 1 at .* is outside"),
        ('{"size": [800, 400], "hints": []}', "for a picture of 800 x 400 pixels, but this one has 600 x 400"),
    ],
)
def test_files_that_are_refused(text: str | bytes, reason: str) -> None:
    with pytest.raises(HintsError, match=reason) as error:
        parse_hints(text, SIZE, "h.json")
    assert one_sentence(error.value)


@pytest.mark.parametrize(
    ("hints", "reason"),
    [
        ([(600, 10, "red")], r"Hint 1 at \(600, 10\) is outside the picture, .* \(0, 0\) to \(599, 399\)"),
        ([(5, 5, "red"), (-1, 10, "red")], r"Hint 2 at \(-1, 10\) is outside"),
        ([(5, 5, "#12345")], "The colour '#12345' of hint 1 is not known; give one like '#a33c2e'"),
        ([(5, 5, "blueish")], "The colour 'blueish' of hint 1"),
        ([(5, 5, None)], "The colour None of hint 1"),
        ([(5, 5, (255, 0, 0))], "The colour .* of hint 1"),
        ([(5, 5)], r"Hint 1 must be \(x, y, colour\)"),
        ([7], r"Hint 1 must be \(x, y, colour\), got 7"),
        ([(5.5, 5, "red")], "Hint 1 must be at a whole pixel, got 5.5"),
        ([(float("nan"), 5, "red")], "Hint 1 must be at a whole pixel"),
        ([("5", 5, "red")], "Hint 1 must be at a whole pixel, got '5'"),
        ("red", "Hints are a list of"),
        (5, "Hints are a list of"),
    ],
)
def test_hints_that_are_refused(tinted: ColorizationPipeline, photo: Photo, hints: Any, reason: str) -> None:
    with pytest.raises(HintsError, match=reason) as error:
        tinted(photo, hints=hints)
    assert one_sentence(error.value)


def one_sentence(error: Exception) -> bool:
    text = str(error)
    return text.endswith(".") and "\n" not in text and len(text) < 250


def test_colours_by_any_name_of_css() -> None:
    given = {
        "#A33C2E": "#a33c2e",
        "#abc": "#aabbcc",
        "Teal": "#008080",
        "hsl(120, 100%, 50%)": "#00ff00",
        " red ": "#ff0000",
    }
    for color, expected in given.items():
        assert hints_of([(np.int64(3), 4.0, color)]) == [Hint(3, 4, expected)]


def test_hints_are_for_one_photo(tinted: ColorizationPipeline) -> None:
    with pytest.raises(ValueError, match="hints are for one photo"):
        tinted([np.zeros((9, 9), np.uint8)], hints=[])
