"""Recipes: what they accept, what they refuse and how they say it; schedules against their closed form."""

import math
from pathlib import Path

import pytest
import torch

pytest.importorskip("accelerate")

from training import cli
from training.cli import smoke_values
from training.config import Optimizer, Recipe, RecipeError, load_recipe
from training.initial import initial_model
from training.tasks.base import learning_rate

RECIPES = sorted((Path(__file__).parents[2] / "training" / "recipes").glob("*.toml"))


def _recipe(tmp_path: Path, text: str = "", *overrides: str, smoke: bool = False) -> Recipe:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return load_recipe(path, overrides, smoke_values if smoke else None)


def test_recipes_of_version_0_1_keep_their_names() -> None:
    with pytest.warns(FutureWarning, match="unet-low-chroma.toml"):
        assert load_recipe(RECIPES[0].with_name("unet-calm.toml")).name == "unet-low-chroma"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_is_valid_and_builds_its_model(path):
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    assert path.read_text().startswith(f"# {path.stem}: ")  # the header says what it is
    fresh = recipe.model_copy(update={"init": None, "backbone": None})  # another recipe's run is not there
    with torch.device("meta"):
        assert sum(p.numel() for p in initial_model(fresh, print).parameters()) > 5e4


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_nothing_is_learnt_from_the_network_that_judges(path):
    """EfficientNet-Lite1 is what colours are judged by: neither encoder, extractor nor loss may be of it."""
    assert "lite1" not in load_recipe(path).model_dump_json()


def test_the_report_recipe_has_the_report_s_figures():
    recipe = load_recipe(RECIPES[0].with_name("unet-report.toml"))
    with torch.device("meta"):
        assert sum(p.numel() for p in initial_model(recipe, print).parameters()) == 54_410_882
    crop, optimizer, steps = recipe.data.crops[0], recipe.optimizer, recipe.run.steps
    assert steps * crop.batch_size == pytest.approx(30 * 202_278, abs=crop.batch_size)
    assert (optimizer.name, optimizer.betas, recipe.task.loss, crop.size) == ("adam", (0.5, 0.999), "l1", 256)
    assert learning_rate(0, steps, optimizer) == 2e-4
    assert learning_rate(steps, steps, optimizer) == pytest.approx(2e-6)


def test_overrides_take_toml_words_and_none(tmp_path):
    words = ["run.steps=7", "data.train=['a', 'b']", "task.loss=l1", "model.dropout=.5", "optimizer.clip_norm=none"]
    recipe = _recipe(tmp_path, "[optimizer]\nclip_norm = 1.0\n", *words)
    assert (recipe.run.steps, recipe.data.train, recipe.task.loss) == (7, ["a", "b"], "l1")
    assert recipe.model.keywords == {"dropout": 0.5}
    assert recipe.optimizer.clip_norm is None


@pytest.mark.parametrize(
    ("text", "overrides", "expected"),
    [
        ("[run]\nstep = 3", [], "unknown key 'run.step' (did you mean 'steps'?)"),
        ("[modle]\nwidth = 3", [], "unknown key 'modle' (did you mean 'model'?)"),
        ("[[data.crops]]\nsiz = 3", [], "unknown key 'data.crops.0.siz' (did you mean 'size'?)"),
        ("", ["run.zzz=1"], "(known: steps, seed"),
        ("[run]\nsteps = 'many'", [], "run.steps: expected a valid integer"),
        ("[run]\nsteps = 0", [], "run.steps: expected greater than 0, got 0"),
        ("", ["task.loss=l3"], "task.loss: expected 'mse', 'l1' or 'smooth_l1', got 'l3'"),
        ("", ["init_skip=['out.*']"], "init_skip without init"),
        ("", ["run.steps"], "not of the form key=value"),
        ("", ["run.steps.x=1"], "run.steps"),
        ("name =", [], "no valid TOML"),
    ],
)
def test_a_wrong_recipe_is_refused_with_one_sentence(tmp_path, text, overrides, expected):
    with pytest.raises(RecipeError) as caught:
        _recipe(tmp_path, text, *overrides)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_recipe_ends_the_program_with_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.run(lambda recipe: None, [str(tmp_path / "no.toml")])
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"Recipe {tmp_path / 'no.toml'} cannot be read: No such file or directory.\n"


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [(["model.architecture=unett"], "'unet'"), (["model.widht=3"], "'width'"), (["model.width=wide"], "width")],
)
def test_an_unknown_model_names_the_nearest(tmp_path, overrides, expected):
    with pytest.raises(RecipeError) as caught:
        initial_model(_recipe(tmp_path, "", *overrides), print)
    assert expected in str(caught.value)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_smoke_is_small_and_overrides_win(path):
    recipe = load_recipe(path, ["run.steps=4", "data.validation_limit=6"], smoke_values)
    assert (recipe.run.steps, recipe.data.validation_limit, recipe.run.checkpoint_every) == (4, 6, 2)
    assert (recipe.data.train, recipe.data.crops[0].batch_size, recipe.data.crops[0].size) == (["synthetic"], 2, 32)
    assert recipe.name == f"{path.stem}-smoke"  # never the real run's folder
    assert recipe.data.film == load_recipe(path).data.film


def test_warm_up_is_linear_and_reaches_the_full_rate():
    optimizer = Optimizer(learning_rate=1.0, warmup_steps=4, schedule="constant")
    assert [learning_rate(step, 10, optimizer) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_cosine_is_half_a_cosine_between_full_and_final():
    optimizer = Optimizer(learning_rate=2.0, warmup_steps=10, schedule="cosine", final_ratio=0.1)
    for step in range(10, 111):
        expected = 0.2 + 1.8 * (1 + math.cos(math.pi * (step - 10) / 100)) / 2
        assert learning_rate(step, 110, optimizer) == pytest.approx(expected)


def test_trapezoid_is_flat_then_a_line():
    optimizer = Optimizer(learning_rate=1.0, schedule="trapezoid", decay_steps=20, final_ratio=0.0)
    rates = [learning_rate(step, 100, optimizer) for step in range(101)]
    assert rates[:81] == [1.0] * 81
    assert rates[80:] == pytest.approx([1 - i / 20 for i in range(21)])


def test_cosine_agrees_with_torch():
    parameter = torch.nn.Parameter(torch.zeros(1))
    reference = torch.optim.SGD([parameter], lr=0.3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(reference, T_max=50, eta_min=0.003)
    optimizer = Optimizer(learning_rate=0.3, schedule="cosine", final_ratio=0.01)
    for step in range(50):
        assert learning_rate(step, 50, optimizer) == pytest.approx(scheduler.get_last_lr()[0], rel=1e-6)
        reference.step()
        scheduler.step()
