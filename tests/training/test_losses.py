"""Regression losses against their formulas written out in numpy."""

import numpy as np
import pytest
import torch

from training.tasks.losses import REGRESSION_LOSSES, regression


@pytest.fixture
def layers() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.rand(3, 2, 5, 7, generator=generator) * 160 - 80 for _ in range(2))


def _by_hand(predicted: torch.Tensor, target: torch.Tensor, kind: str, beta: float, chroma_weight: float) -> float:
    p, t = predicted.numpy().astype(float), target.numpy().astype(float)
    difference = np.abs(p - t) / 110
    b = beta / 110
    error = {
        "mse": difference**2,
        "l1": difference,
        "smooth_l1": np.where(difference < b, difference**2 / (2 * b), difference - b / 2),
    }[kind]
    weights = 1 + chroma_weight * np.hypot(t[:, :1], t[:, 1:]) / 50
    return float(np.average(error, weights=np.broadcast_to(weights, error.shape)))


@pytest.mark.parametrize("kind", REGRESSION_LOSSES)
@pytest.mark.parametrize("chroma_weight", [0.0, 1.5])
def test_regression_is_its_formula(layers, kind, chroma_weight):
    expected = _by_hand(*layers, kind, 20.0, chroma_weight)
    assert regression(*layers, kind, beta=20.0, chroma_weight=chroma_weight).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", REGRESSION_LOSSES)
def test_a_perfect_answer_costs_nothing_and_gradients_are_finite(layers, kind):
    predicted = layers[1].clone().requires_grad_()
    loss = regression(predicted, layers[1], kind)
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(predicted.grad).all()


def test_half_precision_is_computed_in_single(layers):
    predicted, target = layers
    loss = regression(predicted.half(), target, "mse")
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(regression(predicted, target, "mse").item(), rel=1e-3)


def test_errors_name_shapes_and_kinds(layers):
    with pytest.raises(ValueError, match=r"\(3, 2, 5, 7\) and \(3, 1, 5, 7\)"):
        regression(layers[0], layers[1][:, :1])
    with pytest.raises(ValueError, match="mse, l1, smooth_l1"):
        regression(*layers, "huber")
