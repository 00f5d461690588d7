"""The objectives of the five reports against closed forms and formulas written out in numpy."""

from math import exp, log

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorhub import ab_bins
from training.tasks import losses
from training.tasks.discriminators import WassersteinCritic

BINS = ab_bins.bin_centers().numpy().astype(float)


def _layers(*shape: int, scale: float = 60) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(shape, generator=generator) * scale for _ in range(2))


def _prior() -> Tensor:
    grey_is_common = np.exp(-np.hypot(*BINS.T) / 12)
    return torch.from_numpy(grey_is_common / grey_is_common.sum())


def _gradient(loss, predicted: Tensor) -> Tensor:
    predicted = predicted.clone().requires_grad_()
    loss(predicted).backward()
    return predicted.grad.flatten()


def _cosine(one: Tensor, other: Tensor) -> float:
    return F.cosine_similarity(one.double(), other.double(), dim=0).item()


# Rarity weighting (report 000)


def test_rarity_is_its_formula() -> None:
    predicted, target = _layers(3, 2, 8, 9, scale=30)
    weights = ab_bins.rebalancing_weights(_prior())
    points = target.permute(0, 2, 3, 1).reshape(-1, 2).numpy()
    nearest = ((np.round(points)[:, None] - BINS) ** 2).sum(axis=2).argmin(axis=1)
    difference = np.abs(predicted.permute(0, 2, 3, 1).reshape(-1, 2).numpy() - points) / 110
    error = np.where(difference < 0.1, difference**2 / 0.2, difference - 0.05)  # beta = 11 of 110
    expected = (weights.numpy()[nearest][:, None] * error).mean()
    assert losses.rarity(predicted, target, weights).item() == pytest.approx(expected, rel=1e-5)


def test_rarity_with_equal_weights_is_the_plain_loss() -> None:
    predicted, target = _layers(2, 2, 6, 6)
    assert losses.rarity(predicted, target, torch.ones(313), "l1").item() == pytest.approx(
        losses.regression(predicted, target, "l1").item(), rel=1e-6
    )


def test_weights_average_to_one_over_the_data_set() -> None:
    """A constant error costs the same with and without weights, on colours drawn from the prior."""
    prior = _prior()
    drawn = torch.multinomial(prior, 40_000, replacement=True, generator=torch.Generator().manual_seed(0))
    target = ab_bins.bin_centers()[drawn].T.reshape(1, 2, 200, 200)
    weighted = losses.rarity(target + 30, target, ab_bins.rebalancing_weights(prior), "l1")
    assert weighted.item() == pytest.approx(30 / 110, rel=0.02)


@pytest.mark.parametrize("kind", losses.REGRESSION_LOSSES)
def test_the_literal_loss_is_a_constant_times_the_plain_one_and_true_rarity_is_not(kind: str) -> None:
    predicted, target = _layers(4, 2, 16, 16, scale=25)
    plain = _gradient(lambda p: losses.regression(p, target, kind), predicted)
    literal = _gradient(lambda p: losses.literal_rarity(p, target, kind), predicted)
    true = _gradient(lambda p: losses.rarity(p, target, ab_bins.rebalancing_weights(_prior()), kind), predicted)
    factor = losses.literal_rarity_factor(target)
    assert _cosine(literal, plain) == pytest.approx(1.0, abs=1e-9)
    assert torch.allclose(literal, factor * plain, rtol=1e-4, atol=0)
    assert _cosine(true, plain) < 0.95


def test_the_literal_factor_is_the_reports_code_worked_out() -> None:
    """a fills two bins with 3 and 1 values, b fills one of them with all 4: every empty bin weighs a million."""
    target = torch.tensor([[[[-105.0, -105, -105, -94]], [[-105.0, -105, -105, -105]]]])
    a = np.array([1 / (3 + 1e-6), 1 / (1 + 1e-6)] + [1e6] * 18)
    b = np.array([1 / (4 + 1e-6)] + [1e6] * 19)
    expected = (a / a.sum() * b / b.sum()).sum()
    assert losses.literal_rarity_factor(target).item() == pytest.approx(expected, rel=1e-4)
    assert expected == pytest.approx(18 / (18 * 19), rel=1e-3)  # as anchors say: shared empty bins over both counts


# Classification (report 001)


def _cross_entropy_by_hand(logits: Tensor, target: Tensor, weights: Tensor | None) -> float:
    """Every bin's distance, the five nearest, a Gaussian; then minus the sum of shares times log-probabilities."""
    logarithms = logits.double().log_softmax(dim=1).permute(0, 2, 3, 1).reshape(-1, 313).numpy()
    points = np.round(target.permute(0, 2, 3, 1).reshape(-1, 2).numpy())
    total = []
    for row, point in zip(logarithms, points, strict=True):
        squares = ((point - BINS) ** 2).sum(axis=1)
        nearest = squares.argsort(kind="stable")[:5]
        shares = np.exp(-squares[nearest] / 50)
        weight = 1 if weights is None else weights[nearest[0]].item()
        total.append(-weight * (shares / shares.sum() * row[nearest]).sum())
    return float(np.mean(total))


@pytest.mark.parametrize("rebalanced", [False, True])
def test_soft_cross_entropy_is_brute_force(rebalanced: bool) -> None:
    logits = torch.randn(2, 313, 3, 4, generator=torch.Generator().manual_seed(3))
    target = _layers(2, 2, 3, 4)[0]
    weights = ab_bins.rebalancing_weights(_prior()).float() if rebalanced else None
    expected = _cross_entropy_by_hand(logits, target, weights)
    assert losses.soft_cross_entropy(logits, target, weights).item() == pytest.approx(expected, rel=1e-5)


def test_cross_entropy_of_knowing_nothing_is_the_logarithm_of_the_number_of_bins() -> None:
    target = _layers(1, 2, 8, 8)[0]
    assert losses.soft_cross_entropy(torch.zeros(1, 313, 2, 2), target).item() == pytest.approx(log(313), rel=1e-6)


def test_a_larger_target_is_averaged_over_blocks() -> None:
    logits = torch.randn(1, 313, 2, 3, generator=torch.Generator().manual_seed(5))
    small = _layers(1, 2, 2, 3)[0]
    large = small.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    large[..., ::2] += 7
    large[..., 1::2] -= 7
    found = losses.soft_cross_entropy(logits, large)
    assert found.item() == pytest.approx(losses.soft_cross_entropy(logits, small).item(), rel=1e-4)


def test_gradient_of_the_cross_entropy_is_probability_minus_code() -> None:
    target = torch.tensor([43.0, -22.0]).view(1, 2, 1, 1)
    indices, shares = ab_bins.soft_encode(target)
    code = torch.zeros(1, 313, 1, 1).scatter_(1, indices, shares)
    logits = torch.randn(1, 313, 1, 1, generator=torch.Generator().manual_seed(2))
    gradient = _gradient(lambda z: losses.soft_cross_entropy(z, target), logits)
    assert torch.allclose(gradient, (logits.softmax(dim=1) - code).flatten(), atol=1e-6)


# Adversaries (report 003)


def test_adversarial_losses_in_closed_form() -> None:
    """softplus(-x) = -log(sigmoid(x)); an undecided discriminator has logits 0."""
    real, fake = torch.tensor([2.0, -1.0]), torch.tensor([0.5, 3.0])
    expected = (0.9 * F.softplus(-real) + 0.1 * F.softplus(real)).mean() / 2 + F.softplus(fake).mean() / 2
    assert losses.discriminator_loss(real, fake).item() == pytest.approx(expected.item(), rel=1e-6)
    zeros = torch.zeros(2, 1, 30, 30)
    assert losses.discriminator_loss(zeros, zeros, smoothing=0).item() == pytest.approx(log(2), rel=1e-6)
    assert losses.generator_loss(fake).item() == pytest.approx(F.softplus(-fake).mean().item(), rel=1e-6)


def test_smoothing_is_one_sided() -> None:
    """The best logit for true colours is log(0.9 / 0.1); for predicted ones there is none, lower is always better."""
    real, fake = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    losses.discriminator_loss(real + log(9), fake - 10).backward()
    assert real.grad.item() == pytest.approx(0, abs=1e-7)
    assert fake.grad.item() > 0


def test_wasserstein_losses_are_differences_of_means() -> None:
    real, fake = torch.tensor([1.0, 2.0, 6.0]), torch.tensor([-1.0, 0.0, 4.0])
    assert losses.wasserstein_critic_loss(real, fake).item() == 1 - 3
    assert losses.wasserstein_generator_loss(fake).item() == -1


class _Linear(nn.Module):
    """score = sum of weight * ab / 110 over a picture: its slope is the norm of the weight everywhere."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, L: Tensor, ab: Tensor) -> Tensor:
        return (ab / 110).flatten(1) @ self.weight


@pytest.mark.parametrize("precision", [None, torch.bfloat16])
def test_penalty_of_a_linear_critic_in_closed_form(precision: torch.dtype | None) -> None:
    """(|w| - 1)^2, and its gradient over w is 2 (|w| - 1) w / |w|; inside autocast too, to single precision."""
    weight = torch.randn(2 * 4 * 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    critic = _Linear(weight.float())
    real, fake = _layers(3, 2, 4, 5)
    with torch.autocast("cpu", precision or torch.bfloat16, enabled=precision is not None):
        penalty = losses.gradient_penalty(critic, torch.zeros(3, 1, 4, 5), real, fake)
        penalty.backward()
    assert penalty.dtype == torch.float32
    assert penalty.item() == pytest.approx((weight.norm().item() - 1) ** 2, rel=1e-5)
    expected = 2 * (weight.norm() - 1) * weight / weight.norm()
    assert torch.allclose(critic.weight.grad.double(), expected, rtol=1e-5)


def test_penalty_of_several_scores_a_picture_is_that_of_their_mean() -> None:
    weight = torch.ones(2 * 4 * 4)
    real, fake = _layers(2, 2, 4, 4)
    L = torch.zeros(2, 1, 4, 4)

    def patches(L: Tensor, ab: Tensor) -> Tensor:
        score = _Linear(weight)(L, ab)
        return torch.stack([score * 0.5, score * 1.5], dim=1).view(2, 1, 1, 2)

    assert losses.gradient_penalty(patches, L, real, fake).item() == pytest.approx((32**0.5 - 1) ** 2, rel=1e-5)


def test_penalty_looks_between_true_and_predicted_colours() -> None:
    """A critic of slope |x| (score x^2 / 2, one pixel's a) tells where it was asked."""
    real = torch.tensor([110.0, 0.0]).view(1, 2, 1, 1).expand(64, -1, -1, -1)
    generator = torch.Generator().manual_seed(0)
    place = torch.rand(64, 1, 1, 1, generator=torch.Generator().manual_seed(0)).flatten()

    def critic(L: Tensor, ab: Tensor) -> Tensor:
        return (ab[:, 0, 0, 0] / 110).square() / 2

    penalty = losses.gradient_penalty(critic, torch.zeros(64, 1, 1, 1), real, torch.zeros_like(real), generator)
    assert penalty.item() == pytest.approx((place - 1).square().mean().item(), rel=1e-4)


def test_penalty_trains_a_real_critic_and_leaves_the_colorizer_alone() -> None:
    torch.manual_seed(0)
    critic = WassersteinCritic(width=4)
    real, fake = _layers(2, 2, 32, 32)
    fake.requires_grad_()
    with torch.no_grad():  # validation may ask for it as well
        losses.gradient_penalty(critic, torch.zeros(2, 1, 32, 32), real, fake)
    losses.gradient_penalty(critic, torch.zeros(2, 1, 32, 32), real, fake).backward()
    assert fake.grad is None
    first = next(critic.parameters())
    assert first.grad.isfinite().all()
    assert first.grad.abs().sum() > 0


def test_a_flat_critic_has_a_finite_gradient() -> None:
    critic = _Linear(torch.zeros(8))
    real, fake = _layers(1, 2, 2, 2)
    penalty = losses.gradient_penalty(critic, torch.zeros(1, 1, 2, 2), real, fake)
    penalty.backward()
    assert penalty.item() == pytest.approx(1, rel=1e-4)
    assert critic.weight.grad.isfinite().all()


# All


@pytest.mark.parametrize(
    "loss",
    [
        lambda p, t: losses.rarity(p, t, torch.ones(313)),
        losses.literal_rarity,
        lambda p, t: losses.soft_cross_entropy(p.repeat(1, 157, 1, 1)[:, :313], t),
        lambda p, t: losses.discriminator_loss(p, t),
        lambda p, t: losses.generator_loss(p),
        lambda p, t: losses.wasserstein_critic_loss(p, t),
    ],
)
def test_half_precision_is_computed_in_single(loss) -> None:
    predicted, target = _layers(2, 2, 4, 4, scale=3)
    predicted, target = predicted.half(), target.half()
    found = loss(predicted, target)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(loss(predicted.float(), target.float()).item(), rel=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: losses.rarity(a, a[:1], torch.ones(313)), r"differ in shape: \(2, 2, 4, 4\) and \(1, 2, 4, 4\)"),
        (lambda a: losses.rarity(a, a, torch.ones(312)), r"weights must have the shape \(313,\).*got \(312,\)"),
        (lambda a: losses.literal_rarity(a, a, "huber"), "mse, l1, smooth_l1"),
        (lambda a: losses.soft_cross_entropy(a, a), r"\(B, 313, h, w\), got \(2, 2, 4, 4\)"),
        (lambda a: losses.soft_cross_entropy(torch.zeros(2, 313, 3, 3), a), "multiples of the logits'"),
    ],
)
def test_errors_name_what_is_wrong(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(_layers(2, 2, 4, 4)[0])


def test_flat_variation_is_a_sum_over_neighbours_written_out():
    ab = torch.randn(2, 2, 5, 6, generator=torch.Generator().manual_seed(1)) * 30
    L = torch.rand(2, 1, 5, 6, generator=torch.Generator().manual_seed(2)) * 100
    down = [
        (ab[n, c, y + 1, x] - ab[n, c, y, x]).abs() / 110 * exp(-(L[n, 0, y + 1, x] - L[n, 0, y, x]).abs() / 2)
        for n in range(2)
        for c in range(2)
        for y in range(4)
        for x in range(6)
    ]
    across = [
        (ab[n, c, y, x + 1] - ab[n, c, y, x]).abs() / 110 * exp(-(L[n, 0, y, x + 1] - L[n, 0, y, x]).abs() / 2)
        for n in range(2)
        for c in range(2)
        for y in range(5)
        for x in range(5)
    ]
    expected = sum(down) / len(down) + sum(across) / len(across)
    assert float(losses.flat_variation(ab, L)) == pytest.approx(float(expected), rel=1e-5)
    assert losses.flat_variation(torch.full((1, 2, 4, 4), 30.0), L[:1, :, :4, :4]) == 0
