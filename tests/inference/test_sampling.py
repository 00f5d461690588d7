"""Several colourings of one photo: exact draws from known distributions, whole things in one colour, reproducible."""

import numpy as np
import pytest
import torch
from photos import grey_photo

from colorhub import Settings, ab_bins
from colorhub.inference.sampling import along_edges, sample, soft_regions

RED, BLUE = 268, 60  # two bins far apart
FLAT = torch.full((1, 1, 16, 16), 50.0)


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(2, 313, 12, 10, generator=torch.Generator().manual_seed(1)) * 3


@pytest.fixture
def L() -> torch.Tensor:
    return torch.rand(2, 1, 48, 40, generator=torch.Generator().manual_seed(2)) * 100


def two_colours(height: int = 16, width: int = 16) -> torch.Tensor:
    """Every pixel is red or blue with equal chances."""
    logits = torch.full((1, 313, height, width), -30.0)
    logits[:, [RED, BLUE]] = 0.0
    return logits


def test_every_pixel_is_a_draw_from_its_own_distribution() -> None:
    """Shares of bins over 2,000 colourings against the softmax, within 4 standard errors of independent draws.

    The two halves have different distributions and an edge of lightness between them."""
    logits = torch.full((1, 313, 4, 8), -30.0)
    logits[0, [10, 150, 300], :, :4] = torch.tensor([0.0, 1.0, 2.0])[:, None, None]
    logits[0, [20, 150], :, 4:] = torch.tensor([0.0, 0.5])[:, None, None]
    L = torch.cat([torch.full((1, 1, 4, 4), 5.0), torch.full((1, 1, 4, 4), 95.0)], dim=3)
    expected = along_edges(logits.softmax(dim=1), L)[0, :, 2, [0, 7]]
    count = 2000
    bins = ab_bins.nearest_bin(sample(logits, L, count, seed=3, blend=0)[:, 0])[:, 2, [0, 7]]
    shares = torch.stack([torch.bincount(bins[:, x], minlength=313) for x in range(2)], dim=1) / count
    error = (expected * (1 - expected) / count).sqrt()
    assert ((shares - expected).abs() <= 4 * error + 1e-4).all()
    assert (expected[:, 0] - logits[0, :, 0, 0].softmax(dim=0)).abs().max() < 0.02  # the edge kept them apart


def test_few_colourings_already_cover_the_distribution() -> None:
    """Of any four successive colourings of one colour or the other, both are there: chance alone leaves one out 1 in 8
    times."""
    drawn = [ab_bins.nearest_bin(sample(two_colours(), FLAT, 4, seed=seed)[:, 0])[:, 8, 8] for seed in range(20)]
    assert {tuple(sorted(set(bins.tolist()))) for bins in drawn} == {(BLUE, RED)}


def test_a_thing_has_one_colour() -> None:
    """A dark disc on a light ground, both red or blue: in each colouring each is one of them as a whole, though not
    always the same one."""
    y, x = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    disc = (y - 32) ** 2 + (x - 32) ** 2 < 18**2
    L = torch.where(disc, 20.0, 80.0)[None, None]
    inside, outside = (y - 32) ** 2 + (x - 32) ** 2 < 14**2, (y - 32) ** 2 + (x - 32) ** 2 > 22**2
    noise = torch.randn(1, 313, 64, 64, generator=torch.Generator().manual_seed(3)) * 0.2  # what per-pixel draws follow
    pairs, whole = set(), []
    for ab in torch.cat([sample(two_colours(64, 64) + noise, L, 8, seed=seed) for seed in range(4)]):
        bins = ab_bins.nearest_bin(ab)[0]
        found = []
        for part in (inside, outside):
            values, counts = bins[part].unique(return_counts=True)
            whole.append(float(counts.max() / counts.sum()))
            found.append(int(values[counts.argmax()]))
        pairs.add(tuple(found))
    assert min(whole) > 0.97
    assert len(pairs) >= 3


def test_colour_changes_where_the_photo_does() -> None:
    """On a real photo with one distribution everywhere, neighbours differ where lightness does: total variation is a
    small part of what independent pixels would have."""
    grey = np.asarray(grey_photo("astronaut", (48, 48)), np.float32)
    L = torch.tensor(grey / 2.55)[None, None]
    logits = ab_bins.bin_centers().square().sum(dim=1).div(-2 * 30.0**2).view(1, 313, 1, 1).expand(1, 313, 48, 48)
    drawn = sample(logits, L, 6, seed=4)[:, 0]
    rough = (drawn.diff(dim=2).abs().mean() + drawn.diff(dim=3).abs().mean()) / 2
    shuffled = drawn.flatten(2)[..., torch.randperm(48 * 48)].view_as(drawn)
    assert rough < 0.25 * shuffled.diff(dim=3).abs().mean()
    assert torch.pdist(drawn.mean(dim=(2, 3))).max() > 10


def test_the_seed_decides_and_nothing_else(logits: torch.Tensor, L: torch.Tensor) -> None:
    three = sample(logits, L, 3, seed=9)
    assert three.shape == (3, 2, 2, 12, 10)
    assert torch.equal(sample(logits, L, 3, seed=9), three)
    assert torch.equal(sample(logits, L, 2, seed=9), three[:2])
    assert torch.allclose(sample(logits[1:], L[1:], 3, seed=9), three[:, 1:], atol=1e-3)
    assert not torch.allclose(sample(logits, L, 3, seed=10), three, atol=1)
    torch.manual_seed(0)
    before = torch.rand(1)
    torch.manual_seed(0)
    sample(logits, L, 1)
    assert torch.equal(torch.rand(1), before)  # the caller's random numbers are left alone


def test_cold_samples_are_the_mode() -> None:
    logits = torch.randn(1, 313, 1, 1, generator=torch.Generator().manual_seed(5)).expand(1, 313, 16, 16)
    cold = sample(logits, FLAT, 2, temperature=1e-3, blend=0)
    assert torch.equal(cold[0], ab_bins.annealed_mean(logits, 0))
    assert torch.equal(cold[1], cold[0])


def test_blending_is_a_mean_around_the_draw() -> None:
    """Two likely colours far apart never mix; two bins side by side do."""
    apart = sample(two_colours(), FLAT, 8, seed=2)
    centers = ab_bins.bin_centers()[[RED, BLUE]]
    assert torch.cdist(apart[:, 0, :, 8, 8], centers).amin(dim=1).max() < 0.1
    logits = torch.full((1, 313, 16, 16), -30.0)
    logits[:, [RED, RED + 1]] = 0.0
    side = sample(logits, FLAT, 8, seed=2)[:, 0, :, 8, 8]
    middle = ab_bins.bin_centers()[[RED, RED + 1]].mean(dim=0)
    assert (side - middle).norm(dim=1).max() < 4


def test_regions_are_shares_and_follow_the_photo() -> None:
    L = torch.cat([torch.full((1, 1, 16, 8), 10.0), torch.full((1, 1, 16, 8), 90.0)], dim=3)
    regions = soft_regions(L, torch.full((1, 313, 16, 16), 1 / 313))
    assert torch.allclose(regions.sum(dim=1), torch.ones(1, 16, 16), atol=1e-5)
    left, right = regions[0, :, 8, 1], regions[0, :, 8, 14]
    assert (left * right).sum() < 0.05 * left.norm() * right.norm()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 2), (3, 17)])
def test_any_size(shape: tuple[int, int]) -> None:
    ab = sample(torch.randn(1, 313, *shape), torch.rand(1, 1, *shape) * 100, 2)
    assert ab.shape == (2, 1, 2, *shape)
    assert ab.isfinite().all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sample(torch.zeros(1, 313, 2, 2), torch.zeros(1, 1, 2, 2), 0), "samples must be at least 1"),
        (lambda: sample(torch.zeros(1, 313, 2, 2), torch.zeros(1, 1, 2, 2), 1, 0.0), "temperature above 0"),
        (lambda: sample(torch.zeros(1, 5, 2, 2), torch.zeros(1, 1, 2, 2), 1), r"\(B, 313, h, w\), got \(1, 5, 2, 2\)"),
        (lambda: Settings(samples=0), "samples must be a whole number between 1 and 64, got 0"),
        (lambda: Settings(temperature=-1), "temperature must be a number between 0 and 4"),
        (lambda: Settings(temperature=0, samples=2), "all be the same"),
    ],
)
def test_errors_say_what_is_expected(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
