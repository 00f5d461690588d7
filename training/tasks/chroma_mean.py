"""Predict the picture's mean colour (report 002)."""

from torch import Tensor

from training.tasks.base import Task

_REPORT_RANGE = 255.0  # the report's scale is (ab + 128) / 255


class ChromaMean(Task):
    """``loss``: squared error between the means of the predicted and the true colours, on the report's scale."""

    def losses(self, L: Tensor, ab: Tensor, labels: Tensor) -> dict[str, Tensor]:
        predicted, target = self.model(L).ab.float().mean(dim=(2, 3)), ab.mean(dim=(2, 3))
        return {"loss": ((predicted - target) / _REPORT_RANGE).square().mean()}
