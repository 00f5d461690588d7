"""Parts of a model that are trained otherwise: rates of their own, freezing by step, exact resume across a change."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from safetensors.torch import load_file
from torch import nn
from training_runs import main

from colorhub.ab_bins import annealed_mean
from training.checkpoint import checkpoints
from training.config import ParameterGroup, Recipe, RecipeError, load_recipe
from training.data.augment import FILM_DRAWS, lightness_and_color
from training.data.loader import Batch, Cursor
from training.initial import initial_model
from training.parameter_groups import FreezeSchedule, parameter_groups
from training.tasks import create_task
from training.tasks.losses import soft_cross_entropy

NATURAL = Path(__file__).parents[2] / "training" / "recipes" / "natural.toml"
RECIPE = """
name = "tiny"
[model]
architecture = "semantic"
backbone = "test_efficientnet"
channels = [8, 8, 8, 8]
queries = 4
query_channels = 8
query_layers = 1
[data]
train = ["synthetic"]
validation = ["synthetic"]
validation_size = 32
validation_limit = 5
[[data.crops]]
size = 64
batch_size = 2
[task]
name = "classification"
mean_weight = 2.0
[optimizer]
learning_rate = 1e-3
clip_norm = 1.0
ema_decay = 0.9
schedule = "constant"
[[parts]]
match = ["backbone.conv_stem.*", "backbone.bn1.*"]
frozen_until = "end"
[[parts]]
match = ["backbone.*"]
rate = 0.25
frozen_until = 3
[run]
steps = 6
log_every = 1
checkpoint_every = 2
validate_every = 6
tensorboard = false
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Callable[..., Recipe]:
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return lambda *overrides: load_recipe(path, [f"run.output={tmp_path / 'runs'}", *overrides])


def _weights(recipe: Recipe, number: int) -> dict[str, torch.Tensor]:
    folder = checkpoints(Path(recipe.run.output) / recipe.name)[number]
    return load_file(folder / "model.safetensors")


def _net() -> nn.Module:
    return nn.ModuleDict({"encoder": nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)), "head": nn.Conv2d(2, 1, 1)})


def test_groups_have_rates_and_the_first_match_counts() -> None:
    net = _net()
    groups = parameter_groups(
        net, [ParameterGroup(match=["encoder.1.*"], rate=0.1), ParameterGroup(match=["encoder.*"], rate=0.5)]
    )
    named = {id(weight): name for name, weight in net.named_parameters()}
    found = [(rate, [named[id(weight)] for weight in weights]) for rate, weights in groups]
    assert found == [
        (0.1, ["encoder.1.weight", "encoder.1.bias"]),
        (0.5, ["encoder.0.weight", "encoder.0.bias"]),
        (1.0, ["head.weight", "head.bias"]),
    ]
    with pytest.raises(RecipeError, match=r"no weight matches 'backbone\.\*'; the first are encoder.0.weight"):
        parameter_groups(net, [ParameterGroup(match=["backbone.*"])])


def test_a_part_is_frozen_until_its_step_with_its_statistics() -> None:
    net = _net().train()
    freezing = FreezeSchedule(net, [ParameterGroup(match=["encoder.*"], frozen_until=2)])
    for step, trained in ((0, False), (1, False), (2, True), (5, True), (1, False)):
        freezing.at(step)
        assert [weight.requires_grad for weight in net["encoder"].parameters()] == [trained] * 4
        assert net["encoder"][1].training is trained
        assert all(weight.requires_grad for weight in net["head"].parameters())


def test_what_the_model_freezes_itself_stays_frozen() -> None:
    net = _net().train()
    net["encoder"][0].requires_grad_(False)
    freezing = FreezeSchedule(net, [ParameterGroup(match=["encoder.*"], frozen_until=1)])
    freezing.at(1)
    assert [weight.requires_grad for weight in net["encoder"].parameters()] == [False, False, True, True]


def test_a_run_that_stops_before_the_change_goes_on_as_if_it_had_not(tiny: Callable[..., Recipe]) -> None:
    whole, halves = tiny("name=whole"), "name=halves"
    main(whole)
    for steps in (2, 6):
        main(tiny(halves, f"run.steps={steps}"))
    for name, tensor in _weights(whole, -1).items():
        assert torch.equal(tensor, _weights(tiny(halves), -1)[name]), name
    folder = Path(whole.run.output)
    lines = [(folder / name / "log.jsonl").read_text().splitlines() for name in ("whole", "halves")]
    trained = [
        [(record["step"], record["loss"]) for record in map(json.loads, some) if record["kind"] == "train"]
        for some in lines
    ]
    assert trained[0] == trained[1]


def test_frozen_weights_do_not_move(tiny: Callable[..., Recipe]) -> None:
    recipe = tiny("run.keep_checkpoints=9")
    main(recipe)
    early, late = _weights(recipe, 0), _weights(recipe, -1)
    moved = {name for name in late if not torch.equal(early[name], late[name])}
    assert not [name for name in moved if name.startswith(("backbone.conv_stem", "backbone.bn1"))]
    assert [name for name in moved if name.startswith("backbone.blocks")]
    assert [name for name in moved if "running_mean" in name and name.startswith("backbone.blocks")]


def test_two_steps_are_those_of_plain_pytorch(tiny: Callable[..., Recipe]) -> None:
    """The second step is the first in which the backbone moves, at its own rate, with moving batch statistics."""
    options = ["optimizer.ema_decay=none", "optimizer.name=adam", "optimizer.clip_norm=none", "run.channels_last=false"]
    recipe = tiny(*options, 'parts=[{match=["backbone.*"],rate=0.25,frozen_until=1}]')
    torch.manual_seed(0)
    model = initial_model(recipe, print)
    plain = deepcopy(model)
    task = create_task(recipe, model, Accelerator(cpu=True))
    rgb = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    batch = Batch(rgb, torch.ones(2, FILM_DRAWS), torch.tensor([-1, -1]), Cursor())
    for number in range(2):
        task.step([batch], number)

    rest = [weight for name, weight in plain.named_parameters() if not name.startswith("backbone.")]
    slow = torch.optim.Adam(plain.backbone.parameters(), lr=0.25e-3)
    fast = torch.optim.Adam(rest, lr=1e-3)
    L, ab = lightness_and_color(rgb, batch.draws, recipe.data)
    for number in range(2):
        plain.train()
        plain.backbone.train(number == 1)
        logits = plain(L).logits
        mean, target = annealed_mean(logits, 1.0), F.avg_pool2d(ab, 4)
        plain.zero_grad()
        (soft_cross_entropy(logits, ab) + 2 * F.smooth_l1_loss(mean / 110, target / 110, beta=20 / 110)).backward()
        for optimizer in (fast, slow)[: 1 + number]:
            optimizer.step()
    for (name, found), expected in zip(model.state_dict().items(), plain.state_dict().values(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5, msg=name)


@pytest.mark.parametrize("backbone", ["test_convnext", "test_resnet", "test_efficientnet"])
def test_another_backbone_is_one_line_of_the_default_recipe(backbone: str, tmp_path: Path) -> None:
    small = ["channels=[8, 8, 8, 8]", "queries=4", "query_channels=8", "query_layers=1"]
    words = [f"model.backbone={backbone}", "backbone=none", *(f"model.{word}" for word in small)]
    recipe = load_recipe(NATURAL, [*words, "run.steps=2", "run.precision=no", f"run.output={tmp_path}",
                                   'data.train=["synthetic"]', 'data.validation=["synthetic"]',
                                   "data.crops=[{size=32, batch_size=2}]", "data.validation_size=32"])  # fmt: skip
    main(recipe)
    assert (tmp_path / "natural" / "best" / "model.safetensors").is_file()
    frozen, later, rest = (len(weights) for _, weights in parameter_groups(initial_model(recipe, print), recipe.parts))
    assert 0 < frozen < frozen + later
    assert rest > 0


def test_a_backbone_for_a_model_without_one_is_refused(tiny: Callable[..., Recipe]) -> None:
    recipe = tiny("model.architecture=unet", "backbone=timm")
    recipe = recipe.model_copy(update={"model": type(recipe.model)(architecture="unet", width=4, depth=3), "parts": []})
    with pytest.raises(RecipeError, match="unet has no pre-trained backbone"):
        main(recipe)
