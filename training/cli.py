"""The command line of ``training/train.py``: a recipe, overrides and ``--smoke``; errors as one sentence."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from colorhub.models.base import WeightsError
from training.checkpoint import CheckpointError
from training.config import Recipe, RecipeError, load_recipe
from training.data.sources import DataError
from training.initial import model_class
from training.watchdog import NotFiniteError

_TASK_VALUES = {  # where the task has such a setting
    "width": 4,
    "adversary_init": None,
    "encoder": None,
    "feature_network": "test_efficientnet",
    "feature_network_weights": None,
}


def run(main: Callable[[Recipe], None], arguments: Sequence[str]) -> None:
    """Read the recipe and train. What a user can mend ends it with one sentence and exit code 1 (a recipe: 2)."""
    try:
        main(read_arguments(arguments))
    except RecipeError as error:
        _end(error, 2)
    except (DataError, WeightsError, CheckpointError, NotFiniteError) as error:
        _end(error, 1)
    except KeyboardInterrupt:
        sys.exit(130)


def read_arguments(arguments: Sequence[str]) -> Recipe:
    """The recipe to run. Raises :class:`RecipeError`."""
    parser = argparse.ArgumentParser(prog="training/train.py", description="Train a colorizer from a recipe.")
    parser.add_argument("recipe", help="a TOML file, for example training/recipes/unet.toml")
    parser.add_argument("overrides", nargs="*", metavar="section.key=value", help="values that replace the recipe's")
    parser.add_argument("--smoke", action="store_true", help="2 steps of a tiny model on synthetic pictures of 32 px")
    given = parser.parse_intermixed_args(arguments)
    return load_recipe(given.recipe, given.overrides, smoke_values if given.smoke else None)


def _end(error: Exception, code: int) -> None:
    first = int(os.environ.get("RANK", "0")) == 0
    if not first:
        time.sleep(5)  # until the launcher has ended this process, because the first one has ended
    if first or isinstance(error, DataError):  # only the data can fail in a single process
        print(error, file=sys.stderr, flush=True)
    sys.exit(code)


def smoke_values(recipe: Recipe) -> dict[str, Any]:
    """The recipe's values with a tiny model, batches of 2, 32 px, 2 steps and synthetic pictures.

    Its name ends in ``-smoke``, so that it never meets the real run in the output folder.
    """
    values = recipe.model_dump()
    architecture = recipe.model.architecture
    try:
        tiny = model_class(architecture).tiny()
    except ValueError as error:
        raise RecipeError(f"[model] of the recipe: {error}") from error
    values["task"] |= {key: value for key, value in _TASK_VALUES.items() if hasattr(recipe.task, key)}
    values["name"] = f"{recipe.name}-smoke"
    values["model"] = {"architecture": architecture, **tiny}
    values["init"], values["init_skip"], values["backbone"] = None, [], None
    values["data"] |= {
        "train": ["synthetic"],
        "validation": ["synthetic"],
        "image_column": "image",
        "crops": [{"size": 32, "batch_size": 2}],
        "validation_size": 32,
        "validation_limit": 4,
    }
    values["data"] |= {"label_columns": ["label"] if recipe.data.label_columns else [], "label_fraction": 1.0}
    values["optimizer"] |= {"accumulate": 1}
    values["run"] |= {
        "steps": 2,
        "validate_every": 2,
        "checkpoint_every": 2,
        "log_every": 1,
        "precision": "no",
        "compile": False,
    }
    return values
