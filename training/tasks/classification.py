"""Choose among colour bins (report 001, after Zhang et al. 2016): cross-entropy with soft-encoded colours."""

import torch
from accelerate import Accelerator
from torch import Tensor

from colorhub.ab_bins import annealed_mean
from colorhub.losses import flat_variation, reduced, regression, soft_cross_entropy
from colorhub.models.base import HubModel
from training.config import Recipe, RecipeError
from training.prior import bin_weights
from training.tasks.base import Task


class Classification(Task):
    """``loss``: cross-entropy of the predicted distribution, rebalanced when the recipe names a prior; and, if the
    recipe weighs them, the distance of its mean to the true colour, and how much that mean varies where the lightness
    is flat."""

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
        terms = {"cross_entropy": (1.0, soft_cross_entropy(logits, ab, self.weights))}
        options = self.recipe.task
        if options.mean_weight or options.variation_weight:
            mean, target = annealed_mean(logits, 1.0), reduced(ab, logits)
            if options.mean_weight:
                error = regression(mean, target, "smooth_l1", options.beta, options.chroma_weight)
                terms["mean"] = (options.mean_weight, error)
            if options.variation_weight:
                terms["variation"] = (options.variation_weight, flat_variation(mean, reduced(L, logits)))
        loss = torch.stack([weight * value for weight, value in terms.values()]).sum()
        return {"loss": loss, **({name: value for name, (_, value) in terms.items()} if len(terms) > 1 else {})}
