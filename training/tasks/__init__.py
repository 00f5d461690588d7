"""What is optimized: one short file a task. ``create_task(recipe, model, accelerator)`` picks it by ``task.name``."""

from accelerate import Accelerator

from colorhub.models.base import HubModel
from training.config import Recipe
from training.tasks.base import Task
from training.tasks.chroma_mean import ChromaMean
from training.tasks.classification import Classification
from training.tasks.gan import GAN, ClassificationGAN
from training.tasks.rarity import Rarity
from training.tasks.regression import Regression
from training.tasks.transfer import Transfer
from training.tasks.wgan_gp import WGANGP

TASKS: dict[str, type[Task]] = {
    "regression": Regression,
    "rarity": Rarity,
    "classification": Classification,
    "chroma_mean": ChromaMean,
    "gan": GAN,
    "classification_gan": ClassificationGAN,
    "wgan_gp": WGANGP,
    "transfer": Transfer,
}


def create_task(recipe: Recipe, model: HubModel, accelerator: Accelerator) -> Task:
    """The recipe's task, with model and optimizer prepared by the accelerator."""
    return TASKS[recipe.task.name](recipe, model, accelerator)
