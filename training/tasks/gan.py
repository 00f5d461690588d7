"""Against a patch discriminator: report 003's L1 (Isola et al. 2017, section 3), or a distribution over colours."""

from collections.abc import Sequence

from accelerate import Accelerator
from torch import Tensor

from colorhub.models.base import HubModel, Prediction
from training.config import Recipe
from training.data.loader import Batch
from training.tasks.adversarial import Adversarial
from training.tasks.classification import DistributionTerms, Terms
from training.tasks.discriminators import PatchDiscriminator
from training.tasks.losses import discriminator_loss, generator_loss, regression


class GAN(Adversarial):
    """First a step of the discriminator, then one of the model against it, with the same batch and answer."""

    adversary_class = PatchDiscriminator

    def step(self, batches: Sequence[Batch], number: int) -> dict[str, Tensor]:
        self.set_rates(number)
        L, ab, labels = self.tensors(batches[-1])
        options = self.options
        with self.accelerator.autocast():
            answer = self.model(L)
            real, fake = self.adversary(L, ab), self.adversary(L, answer.ab.detach())
            adversary_loss = discriminator_loss(real, fake, options.smoothing)
        losses = self.step_adversary(adversary_loss)
        with self.frozen_adversary() as adversary, self.accelerator.autocast():
            terms = self.terms(answer, L, ab)
            weight = options.adversarial_weight if number >= options.head_start else 0.0
            terms["adversarial"] = (weight, generator_loss(adversary(L, answer.ab)))
            total = self.total(answer, labels, terms)
        return losses | self.descend(total)

    def terms(self, answer: Prediction, L: Tensor, ab: Tensor) -> Terms:
        """Weight and value of each term beside the adversary's."""
        return {"l1": (self.options.l1_weight, regression(answer.ab, ab, "l1"))}


class ClassificationGAN(GAN):
    """The same adversary for a model with a distribution: it sees the colours the model answers with, at its
    temperature."""

    def __init__(self, recipe: Recipe, model: HubModel, accelerator: Accelerator) -> None:
        super().__init__(recipe, model, accelerator)
        self.distribution = DistributionTerms(self.options, model.architecture, accelerator.device)

    def terms(self, answer: Prediction, L: Tensor, ab: Tensor) -> Terms:
        return self.distribution(answer, L, ab)
