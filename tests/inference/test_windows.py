"""Long pictures are seen in overlapping windows: as strong in colour as their parts, without steps, at every door."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from colorhub import ColorizationPipeline, Colorizer, Photo, Prediction, Retouching, create
from colorhub.inference.runtime import Network
from colorhub.inference.windows import windows_of
from colorhub.models import MODELS

HEIGHT = 256


def panorama(ratio: float) -> np.ndarray:
    """A grey panorama of real photographs, each fading into the next."""
    photographs = (data.coffee(), data.chelsea(), data.astronaut(), data.rocket())
    grey = [cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY) for photograph in photographs]
    pictures = [cv2.resize(g, (g.shape[1] * HEIGHT // g.shape[0], HEIGHT), interpolation=cv2.INTER_AREA) for g in grey]
    pictures += [picture[:, ::-1] for picture in pictures]
    width, fade, number = round(ratio * HEIGHT), 32, 1
    whole = pictures[0].astype(float)
    while whole.shape[1] < width:
        following = pictures[number % len(pictures)].astype(float)
        share = np.linspace(0, 1, fade)
        between = whole[:, -fade:] * (1 - share) + following[:, :fade] * share
        whole, number = np.concatenate([whole[:, :-fade], between, following[:, fade:]], axis=1), number + 1
    return np.ascontiguousarray(whole[:, :width].round().astype(np.uint8))


def mean_chroma(ab: Tensor) -> float:
    return float(ab.norm(dim=1).mean())


@pytest.mark.parametrize(("ratio", "upright"), [(6, False), (10, False), (17, False), (10, True)])
def test_a_panorama_is_as_strong_in_colour_as_its_parts(ratio: int, upright: bool) -> None:
    """With the default model: the crops are photos of their own, of 3 to 2, coloured one by one."""
    pipeline, picture = ColorizationPipeline(), panorama(ratio)
    side = HEIGHT * 3 // 2
    crops = [picture[:, left : left + side] for left in range(0, picture.shape[1] - side + 1, side)]
    photos = [Photo.open(np.ascontiguousarray(one.T if upright else one)) for one in (picture, *crops)]
    whole, *alone = [layer.ab for layer in pipeline.predict(photos)]
    within = whole.split(side, dim=2 if upright else 3)[: len(crops)]
    expected = [mean_chroma(ab) for ab in alone]
    found = [mean_chroma(ab) for ab in within]
    print(f"{ratio} to 1: {np.mean(found) / np.mean(expected):.3f} of the crops' mean chroma")
    assert np.mean(found) == pytest.approx(np.mean(expected), rel=0.05)
    assert all(0.6 < part / crop < 1.7 for part, crop in zip(found, expected, strict=True))


class TellsItsWindow(Colorizer):
    """Answers one colour everywhere, the mean lightness of what it sees: windows contradict each other."""

    architecture = "tells-its-window"
    multiple = 8
    working_size = 64

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        a = L.mean(dim=(1, 2, 3)).view(-1, 1, 1, 1).expand(-1, 1, *L.shape[2:])
        return Prediction(torch.cat([a, torch.full_like(a, float(L.shape[3]))], dim=1))


@pytest.mark.parametrize("upright", [False, True])
def test_there_is_no_step_where_windows_contradict_each_other(upright: bool) -> None:
    picture = np.zeros((64, 1024), np.uint8)
    picture[:, 300:500] = 255
    picture = np.ascontiguousarray(picture.T) if upright else picture
    layer = ColorizationPipeline(TellsItsWindow(), device="cpu", restore=False).predict(Photo.open(picture))
    line = layer.ab[0, 0, :, 32] if upright else layer.ab[0, 0, 32]
    assert np.ptp(line.numpy()) > 50  # L*: dark windows and light ones
    overlap = windows_of(64, 1024, 8).overlap
    assert overlap == 32
    assert line.diff().abs().max() <= 1.5 * np.ptp(line.numpy()) / overlap  # spread over all of it
    seen = layer.ab[0, 1].unique()
    assert seen.tolist() == [64.0 if upright else 96.0]  # 3 to 2, and nothing else


class TellsItsPlace(Colorizer):
    """Answers with the lightness of each place, its neighbour's and what it was told there."""

    architecture = "tells-its-place"
    multiple = 16
    working_size = 48
    accepts_hints = True
    has_distribution = True

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        told = torch.zeros_like(L).expand(-1, 2, -1, -1) if hints is None else hints[:, :2]
        grid = L[:, :, ::4, ::4]
        logits = -((grid - torch.arange(313.0).view(1, -1, 1, 1) / 3) ** 2)
        return Prediction(torch.cat([L, -L], dim=1) + told, logits, L.mean(dim=(2, 3)))


@pytest.mark.parametrize("shape", [(48, 500), (500, 48), (37, 1200), (1, 64), (17, 4001), (48, 145)])
def test_what_each_place_says_alone_is_the_same_in_windows(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    model, L, hints = TellsItsPlace(), torch.rand(3, 1, *shape) * 100, torch.rand(3, 3, *shape)
    assert windows_of(*shape, multiple=16) is not None or max(shape) <= 64
    network = Network(model, torch.device("cpu"))
    for told in (None, hints):
        found, expected = network(L, told), model(L, told)
        assert torch.allclose(found.ab, expected.ab, atol=1e-3)
        assert torch.allclose(found.distribution, expected.distribution, rtol=1e-4)
        assert found.class_logits.shape == expected.class_logits.shape
    alone = network(L[1:2], hints[1:2])
    assert torch.allclose(alone.ab, network(L, hints).ab[1:2], atol=1e-4)  # the batch does not matter


@pytest.mark.parametrize(("height", "width"), [(256, 768), (768, 256), (256, 256), (1, 3), (30, 89)])
def test_ordinary_shapes_are_seen_at_once(height: int, width: int) -> None:
    assert windows_of(height, width, 32) is None
    seen = []

    class Sees(TellsItsWindow):
        def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
            seen.append(tuple(L.shape[2:]))
            return super().predict(L)

    Network(Sees(), torch.device("cpu"))(torch.zeros(1, 1, height, width))
    assert len(seen) == 1


@pytest.mark.parametrize("multiple", [1, 8, 32, 256])
@pytest.mark.parametrize("ratio", [3.01, 3.5, 4, 7.3, 17, 32, 1000])
def test_windows_cover_a_picture_and_overlap(multiple: int, ratio: float) -> None:
    for short in (1, 40, 256):
        long = round(short * ratio)
        windows = windows_of(short, long, multiple)
        if windows is None:
            assert long <= max(3 * short, 2 * multiple)
            continue
        assert windows.starts[0] == 0
        assert windows.starts[-1] + windows.length == windows.total >= long
        steps = np.diff(windows.starts)
        assert (steps > 0).all()
        assert (windows.length - steps >= windows.overlap).all()
        assert all(start % multiple == 0 for start in windows.starts)
        assert len(windows.starts) < 50


@pytest.mark.parametrize("name", ["unet", "eccv16", "semantic", "siggraph17"])
def test_every_way_to_colour_takes_a_panorama(name: str) -> None:
    """Batches, hints, samples, several sizes and suggestions, with a real network."""
    torch.manual_seed(0)
    model = create(name, **MODELS[name].tiny()).eval()
    pipeline, picture = ColorizationPipeline(model, device="cpu"), panorama(10)[::4, ::4].copy()
    photo = Photo.open(picture)
    expected = pipeline.predict(photo, size=32)
    assert expected.ab.shape[3] / expected.ab.shape[2] == pytest.approx(10, rel=0.05)
    assert torch.allclose(pipeline.predict([photo] * 3, size=32, batch_size=2)[2].ab, expected.ab, atol=1e-2)
    assert pipeline(picture, size=32).pixels.shape == (*picture.shape, 3)
    assert pipeline(picture, size=32, views=3).pixels.shape == (*picture.shape, 3)
    hints = [(20, 20, "#a33c2e"), (picture.shape[1] - 20, 40, "teal")]
    told = Retouching(pipeline, photo, size=32)
    assert np.array_equal(pipeline(picture, size=32, hints=hints).pixels, told.compose(hints).pixels)
    red, green, blue = bytes.fromhex(told.color_at(20, 20, hints)[1:])
    assert red > max(green, blue)
    if model.has_distribution:
        samples = pipeline(picture, size=32, samples=2)
        assert [sample.pixels.shape for sample in samples] == [(*picture.shape, 3)] * 2
        assert pipeline.confidence(picture, size=32).shape == picture.shape
        assert told.suggestions(20, 20, n=2)


def test_a_border_round_a_panorama_is_left_out(pipeline: ColorizationPipeline) -> None:
    framed = np.pad(panorama(8)[::4, ::4], 12, constant_values=250)
    layer = pipeline.predict(Photo.open(framed))
    assert not layer.provenance.box.whole
    assert float(layer.ab[0, :, 0].abs().max()) == 0
    assert mean_chroma(layer.ab) > 0


def test_the_network_of_the_page_sees_it_alike(pipeline: ColorizationPipeline) -> None:
    from colorhub.hub import ModelInfo
    from colorhub.space.shared.cached import CachedNetwork

    real = pipeline.network
    info = ModelInfo("tiny", real.model.architecture, "folder", "here")
    cached = CachedNetwork(info, real, lambda _, L, hints: real(L, hints), lambda _, L, how: real.colors(L, how))
    photo = Photo.open(panorama(10)[::4, ::4].copy())
    light = ColorizationPipeline(cached, settings=replace(pipeline.settings, model=None))
    assert torch.equal(light.predict(photo).ab, pipeline.predict(photo).ab)
