"""Report 001: the authors' release, the annealed mean, the other head."""

import pytest
import torch
from torch import Tensor, nn

from colorhub import ab_bins
from colorhub.models import ECCV16, WeightsError


def _count(model: nn.Module, trainable: bool = False) -> int:
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad or not trainable)


def _released() -> tuple[nn.ModuleDict, nn.Conv2d]:
    """The published network, layer by layer, under its published names: model1 to model8 and model_out."""
    blocks = {1: [(1, 64), (64, 64, 2)], 2: [(64, 128), (128, 128, 2)], 3: [(128, 256), (256, 256), (256, 256, 2)]}
    blocks |= {number: [(512, 512)] * 3 for number in (5, 6, 7)} | {4: [(256, 512), (512, 512), (512, 512)]}
    net = nn.ModuleDict()
    for number in range(1, 8):
        gap = 2 if number in (5, 6) else 1
        layers: list[nn.Module] = []
        for before, after, *stride in blocks[number]:
            layers += [nn.Conv2d(before, after, 3, *(stride or [1]), padding=gap, dilation=gap), nn.ReLU()]
        net[f"model{number}"] = nn.Sequential(*layers, nn.BatchNorm2d(after))
    net["model8"] = nn.Sequential(
        *(nn.ConvTranspose2d(512, 256, 4, 2, 1), nn.ReLU(), nn.Conv2d(256, 256, 3, 1, 1), nn.ReLU()),
        *(nn.Conv2d(256, 256, 3, 1, 1), nn.ReLU(), nn.Conv2d(256, 313, 1)),
    )
    return net, nn.Conv2d(313, 2, 1, bias=False)


def _release_forward(net: nn.ModuleDict, out: nn.Conv2d, L: Tensor) -> Tensor:
    x = (L - 50) / 100
    for block in net.values():
        x = block(x)
    return nn.functional.interpolate(out(x.softmax(dim=1)), scale_factor=4, mode="bilinear") * 110


def _release_weights(net: nn.ModuleDict, out: nn.Conv2d) -> dict[str, Tensor]:
    return {**net.state_dict(), **{f"model_out.{name}": tensor for name, tensor in out.state_dict().items()}}


@pytest.fixture(scope="module")
def release() -> tuple[nn.ModuleDict, nn.Conv2d]:
    torch.manual_seed(0)
    net, out = _released()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
    nn.init.normal_(net["model8"][6].weight)  # so that the distribution is not flat
    with torch.no_grad():
        out.weight.copy_(ab_bins.bin_centers().T[:, :, None, None] / 110)
    return net.eval(), out


def test_release_weights_give_the_releases_colours(release) -> None:
    weights = _release_weights(*release)
    model = ECCV16.from_release(weights)
    assert _count(model) == _count(release[0]) + _count(release[1]) == 32_236_011
    L = torch.rand(1, 1, 48, 64) * 100
    with torch.no_grad():
        expected = _release_forward(*release, L)
        found = model(L)
    assert expected.std() > 5
    assert torch.allclose(found.ab, expected, atol=1e-2)
    assert found.logits.shape == (1, 313, 12, 16)


def test_release_weights_of_older_torch_and_wrong_ones(release) -> None:
    weights = _release_weights(*release)
    old = {name: tensor for name, tensor in weights.items() if "num_batches_tracked" not in name}
    L = torch.rand(1, 1, 16, 16) * 100
    assert torch.equal(ECCV16.from_release(old)(L).ab, ECCV16.from_release(weights)(L).ab)
    with pytest.raises(WeightsError, match=r"model1.0.weight is missing"):
        ECCV16.from_release({})
    with pytest.raises(WeightsError, match=r"missing blocks.2.4.bias; unexpected extra"):
        ECCV16.from_release({k: v for k, v in weights.items() if k != "model3.4.bias"} | {"extra": L})
    with pytest.raises(WeightsError, match=r"head.bias has the shape \(2,\), expected \(313,\)"):
        ECCV16.from_release({**weights, "model8.6.bias": torch.zeros(2)})


def test_classification_answers_with_the_annealed_mean_of_its_logits() -> None:
    torch.manual_seed(0)
    model = ECCV16(width=4).eval()
    L = torch.rand(1, 1, 32, 40) * 100
    answer = model(L)
    expected = nn.functional.interpolate(ab_bins.annealed_mean(answer.logits, 0.38), scale_factor=4, mode="bilinear")
    assert torch.allclose(answer.ab, expected, atol=1e-4)
    model.temperature = 0
    modes = ab_bins.annealed_mean(answer.logits, 0)
    assert torch.equal(model(L).ab, nn.functional.interpolate(modes, scale_factor=4, mode="bilinear"))


def test_bin_centres_survive_half_precision_and_an_optimizer() -> None:
    model = ECCV16(width=4)
    centers = model.model_out.weight[:, :, 0, 0].T
    assert torch.equal(centers, ab_bins.bin_centers())
    assert torch.equal(centers.half().float(), centers)
    model(torch.rand(2, 1, 16, 16) * 100).ab.square().mean().backward()
    assert model.model_out.weight.grad is None


def test_regression_head_has_neither_bins_nor_logits() -> None:
    model = ECCV16(head="regression", width=4)
    assert model(torch.rand(1, 1, 16, 16) * 100).logits is None
    assert not any("model_out" in name for name in model.state_dict())
    with pytest.raises(ValueError, match=r"Unknown head 'l2'. Expected one of classification, regression"):
        ECCV16(head="l2")
