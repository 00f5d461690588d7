"""bfloat16 training on a CPU: depthwise convolutions keep float32, and everything else stays as it was."""

import copy

import torch
from torch import nn

from colorhub.models import SemanticColorizer
from training.cpu import speed_up_bfloat16


def _gradient(model: nn.Module, L: torch.Tensor, *, precision: torch.dtype | None) -> dict[str, torch.Tensor]:
    model.zero_grad()
    with torch.autocast("cpu", precision, enabled=precision is not None):
        model(L).logits.float().logsumexp(1).mean().backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def _distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """Of two gradients, as a share of the second's length."""
    missed = sum(float((one[name] - other[name]).square().sum()) for name in other)
    return (missed / sum(float(gradient.square().sum()) for gradient in other.values())) ** 0.5


def test_gradients_are_as_near_to_those_of_float32_as_before() -> None:
    torch.manual_seed(0)
    plain = SemanticColorizer(**SemanticColorizer.tiny()).train()
    faster = copy.deepcopy(plain)
    L = 100 * torch.rand(4, 1, 64, 64)
    exact = _gradient(plain, L, precision=None)
    before = _gradient(plain, L, precision=torch.bfloat16)
    fused = torch.backends.cuda.flash_sdp_enabled()
    try:
        speed_up_bfloat16(faster)
        after = _gradient(faster, L, precision=torch.bfloat16)
    finally:
        torch.backends.cuda.enable_flash_sdp(fused)
    assert after.keys() == exact.keys()
    assert _distance(after, exact) <= 1.1 * _distance(before, exact)


def test_a_depthwise_convolution_is_that_of_float32() -> None:
    torch.manual_seed(0)
    depthwise, x = nn.Conv2d(8, 8, 5, padding=2, groups=8), torch.randn(2, 8, 9, 9).bfloat16()
    expected = depthwise(x.float()).bfloat16()
    fused = torch.backends.cuda.flash_sdp_enabled()
    try:
        speed_up_bfloat16(depthwise)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(depthwise(x), expected)
            assert torch.equal(copy.deepcopy(depthwise)(x), expected)  # as the running mean of the weights is made
    finally:
        torch.backends.cuda.enable_flash_sdp(fused)
    assert list(depthwise.state_dict()) == ["weight", "bias"]
