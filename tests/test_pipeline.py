"""The pipeline: full size, lightness kept, independent of batches; two public steps and one call for both."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from skimage.color import rgb2lab

from colorhub import ColorizationPipeline, ColorPhoto, create
from colorhub.models import MODELS
from colorhub.photo import Photo, PhotoError
from colorhub.pipeline import working_lightness


@pytest.fixture(scope="module")
def pipeline() -> ColorizationPipeline:
    torch.manual_seed(0)
    model = create("unet", **{**MODELS["unet"].tiny(), "dropout": 0.0})
    with torch.no_grad():  # an untrained model answers almost grey: make its colours strong enough to tell apart
        model.out[1].weight *= 40
    return ColorizationPipeline(model, device="cpu")


@pytest.fixture(scope="module")
def grey() -> np.ndarray:
    return np.asarray(Image.fromarray(data.coffee()).convert("L"))


def test_full_size_and_lightness_of_the_photo(pipeline: ColorizationPipeline, grey: np.ndarray) -> None:
    answer = pipeline(grey)
    assert isinstance(answer, ColorPhoto)
    assert answer.pixels.shape == (*grey.shape, 3)
    lab, before = rgb2lab(answer.pixels), rgb2lab(np.dstack([grey] * 3))
    assert np.abs(lab[..., 0] - before[..., 0]).mean() < 0.3
    assert np.hypot(lab[..., 1], lab[..., 2]).mean() > 3


def test_every_kind_of_input_gives_the_same_picture(
    pipeline: ColorizationPipeline, grey: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(grey).save(path)
    expected = pipeline(grey).pixels
    for source in (path, str(path), path.read_bytes(), Image.open(path), Photo.open(path), np.dstack([grey] * 3)):
        assert np.array_equal(pipeline(source).pixels, expected)


def test_two_steps_are_the_call(pipeline: ColorizationPipeline, grey: np.ndarray) -> None:
    photo = Photo.open(grey)
    layer = pipeline.predict(photo, size=48)
    assert layer.ab.shape[2:] == layer.L.shape[2:] == (48, 72)  # multiples of 8, which this model wants
    assert np.array_equal(pipeline.compose(photo, layer, 1.5).pixels, pipeline(photo, size=48, vividness=1.5).pixels)


def test_vividness_does_not_run_the_network(
    pipeline: ColorizationPipeline, grey: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = Photo.open(grey)
    layer = pipeline.predict(photo)
    monkeypatch.setattr(pipeline, "model", None, raising=True)
    with pytest.raises((AttributeError, TypeError)):
        pipeline.predict(photo)
    monkeypatch.setattr(pipeline, "_provenance", lambda layer, vividness: None)
    chroma = [np.hypot(*rgb2lab(pipeline.compose(photo, layer, v).pixels)[..., 1:].T).mean() for v in (0, 0.1, 0.2)]
    assert chroma[0] < 0.05
    assert 1.7 < chroma[2] / chroma[1] < 2.1


def test_a_photo_does_not_depend_on_its_neighbours(pipeline: ColorizationPipeline, grey: np.ndarray) -> None:
    photos = [grey, grey[:200, :200], grey[::-1], grey[:, :250], grey[50:250, 50:250], grey[:37, :11]]
    alone = [pipeline(photo).pixels for photo in photos]
    for batch_size in (1, 2, 6):
        together = pipeline(photos, batch_size=batch_size, progress=False)
        backwards = pipeline(photos[::-1], batch_size=batch_size, progress=False)[::-1]
        for one, two, three in zip(alone, together, backwards, strict=True):
            assert np.abs(one.astype(int) - two.pixels).max() <= 1
            assert np.abs(one.astype(int) - three.pixels).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (3, 4000), (1201, 2), (31, 33)])
def test_any_shape(pipeline: ColorizationPipeline, shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert pipeline(picture).pixels.shape == (*shape, 3)


def test_the_working_size_is_the_short_side_and_long_photos_are_bounded() -> None:
    assert working_lightness(Photo.open(np.zeros((300, 400), np.uint8)), 96).shape == (1, 1, 96, 128)
    assert working_lightness(Photo.open(np.zeros((30, 40), np.uint8)), 96).shape == (1, 1, 96, 128)
    assert working_lightness(Photo.open(np.zeros((3, 4000), np.uint8)), 96).shape == (1, 1, 1, 384)
    assert working_lightness(Photo.open(np.zeros((300, 400), np.uint8)), 96, 64).shape == (1, 1, 128, 128)
    assert working_lightness(Photo.open(np.zeros((3, 4000), np.uint8)), 96, 64).shape == (1, 1, 64, 384)


def test_working_lightness_is_cielab(grey: np.ndarray) -> None:
    L = working_lightness(Photo.open(grey), min(grey.shape))
    assert np.abs(L[0, 0].numpy() - rgb2lab(np.dstack([grey] * 3))[..., 0]).max() < 1e-2


def test_sixteen_bit_in_sixteen_bit_out(pipeline: ColorizationPipeline) -> None:
    ramp = np.linspace(0, 65535, 64 * 500).reshape(64, 500).astype(np.uint16)
    answer = pipeline(ramp)
    assert answer.pixels.dtype == np.uint16
    assert len(np.unique(answer.pixels[..., 1])) > 5000
    lightness = rgb2lab(answer.pixels / 65535.0)[..., 0]
    assert np.abs(lightness - rgb2lab(np.dstack([ramp / 65535.0] * 3))[..., 0]).mean() < 0.1


def test_alpha_is_kept(pipeline: ColorizationPipeline, grey: np.ndarray) -> None:
    alpha = np.tile(np.arange(grey.shape[1]) % 256, (grey.shape[0], 1)).astype(np.uint8)
    answer = pipeline(np.dstack([grey, alpha]))
    assert answer.pixels.shape[2] == 4
    assert np.array_equal(answer.pixels[..., 3], alpha)


def test_colour_photos_pass_through_unless_recolored(pipeline: ColorizationPipeline) -> None:
    picture = data.astronaut()
    passed = pipeline(picture)
    assert passed.passed_through
    assert np.array_equal(passed.pixels, picture)
    assert any("already in colour" in note for note in passed.notes)
    recolored = pipeline(picture, recolor=True)
    assert not recolored.passed_through
    assert not np.array_equal(recolored.pixels, picture)
    assert np.abs(rgb2lab(recolored.pixels)[..., 0] - rgb2lab(picture)[..., 0]).mean() < 0.3


def test_a_list_keeps_its_order_with_colour_photos_between(pipeline: ColorizationPipeline, grey: np.ndarray) -> None:
    answers = pipeline([grey, data.astronaut(), grey[:100]], batch_size=2, progress=False)
    assert [answer.passed_through for answer in answers] == [False, True, False]
    assert [answer.pixels.shape[0] for answer in answers] == [400, 512, 100]


def test_provenance_names_model_and_settings(pipeline: ColorizationPipeline, grey: np.ndarray) -> None:
    provenance = pipeline(grey, size=40, vividness=1.25).provenance
    assert provenance["model"] == "unet"
    assert "size=40" in provenance["settings"]
    assert "vividness=1.25" in provenance["settings"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 3}, "size must be between"),
        ({"vividness": -1}, "vividness must be"),
        ({"batch_size": 0}, "batch_size must"),
    ],
)
def test_settings_out_of_range(pipeline: ColorizationPipeline, grey: np.ndarray, settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pipeline(grey, **settings)


def test_too_many_pixels_are_refused(grey: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(grey).save(path)
    small = ColorizationPipeline(create("unet", **MODELS["unet"].tiny()), max_pixels=1000)
    with pytest.raises(PhotoError, match=r"photo\.png"):
        small(path)
