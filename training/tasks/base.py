"""A task: a model, its objective and its optimizer. It makes optimizer steps; the loop around it knows nothing else."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from math import cos, inf, pi
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from colorhub.models.base import HubModel
from training.config import Optimizer, ParameterGroup, Recipe
from training.data.augment import lightness_and_color
from training.data.loader import Batch
from training.parameter_groups import FreezeSchedule, parameter_groups
from training.validate import ValidationSet, sample_grid, validate

_OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def learning_rate(step: int, steps: int, optimizer: Optimizer) -> float:
    """Rate of optimizer step ``step`` of ``steps``: linear warm-up, then what ``schedule`` says.

    ``cosine`` falls along half a cosine; ``trapezoid`` stays flat and falls linearly over the last ``decay_steps``, so
    that the length of a run can still be chosen while it runs; ``constant`` stays flat. The first two end at
    ``final_ratio`` of the full rate.
    """
    if step < optimizer.warmup_steps:
        return optimizer.learning_rate * (step + 1) / optimizer.warmup_steps
    low = optimizer.final_ratio
    if optimizer.schedule == "cosine":
        done = (step - optimizer.warmup_steps) / max(1, steps - optimizer.warmup_steps)
        height = (1 + cos(pi * min(1.0, done))) / 2
    elif optimizer.schedule == "trapezoid":
        height = min(1.0, (steps - step) / max(1, optimizer.decay_steps))
    else:
        return optimizer.learning_rate
    return optimizer.learning_rate * (low + (1 - low) * height)


def new_optimizer(
    model: nn.Module, options: Optimizer, rate: float, parts: Sequence[ParameterGroup] = ()
) -> torch.optim.Optimizer:
    """The recipe's kind of optimizer over a model's weights, a group for each of its parts."""
    kind = _OPTIMIZERS[options.name]
    groups = [
        {"params": weights, "lr": rate * ratio, "ratio": ratio} for ratio, weights in parameter_groups(model, parts)
    ]
    return kind(groups, lr=rate, betas=options.betas, weight_decay=options.weight_decay)


class Task:
    """One optimizer over one model. Subclasses write :meth:`losses`; those with an adversary :meth:`step` instead.

    ``options``: the recipe's section ``[task]``.
    """

    options: Any

    def __init__(self, recipe: Recipe, model: HubModel, accelerator: Accelerator) -> None:
        self.recipe, self.accelerator = recipe, accelerator
        self.options = recipe.task
        self.layout = torch.channels_last if recipe.run.channels_last else torch.contiguous_format
        # Without the wrappers of distribution; torch's own annotations know no device with a memory format.
        self.bare_model: HubModel = model.to(accelerator.device, memory_format=self.layout)  # type: ignore[call-overload]
        self.freezing = FreezeSchedule(model, recipe.parts)
        optimizer = new_optimizer(model, recipe.optimizer, recipe.optimizer.learning_rate, recipe.parts)
        self.average = _average(model, recipe.optimizer.ema_decay)
        if recipe.run.compile:
            model.compile()  # in place: a wrapper would change the names of the weights
        self.model, self.optimizer = accelerator.prepare(model, optimizer)
        if self.average is not None:
            accelerator.register_for_checkpointing(self.average)

    @property
    def batches(self) -> int:
        """Batches that a step takes."""
        return self.recipe.optimizer.accumulate

    def losses(self, L: Tensor, ab: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Named scalars of a batch, ``loss`` the one to minimize. ``L``: ``(B, 1, H, W)``, ``ab``: ``(B, 2, H, W)``,
        ``labels``: class numbers ``(B,)``, -1 where unknown."""
        raise NotImplementedError

    def step(self, batches: Sequence[Batch], number: int) -> dict[str, Tensor]:
        """Optimizer step ``number`` (from 0) over :attr:`batches` accumulated batches; answers their mean losses and
        ``gradient_norm``, the norm before clipping."""
        self.set_rates(number)
        parts = [self._backward(batch, len(batches), batch is batches[-1]) for batch in batches]
        losses = {name: torch.stack([part[name] for part in parts]).mean() for name in parts[0]}
        return losses | self.step_model()

    def set_rates(self, number: int) -> None:
        """Set the learning rates of step ``number``, and freeze what is not trained in it."""
        self.freezing.at(number)
        rate = learning_rate(number, self.recipe.run.steps, self.recipe.optimizer)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("ratio", 1.0)

    def step_model(self) -> dict[str, Tensor]:
        """Move the model along its gradients, and its average after it; answers ``gradient_norm``."""
        # An infinite limit leaves the gradients as they are: only their norm is wanted, to see one that is not finite.
        limit = self.recipe.optimizer.clip_norm or inf
        norm = self.accelerator.clip_grad_norm_(self.model.parameters(), limit).detach()
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.average is not None:
            self.average.update_parameters(self.bare_model)
        return {"gradient_norm": norm}

    def validate(self, validation_set: ValidationSet) -> dict[str, float]:
        """Validation figures of the best model, the same on all processes."""
        return validate(self.best_model, validation_set, self.accelerator)

    def sample_grid(self, validation_set: ValidationSet) -> Tensor | None:
        """A grid of pictures for TensorBoard ``(3, H, W)``, where the task has something to show."""
        return sample_grid(self.best_model, validation_set, self.accelerator)

    def save_beside(self, folder: Path) -> None:
        """Write what belongs beside the best model, but not into it."""

    def _backward(self, batch: Batch, count: int, last: bool) -> dict[str, Tensor]:
        """Add one batch's gradients; processes exchange them with the last batch only."""
        with nullcontext() if last else self.accelerator.no_sync(self.model):
            with self.accelerator.autocast():
                losses = self.losses(*self.tensors(batch))
            self.accelerator.backward(losses["loss"] / count)
        return {name: value.detach() for name, value in losses.items()}

    def tensors(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """``(L, ab, labels)`` of a batch on the training device."""
        codes = batch.rgb.to(self.accelerator.device, non_blocking=True)
        return *lightness_and_color(codes, batch.draws, self.recipe.data), batch.labels.to(codes.device)

    @property
    def learning_rate(self) -> float:
        """The rate of the last step, of what no part of the recipe has another for."""
        return self.optimizer.param_groups[-1]["lr"]

    @property
    def best_model(self) -> HubModel:
        """What is validated and published: the averaged weights where there are some."""
        model: Any = self.bare_model if self.average is None else self.average.module
        return model


def weighted_sum(terms: Mapping[str, tuple[float, Tensor]]) -> dict[str, Tensor]:
    """The named terms, and ``loss``, their sum by their weights. ``terms``: weight and value of each."""
    loss = torch.stack([weight * value for weight, value in terms.values()]).sum()
    return {"loss": loss, **{name: value for name, (_, value) in terms.items()}}


def _average(model: nn.Module, decay: float | None) -> AveragedModel | None:
    if decay is None:
        return None
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
