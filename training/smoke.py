"""``--smoke``: any recipe cut down to seconds, to see that it runs at all."""

from typing import Any

from colorhub.models import find_class
from training.config import Recipe, RecipeError


def smoke_values(recipe: Recipe) -> dict[str, Any]:
    """The recipe's values with a tiny model, batches of 2, 32 px, 2 steps and synthetic pictures.

    Its name ends in ``-smoke``, so that it never meets the real run in the output folder.
    """
    values = recipe.model_dump()
    architecture = recipe.model.architecture
    try:
        tiny = find_class(architecture).tiny()
    except ValueError as error:
        raise RecipeError(f"[model] of the recipe: {error}") from error
    values["name"] = f"{recipe.name}-smoke"
    values["model"] = {"architecture": architecture, **tiny}
    values["init"], values["init_skip"] = None, []
    values["data"] |= {
        "train": ["synthetic"],
        "validation": ["synthetic"],
        "image_column": "image",
        "crops": [{"size": 32, "batch_size": 2}],
        "validation_size": 32,
        "validation_limit": 4,
    }
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
