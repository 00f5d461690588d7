"""``--smoke``: any recipe cut down to seconds, to see that it runs at all."""

from typing import Any

from training.config import Recipe, RecipeError
from training.initial import model_class

_TASK_VALUES = {  # where the task has such a setting
    "width": 4,
    "adversary_init": None,
    "encoder": None,
    "feature_network": "test_efficientnet",
    "feature_network_weights": None,
}


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
    values["task"] |= _task_values(recipe)
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


def _task_values(recipe: Recipe) -> dict[str, Any]:
    return {key: value for key, value in _TASK_VALUES.items() if hasattr(recipe.task, key)}
