"""Choose among colour bins (report 001, after Zhang et al. 2016): cross-entropy with soft-encoded colours."""

import torch
from accelerate import Accelerator
from torch import Tensor

from colorhub.ab_bins import annealed_mean
from colorhub.models.base import HubModel, Prediction
from training.config import Recipe, RecipeError
from training.objectives import ClassificationGANTask, ClassificationTask
from training.prior import bin_weights
from training.tasks.base import Task, weighted_sum
from training.tasks.features import FeatureDistance
from training.tasks.losses import flat_variation, reduced, regression, soft_cross_entropy

Terms = dict[str, tuple[float, Tensor]]  # weight and value


class DistributionTerms:
    """The terms of a distribution's loss: cross-entropy, rebalanced when the recipe names a prior; and, if the recipe
    weighs them, the distance of its mean to the true colour, how much that mean varies where the lightness is flat, and
    how far the model's answer is from the truth in a frozen network's features."""

    def __init__(
        self, options: ClassificationTask | ClassificationGANTask, architecture: str, device: torch.device
    ) -> None:
        self.options, self._architecture = options, architecture
        self.weights = None if options.prior is None else bin_weights(options.prior, options.mix).to(device)
        self.features: FeatureDistance | None = None
        if options.feature_weight:
            try:
                self.features = FeatureDistance(options.feature_network, options.feature_network_weights).to(device)
            except ValueError as error:
                raise RecipeError(f"task.feature_network: {error}") from error

    def __call__(self, answer: Prediction, L: Tensor, ab: Tensor) -> Terms:
        options, logits = self.options, answer.logits
        if logits is None:
            raise RecipeError(
                f"task.name={options.name} needs a model that answers with a distribution over colour bins; "
                f"{self._architecture} with these settings has none. Expected for example model.architecture=eccv16 "
                "with model.head=classification."
            )
        terms: Terms = {"cross_entropy": (1.0, soft_cross_entropy(logits, ab, self.weights))}
        if options.mean_weight or options.variation_weight:
            mean, target = annealed_mean(logits, 1.0), reduced(ab, logits)
            if options.mean_weight:
                error = regression(mean, target, "smooth_l1", options.beta, options.chroma_weight)
                terms["mean"] = (options.mean_weight, error)
            if options.variation_weight:
                terms["variation"] = (options.variation_weight, flat_variation(mean, reduced(L, logits)))
        if self.features is not None:
            terms["features"] = (options.feature_weight, self.features(L, answer.ab, ab))
        return terms


class Classification(Task):
    """``loss``: the terms of :class:`DistributionTerms`, by the recipe's weights."""

    def __init__(self, recipe: Recipe, model: HubModel, accelerator: Accelerator) -> None:
        super().__init__(recipe, model, accelerator)
        self.terms = DistributionTerms(self.options, model.architecture, accelerator.device)

    def losses(self, L: Tensor, ab: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return weighted_sum(self.terms(self.model(L), L, ab))
