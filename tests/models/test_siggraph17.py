"""SIGGRAPH17: hints, both conventions of their mask, the distribution, the release's state dicts."""

import pytest
import torch
from released import ReleasedSIGGRAPH17, siggraph17_release

from colorhub import ab_bins
from colorhub.models import SIGGRAPH17, WeightsError


@pytest.fixture(scope="module")
def release() -> ReleasedSIGGRAPH17:
    return siggraph17_release()


def hinted(*shape: int) -> torch.Tensor:
    """Hints ``(B, 3, H, W)`` at a few pixels."""
    hints = torch.zeros(shape[0], 3, *shape[1:])
    hints[:, 0, 3:6, 4:8], hints[:, 1, 3:6, 4:8], hints[:, 2, 3:6, 4:8] = 40.0, -25.0, 1.0
    return hints


@torch.no_grad()
@pytest.mark.parametrize("center", [0.0, 0.5])
def test_release_weights_give_the_releases_colours(release: ReleasedSIGGRAPH17, center: float) -> None:
    model = SIGGRAPH17.from_release(release.state_dict(), mask_center=center)
    L, hints = torch.rand(2, 1, 40, 24) * 100, hinted(2, 40, 24)
    for given in (hints, None):
        ab, mask = (
            (given[:, :2], given[:, 2:]) if given is not None else (torch.zeros(2, 2, 40, 24), torch.zeros_like(L))
        )
        expected, cells = release(L, ab, mask - center)
        found = model(L, given)
        assert expected.std() > 1
        assert torch.allclose(found.ab, expected, atol=1e-3)
        a, b = ab_bins.bin_centers().T
        indices = ((a + 110) / 10 * 23 + (b + 110) / 10).long()  # a slowly, b fast, from -110 in steps of 10
        assert torch.equal(found.logits, cells[:, indices])
    assert (model(L, hints).ab - model(L).ab).abs().max() > 0.1


@torch.no_grad()
def test_what_lies_where_the_mask_is_0_is_not_seen(release: ReleasedSIGGRAPH17) -> None:
    model = SIGGRAPH17.from_release(release.state_dict())
    L, hints = torch.rand(1, 1, 16, 16) * 100, hinted(1, 16, 16)
    silent = torch.where(hints[:, 2:] > 0, hints, torch.tensor([70.0, 70.0, 0.0]).view(1, 3, 1, 1))
    assert torch.equal(model(L, silent).ab, model(L, hints).ab)


def test_older_files_and_wrong_ones(release: ReleasedSIGGRAPH17) -> None:
    weights = release.state_dict()
    old = {name: tensor for name, tensor in weights.items() if "num_batches_tracked" not in name}
    assert SIGGRAPH17.from_release(old).working_size == 256
    with pytest.raises(WeightsError, match=r"not the weights of a released SIGGRAPH17"):
        SIGGRAPH17.from_release({})
    with pytest.raises(WeightsError, match=r"missing distribution.bias"):
        SIGGRAPH17.from_release({name: tensor for name, tensor in weights.items() if name != "model_class.0.bias"})
    with pytest.raises(ValueError, match=r"mask_center 0 or 0.5, got 4 and 0.3"):
        SIGGRAPH17.from_release(weights, mask_center=0.3)
