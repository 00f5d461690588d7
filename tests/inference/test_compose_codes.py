"""Composing on a processor gives what the tensor code gives, in 8 and in 16 bits, whatever the threads and strips."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from skimage import data
from skimage.color import rgb2lab

from colorhub.color import grey_to_lightness, rgb_to_lab
from colorhub.inference.compose import codes, compose, compose_codes


def _layer(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Lightness and true colours of a photograph at ``height`` x ``width``."""
    photo = torch.from_numpy(data.coffee()).permute(2, 0, 1)[None].float() / 255
    L, ab = rgb_to_lab(F.interpolate(photo, size=(height, width), mode="area"))
    return L, ab


def _grey(dtype: type) -> np.ndarray:
    grey = data.coffee().mean(axis=2) / 255
    return np.round(grey * np.iinfo(dtype).max).astype(dtype)


def _composed(grey: np.ndarray, layer: tuple[torch.Tensor, torch.Tensor], vividness: float, depth: type) -> np.ndarray:
    pixels = np.zeros((*grey.shape, 3), depth)
    compose_codes(grey, layer[0][0, 0].numpy(), layer[1][0].numpy(), vividness, pixels)
    return pixels


def _expected(grey: np.ndarray, layer: tuple[torch.Tensor, torch.Tensor], vividness: float) -> np.ndarray:
    L = grey_to_lightness(torch.from_numpy(grey.astype(np.float32)) / np.iinfo(grey.dtype).max)[None, None]
    return compose(L, *layer, vividness)[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("vividness", [0.0, 1.0, 2.5])
@pytest.mark.parametrize(("of", "to"), [(np.uint8, np.uint8), (np.uint16, np.uint8), (np.uint16, np.uint16)])
def test_codes_are_those_of_the_tensor_code(of: type, to: type, vividness: float) -> None:
    grey, layer = _grey(of), _layer(64, 96)
    exact = _expected(grey, layer, vividness) * np.iinfo(to).max
    distance = np.abs(_composed(grey, layer, vividness, to) - exact)
    rounding = 0.56 if to is np.uint8 else 2
    # Out of gamut, at the border of two cells of its table, the two may look into different ones: their angles differ.
    assert (distance > rounding).mean() < (2e-3 if vividness <= 1 else 3e-2)
    assert distance.max() < 6 / 255 * np.iinfo(to).max


def test_sixteen_bits_keep_the_lightness_of_every_code() -> None:
    grey = np.arange(65536, dtype=np.uint16).reshape(64, 1024)
    answer = _composed(grey, (torch.full((1, 1, 8, 8), 50.0), torch.full((1, 2, 8, 8), 3.0)), 0.0, np.uint16)
    assert np.abs(answer.astype(int) - grey[..., None]).max() <= 4  # white is not exactly (1, 1, 1) in the matrices
    assert np.array_equal(_composed(grey, (torch.zeros(1, 1, 2, 2), torch.zeros(1, 2, 2, 2)), 1.0, np.uint16), answer)


def test_lightness_stays_within_rounding_however_vivid() -> None:
    grey, layer = _grey(np.uint8), _layer(64, 96)
    before = rgb2lab(np.dstack([grey] * 3))[..., 0]
    for vividness in (1.0, 4.0):
        after = rgb2lab(_composed(grey, layer, vividness, np.uint8))[..., 0]
        assert np.abs(after - before).mean() < 0.15


def test_strips_and_threads_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    grey, layer = _grey(np.uint8), _layer(64, 96)
    before = torch.get_num_threads()
    answers = []
    try:
        for strip, threads in ((10**9, 1), (2**12, 1), (5000, 3), (1, 2)):
            monkeypatch.setattr(codes, "_STRIP", strip)
            torch.set_num_threads(threads)
            answers.append(_composed(grey, layer, 1.0, np.uint8))
    finally:
        torch.set_num_threads(before)
    for answer in answers[1:]:
        assert np.array_equal(answer, answers[0])


@pytest.mark.parametrize("shape", [(1, 1), (3, 4000), (2000, 1), (17, 23)])
def test_any_shape_and_an_alpha_channel_stays(shape: tuple[int, int]) -> None:
    grey = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    layer = torch.full((1, 1, 1, 2), 50.0), torch.ones(1, 2, 1, 2)
    pixels = np.full((*shape, 4), 77, np.uint8)
    compose_codes(grey, layer[0][0, 0].numpy(), layer[1][0].numpy(), 1.0, pixels)
    assert (pixels[..., 3] == 77).all()
    assert np.abs(pixels[..., :3] - _expected(grey, layer, 1.0) * 255).max() < 1
