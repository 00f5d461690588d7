"""Choose among colour bins (report 001, after Zhang et al. 2016): cross-entropy with soft-encoded colours."""

from accelerate import Accelerator
from torch import Tensor

from colorhub.losses import soft_cross_entropy
from colorhub.models.base import HubModel
from training.config import Recipe, RecipeError
from training.prior import bin_weights
from training.tasks.base import Task


class Classification(Task):
    """``loss``: cross-entropy of the predicted distribution, rebalanced when the recipe names a prior."""

    def __init__(self, recipe: Recipe, model: HubModel, accelerator: Accelerator) -> None:
        super().__init__(recipe, model, accelerator)
        prior = recipe.task.prior
        self.weights = None if prior is None else bin_weights(prior, recipe.task.mix).to(accelerator.device)

    def losses(self, L: Tensor, ab: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.model(L).logits
        if logits is None:
            raise RecipeError(
                f"task.name=classification needs a model that answers with a distribution over colour bins; "
                f"{self.bare_model.architecture} with these settings has none. Expected for example "
                "model.architecture=eccv16 with model.head=classification."
            )
        return {"loss": soft_cross_entropy(logits, ab, self.weights)}
