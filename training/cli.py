"""The command line of ``training/train.py``: a recipe, overrides and ``--smoke``; errors as one sentence."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence

from colorhub.models.base import WeightsError
from training.checkpoint import CheckpointError
from training.config import Recipe, RecipeError, load_recipe
from training.data.sources import DataError
from training.smoke import smoke_values
from training.watchdog import NotFiniteError


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
