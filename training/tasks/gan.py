"""Report 003's first objective: L1 and a patch discriminator (Isola et al. 2017, section 3)."""

from collections.abc import Sequence

from torch import Tensor

from colorhub.losses import discriminator_loss, generator_loss, regression
from colorhub.models.discriminators import PatchDiscriminator
from training.data import Batch
from training.tasks.adversarial import Adversarial


class GAN(Adversarial):
    """First a step of the discriminator, then one of the model against it, with the same batch and answer."""

    adversary_class = PatchDiscriminator

    def step(self, batches: Sequence[Batch], number: int) -> dict[str, Tensor]:
        self.set_rates(number)
        L, ab, labels = self.tensors(batches[-1])
        options = self.recipe.task
        with self.accelerator.autocast():
            answer = self.model(L)
            real, fake = self.adversary(L, ab), self.adversary(L, answer.ab.detach())
            adversary_loss = discriminator_loss(real, fake, options.smoothing)
        losses = self.step_adversary(adversary_loss)
        with self.adversary_as_judge() as judge, self.accelerator.autocast():
            terms = {
                "l1": (options.l1_weight, regression(answer.ab, ab, "l1")),
                "adversarial": (options.adversarial_weight, generator_loss(judge(L, answer.ab))),
            }
            total = self.total(answer, labels, terms)
        return losses | self.descend(total)
