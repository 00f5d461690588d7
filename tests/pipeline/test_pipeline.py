"""The pipeline: full size, lightness kept, independent of batches; two public steps and one call for both."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from skimage.color import rgb2lab

from colorhub import (
    ColorizationPipeline,
    Colorizer,
    ColorPhoto,
    Prediction,
    Retouching,
    Settings,
    SettingsError,
    ab_bins,
    compose,
    create,
)
from colorhub.inference.preprocess import View
from colorhub.inference.resize import coarser, working_lightness
from colorhub.models import MODELS
from colorhub.photo import ColorAnswer, Photo, PhotoError
from colorhub.photo.color_photo import NOT_SURE


def recorded(photo: ColorPhoto) -> dict:
    """The settings of a photo's record."""
    return json.loads(photo.provenance["settings"])


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
    monkeypatch.setattr(pipeline, "network", None, raising=True)
    with pytest.raises((AttributeError, TypeError)):
        pipeline.predict(photo)
    chroma = [np.hypot(*rgb2lab(compose(photo, layer, v).pixels)[..., 1:].T).mean() for v in (0, 0.1, 0.2)]
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


# Models with more than one answer


class TwoColours(Colorizer):
    """Sure of green in the top left corner; elsewhere it is red or blue with equal chances. Pads to multiples of 48."""

    architecture = "two-colours"
    multiple = 48
    working_size = 64
    has_distribution = True

    def predict(self, L: torch.Tensor, hints: torch.Tensor | None = None) -> Prediction:
        logits = torch.full((len(L), ab_bins.COUNT, L.shape[2] // 4, L.shape[3] // 4), -30.0)
        logits[:, [RED, BLUE]] = 0.0
        rows, columns = logits.shape[2] // 2, logits.shape[3] // 2
        logits[:, :, :rows, :columns] = -30.0
        logits[:, GREEN, :rows, :columns] = 0.0
        ab = ab_bins.annealed_mean(logits, 1.0)
        return Prediction(torch.nn.functional.interpolate(ab, scale_factor=4, mode="bilinear"), logits)


RED, GREEN, BLUE = (
    int(ab_bins.nearest_bin(torch.tensor(ab).view(1, 2, 1, 1))) for ab in ([60.0, 30], [-50, 40], [20, -60])
)


@pytest.fixture(scope="module")
def several() -> ColorizationPipeline:
    return ColorizationPipeline(TwoColours(), device="cpu")


def test_samples_are_whole_different_and_reproducible(several: ColorizationPipeline) -> None:
    flat = np.full((96, 96), 120, np.uint8)
    four = several(flat, samples=4, seed=3)
    assert [photo.pixels.shape for photo in four] == [(96, 96, 3)] * 4
    found = set()
    for photo in four:
        lab = rgb2lab(photo.pixels)
        corner, rest = lab[:20, :20, 1:], lab[70:, 70:, 1:]
        assert corner[..., 0].max() < -20  # the model is sure: green in all of them
        assert rest.std(axis=(0, 1)).max() < 1  # one colour, not a mixture of pixels
        red, blue = rest[..., 0].mean() > 2 * abs(rest[..., 1].mean()), rest[..., 1].mean() < -20
        assert red or blue or rest[..., 0].mean() > 20
        found.add(bool(blue))
    assert found == {True, False}
    again = several(flat, samples=6, seed=3)
    assert all(np.array_equal(one.pixels, two.pixels) for one, two in zip(four, again, strict=False))
    assert {"sample": 2, "seed": 3}.items() <= recorded(four[1]).items()
    assert not {"sample", "seed"} & set(recorded(several(flat)))


def test_samples_do_not_depend_on_the_batch(several: ColorizationPipeline, grey: np.ndarray) -> None:
    photos = [grey, grey[::-1], grey[:200, :200]]
    alone = [several(photo, samples=2, seed=1) for photo in photos]
    together = several(photos, samples=2, seed=1, batch_size=3, progress=False)
    assert [len(photos) for photos in together] == [2, 2, 2]
    for one, two in zip(alone, together, strict=True):
        assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(one, two, strict=True))


def test_samples_of_a_colour_photo_are_itself(several: ColorizationPipeline) -> None:
    passed, colored = several([data.astronaut(), data.camera()], samples=2, progress=False)
    assert [photo.passed_through for photo in passed] == [True, True]
    assert [photo.passed_through for photo in colored] == [False, False]


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.0}, {"temperature": 1.0}, {"samples": 1}])
def test_padding_moves_no_colour(several: ColorizationPipeline, settings: dict) -> None:
    """Working pictures of 64 x 64 are padded to 96: the green corner ends at 48, a half of what the network saw."""
    photo = Photo.open(np.full((64, 64), 119, np.uint8))  # L* 50
    prepared = several.prepare(photo, restore=False, **settings)
    L = torch.full((1, 1, 64, 64), 50.0)  # where whole multiples of 48 would be made of it
    layer = several.predict(replace(prepared, views=(View(L),), L=L))
    ab = (layer[0] if settings.get("samples") else layer).ab
    assert ab.shape == (1, 2, 64, 64)
    reach = 24 if settings.get("samples") else 6  # samples average along edges, and this picture has none
    assert (ab[0, 0, : 48 - reach, : 48 - reach] < -40).all()
    assert (ab[0, 0, 54:, 54:] > 0).all()


@pytest.mark.parametrize("temperature", [0.2, 0.38, 1.0, 2.0])
def test_temperature_is_that_of_the_annealed_mean(temperature: float) -> None:
    """Zhang et al. 2016, equation 5, of the model's own distribution; written out in NumPy."""
    torch.manual_seed(0)
    model = create("eccv16", width=4, working_size=32).eval()
    with torch.no_grad():
        model.head.weight.mul_(10)
    photo = Photo.open(data.camera())
    pipeline = ColorizationPipeline(model, device="cpu")
    found = pipeline.predict(photo, temperature=temperature)
    with torch.inference_mode():
        logits = pipeline.network(found.L).logits[0].double().numpy()
    sharp = np.exp((logits - logits.max(axis=0)) / temperature)
    colors = np.tensordot(ab_bins.bin_centers().numpy().T, sharp / sharp.sum(axis=0), axes=1)
    expected = torch.nn.functional.interpolate(torch.from_numpy(colors)[None], scale_factor=4, mode="bilinear")
    assert (found.ab - expected).abs().max() < 0.1
    assert expected.std() > 0.1


def test_confidence_is_a_map_of_the_photo(several: ColorizationPipeline, grey: np.ndarray) -> None:
    sure = several.confidence(grey)
    assert sure.shape == grey.shape
    assert sure.dtype == np.float32
    assert sure[:100, :100].min() > 0.99
    assert np.allclose(sure[-80:, -80:], 1 - np.log(2) / np.log(313), atol=1e-3)


def test_a_model_with_one_answer_says_so(
    pipeline: ColorizationPipeline, grey: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for head in ("classification", "regression"):
        create("eccv16", width=4, head=head).save_pretrained(tmp_path / head)
    monkeypatch.setenv("COLORHUB_MODELS", str(tmp_path))
    calls = (
        lambda: pipeline(grey, samples=2),
        lambda: pipeline(grey, temperature=0.5),
        lambda: pipeline.confidence(grey),
    )
    for call in calls:
        with pytest.raises(ValueError, match=r"^The model unet has one answer .* have more: classification") as refused:
            call()
        assert "regression" not in str(refused.value)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("shape", [(1, 1), (3, 4000), (1201, 2), (31, 33)])
def test_any_shape(pipeline: ColorizationPipeline, shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert pipeline(picture).pixels.shape == (*shape, 3)


def test_the_working_size_is_the_short_side_and_long_photos_are_bounded() -> None:
    assert working_lightness(Photo.open(np.zeros((300, 400), np.uint8)), 96).shape == (1, 1, 96, 128)
    assert working_lightness(Photo.open(np.zeros((30, 40), np.uint8)), 96).shape == (1, 1, 96, 128)
    assert working_lightness(Photo.open(np.zeros((3, 4000), np.uint8)), 96).shape == (1, 1, 2, 3072)
    assert working_lightness(Photo.open(np.zeros((300, 400), np.uint8)), 96, 64).shape == (1, 1, 128, 128)
    assert working_lightness(Photo.open(np.zeros((3, 4000), np.uint8)), 96, 64).shape == (1, 1, 64, 3072)


def test_working_lightness_is_cielab(grey: np.ndarray) -> None:
    L = working_lightness(Photo.open(grey), min(grey.shape))
    assert np.abs(L[0, 0].numpy() - rgb2lab(np.dstack([grey] * 3))[..., 0]).max() < 1e-2


class TellsItsLook(Colorizer):
    """Answers with the short side that it sees: as a where it is more than 32, else as b."""

    architecture = "tells-its-look"
    context_size = 32

    def predict(self, L: torch.Tensor, hints: torch.Tensor | None = None) -> Prediction:
        side = min(L.shape[-2:])
        color = torch.tensor([side, 0.0] if side > 32 else [0.0, side])
        return Prediction(color.view(1, 2, 1, 1).expand(len(L), 2, *L.shape[-2:]))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (96, 96 * np.array([6, 1]) / np.sqrt(37)),  # a third of the way from (96, 0) to (0, 32), as long as the first
        (48, 48 * np.array([3, 1]) / np.sqrt(10)),
        (32, [0, 32]),
        (16, [0, 16]),
    ],
)
def test_two_looks_are_averaged_where_the_second_is_coarser(grey: np.ndarray, size: int, expected: np.ndarray) -> None:
    pipeline = ColorizationPipeline(TellsItsLook(), device="cpu")
    photo = Photo.open(grey)
    layer = pipeline.predict(photo, size=size)
    assert layer.ab.shape[2:] == layer.L.shape[2:]
    assert np.allclose(layer.ab[0].flatten(1).T, expected, atol=1e-3)
    assert torch.allclose(pipeline.predict([photo] * 3, size=size, batch_size=2)[2].ab, layer.ab)


def test_looks_that_contradict_each_other_stay_pale(grey: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    model = TellsItsLook()
    monkeypatch.setattr(
        model, "predict", lambda L, hints=None: Prediction(L.repeat(1, 2, 1, 1) * 0 + (min(L.shape[-2:]) - 63))
    )
    layer = ColorizationPipeline(model, device="cpu").predict(Photo.open(grey), size=96)
    assert torch.allclose(layer.ab, torch.tensor(70 / 3))  # 33 twice and -31: their mean is at most doubled


def test_a_coarser_picture_is_the_mean_of_what_it_covers(grey: np.ndarray) -> None:
    L = working_lightness(Photo.open(grey), 96, 16)
    small = coarser(L, 32, 16)
    assert small.shape == (1, 1, 32, 48)
    means = L.reshape(1, 1, 32, 3, 48, 3).mean(dim=(3, 5))
    assert (small - means).abs().mean() < 1  # a triangle instead of a box, so it is a little softer
    assert small.mean() == pytest.approx(float(L.mean()), abs=0.05)
    assert coarser(L, None) is None
    assert coarser(working_lightness(Photo.open(np.zeros((3, 4000), np.uint8)), 96), 32) is None


def test_the_second_look_comes_with_the_weights(tmp_path: Path) -> None:
    create("unet", width=4, depth=3, working_size=48, context_size=32).save_pretrained(tmp_path)
    assert ColorizationPipeline(str(tmp_path), device="cpu").model.context_size == 32


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
    recolored = pipeline(picture, in_color="recolor")
    assert not recolored.passed_through
    assert not np.array_equal(recolored.pixels, picture)
    assert np.abs(rgb2lab(recolored.pixels)[..., 0] - rgb2lab(picture)[..., 0]).mean() < 0.3


def test_what_may_be_in_colour_is_coloured_and_said_or_kept(pipeline: ColorizationPipeline) -> None:
    photo = replace(Photo.open(data.coffee()), in_color=ColorAnswer.UNSURE)
    colored = pipeline(photo)
    assert not colored.passed_through
    assert colored.notes == (NOT_SURE,)
    kept = pipeline(photo, in_color="keep")
    assert kept.passed_through
    assert np.array_equal(kept.pixels, data.coffee())
    assert any("not sure" in note for note in kept.notes)
    recolored = pipeline(photo, in_color="recolor")
    assert np.array_equal(recolored.pixels, colored.pixels)
    assert recolored.notes == ()


@pytest.mark.parametrize("in_color", ["auto", "keep", "recolor"])
def test_sure_prints_are_always_coloured(pipeline: ColorizationPipeline, grey: np.ndarray, in_color: str) -> None:
    sepia = (np.dstack([grey] * 3) * [1.0, 0.85, 0.65]).round().astype(np.uint8)
    for picture in (sepia, grey):
        colored = pipeline(picture, in_color=in_color)
        assert not colored.passed_through
        assert colored.notes == ()


def test_stages_one_by_one_are_the_call(pipeline: ColorizationPipeline, grey: np.ndarray) -> None:
    photos = [Photo.open(one) for one in (grey, data.astronaut(), grey[:100])]
    settings = Settings(vividness=1.3)
    prepared = pipeline.prepare(photos, settings)
    assert [one is None for one in prepared] == [False, True, False]
    layers = pipeline.predict(prepared)
    assert [layer is None for layer in layers] == [False, True, False]
    found = [compose(photo, layer, settings=settings) for photo, layer in zip(photos, layers, strict=True)]
    expected = pipeline(photos, vividness=1.3, progress=False)
    for one, two in zip(found, expected, strict=True):
        assert np.array_equal(one.pixels, two.pixels)
        assert (one.passed_through, one.provenance) == (two.passed_through, two.provenance)
    hinted = pipeline.predict(prepared[0], hints=[(30, 40, "teal")])
    assert np.array_equal(
        compose(photos[0], hinted).pixels, pipeline(grey, vividness=1.3, hints=[(30, 40, "teal")]).pixels
    )
    assert pipeline.prepare(photos[1], hints=[(1, 1, "red")]) is not None  # who tells a colour wants it coloured


def test_words_of_version_0_1(pipeline: ColorizationPipeline, grey: np.ndarray) -> None:
    faded = (100 + grey * 0.3).astype(np.uint8)
    for before, now in (
        ({"normalize": None}, {"restore": False}),
        ({"normalize": "auto"}, {"restore": True}),
        ({"size": "auto"}, {"views": 3}),
        ({"recolor": True}, {"in_color": "recolor"}),
    ):
        with pytest.warns(FutureWarning, match="is now"):
            found = pipeline(faded, **before)
        assert np.array_equal(found.pixels, pipeline(faded, **now).pixels)
    layer = pipeline.predict(Photo.open(grey))
    with pytest.warns(FutureWarning, match="is now"):
        retouched = pipeline.retouch(Photo.open(grey), layer, [(9, 9, "red")])
    assert torch.equal(retouched.ab, pipeline.predict(Photo.open(grey), hints=[(9, 9, "red")]).ab)


def test_warnings_point_at_the_line_that_uses_an_old_word(pipeline: ColorizationPipeline, grey: np.ndarray) -> None:
    photo = Photo.open(grey)
    for use in (
        lambda: pipeline(grey, normalize="auto"),
        lambda: pipeline([grey], recolor=True, progress=False),
        lambda: pipeline.prepare(photo, normalize=None),
        lambda: pipeline.predict(photo, size="auto"),
        lambda: ColorizationPipeline(pipeline.model, normalize="auto"),
        lambda: Retouching(pipeline, photo, normalize="auto"),
        lambda: Settings().changed(normalize="auto"),
        lambda: Settings.from_dict({"normalize": "auto"}),
        lambda: pipeline.retouch(photo, pipeline.predict(photo), []),
        lambda: pipeline(grey).encode(provenance=False),
    ):
        with pytest.warns(FutureWarning, match="is now") as warned:
            use()
        assert {warning.filename for warning in warned} == {__file__}


def test_settings_that_are_none_are_one_sentence(pipeline: ColorizationPipeline, grey: np.ndarray) -> None:
    photo = Photo.open(grey)
    given: Any = {"vividness": 1.2}
    for use in (
        lambda: pipeline(grey, settings=given),
        lambda: pipeline.prepare(photo, given),
        lambda: ColorizationPipeline(pipeline.model, settings=given),
        lambda: Retouching(pipeline, photo, given),
        lambda: compose(photo, None, settings=given),
    ):
        with pytest.raises(SettingsError, match=r"must be colorhub\.Settings, got \{'vividness': 1\.2\}: .*from_dict"):
            use()


@pytest.mark.parametrize("stage", ["prepare", "predict"])
def test_stages_take_opened_photos(stage: str, pipeline: ColorizationPipeline, grey: np.ndarray) -> None:
    for given in ("scan.jpg", Path("scan.jpg"), grey, [Photo.open(grey), "scan.jpg"]):
        with pytest.raises(TypeError, match=r"take photos as pipeline\.open gives them, one or a list, got "):
            getattr(pipeline, stage)(given)


def test_hints_are_not_lost_on_a_photo_that_is_left_as_it_is(pipeline: ColorizationPipeline) -> None:
    photo = Photo.open(data.astronaut())
    with pytest.raises(ValueError, match="left as it is: prepare it with hints"):
        pipeline.predict(pipeline.prepare(photo), hints=[(3, 3, "red")])
    assert pipeline.predict(pipeline.prepare(photo), hints=[]) is None


@pytest.mark.parametrize("output", [{"quality": 500}, {"quality": "high"}, {"quality": 0}, {"record": "no"}])
def test_what_a_file_is_told_is_checked(
    output: dict, pipeline: ColorizationPipeline, grey: np.ndarray, tmp_path: Path
) -> None:
    with pytest.raises(PhotoError, match=f"^{next(iter(output))} must be "):
        pipeline(grey).save(tmp_path / "photo.jpg", **output)
    assert not list(tmp_path.iterdir())


def test_a_tall_strip_has_the_same_colours_every_time() -> None:
    """On processors with bf16, some convolutions leave memory unwritten for pictures of a single column."""
    torch.manual_seed(0)
    pipeline = ColorizationPipeline(create("eccv16", width=32, head="regression", working_size=64), device="cpu")
    strip = pipeline.prepare(Photo.open(data.camera()[:, :2].copy()))
    assert strip.view.L.shape[-1] == pipeline.model.multiple
    answers = []
    for _ in range(4):
        leave_behind_numbers_that_are_none()
        answers.append(pipeline.predict(strip).ab)
    assert all(bool(ab.isfinite().all()) and torch.equal(ab, answers[0]) for ab in answers)


def leave_behind_numbers_that_are_none() -> None:
    """Free memory of many sizes full of NaN: what comes next and is not written shows it."""
    for exponent in range(8, 20):
        for dtype in (torch.float32, torch.bfloat16):
            torch.full((2**exponent,), torch.nan, dtype=dtype)


def test_settings_of_another_model_are_refused(pipeline: ColorizationPipeline, grey: np.ndarray) -> None:
    with pytest.raises(ValueError, match="colours with the model 'unet', and the settings ask for 'eccv16'"):
        pipeline(grey, settings=Settings(model="eccv16"))
    with pytest.raises(ValueError, match=r"no setting 'vividnes'\. Did you mean 'vividness'"):
        pipeline(grey, vividnes=1)


def test_a_list_keeps_its_order_with_colour_photos_between(pipeline: ColorizationPipeline, grey: np.ndarray) -> None:
    answers = pipeline([grey, data.astronaut(), grey[:100]], batch_size=2, progress=False)
    assert [answer.passed_through for answer in answers] == [False, True, False]
    assert [answer.pixels.shape[0] for answer in answers] == [400, 512, 100]


def test_provenance_names_model_and_settings(pipeline: ColorizationPipeline, grey: np.ndarray) -> None:
    provenance = pipeline(grey, size=40, vividness=1.25).provenance
    assert provenance["model"] == "unet"
    settings = {"size": 40, "views": 1, "restore": True, "vividness": 1.25}
    assert json.loads(provenance["settings"]) == settings  # what is needed to do it again, and no more
    again = pipeline(data.astronaut(), in_color="recolor", temperature=None, hints=[(3, 4, "teal")])
    assert recorded(again) == {
        "size": 32,
        "views": 1,
        "restore": True,
        "vividness": 1.0,
        "in_color": "recolor",
        "hints": [[3, 4, "#008080"]],
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 3}, "size must be a whole number between 16 and 4096 pixels, got 3"),
        ({"vividness": -1}, "vividness must be a number between 0 and 4, got -1"),
        ({"batch_size": 0}, "batch_size must"),
        ({"batch_size": 2.5}, "batch_size must be a whole number"),
        ({"batch_size": "8"}, "batch_size must be a whole number"),
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
