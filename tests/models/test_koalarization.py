"""Report 004: any timm extractor, fed rightly, never trained, always saved."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from colorhub.models import Koalarization, WeightsError, create


def _count(model: nn.Module, trainable: bool = False) -> int:
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad or not trainable)


@pytest.mark.slow
def test_importing_the_models_does_not_import_timm() -> None:
    code = "import sys, colorhub.models; raise SystemExit('timm' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, timeout=120).returncode == 0


def _koalarization(**settings) -> Koalarization:
    torch.manual_seed(0)
    return Koalarization(**{**Koalarization.tiny(), **settings}).eval()


def test_any_timm_model_extracts_by_one_argument() -> None:
    with torch.device("meta"):
        model = create("koalarization", extractor="resnet18")
        assert model.extractor_size == 224
        assert _count(model) == 6_573_794 + _count(timm.create_model("resnet18"))
        pooled = create("koalarization", extractor="mobilenetv3_small_100", features="pooled")
        assert pooled.fusion.in_channels == 256 + 1024  # more than timm's num_features, 576


def test_extractor_sees_lightness_as_timm_would() -> None:
    model = _koalarization(extractor_size=16)
    facts = timm.create_model("test_resnet").pretrained_cfg
    L = torch.rand(1, 1, 16, 16) * 100
    mean, deviation = (torch.tensor(facts[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    expected = ((L / 100).expand(-1, 3, -1, -1) - mean) / deviation
    assert torch.allclose(model.extractor_input(L), expected, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(32, 64), (64, 32), (33, 48)])
def test_padding_to_a_square_keeps_shapes_and_centres(height: int, width: int) -> None:
    """A white photo on the mean's background: its share of each side is what it was, and as much is left on both."""
    model = _koalarization(extractor_size=64)
    fed = model.extractor_input(torch.full((1, 1, height, width), 100.0))[0, 0]
    assert fed.shape == (64, 64)
    longest = max(height, width)
    photo = fed / fed.max()
    assert photo.mean(dim=1).sum() == pytest.approx(64 * height * width / longest**2, rel=1e-3)
    share = (photo.max(dim=1).values.sum() / 64, photo.max(dim=0).values.sum() / 64)
    assert share == (pytest.approx(height / longest, abs=0.02), pytest.approx(width / longest, abs=0.02))
    uneven = (longest - min(height, width)) % 2  # of an odd rest, one side gets one pixel more
    assert torch.allclose(photo, photo.flip(0, 1), atol=1e-5) or uneven


def test_extractor_is_never_trained() -> None:
    model = _koalarization().train()
    assert model.training
    assert not any(module.training for module in model.extractor.modules())
    before = {name: tensor.clone() for name, tensor in model.extractor.state_dict().items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)
    model(torch.rand(2, 1, 32, 32) * 100).ab.square().mean().backward()
    optimizer.step()
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.extractor.state_dict().items())
    assert not any(weight.requires_grad for weight in model.extractor.parameters())


def test_content_reaches_the_colours() -> None:
    model = _koalarization()
    L = torch.rand(1, 1, 32, 32) * 100
    before = model(L).ab
    with torch.no_grad():
        model.extractor.get_classifier().bias += 3
    assert not torch.allclose(model(L).ab, before)


def test_config_never_says_pretrained(tmp_path: Path) -> None:
    _koalarization().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert "pretrained" not in config
    assert config["extractor"] == "test_resnet"


def test_trained_extractors_are_loaded_from_safetensors(tmp_path: Path) -> None:
    torch.manual_seed(1)
    trained = timm.create_model("test_resnet", num_classes=7).eval()
    save_file(trained.state_dict(), tmp_path / "extractor.safetensors")
    model = _koalarization(extractor_classes=7)
    model.load_extractor(tmp_path / "extractor.safetensors")
    L = torch.rand(1, 1, 32, 32) * 100
    fed = model.extractor_input(L)
    assert torch.equal(model.extractor(fed), trained(fed))
    with pytest.raises(
        WeightsError, match=r"extractor.safetensors do not fit ResNet: fc.weight has the shape \(7, 96\)"
    ):
        _koalarization().load_extractor(tmp_path / "extractor.safetensors")
    with pytest.raises(WeightsError, match="cannot be read: No such file"):
        model.load_extractor(tmp_path / "nothing")
    with pytest.raises(WeightsError, match="tells 1000 classes apart, this one 7"):
        model.load_extractor()


def test_timms_own_weights_are_asked_for_and_their_absence_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    model = _koalarization()
    torch.manual_seed(2)
    trained = timm.create_model("test_resnet")
    asked = {}

    def create_model(name: str, **keywords) -> nn.Module:
        asked.update(name=name, **keywords)
        return trained

    monkeypatch.setattr("timm.create_model", create_model)
    model.load_extractor()
    assert asked == {"name": "test_resnet", "pretrained": True, "num_classes": 1000}
    assert torch.equal(model.extractor.conv1[0].weight, trained.conv1[0].weight)

    def unreachable(name: str, **keywords) -> nn.Module:
        raise OSError("no\nnetwork")

    monkeypatch.setattr("timm.create_model", unreachable)
    with pytest.raises(WeightsError, match="timm's weights of test_resnet could not be had: no network"):
        model.load_extractor()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"extractor": "resnet81"}, r"no model 'resnet81'. Nearest: resnet"),
        ({"extractor": "hf-hub:someone/something"}, "no model 'hf-hub:someone/something'"),
        ({"extractor": "vit_small_patch14_dinov2"}, "no classifier, so it gives no logits: choose features='pooled'"),
        ({"extractor": "test_vit", "extractor_size": 64}, "takes pictures of 160 pixels only, got extractor_size=64"),
        ({"features": "maps"}, "features must be logits, pooled or none"),
        ({"extractor_size": 0}, "at least 1 pixel"),
    ],
)
def test_extractors_that_cannot_be_used_are_named(settings: dict, message: str) -> None:
    with torch.device("meta"), pytest.raises(ValueError, match=message):
        create("koalarization", **settings)


def test_an_extractor_without_pooled_features_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    create_model = timm.create_model
    monkeypatch.setattr("timm.create_model", lambda *args, **keywords: create_model(*args, global_pool="", **keywords))
    with pytest.raises(ValueError, match=r"test_resnet gives no pooled features but \(1, 96, "):
        _koalarization(features="pooled")


def test_without_an_extractor_there_are_encoder_and_decoder_alone() -> None:
    plain = Koalarization(features="none", width=8, working_size=32).eval()
    whole = Koalarization(**Koalarization.tiny())
    own = {name: value.shape for name, value in whole.state_dict().items() if name.startswith(("encoder", "decoder"))}
    found = {name: value.shape for name, value in plain.state_dict().items()}
    assert {name for name in found if not name.startswith("fusion")} == set(own)
    assert found["fusion.weight"] == (32, 32, 1, 1)
    assert plain(torch.full((1, 1, 40, 60), 50.0)).ab.shape == (1, 2, 40, 60)
    with pytest.raises(WeightsError, match="no extractor"):
        plain.load_backbone()
