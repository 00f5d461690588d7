"""Report 003's second objective: L2 and a Wasserstein critic with gradient penalty (Gulrajani et al. 2017)."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from training.data.loader import Batch
from training.objectives import WGANTask
from training.tasks.adversarial import Adversarial
from training.tasks.discriminators import WassersteinCritic
from training.tasks.losses import gradient_penalty, regression, wasserstein_critic_loss, wasserstein_generator_loss


class WGANGP(Adversarial):
    """``critic_steps`` steps of the critic, each with a batch of its own, then one of the model with the last batch."""

    adversary_class = WassersteinCritic
    options: WGANTask
    bare_adversary: WassersteinCritic

    @property
    def batches(self) -> int:
        return self.options.critic_steps

    def step(self, batches: Sequence[Batch], number: int) -> dict[str, Tensor]:
        self.set_rates(number)
        options = self.options
        for batch in batches:
            L, ab, labels = self.tensors(batch)
            losses = self._step_critic(L, ab)
        with self.frozen_adversary() as adversary, self.accelerator.autocast():
            answer = self.model(L)
            terms = {
                "l2": (options.l2_weight, regression(answer.ab, ab, "mse")),
                "adversarial": (options.adversarial_weight, wasserstein_generator_loss(adversary(L, answer.ab))),
            }
            total = self.total(answer, labels, terms)
        return losses | self.descend(total)

    def _step_critic(self, L: Tensor, ab: Tensor) -> dict[str, Tensor]:
        with self.accelerator.autocast():
            with torch.no_grad():
                answer = self.model(L).ab
            # One pass for both: the critic has no batch statistics, so that pictures do not meet.
            real, fake = self.adversary(torch.cat([L, L]), torch.cat([ab, answer])).chunk(2)
            loss = wasserstein_critic_loss(real, fake)
        # The class's forward: the instance's turns autocast on again, and second derivatives need float32.
        critic = partial(WassersteinCritic.forward, self.bare_adversary)
        penalty = gradient_penalty(critic, L, ab, answer)
        return self.step_adversary(loss + self.options.penalty * penalty) | {"penalty": penalty.detach()}
