"""Sharing logits within edges, against scipy's filters and closed forms."""

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve

from colorhub import ab_bins
from colorhub.models.smoothing import edge_avoiding, smoothed_where_hues_differ


def same(maps: torch.Tensor) -> torch.Tensor:
    """A head whose logits are its features."""
    return maps


def likely(*colours: tuple[int, int]) -> torch.Tensor:
    """Logits ``(313,)`` in which these bins alone are likely, all alike."""
    found = torch.full((313,), -80.0)
    for colour in colours:
        found[(ab_bins.bin_centers() == torch.tensor(colour)).all(dim=1)] = 0
    return found


def test_without_edges_it_is_the_binomial_filter_with_holes() -> None:
    maps = torch.randn(2, 3, 20, 17, generator=torch.Generator().manual_seed(0))
    expected = maps.double().numpy()
    for step in (1, 2, 4):
        side = np.zeros(2 * step + 1)
        side[[0, step, -1]] = 0.25, 0.5, 0.25
        expected = convolve(expected, np.outer(side, side)[None, None], mode="nearest")
    found = edge_avoiding(maps, torch.full((2, 1, 20, 17), 50.0), 3)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_nothing_is_shared_across_an_edge() -> None:
    L = torch.zeros(1, 1, 16, 16)
    L[..., 8:] = 80
    maps = (L > 40).float() * torch.tensor([1.0, -3.0])[:, None, None]
    assert torch.allclose(edge_avoiding(maps, L, 4), maps, atol=1e-5)


def test_logits_are_shared_where_hues_differ_alone() -> None:
    maps = likely((40, 20))[None, :, None, None].repeat(1, 1, 12, 16)
    maps[..., 8:] = likely((40, 0), (-40, 0))[:, None, None]
    maps[0, :, 5, 12] = likely((0, 60))  # a sure colour in the middle of doubt
    L = torch.full((1, 1, 12, 16), 50.0)
    found = smoothed_where_hues_differ(maps, same, L, 2)
    kept = np.zeros((12, 16), bool)
    kept[:, :8] = kept[5, 12] = True
    assert torch.equal(found[0][:, kept], maps[0][:, kept])
    shared = edge_avoiding(maps, L, 2)
    assert torch.allclose(found[0][:, ~kept], shared[0][:, ~kept], atol=1e-4)


def test_smoothing_features_is_smoothing_logits() -> None:
    """A convolution of 1 x 1 is affine, and the weights of a mean add up to one."""
    generator = torch.Generator().manual_seed(1)
    head = torch.nn.Conv2d(24, 313, 1)
    features = torch.randn(2, 24, 20, 17, generator=generator)
    L = 100 * torch.rand(2, 1, 20, 17, generator=generator)
    with torch.inference_mode():
        expected = smoothed_where_hues_differ(head(features), same, L, 3)
        found = smoothed_where_hues_differ(features, head, L, 3)
        assert not torch.allclose(found, head(features), atol=0.1)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_no_pass_changes_nothing() -> None:
    maps = torch.randn(1, 313, 4, 4)
    assert smoothed_where_hues_differ(maps, same, torch.zeros(1, 1, 16, 16), 0) is maps


@pytest.mark.parametrize("size", [(1, 1), (2, 9)])
def test_pictures_smaller_than_the_reach(size: tuple[int, int]) -> None:
    maps = torch.randn(1, 313, *size)
    found = smoothed_where_hues_differ(maps, same, torch.rand(1, 1, *size) * 100, 4)
    assert found.shape == maps.shape
    assert found.isfinite().all()
