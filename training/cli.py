"""The command line of ``training/train.py``: a recipe, overrides and ``--smoke``."""

import argparse
from collections.abc import Sequence

from training.config import Crop, Recipe, RecipeError, load_recipe


def read_arguments(arguments: Sequence[str]) -> Recipe:
    """The recipe to run. A wrong one ends the program with one sentence and exit code 2."""
    parser = argparse.ArgumentParser(prog="training/train.py", description="Train a colorizer from a recipe.")
    parser.add_argument("recipe", help="a TOML file, for example training/recipes/unet.toml")
    parser.add_argument("overrides", nargs="*", metavar="section.key=value", help="values that replace the recipe's")
    parser.add_argument("--smoke", action="store_true", help="2 steps of a tiny model on synthetic pictures of 32 px")
    given = parser.parse_intermixed_args(arguments)
    try:
        recipe = load_recipe(given.recipe, given.overrides)
    except RecipeError as error:
        parser.exit(2, f"{error}\n")
    return smoke(recipe) if given.smoke else recipe


def smoke(recipe: Recipe) -> Recipe:
    """The same recipe cut down to seconds: tiny model, batches of 2, 32 px, 2 steps, synthetic pictures."""
    from colorhub.models import MODELS

    recipe = recipe.model_copy(deep=True)
    keywords = MODELS[recipe.model.architecture].tiny() if recipe.model.architecture in MODELS else {}
    recipe.model = type(recipe.model)(architecture=recipe.model.architecture, **keywords)
    recipe.init, recipe.init_skip = None, []
    data, run = recipe.data, recipe.run
    data.train = data.validation = ["synthetic"]
    data.crops = [Crop(size=32, batch_size=2)]
    data.validation_size, data.validation_limit = 32, 4
    recipe.optimizer.accumulate = 1
    run.steps = run.validate_every = run.checkpoint_every = 2
    run.log_every, run.precision, run.compile = 1, "no", False
    return recipe
