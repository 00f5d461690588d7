"""Models whose tensors share their values: what is saved loads again, and strictly."""

from pathlib import Path
from typing import ClassVar

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from colorhub import Colorizer, Prediction
from colorhub.models import WeightsError
from colorhub.models.base import load_strictly
from training.checkpoint import halved

L = torch.linspace(0, 100, 24 * 32).view(1, 1, 24, 32)


class Tied(Colorizer):
    """Three layers; what they share depends on ``tie``."""

    architecture = "tied"
    ties: ClassVar = ("parameter", "layer", "memory", "buffer")

    def __init__(self, tie: str = "parameter") -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.down, self.up = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
        self.out = nn.Conv2d(4, 2, 3, padding=1)
        self.register_buffer("scale", torch.rand(4, 1, 1))
        self.register_buffer("offset", torch.rand(4, 1, 1))
        if tie == "parameter":
            self.up.weight = self.down.weight
        elif tie == "layer":
            self.up = self.down
        elif tie == "memory":
            self.up.weight = nn.Parameter(self.down.weight.data)
        else:
            self.offset = self.scale

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        deep = self.up((self.down(self.first(L / 50 - 1)) * self.scale + self.offset).relu())
        return Prediction(ab=self.out(deep).float().tanh() * 110)


@pytest.mark.parametrize("tie", Tied.ties)
@pytest.mark.parametrize("half", [False, True])
def test_what_was_saved_loads(tmp_path: Path, tie: str, half: bool) -> None:
    torch.manual_seed(0)
    model = Tied(tie).eval()
    (halved(model) if half else model).save_pretrained(tmp_path)
    if not half or tie in ("parameter", "layer"):  # the others are two tensors once each is in half precision
        assert len(load_file(tmp_path / "model.safetensors")) < len(model.state_dict())  # each value is there once
    loaded = Tied.from_pretrained(tmp_path)
    expected = {name: tensor.float() for name, tensor in model.state_dict().items()}
    assert all(torch.equal(tensor, expected[name]) for name, tensor in loaded.state_dict().items())
    assert torch.equal(loaded(L).ab, model.float()(L).ab)


@pytest.mark.parametrize("tie", Tied.ties)
def test_what_was_loaded_still_shares(tmp_path: Path, tie: str) -> None:
    Tied(tie).save_pretrained(tmp_path)
    loaded = Tied.from_pretrained(tmp_path)
    shared, other = (loaded.scale, loaded.offset) if tie == "buffer" else (loaded.down.weight, loaded.up.weight)
    with torch.no_grad():
        shared.fill_(0.25)
    assert bool((other == 0.25).all())


def test_a_file_may_hold_both_names_if_they_agree() -> None:
    model, weights = Tied(), {name: torch.rand_like(tensor) for name, tensor in Tied().state_dict().items()}
    weights["up.weight"] = weights["down.weight"].clone()
    load_strictly(model, weights, "These weights")
    assert torch.equal(model.up.weight, weights["down.weight"])
    weights["up.weight"] = weights["up.weight"] + 1
    with pytest.raises(WeightsError, match=r"(up|down)\.weight shares its values with another tensor"):
        load_strictly(model, weights, "These weights")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weights: [weights.pop(name) for name in list(weights) if name.endswith("down.weight")], "missing down"),
        (lambda weights: weights.pop("up.bias"), "missing up.bias"),
        (lambda weights: weights.update(extra=torch.zeros(1)), "unexpected extra"),
        (lambda weights: weights.update({"down.weight": torch.zeros(3)}), r"down.weight has the shape \(3,\)"),
    ],
)
def test_what_is_really_missing_is_still_refused(tmp_path: Path, change: object, message: str) -> None:
    Tied().save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    assert "up.weight" not in weights
    change(weights)
    save_file(weights, file)
    with pytest.raises(WeightsError, match=message):
        Tied.from_pretrained(tmp_path)


def test_a_part_of_a_tensor_does_not_stand_for_the_whole() -> None:
    model = nn.Module()
    model.register_buffer("whole", torch.zeros(8))
    model.register_buffer("part", model.whole[:4])
    load_strictly(model, {"whole": torch.arange(8.0)}, "These weights")
    assert model.part.tolist() == [0, 1, 2, 3]
    with pytest.raises(WeightsError, match="missing whole"):
        load_strictly(model, {"part": torch.arange(4.0)}, "These weights")
