"""Answers that several working sizes agree on, and old prints as a network should see them."""

import cv2
import numpy as np
import pytest
import torch
from skimage import data
from skimage.color import rgb2gray, rgb2lab
from tiny import tiny_pipeline
from torch import Tensor

from colorhub import ColorizationPipeline, Colorizer, Prediction, create
from colorhub.inference.preprocess import Box, inside_border, normal_tones
from colorhub.inference.resize import working_lightness
from colorhub.inference.views import agreed, view_sizes
from colorhub.models import MODELS
from colorhub.photo import Photo


def picture(name: str = "coffee") -> np.ndarray:
    """A photograph in grey, 8 bits."""
    rgb = getattr(data, name)()
    return (rgb2gray(rgb) * 255).round().astype(np.uint8) if rgb.ndim == 3 else rgb


def faded(grey: np.ndarray, black: float, white: float) -> np.ndarray:
    return ((black + (white - black) * grey / 255) * 255).round().astype(np.uint8)


@pytest.fixture(scope="module")
def pipeline() -> ColorizationPipeline:
    return tiny_pipeline({"working_size": 96})


def test_an_answer_counts_as_far_as_others_agree() -> None:
    right, outlier = torch.zeros(2, 2, 8, 8), torch.zeros(2, 2, 8, 8)
    right[:, 0], outlier[:, 1] = 30.0, 30.0
    assert torch.allclose(agreed([right, right, right]), right, atol=1e-4)
    two = agreed([right, outlier, right + 1])
    assert (two - right).norm(dim=1).max() < 0.6 * (outlier - right).norm(dim=1).max() / 3  # of the plain mean's
    assert torch.equal(agreed([right[:1], outlier[:1], right[:1] + 1]), two[:1])
    assert agreed([right, outlier[..., :4, :6], right]).shape == (2, 2, 4, 6)


def test_a_blend_is_as_colourful_as_what_it_blends() -> None:
    one, other = torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 4)
    one[:, 0], other[:, 1] = 20.0, 10.0
    blended = agreed([one, other, one])
    assert blended.norm(dim=1).mean() == pytest.approx(50 / 3, rel=1e-3)


class Directions(Colorizer):
    """Answers with where the light comes from and how large the picture is."""

    architecture = "directions"
    working_size = 96

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        half = L.shape[3] // 2
        slant = (L[..., :half].mean() - L[..., half:].mean()) / 10
        self.seen = [*getattr(self, "seen", []), tuple(L.shape[2:])]
        return Prediction(torch.cat([L * 0 + slant, L * 0 + 20], dim=1))


def test_three_sizes_are_seen_and_mirrored_colours_come_back_turned() -> None:
    model = Directions()
    layer = ColorizationPipeline(model, device="cpu").predict(Photo.open(picture("astronaut")), views=3)
    assert [shape[0] for shape in model.seen] == [64, 96, 128]
    assert [mirrored for _, mirrored in view_sizes(96, 3)] == [True, False, True]
    assert view_sizes(96, 1) == [(96, False)]
    assert layer.ab.shape[2:] == layer.L.shape[2:] == (96, 96)
    assert (layer.provenance.settings.size, layer.provenance.settings.views) == (96, 3)
    ramp = torch.arange(96.0).expand(1, 1, 96, 96)
    model.predict = lambda L, hints=None: Prediction(L.repeat(1, 2, 1, 1))
    ab = (
        ColorizationPipeline(model, device="cpu")
        .predict(Photo.open(ramp[0, 0].byte().numpy()), views=3, restore=False)
        .ab[0, 0]
    )
    assert (ab.diff(dim=1)[:, 3:-3] > -1e-3).all()  # what was seen mirrored is not left mirrored


def test_auto_depends_on_neither_neighbours_nor_the_size_of_the_file(pipeline: ColorizationPipeline) -> None:
    grey = picture()
    photos = [Photo.open(grey), Photo.open(grey[:200, :200]), Photo.open(grey[::-1].copy())]
    alone = [pipeline.predict(photo, views=3).ab for photo in photos]
    for one, together in zip(alone, pipeline.predict(photos, batch_size=3, views=3), strict=True):
        assert torch.allclose(one, together.ab, atol=1e-2)
    small = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    changed = (pipeline.predict(Photo.open(small), views=3).ab - pipeline.predict(photos[0], views=3).ab).norm(dim=1)
    fixed = [pipeline.predict(photo, size).ab for photo, size in ((photos[0], 96), (photos[0], 192))]
    jump = (torch.nn.functional.interpolate(fixed[1], fixed[0].shape[2:], mode="area") - fixed[0]).norm(dim=1)
    assert changed.mean() < 0.3 * jump.mean()


def test_samples_take_one_size() -> None:
    several = ColorizationPipeline(create("eccv16", **MODELS["eccv16"].tiny()), device="cpu")
    photo = Photo.open(picture()[:128, :160])
    one, two = (several.predict(photo, views=views, samples=2, seed=3) for views in (3, 1))
    assert all(torch.equal(a.ab, b.ab) and a.provenance == b.provenance for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("paper", [255, 235, 20])
@pytest.mark.parametrize("widths", [(20, 20, 20, 20), (8, 40, 12, 25)])
def test_a_border_is_found(paper: int, widths: tuple[int, int, int, int]) -> None:
    grey, (top, bottom, left, right) = picture("astronaut"), widths
    framed = np.pad(grey, ((top, bottom), (left, right)), constant_values=paper).astype(np.int64)
    noisy = (framed + np.random.default_rng(0).normal(0, 2, framed.shape).round().astype(int)).clip(0, 255)
    rows, columns = inside_border(noisy.astype(np.uint8)).within(*framed.shape)
    found = (rows.start, framed.shape[0] - rows.stop, columns.start, framed.shape[1] - columns.stop)
    assert all(0 <= depth - true <= 8 for depth, true in zip(found, widths, strict=True)), found


def test_no_border_is_found_where_there_is_none() -> None:
    for name in ("astronaut", "coffee", "chelsea", "rocket", "camera", "coins", "moon", "page"):
        assert inside_border(picture(name)).whole, name
    down, across = np.mgrid[:300, :300]
    disc = np.where((down - 150) ** 2 + (across - 150) ** 2 < 110**2, 90, 250).astype(np.uint8)
    assert inside_border(disc).whole  # a thing on white paper
    three = np.pad(picture("astronaut"), ((20, 0), (20, 20)), constant_values=255)
    assert inside_border(three).whole
    assert inside_border(np.full((50, 60), 255, np.uint8)).whole
    assert inside_border(np.zeros((1, 1), np.uint16)).whole


def test_a_normal_photo_is_seen_as_it_is(pipeline: ColorizationPipeline) -> None:
    for name in ("astronaut", "coffee", "camera"):
        photo = Photo.open(picture(name))
        L = working_lightness(photo, 96)
        assert normal_tones(L) is L, name
        plain, normal = pipeline.predict(photo, restore=False), pipeline.predict(photo)
        assert torch.equal(plain.ab, normal.ab)
        assert torch.equal(plain.L, normal.L)


def test_a_faded_print_is_seen_in_full_tones_and_keeps_its_own() -> None:
    grey = picture()
    seen = normal_tones(working_lightness(Photo.open(faded(grey, 0.4, 0.7)), 96))
    low, high = np.percentile(seen.numpy(), [1, 99])
    assert (low, high) == (pytest.approx(10, abs=1), pytest.approx(90, abs=1))
    ramp = torch.arange(30.0, 60.0, 0.01).view(1, 1, 60, 50)
    assert (normal_tones(ramp).flatten().diff() >= 0).all()
    assert normal_tones(torch.arange(0.0, 101.0).pow(4).div(1e6).view(1, 1, 1, 101)).median() == pytest.approx(12)
    flat = torch.full((1, 1, 8, 8), 40.0)
    assert normal_tones(flat).isfinite().all()
    for black in np.linspace(10, 40, 40):  # nothing jumps where fading begins
        a, b = (normal_tones(torch.linspace(black + step, 95, 500).view(1, 1, 20, 25)) for step in (0, 0.1))
        assert (a - b).abs().max() < 1


def test_a_bordered_print_is_coloured_inside_and_keeps_its_border_grey(pipeline: ColorizationPipeline) -> None:
    grey = np.pad(picture("astronaut"), 40, constant_values=245)
    photo = Photo.open(grey)
    layer = pipeline.predict(photo)
    box = layer.provenance.box
    assert not box.whole
    assert layer.ab.shape[2:] == layer.L.shape[2:]
    answer = pipeline(photo)
    lab, before = rgb2lab(answer.pixels), rgb2lab(np.dstack([grey] * 3))
    assert np.abs(lab[..., 0] - before[..., 0]).mean() < 0.3
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    assert chroma[:30].max() < 3
    assert chroma[100:-100, 100:-100].mean() > 3
    inside = pipeline.predict(Photo.open(picture("astronaut"))).ab
    rows, columns = box.within(*layer.ab.shape[2:])
    found = torch.nn.functional.interpolate(layer.ab[..., rows, columns], inside.shape[2:], mode="bilinear")
    assert (found - inside).norm(dim=1).mean() < 0.25 * inside.norm(dim=1).mean()


def test_boxes_hold_at_least_a_pixel() -> None:
    assert Box(0.2, 0.4, 0.9, 0.95).within(2, 3) == (slice(0, 1), slice(2, 3))
    assert Box().within(7, 5) == (slice(0, 7), slice(0, 5))
