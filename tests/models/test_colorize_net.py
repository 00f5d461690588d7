"""Report 002: the sweep's channels and scales, the regressor and its use as a prior."""

from pathlib import Path

import pytest
import torch
from torch import nn

from colorhub.models import ChromaRegressor, ColorizeNet


def _count(model: nn.Module, trainable: bool = False) -> int:
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad or not trainable)


@pytest.mark.parametrize(
    ("depth", "most", "expected"),
    [(3, 128, [8, 32, 128]), (3, 512, [8, 64, 512]), (3, 64, [8, 23, 64]), (5, 128, [8, 16, 32, 64, 128])],
)
def test_channels_of_the_sweep(depth: int, most: int, expected: list[int]) -> None:
    model = ColorizeNet(depth=depth, max_channels=most)
    assert model.channels == expected
    down = [m.out_channels for m in model.down.modules() if isinstance(m, nn.Conv2d)]
    up = [m.out_channels for m in model.up.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert (down, up) == (expected, [*expected[-2::-1], 2])


def test_colours_are_on_the_reports_scale() -> None:
    """(ab + 128) / 255: a relu of 0 is -128; sigmoid and tanh of 0 are half a unit below 0, and -128."""
    L = torch.zeros(1, 1, 16, 16)
    for activation, expected in (("relu", -128), ("sigmoid", -0.5), ("tanh", -128)):
        model = ColorizeNet(activation=activation)
        nn.init.zeros_(model.up[-2].weight)
        nn.init.zeros_(model.up[-2].bias)
        assert torch.equal(model(L).ab, torch.full((1, 2, 16, 16), float(expected)))


def test_regressor_answers_with_one_colour() -> None:
    torch.manual_seed(0)
    model = ChromaRegressor(width=4).eval()
    L = torch.rand(2, 1, 128, 128) * 100
    ab = model(L).ab
    assert torch.equal(ab, model.mean(L)[:, :, None, None].expand_as(ab))
    assert not torch.equal(ab[0], ab[1])
    with torch.device("meta"):
        layers = list(zip((1, 32, 64, 128, 256, 256), (32, 64, 128, 256, 256, 512), strict=True))
        expected = sum(16 * before * after + 2 * after for before, after in layers) + 2048 * 2 + 2
        assert _count(ChromaRegressor()) == expected


def test_prior_is_added_and_stays_as_it_was_trained(tmp_path: Path) -> None:
    torch.manual_seed(0)
    regressor = ChromaRegressor().eval()
    plain, model = ColorizeNet().eval(), ColorizeNet(prior=True).eval()
    model.load_state_dict(plain.state_dict(), strict=False)
    model.borrow_prior(regressor)
    L = torch.rand(1, 1, 64, 64) * 100
    expected = plain(L).ab + regressor.mean(L)[:, :, None, None]
    assert torch.allclose(model(L).ab, expected.clamp(-128, 127), atol=1e-4)
    assert not any(weight.requires_grad for weight in model.prior.parameters())
    assert _count(model, trainable=True) == _count(plain)
    with pytest.raises(ValueError, match="build it with prior=True"):
        plain.borrow_prior(regressor)
    with pytest.raises(ValueError, match="width 32, got one of width 4"):
        model.borrow_prior(ChromaRegressor(width=4))


def test_settings_of_the_sweep_are_checked() -> None:
    with pytest.raises(ValueError, match="depth 3 to 6 and max_channels 64 to 512, got 2 and 128"):
        ColorizeNet(depth=2)
    with pytest.raises(ValueError, match="Expected one of relu, sigmoid, tanh"):
        ColorizeNet(activation="gelu")
