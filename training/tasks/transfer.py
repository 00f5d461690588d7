"""Report 000's second half: name a picture's class with an encoder that learned to colour, or with a fresh one."""

from typing import Any

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor

from colorhub import load
from colorhub.color import rgb_to_lab
from colorhub.models.base import HubModel
from colorhub.models.encoder_decoder import EncoderClassifier
from training.config import Recipe, RecipeError
from training.data.labels import UNKNOWN
from training.data.sources import DataError
from training.tasks.base import Task
from training.tasks.losses import class_loss
from training.validate import ValidationSet, by_group, hits_and_known


class Transfer(Task):
    """``loss``: cross-entropy of the class. The classifier sees lightness, as the colorizer did."""

    def __init__(self, recipe: Recipe, model: HubModel, accelerator: Accelerator) -> None:
        if not isinstance(model, EncoderClassifier):
            raise RecipeError(
                f"task.name=transfer trains a classifier, {model.architecture} is none: "
                f"expected model.architecture={EncoderClassifier.architecture}."
            )
        _prepare_encoder(model, recipe)
        super().__init__(recipe, model, accelerator)

    def losses(self, L: Tensor, ab: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return {"loss": class_loss(self.model(L), labels)}

    def validate(self, validation_set: ValidationSet) -> dict[str, float]:
        """``accuracy``, the part of the pictures with a known class that is named rightly, and their cross-entropy."""

        def figures(pictures: Tensor, labels: Tensor) -> Tensor:
            logits = self.best_model(rgb_to_lab(pictures)[0]).float()
            losses = F.cross_entropy(logits, labels, ignore_index=UNKNOWN, reduction="none")
            return torch.cat([hits_and_known(logits, labels), losses[:, None]], dim=1)

        hits, known, losses = (
            by_group(self.best_model, validation_set, self.accelerator, figures, 3).sum(dim=0).tolist()
        )
        if not known:
            raise DataError("The validation data holds no picture whose class is known: give another data.validation.")
        return {"accuracy": hits / known, "loss": losses / known}

    def sample_grid(self, validation_set: ValidationSet) -> None:
        """A classifier colours nothing."""


def _prepare_encoder(model: EncoderClassifier, recipe: Recipe) -> None:
    options: Any = recipe.task
    if options.encoder is not None:
        try:
            model.borrow_encoder(load(options.encoder), freeze=options.freeze)
        except (LookupError, ValueError, OSError) as error:
            raise RecipeError(f"task.encoder={options.encoder}: {error}") from error
    elif options.freeze:
        model.freeze(model.encoder)
