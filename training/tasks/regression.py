"""Predict the colour itself: mean squared, absolute or smooth absolute error."""

from torch import Tensor

from training.tasks.base import Task
from training.tasks.losses import regression


class Regression(Task):
    """``loss``: the recipe's regression loss between the predicted and the true colour layer."""

    def losses(self, L: Tensor, ab: Tensor, labels: Tensor) -> dict[str, Tensor]:
        options = self.options
        return {"loss": regression(self.model(L).ab, ab, options.loss, options.beta, options.chroma_weight)}
