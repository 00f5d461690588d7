"""An adversary beside the model: a network that tells true from predicted colours, with an optimizer of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import ClassVar

from accelerate import Accelerator
from torch import Tensor

from colorhub.models.base import HubModel, Prediction
from training.config import Recipe, RecipeError
from training.tasks.base import Task, learning_rate, new_optimizer, weighted_sum
from training.tasks.losses import class_loss


class Adversarial(Task):
    """What GAN and WGAN-GP share. The adversary is part of every checkpoint, and is written beside the best model as
    ``adversary/``, so that another run can go on with it; it is never part of the colorizer's weights."""

    adversary_class: ClassVar[type[HubModel]]

    def __init__(self, recipe: Recipe, model: HubModel, accelerator: Accelerator) -> None:
        if recipe.optimizer.accumulate > 1:
            raise RecipeError(
                f"optimizer.accumulate={recipe.optimizer.accumulate}: an adversarial task takes its steps in turn with "
                "one batch each; set accumulate=1 and a larger batch_size."
            )
        super().__init__(recipe, model, accelerator)
        made = self._create()
        self.bare_adversary: HubModel = made.to(accelerator.device, memory_format=self.layout)  # type: ignore[call-overload]
        self.adversary_rate = self.options.adversary_learning_rate or recipe.optimizer.learning_rate
        optimizer = new_optimizer(self.bare_adversary, recipe.optimizer, self.adversary_rate)
        self.adversary, self.adversary_optimizer = accelerator.prepare(self.bare_adversary, optimizer)

    def _create(self) -> HubModel:
        options = self.options
        if options.adversary_init is None:
            return self.adversary_class(width=options.width)
        if not Path(options.adversary_init).is_dir():
            raise RecipeError(
                f"task.adversary_init={options.adversary_init} is no folder: expected the folder 'adversary' of a run."
            )
        return self.adversary_class.from_pretrained(options.adversary_init)

    def save_beside(self, folder: Path) -> None:
        self.bare_adversary.save_pretrained(folder / "adversary")

    def set_rates(self, number: int) -> None:
        super().set_rates(number)
        options = self.recipe.optimizer
        part = learning_rate(number, self.recipe.run.steps, options) / options.learning_rate
        for group in self.adversary_optimizer.param_groups:
            group["lr"] = part * self.adversary_rate

    def step_adversary(self, loss: Tensor) -> dict[str, Tensor]:
        """One step of the adversary down a loss; answers the loss and the norm of its gradient."""
        self.accelerator.backward(loss)
        limit = self.recipe.optimizer.clip_norm or inf
        norm = self.accelerator.clip_grad_norm_(self.adversary.parameters(), limit)
        self.adversary_optimizer.step()
        self.adversary_optimizer.zero_grad()
        return {"adversary": loss.detach(), "adversary_gradient_norm": norm.detach()}

    @contextmanager
    def frozen_adversary(self) -> Iterator[HubModel]:
        """The adversary without the wrapper of distribution and without gradients of its own weights."""
        self.bare_adversary.requires_grad_(False)
        try:
            yield self.bare_adversary
        finally:
            self.bare_adversary.requires_grad_(True)

    def descend(self, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step of the model down ``loss``; answers the losses and the norm of its gradient."""
        self.accelerator.backward(losses["loss"])
        return {name: value.detach() for name, value in losses.items()} | self.step_model()

    def total(self, answer: Prediction, labels: Tensor, terms: dict[str, tuple[float, Tensor]]) -> dict[str, Tensor]:
        """The named terms and their weighted sum ``loss``; naming the scene is added where the model does."""
        if answer.class_logits is not None:
            terms["class"] = (self.options.class_weight, class_loss(answer.class_logits, labels))
        return weighted_sum(terms)
