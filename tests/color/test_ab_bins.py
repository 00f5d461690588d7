"""The 313 bins and what is read from them, against brute force in numpy and closed forms."""

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab
from skimage.data import astronaut

from colorhub import ab_bins

BINS = ab_bins.bin_centers().numpy().astype(float)


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(2, 313, 6, 5, generator=torch.Generator().manual_seed(1)) * 3


def _colors(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(shape[0], 2, *shape[1:], generator=generator) * 240 - 120


def _encode_by_hand(ab: np.ndarray) -> np.ndarray:
    """Dense soft code ``(N, 313)`` of colours ``(N, 2)``: every distance, the five smallest, a Gaussian, sum 1."""
    squares = ((np.round(ab)[:, None] - BINS) ** 2).sum(axis=2)
    nearest = np.argsort(squares, axis=1, kind="stable")[:, :5]
    code = np.zeros(squares.shape)
    weights = np.exp(-np.take_along_axis(squares, nearest, axis=1) / (2 * 5.0**2))
    np.put_along_axis(code, nearest, weights / weights.sum(axis=1, keepdims=True), axis=1)
    return code


def _dense(ab: torch.Tensor) -> torch.Tensor:
    indices, weights = ab_bins.soft_encode(ab)
    return torch.zeros(len(ab), 313, *ab.shape[2:]).scatter_(1, indices, weights)


def test_bins_are_the_published_ones() -> None:
    assert BINS.shape == (313, 2)
    assert BINS[[0, 5, 312]].tolist() == [[-90, 50], [-80, 20], [100, 0]]
    assert np.array_equal(BINS, BINS[np.lexsort((BINS[:, 1], BINS[:, 0]))])
    assert np.array_equal(np.unique(BINS % 10), [0])


def test_every_colour_of_a_photograph_has_a_bin_near_it() -> None:
    ab = torch.from_numpy(rgb2lab(astronaut())[None, ..., 1:]).permute(0, 3, 1, 2)
    found = ab_bins.bin_centers()[ab_bins.nearest_bin(ab)].movedim(-1, 1)
    assert (found - ab).abs().max() <= 5.5  # half a grid step, and half a unit of rounding


def test_soft_encoding_is_brute_force() -> None:
    ab = _colors(3, 40, 50)
    expected = _encode_by_hand(ab.permute(0, 2, 3, 1).reshape(-1, 2).numpy())
    found = _dense(ab).permute(0, 2, 3, 1).reshape(-1, 313).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    nearest = ab_bins.nearest_bin(ab).flatten().numpy()
    assert np.array_equal(nearest, expected.argmax(axis=1))


def test_soft_encoding_of_a_bin_keeps_its_colour() -> None:
    code = _dense(ab_bins.bin_centers().T[None, :, :, None])[0, :, :, 0]
    middle = (np.abs(BINS - [0, 10]).sum(axis=1) == 0).argmax()
    assert code[middle, middle] == pytest.approx(1 / (1 + 4 * np.exp(-100 / 50)), rel=1e-5)  # four neighbours 10 away
    assert (code.argmax(dim=0) == torch.arange(313)).all()


def test_colours_far_outside_the_bins_still_have_a_code() -> None:
    ab = torch.tensor([[-500.0, 500.0], [127, 127], [-128, -128]]).T[None, :, :, None]
    indices, weights = ab_bins.soft_encode(ab)
    assert torch.allclose(weights.sum(dim=1), torch.ones(1, 3, 1))
    assert (indices >= 0).all()


def test_annealed_mean_is_the_mode_at_0_and_the_mean_at_1(logits: torch.Tensor) -> None:
    mode = ab_bins.bin_centers()[logits.argmax(dim=1)].movedim(-1, 1)
    assert torch.equal(ab_bins.annealed_mean(logits, 0), mode)
    assert torch.allclose(ab_bins.annealed_mean(logits, 1e-4), mode, atol=1e-3)
    probability = np.exp(logits.double().numpy())
    probability /= probability.sum(axis=1, keepdims=True)
    mean = np.einsum("bqhw,qc->bchw", probability, BINS)
    np.testing.assert_allclose(ab_bins.annealed_mean(logits, 1), mean, atol=1e-4)


def test_chroma_recovery_keeps_the_hue_and_gives_back_what_averaging_took(logits: torch.Tensor) -> None:
    probability = logits.double().softmax(dim=1).numpy()
    mean = np.einsum("bqhw,qc->bchw", probability, BINS)
    chroma = np.hypot(mean[:, 0], mean[:, 1])
    lost = np.einsum("bqhw,q->bhw", probability, np.hypot(*BINS.T)) - chroma
    assert lost.min() > 0
    for recovery in (0.5, 1.0):
        found = ab_bins.annealed_mean(logits, 1, chroma_recovery=recovery).numpy()
        factor = (chroma + recovery * lost) / np.maximum(chroma, 2)
        np.testing.assert_allclose(found, mean * factor[:, None], atol=1e-3)
    sure = torch.full((1, 313, 1, 1), -50.0)
    sure[0, 7] = 50
    assert torch.allclose(ab_bins.annealed_mean(sure, 1, chroma_recovery=1)[0, :, 0, 0], ab_bins.bin_centers()[7])


def test_chroma_scale_multiplies_the_answer(logits: torch.Tensor) -> None:
    plain = ab_bins.annealed_mean(logits, 0.5, chroma_recovery=0.5)
    assert torch.allclose(ab_bins.annealed_mean(logits, 0.5, chroma_recovery=0.5, chroma_scale=1.3), 1.3 * plain)


def _likely(*colours: tuple[int, int]) -> torch.Tensor:
    """Logits ``(1, 313, 1, 1)`` in which these bins alone are likely, all alike."""
    found = torch.full((1, 313, 1, 1), -80.0)
    for colour in colours:
        found[0, int((np.abs(BINS - colour).sum(axis=1) == 0).argmax())] = 0
    return found


@pytest.mark.parametrize(
    ("colours", "expected"),
    [
        ([(40, 20)], 1.0),
        ([(20, 0), (60, 0)], 1.0),  # one hue
        ([(40, 0), (-40, 0)], 0.0),  # opposite ones
        ([(40, 0), (0, 40)], 0.5**0.5),
        ([(40, 0), (-20, 0)], 1 / 3),  # by chroma
        ([(40, 0), (0, 0)], 1.0),  # grey has no hue
    ],
)
def test_hues_agree_by_the_mean_resultant_length(colours: list[tuple[int, int]], expected: float) -> None:
    assert ab_bins.hue_concentration(_likely(*colours)).item() == pytest.approx(expected, abs=1e-5)


def test_annealing_is_a_power_of_the_probabilities(logits: torch.Tensor) -> None:
    """Equation 5 as printed: exp(log(z) / T), scaled to sum 1."""
    powers = logits.double().softmax(dim=1) ** (1 / 0.38)
    weights = powers / powers.sum(dim=1, keepdim=True)
    expected = torch.einsum("bqhw,qc->bchw", weights, ab_bins.bin_centers().double())
    assert torch.allclose(ab_bins.annealed_mean(logits).double(), expected, atol=1e-3)


def test_annealed_mean_is_computed_in_single_precision_under_autocast(logits: torch.Tensor) -> None:
    expected = ab_bins.annealed_mean(logits)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(ab_bins.annealed_mean(logits), expected)


def test_a_table_made_in_inference_mode_can_be_trained_with_later() -> None:
    ab_bins._centers_on.cache_clear()
    with torch.inference_mode():
        ab_bins.bin_centers()
    logits = torch.zeros(1, 313, 1, 1, requires_grad=True)
    ab_bins.annealed_mean(logits).sum().backward()
    assert logits.grad.abs().sum() > 0


def test_confidence_of_known_distributions() -> None:
    logits = torch.zeros(1, 313, 1, 3)
    logits[0, 7, 0, 1] = 100
    logits[0, [7, 8], 0, 2] = 100
    expected = torch.tensor([0.0, 1.0, 1 - np.log(2) / np.log(313)])
    assert torch.allclose(ab_bins.confidence(logits).flatten(), expected.float(), atol=1e-5)


def test_weights_are_equation_4() -> None:
    prior = torch.rand(313, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    weights = ab_bins.rebalancing_weights(prior * 17, mix=0.5)
    share = (prior / prior.sum()).numpy()
    by_hand = 1 / (0.5 * share + 0.5 / 313)
    np.testing.assert_allclose(weights, by_hand / (share * by_hand).sum(), rtol=1e-12)
    assert torch.equal(weights.argsort(), prior.argsort(descending=True))
    np.testing.assert_allclose(ab_bins.rebalancing_weights(prior, mix=1), np.ones(313), rtol=1e-12)
    inverse = ab_bins.rebalancing_weights(prior, mix=0) * prior
    np.testing.assert_allclose(inverse, inverse[0].repeat(313), rtol=1e-9)


def test_smoothing_is_a_gaussian_that_keeps_the_sum() -> None:
    prior = torch.zeros(313, dtype=torch.float64)
    grey = int((np.abs(BINS).sum(axis=1) == 0).argmax())
    prior[grey] = 3
    spread = ab_bins.smoothed(prior)
    kernel = np.exp(-(BINS**2).sum(axis=1) / 50)
    np.testing.assert_allclose(spread, kernel / kernel.sum(), rtol=1e-9)


def test_counting_adds_up() -> None:
    ab = _colors(2, 30, 30)
    counts = ab_bins.count_bins(ab)
    assert counts.sum() == 2 * 30 * 30
    assert torch.equal(counts, ab_bins.count_bins(ab[:1]) + ab_bins.count_bins(ab[1:]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ab_bins.soft_encode(torch.zeros(1, 3, 2, 2)), r"\(B, 2, h, w\), got \(1, 3, 2, 2\)"),
        (lambda: ab_bins.annealed_mean(torch.zeros(1, 5, 2, 2)), r"\(B, 313, h, w\), got \(1, 5, 2, 2\)"),
        (lambda: ab_bins.annealed_mean(torch.zeros(1, 313, 2, 2), -1), "must not be negative"),
        (lambda: ab_bins.rebalancing_weights(torch.ones(312)), r"a floating-point \(313,\)"),
        (lambda: ab_bins.rebalancing_weights(-torch.ones(313)), "none negative"),
        (lambda: ab_bins.rebalancing_weights(torch.ones(313), 2), "between 0 and 1"),
        (lambda: ab_bins.rebalancing_weights(torch.eye(313)[0], 0), "312 empty bins"),
    ],
)
def test_errors_say_what_is_expected(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
