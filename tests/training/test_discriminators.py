"""Report 003: the patch discriminator and the critic."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from colorhub.models import EncoderClassifier, HubModel, UNet, WeightsError
from training.tasks.discriminators import PatchDiscriminator, WassersteinCritic


def _pictures(count: int, side: int) -> tuple[Tensor, Tensor]:
    return torch.rand(count, 1, side, side) * 100, torch.randn(count, 2, side, side) * 40


def test_patches_of_70_pixels_at_30_by_30_places() -> None:
    torch.manual_seed(0)
    model = PatchDiscriminator(width=2).eval()
    L, ab = _pictures(1, 256)
    ab.requires_grad_()
    logits = model(L, ab)
    assert logits.shape == (1, 1, 30, 30)
    logits[0, 0, 15, 15].backward()
    seen = ab.grad.abs().sum(dim=(0, 1)) > 0
    assert seen.any(dim=1).sum() == seen.any(dim=0).sum() == 70


def test_critic_judges_every_picture_by_itself() -> None:
    torch.manual_seed(0)
    model = WassersteinCritic(width=4).train()
    assert not any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules())
    L, ab = _pictures(3, 32)
    together = model(L, ab)
    assert together.shape == (3,)
    assert torch.allclose(together, torch.cat([model(L[i : i + 1], ab[i : i + 1]) for i in range(3)]), atol=1e-5)


@pytest.mark.parametrize("cls", [PatchDiscriminator, WassersteinCritic])
def test_adversaries_are_saved_beside_colorizers(cls: type[HubModel], tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = cls(**cls.tiny()).eval()
    model.save_pretrained(tmp_path)
    L, ab = _pictures(2, 33)
    assert torch.equal(cls.from_pretrained(tmp_path)(L, ab), model(L, ab))
    with pytest.raises(WeightsError, match=f"holds weights of the architecture '{cls.architecture}'"):
        UNet.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"both sides at least 24, got \(1, 1, 16, 16\)"):
        model(*_pictures(1, 16))


def test_gradients_reach_every_parameter_of_adversaries_and_classifier() -> None:
    torch.manual_seed(0)
    for model in (PatchDiscriminator(width=4), WassersteinCritic(width=4), EncoderClassifier(width=4)):
        pictures = _pictures(2, 64)
        answer = model(pictures[0]) if isinstance(model, EncoderClassifier) else model(*pictures)
        answer.square().mean().backward()
        assert [name for name, weight in model.named_parameters() if not weight.grad.abs().sum() > 0] == []
