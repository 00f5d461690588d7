"""Blotches: a closed form, and pictures whose order is known."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from colorhub.metrics import blotchiness


def _waves(period: float, size: int = 256) -> Tensor:
    return torch.sin(2 * torch.pi * (torch.arange(size) + 0.5) / period).expand(1, 1, size, size)


@pytest.mark.parametrize("period", [32, 64])
def test_blotchiness_in_closed_form(period: int) -> None:
    """Of waves on an even picture: cells of 4 pixels and a Gaussian of 8 cells each take a known part."""
    height, mean = 5.0, 20.0
    ab = torch.cat([mean + height * _waves(period), torch.zeros(1, 1, 256, 256)], dim=1)
    cells = np.sin(4 * np.pi / period) / (4 * np.sin(np.pi / period))
    around = np.exp(-2 * (np.pi * 32 / period) ** 2)
    expected = (height * cells * (1 - around)) ** 2 / 2 / mean
    found = blotchiness(ab, torch.full((1, 1, 256, 256), 60.0), torch.zeros(1, 2, 256, 256))
    assert found.item() == pytest.approx(expected, rel=0.08)  # at the edges, surroundings end


def test_blotchiness_counts_what_is_uneven_where_the_original_is_flat() -> None:
    L = torch.full((1, 1, 256, 256), 70.0)
    sky = torch.tensor([-5.0, -25.0]).view(1, 2, 1, 1).expand(1, 2, 256, 256)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, 2, 256, 256, generator=generator)
    coarse = nn.functional.interpolate(torch.randn(1, 2, 10, 10, generator=generator), 256, mode="bicubic")
    even, weak, strong = (blotchiness(sky + part, L, sky).item() for part in (0 * noise, 2 * coarse, 6 * coarse))
    assert even == pytest.approx(0, abs=1e-4)
    assert weak > 5 * blotchiness(sky + 2 * noise, L, sky).item()  # noise of more variance is hardly any
    assert strong > 4 * weak
    assert blotchiness(sky * 2, L, sky).item() == pytest.approx(0, abs=1e-4)  # too much of one colour neither
    assert blotchiness(0 * sky, L, sky).item() == 0
    # What the original has too, or what follows its lightness, is no blotch.
    there = sky + 15 * coarse
    assert not blotchiness(there, L, there).item() > strong / 4
    textured = L + 10 * torch.randn(1, 1, 256, 256, generator=generator)
    assert torch.isnan(blotchiness(sky + 6 * coarse, textured, sky)).all()


def test_blotchiness_is_each_pictures_own() -> None:
    L, ab = torch.full((3, 1, 96, 128), 50.0), torch.randn(3, 2, 96, 128).cumsum(dim=3)
    together = blotchiness(ab, L, torch.zeros_like(ab))
    alone = torch.cat([blotchiness(ab[i : i + 1], L[:1], torch.zeros(1, 2, 96, 128)) for i in range(3)])
    assert torch.allclose(together, alone, rtol=1e-4)
