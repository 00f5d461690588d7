"""Metrics against scikit-image and closed forms."""

import numpy as np
import pytest
import torch
from skimage import data
from skimage.color import rgb2lab
from skimage.metrics import peak_signal_noise_ratio

from colorhub import metrics
from colorhub.ab_bins import bin_centers
from colorhub.color import rgb_to_lab


@pytest.fixture(scope="module")
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    """Two predictions and two targets of different quality, ``(2, 3, 64, 64)``."""
    picture = torch.from_numpy(data.astronaut()[:64, 200:264]).permute(2, 0, 1)[None].float() / 255
    noise = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    target = torch.cat([picture, picture.flip(3)])
    return (target + noise * torch.tensor([0.02, 0.2]).view(2, 1, 1, 1)).clamp(0, 1), target


def _numpy(picture: torch.Tensor) -> np.ndarray:
    return picture.permute(1, 2, 0).double().numpy()


def test_psnr_is_that_of_each_picture(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    predicted, target = pair
    pairs = zip(predicted, target, strict=True)
    expected = [peak_signal_noise_ratio(_numpy(t), _numpy(p), data_range=1) for p, t in pairs]
    assert np.allclose(metrics.psnr(predicted, target).numpy(), expected, atol=1e-3)


def test_gain_of_the_grey_answer_is_zero(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    _, target = pair
    grey = metrics.grey_answer(target)
    assert metrics.gain(grey, target).abs().max() < 1e-5
    lightness = rgb2lab(_numpy(target[0]))[..., 0]
    shown = rgb2lab(_numpy(grey[0]))
    assert np.abs(shown[..., 0] - lightness).max() < 1e-2
    assert np.abs(shown[..., 1:]).max() < 1e-2


def test_colorfulness_closed_form() -> None:
    """Half pure red, half pure blue: rg is +-255, yb is 127.5 and -255, so sigma and mu follow by hand."""
    picture = torch.zeros(1, 3, 2, 2)
    picture[0, 0, 0] = 1
    picture[0, 2, 1] = 1
    rg, yb = np.array([255.0, 0.0]), np.array([127.5, -255.0])
    expected = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    assert metrics.colorfulness(picture).item() == pytest.approx(expected, rel=1e-5)
    assert metrics.colorfulness(torch.full((1, 3, 4, 4), 0.3)).item() == pytest.approx(0, abs=1e-4)


def test_chroma_ratio(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    _, target = pair
    expected = np.linalg.norm(rgb2lab(_numpy(target[0]))[..., 1:], axis=2).mean()
    assert metrics.mean_chroma(target)[0].item() == pytest.approx(expected, rel=1e-3)
    assert torch.allclose(metrics.chroma_ratio(target, target), torch.ones(2))
    assert metrics.chroma_ratio(metrics.grey_answer(target), target).max() < 1e-3


def test_ab_auc_is_the_area_under_the_curve(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    predicted, target = pair
    error = (rgb_to_lab(predicted)[1] - rgb_to_lab(target)[1]).norm(dim=1).flatten(1).double().numpy()
    thresholds = np.arange(151)
    curves = (error[:, :, None] <= thresholds).mean(axis=1)
    expected = np.trapezoid(curves, thresholds, axis=1) / 150
    assert np.allclose(metrics.ab_auc(predicted, target).numpy(), expected, atol=1e-5)
    assert torch.equal(metrics.ab_auc(target, target), torch.ones(2))


def test_rebalanced_ab_auc_counts_pixels_by_their_true_bin(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    predicted, target = pair
    weights = 1 + bin_centers().norm(dim=1) / 50
    found = metrics.ab_auc(predicted, target, weights)
    ab = rgb_to_lab(target)[1]
    squares = (ab[:, None] - bin_centers().view(1, 313, 2, 1, 1)).square().sum(dim=2)
    counts = weights[squares.argmin(dim=1)]
    error = (rgb_to_lab(predicted)[1] - ab).norm(dim=1)
    thresholds = torch.arange(151)
    curve = ((error[..., None] <= thresholds) * counts[..., None]).mean(dim=(1, 2))
    area = torch.trapezoid(curve, thresholds.float(), dim=1) / 150
    assert torch.allclose(found[:, 1], counts.mean(dim=(1, 2)), rtol=0.02)
    assert torch.allclose(found[:, 0], area, rtol=0.02)  # bins are looked up on a grid of whole numbers
    plain = metrics.ab_auc(predicted, target, torch.ones(313))
    assert torch.allclose(plain[:, 0] / plain[:, 1], metrics.ab_auc(predicted, target))
