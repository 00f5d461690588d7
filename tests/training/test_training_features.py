"""The distance in a frozen network's features, against timm itself and scikit-image's colours."""

import numpy as np
import pytest
import timm
import torch
from skimage.color import lab2rgb

from colorhub.models import WeightsError
from training.tasks.features import FeatureDistance

NAME = "tf_efficientnet_lite0"


def _maps(network: torch.nn.Module, L: torch.Tensor, ab: torch.Tensor) -> list[torch.Tensor]:
    lab = torch.cat([L, ab], dim=1).permute(0, 2, 3, 1).double().numpy()
    rgb = torch.from_numpy(lab2rgb(lab)).permute(0, 3, 1, 2).float()
    return network((rgb - 0.5) / 0.5)  # the pictures of EfficientNet-Lite were scaled to -1..1


def test_it_is_the_relative_difference_of_timms_maps(tmp_path) -> None:
    torch.manual_seed(0)
    whole = timm.create_model(NAME, pretrained=False)
    torch.save(whole.state_dict(), tmp_path / "weights.pth")
    network = timm.create_model(NAME, pretrained=False, features_only=True, out_indices=(1, 2, 3)).eval()
    network.load_state_dict(whole.state_dict(), strict=False)
    L = torch.rand(2, 1, 64, 96) * 20 + 50
    predicted, target = (torch.rand(2, 2, 64, 96) * 40 - 20 for _ in range(2))  # inside sRGB at this lightness
    with torch.no_grad():
        pairs = zip(_maps(network, L, predicted), _maps(network, L, target), strict=True)
        expected = np.mean([float((p - t).abs().mean() / t.abs().mean()) for p, t in pairs])
    found = FeatureDistance(NAME, str(tmp_path / "weights.pth"))(L, predicted, target)
    assert float(found) == pytest.approx(expected, rel=1e-3)


def test_only_the_prediction_is_moved_and_the_network_stays() -> None:
    distance = FeatureDistance("test_efficientnet", None)
    L, ab = torch.full((1, 1, 32, 32), 60.0), torch.zeros(1, 2, 32, 32)
    assert not any(weight.requires_grad for weight in distance.parameters())
    assert not any(module.training for module in distance.modules())
    wild = (torch.randn(1, 2, 32, 32) * 80).requires_grad_()  # mostly outside sRGB
    distance(L, wild, ab).backward()
    assert torch.isfinite(wild.grad).all()
    assert wild.grad.any()


def test_errors_are_those_of_backbones() -> None:
    with pytest.raises(ValueError, match="timm has no model 'test_efficentnet'"):
        FeatureDistance("test_efficentnet", None)
    with pytest.raises(WeightsError, match=r"nowhere\.safetensors cannot be read"):
        FeatureDistance("test_efficientnet", "nowhere.safetensors")
