"""Regression where rare colours count more (report 000), or what the report's code made of it."""

from accelerate import Accelerator
from torch import Tensor

from colorhub.models.base import HubModel
from training.config import Recipe
from training.prior import bin_weights
from training.tasks.base import Task
from training.tasks.losses import literal_rarity, rarity


class Rarity(Task):
    """``loss``: each pixel's regression loss, weighted by how rare its true colour is in the prior."""

    def __init__(self, recipe: Recipe, model: HubModel, accelerator: Accelerator) -> None:
        super().__init__(recipe, model, accelerator)
        options = self.options
        self.weights = None if options.literal else bin_weights(options.prior, options.mix).to(accelerator.device)

    def losses(self, L: Tensor, ab: Tensor, labels: Tensor) -> dict[str, Tensor]:
        options, predicted = self.options, self.model(L).ab
        if self.weights is None:
            return {"loss": literal_rarity(predicted, ab, options.loss, options.beta)}
        return {"loss": rarity(predicted, ab, self.weights, options.loss, options.beta)}
