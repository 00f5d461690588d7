"""DDColor: the release's state dicts against the same network computed as the paper writes it."""

import pytest
import torch
from released import ReleasedDDColor, ddcolor_release, sines
from skimage.color import lab2rgb
from torch.nn.utils import remove_spectral_norm

from colorhub.color import lightness_to_grey
from colorhub.models import DDColor, WeightsError, create
from colorhub.models.ddcolor_decoder import sine_places


def grey(L: torch.Tensor) -> torch.Tensor:
    """L ``(B, 1, H, W)`` as sRGB ``(B, 3, H, W)``, by scikit-image."""
    lab = torch.cat([L, torch.zeros_like(L), torch.zeros_like(L)], dim=1)
    return torch.from_numpy(lab2rgb(lab.permute(0, 2, 3, 1).numpy())).permute(0, 3, 1, 2).float()


@pytest.fixture(scope="module")
def release() -> ReleasedDDColor:
    return ddcolor_release()


@torch.no_grad()
def test_release_weights_give_the_papers_colours(release: ReleasedDDColor) -> None:
    model = DDColor.from_release(release.state_dict())
    assert (model.size, model.working_size, model.training) == ("test", 512, False)
    L = torch.rand(2, 1, 64, 96) * 100
    expected = release(grey(L))
    assert 5 < expected.std() < 60
    assert (model(L).ab - expected.clamp(-128, 128)).abs().max() < 1e-3
    parameters = [sum(weight.numel() for weight in net.parameters()) for net in (model, release)]
    assert parameters[0] == parameters[1]


@torch.no_grad()
def test_spectral_norm_is_folded_as_torch_removes_it() -> None:
    net = ddcolor_release()
    model = DDColor.from_release(net.state_dict())
    for block in net.decoder.layers:
        remove_spectral_norm(block.conv[0])
    for own, theirs in zip(model.pixels.blocks, net.decoder.layers, strict=True):
        assert torch.allclose(own.merge.weight, theirs.conv[0].weight, atol=1e-6)


def test_places_are_the_papers() -> None:
    assert torch.allclose(sine_places(torch.zeros(1, 1, 3, 5), 16), sines(3, 5, 16), atol=1e-5)


def test_what_is_no_release_of_it_is_refused(release: ReleasedDDColor) -> None:
    weights = release.state_dict()
    with pytest.raises(
        WeightsError, match=r"not the weights of a released DDColor: decoder.*query_feat.weight is missing"
    ):
        DDColor.from_release({"model1.0.weight": torch.zeros(1)})
    with pytest.raises(WeightsError, match=r"config says decoder_name = 'SingleColorDecoder', and only 'MultiScale"):
        DDColor.from_release(weights, {"decoder_name": "SingleColorDecoder"})
    with pytest.raises(WeightsError, match=r"missing refine.bias; unexpected left.over"):
        changed = {name: tensor for name, tensor in weights.items() if name != "refine_net.0.0.bias"}
        DDColor.from_release({**changed, "left.over": torch.zeros(1)})
    with pytest.raises(WeightsError, match=r"spectral normalization of refine_net.0.0"):
        DDColor.from_release({name: tensor for name, tensor in weights.items() if name != "refine_net.0.0.weight_u"})
    with pytest.raises(WeightsError, match=r"\(1, 1, 1, 1\) blocks of \(8, 16, 24, 32\) channels: none of tiny, large"):
        DDColor.from_release({name: tensor for name, tensor in weights.items() if ".stages.2.1." not in name})


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match=r"Unknown size 'huge'. Expected one of tiny, large"):
        create("ddcolor", size="huge")
    with pytest.raises(ValueError, match=r"width must be a multiple of 32"):
        create("ddcolor", size="test", width=40)


@pytest.mark.slow
@torch.no_grad()
def test_released_shapes_give_the_papers_colours() -> None:
    net = ddcolor_release(depths=(3, 3, 9, 3), widths=(96, 192, 384, 768), nf=512, queries=100, layers=9)
    assert len(net.state_dict()) == 440
    L = torch.rand(1, 1, 64, 96) * 100
    model = DDColor.from_release(net.state_dict())
    assert model.size == "tiny"
    same = lightness_to_grey(L).expand(-1, 3, -1, -1)  # scikit-image's differs by 4e-5, which random weights enlarge
    assert (model(L).ab - net(same).clamp(-128, 128)).abs().max() < 1e-3
