"""What is optimized: one short file a task. ``create_task(recipe, model, accelerator)`` picks it by ``task.name``."""

from accelerate import Accelerator

from colorhub.models.base import Colorizer
from training.config import Recipe
from training.tasks.base import Task
from training.tasks.regression import Regression

TASKS: dict[str, type[Task]] = {"regression": Regression}


def create_task(recipe: Recipe, model: Colorizer, accelerator: Accelerator) -> Task:
    """The recipe's task, with model and optimizer prepared by the accelerator."""
    return TASKS[recipe.task.name](recipe, model, accelerator)
