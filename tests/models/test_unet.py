"""Report 003: the U-Net with and without the branch that names the scene."""

import json
from pathlib import Path

import pytest
import torch

from colorhub.models import UNet


def test_scene_branch_names_and_colours_pictures_of_any_size(tmp_path: Path) -> None:
    torch.manual_seed(0)
    names = ["coast", "forest", "street"]
    model = UNet(width=4, depth=6, classes=3, class_names=names).eval()
    for size in ((64, 64), (100, 70), (256, 320)):
        answer = model(torch.rand(1, 1, *size) * 100)
        assert answer.ab.shape == (1, 2, *size)
        assert answer.class_logits.shape == (1, 3)
    model.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["class_names"] == names
    assert UNet.from_pretrained(tmp_path).class_names == tuple(names)


def test_scene_branch_resizes_nothing_at_the_reports_size() -> None:
    """At 256 pixels the branch's features are 4x4 by themselves, as the report flattens them."""
    torch.manual_seed(0)
    model = UNet(width=2, depth=8, classes=2).eval()
    x = torch.rand(1, 1, 256, 256) * 2 - 1
    for block in list(model.down)[:3]:
        x = block(x)
    features = model.scene.down(x)
    assert features.shape == (1, 16, 4, 4)
    assert torch.equal(model.scene(x)[1], model.scene.head(features.flatten(1)))


def test_a_unet_without_the_branch_has_the_weights_it_always_had() -> None:
    """Weights were trained before the branch came: names and shapes must not move."""
    normalized = [f"2.{part}" for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")]
    blocks = [f"{block}.{part}" for block in ("down.1", "down.2", "up.0", "up.1") for part in ["1.weight", *normalized]]
    plain = UNet(width=4, depth=3)
    assert list(plain.state_dict()) == ["down.0.0.weight", *blocks, "out.1.weight", "out.1.bias"]
    assert plain.up[0][1].weight.shape == (16, 8, 4, 4)
    assert plain(torch.rand(1, 1, 16, 16) * 100).class_logits is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"classes": 1}, "at least 2 classes"),
        ({"classes": 4, "depth": 2}, "depth > 2"),
        ({"classes": 4, "class_names": ["one"]}, "each of the 4 classes, got 1 names"),
        ({"class_names": ["one"]}, "each of the 0 classes, got 1 names"),
    ],
)
def test_settings_of_the_branch_are_checked(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        UNet(width=4, **settings)


@pytest.mark.parametrize("settings", [{"depth": 5}, {"depth": 4, "classes": 2}])
def test_a_single_picture_too_small_to_train_with_is_named(settings: dict) -> None:
    model = UNet(width=2, **settings)
    side = model.multiple
    with pytest.raises(ValueError, match=f"a single picture of {side} pixels: use a batch of at least 2"):
        model(torch.rand(1, 1, side, side) * 100)
    assert model(torch.rand(2, 1, side, side) * 100).ab.shape == (2, 2, side, side)
    assert model.eval()(torch.rand(1, 1, side, side) * 100).ab.shape == (1, 2, side, side)
