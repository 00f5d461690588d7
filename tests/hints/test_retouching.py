"""Retouching: the pictures of the pipeline, but fast; colours under the cursor."""

import gc
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab
from torch import Tensor

from colorhub import (
    ColorizationPipeline,
    Colorizer,
    HintsError,
    Photo,
    Prediction,
    Retouching,
    Settings,
    SettingsError,
    ab_bins,
)
from colorhub.hints.suggesting import hex_of, likeliest

HINTS = [(300, 200, "#a33c2e"), (50, 380, "teal"), (590, 10, "#d0c060")]
COLORS = ((40, 20), (-30, 40), (0, -50))  # bins: a brick red, a green, a blue
CHANCES = (0.5, 0.3, 0.2)


class Undecided(Colorizer):
    """Red, green or blue with known chances on the right of a photo, sure of blue on its left."""

    architecture = "undecided"
    multiple = 8
    working_size = 64
    has_distribution = True
    calls = 0

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        self.calls += 1
        logits = torch.full((len(L), ab_bins.COUNT, L.shape[2] // 4, L.shape[3] // 4), -30.0)
        for color, chance in zip(COLORS, CHANCES, strict=True):
            logits[:, nearest(color)] = float(np.log(chance))
        half = logits.shape[3] // 2
        logits[..., :half] = -30.0
        logits[:, nearest(COLORS[2]), :, :half] = 0.0
        return Prediction(L.repeat(1, 2, 1, 1) * 0 + 5, logits)


class Asking(Undecided):
    """Takes hints: likes the colour of the last one best."""

    architecture = "asking"
    accepts_hints = True

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        answer = super().predict(L)
        if hints is not None:
            color = (hints[0, :2].sum(dim=(1, 2)) / hints[0, 2].sum()).tolist()
            answer.logits[:, nearest(color)] = 9.0
        return answer


def nearest(color: tuple[float, float] | list[float]) -> int:
    return int(ab_bins.nearest_bin(torch.tensor(color).view(1, 2, 1, 1)))


@pytest.fixture(scope="module")
def photo(grey: np.ndarray) -> Photo:
    return Photo.open(grey)


def test_the_same_pictures_as_in_one_call(pipeline: ColorizationPipeline, photo: Photo) -> None:
    retouching = Retouching(pipeline, photo)
    for hints in ((), HINTS[:1], HINTS, HINTS[1:], HINTS[::-1], ()):
        assert np.array_equal(retouching.compose(hints).pixels, pipeline(photo, hints=hints).pixels)
    assert np.array_equal(
        retouching.compose(HINTS, vividness=1.4).pixels, pipeline(photo, hints=HINTS, vividness=1.4).pixels
    )


def test_the_network_runs_once(photo: Photo) -> None:
    model = Undecided()
    retouching = Retouching(ColorizationPipeline(model, device="cpu"), photo)
    for count in range(4):
        retouching.preview(HINTS[:count])
    assert model.calls == 1


def test_a_layer_that_is_there_is_taken_also_one_of_several_samples(photo: Photo) -> None:
    model = Undecided()
    pipeline = ColorizationPipeline(model, device="cpu")
    second = pipeline.predict(photo, samples=2)[1]
    asked = model.calls
    retouching = Retouching(pipeline, photo, layer=second)
    assert np.array_equal(retouching.compose().pixels, pipeline(photo, samples=2)[1].pixels)
    assert np.array_equal(retouching.compose(HINTS).pixels, pipeline(photo, samples=2, hints=HINTS)[1].pixels)
    assert model.calls == asked + 2  # those two of the pipeline
    with pytest.raises(SettingsError, match="samples must be None"):
        Retouching(pipeline, photo, samples=2)
    layer = replace(second, provenance=replace(second.provenance, settings=Settings(model="another")))
    with pytest.raises(SettingsError, match="another"):
        Retouching(pipeline, photo, layer=layer)


def test_what_was_let_go_of_is_made_anew_and_a_grey_plane_may_lie_in_a_file(
    pipeline: ColorizationPipeline, photo: Photo, tmp_path: Path
) -> None:
    np.save(tmp_path / "grey.npy", photo.grey)
    mapped = Retouching(pipeline, replace(photo, grey=np.load(tmp_path / "grey.npy", mmap_mode="r")))
    mapped.warm_up()
    propagator = weakref.ref(mapped.propagator)
    mapped.release()
    gc.collect()
    assert propagator() is None
    assert np.array_equal(mapped.compose(HINTS).pixels, pipeline(photo, hints=HINTS).pixels)


def test_a_preview_is_the_picture_made_small(pipeline: ColorizationPipeline, photo: Photo) -> None:
    retouching = Retouching(pipeline, photo)
    small = retouching.preview(HINTS, side=300)
    assert small.shape == (200, 300, 3)
    whole = Image.fromarray(retouching.compose(HINTS).pixels).resize((300, 200), Image.Resampling.BOX)
    assert np.abs(small.astype(int) - np.asarray(whole)).mean() < 2
    assert retouching.preview(HINTS, side=5000).shape == (400, 600, 3)
    assert np.abs(retouching.preview(vividness=0).astype(int).std(axis=2)).max() < 1.5


def test_the_colour_at_a_place_is_the_pictures(pipeline: ColorizationPipeline, photo: Photo) -> None:
    retouching = Retouching(pipeline, photo)
    picture = retouching.compose(HINTS).pixels
    for x, y in ((300, 200), (590, 10), (0, 0), (599, 399), (123, 321)):
        found = [int(retouching.color_at(x, y, HINTS)[i : i + 2], 16) for i in (1, 3, 5)]
        assert np.abs(np.array(found) - picture[y, x]).max() <= 1


def test_variations_of_the_colour_at_a_place(pipeline: ColorizationPipeline, photo: Photo) -> None:
    retouching = Retouching(pipeline, photo)
    y, x = map(int, np.argwhere(photo.grey == 110)[0])
    brown = [(x, y, "#80614f")]  # sRGB has it stronger, too
    found = retouching.variations(x, y, brown)
    assert len(set(found)) == 6
    assert found[0] == retouching.color_at(x, y, brown)
    assert retouching.variations(x, y)[0] == retouching.color_at(x, y)
    codes = np.array([[[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in found]], np.uint8)
    L, a, b = np.moveaxis(rgb2lab(codes)[0], 1, 0)
    assert np.ptp(L) < 1.5
    own, stronger, paler, grey, one, other = np.hypot(a, b)
    assert stronger > own > paler > grey
    assert grey < 1
    turned = np.rad2deg(np.arctan2(b, a) - np.arctan2(b[0], a[0]))[4:]
    assert np.sort((turned + 180) % 360 - 180) == pytest.approx([-45, 45], abs=6)
    assert (one, other) == pytest.approx((own, own), abs=0.2 * own)


def test_suggestions_are_the_likeliest_colours_of_the_lightness(photo: Photo) -> None:
    retouching = Retouching(ColorizationPipeline(Undecided(), device="cpu"), photo)
    assert retouching.has_suggestions
    x, y = 560, 60
    L = rgb2lab(np.full((1, 1, 3), photo.grey[y, x]))[0, 0, 0]
    found = retouching.suggestions(x, y, 5)
    assert len(found) == 3
    assert found[:2] == retouching.suggestions(x, y, 2)
    for color, expected in zip(found, COLORS, strict=True):
        lab = rgb2lab(np.array([[[int(color[i : i + 2], 16) for i in (1, 3, 5)]]], np.uint8))[0, 0]
        assert abs(lab[0] - L) < 1.5
        assert abs(np.arctan2(lab[2], lab[1]) - np.arctan2(expected[1], expected[0])) < 0.3
    assert len(retouching.suggestions(10, 200, 5)) == 1  # it is sure there
    assert retouching.suggestions(x, y, 0) == []


def test_a_model_that_takes_hints_suggests_knowing_them(photo: Photo) -> None:
    retouching = Retouching(ColorizationPipeline(Asking(), device="cpu"), photo)
    yellow = [(100, 100, "#c0b040")]
    plain, knowing = retouching.suggestions(560, 60, 3), retouching.suggestions(560, 60, 3, yellow)
    assert plain == Retouching(ColorizationPipeline(Undecided(), device="cpu"), photo).suggestions(560, 60, 3)
    assert knowing[0] != plain[0]
    assert retouching.suggestions(100, 100, 3, yellow) == retouching.suggestions(100, 100, 3)


def test_a_border_that_is_left_out_is_sure_of_grey(photo: Photo) -> None:
    bordered = Photo.open(np.pad(photo.grey, 40, constant_values=235))
    retouching = Retouching(ColorizationPipeline(Undecided(), device="cpu"), bordered)
    plain = Retouching(ColorizationPipeline(Undecided(), device="cpu"), photo)
    for x, y in ((560, 60), (420, 200), (20, 200)):
        assert retouching.suggestions(x + 40, y + 40, 5) == plain.suggestions(x, y, 5)
    (paper,) = retouching.suggestions(5, 5)
    assert len({paper[i : i + 2] for i in (1, 3, 5)}) == 1


def test_a_restored_print_is_asked_about(photo: Photo) -> None:
    """What is likely is asked of the picture that was coloured, not of the faded one."""
    faded, seen = Photo.open((160 + photo.grey * 0.2).astype(np.uint8)), []
    pipeline = ColorizationPipeline(Undecided(), device="cpu")
    pipeline.model.register_forward_pre_hook(lambda model, inputs: seen.append(inputs[0].clone()))
    Retouching(pipeline, faded).suggestions(560, 60)
    colored, asked = seen
    assert torch.equal(colored, asked)
    assert np.ptp(asked.numpy()) > 75


def test_a_model_with_one_answer_suggests_nothing(pipeline: ColorizationPipeline, photo: Photo) -> None:
    retouching = Retouching(pipeline, photo)
    assert not retouching.has_suggestions
    assert retouching.suggestions(10, 10) == []
    with pytest.raises(ValueError, match="has one answer"):
        pipeline.distribution(photo)
    for place in ((600, 0), (0, -1)):
        with pytest.raises(HintsError, match="outside the picture"):
            retouching.suggestions(*place)


def test_likeliest_colours_differ_and_come_in_order() -> None:
    chances = torch.full((ab_bins.COUNT,), 1e-9)
    for color, chance in zip(COLORS, CHANCES, strict=True):
        chances[nearest(color)] = chance
    chances[nearest((40, 30))] = 0.4  # beside the red, with which it counts as one colour
    found = likeliest(chances, 55, 9)
    assert len(found) == len(set(found)) == 3
    assert found[1:] == [hex_of(55, torch.tensor(color).float()) for color in COLORS[1:]]
    # Half of each chance, which rounds nothing: all are equally likely, so that the last bit would decide.
    assert likeliest(torch.ones(ab_bins.COUNT), 55, 8) == likeliest(torch.ones(ab_bins.COUNT) / 2, 55, 8)
    assert len(likeliest(torch.ones(ab_bins.COUNT), 55, 8)) == 8
