"""Validation during training: mean per-picture figures over a fixed set, the same whatever the number of processes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from colorhub import metrics
from colorhub.color import fit_gamut, lab_to_rgb, rgb_to_lab
from colorhub.models.base import HubModel
from training.config import Data
from training.data.augment import center_crop
from training.data.labels import UNKNOWN, Labels
from training.data.loader import Shard, decode_colored
from training.data.sources import DataError, Pictures, stream_rows

_GROUP = 16  # pictures that are judged together, by one process
_FIGURES = ("psnr", "gain", "colorfulness", "chroma_ratio", "loss")


@dataclass(frozen=True)
class ValidationSet:
    """This process's part of the validation pictures: every ``world``-th group of them, so that a group's figures are
    the same whatever the number of processes. ``pictures``: uint8 ``(n, 3, H, W)``; ``rows``: their places among
    ``total``; ``labels``: their class numbers, -1 where unknown."""

    pictures: Tensor
    rows: Tensor
    labels: Tensor
    total: int


def load_validation_set(dataset: Pictures, data: Data, shard: Shard, class_names: Sequence[str] = ()) -> ValidationSet:
    """This process's part of the first ``validation_limit`` pictures with colour, cut to centred squares.
    ``dataset``: what ``open_pictures`` answers.

    Raises:
        DataError: there is none.
    """
    mine: list[np.ndarray] = []
    rows: list[int] = []
    numbers: list[int] = []
    total = 0
    labels = Labels(dataset, data.label_columns, class_names)
    skipped = {"grey": 0, "broken": 0}
    with closing(stream_rows(dataset)) as stream:
        while total != data.validation_limit and (row := next(stream, None)) is not None:
            picture = decode_colored(row[data.image_column], data.grey_threshold, data.validation_size)
            if isinstance(picture, str):
                skipped[picture] += 1
                continue
            if total // _GROUP % shard.world_size == shard.rank:
                mine.append(np.asarray(center_crop(picture, data.validation_size)))
                rows.append(total)
                numbers.append(labels.number(row))
            total += 1
    if not total:
        found = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
        raise DataError(f"The validation data holds no picture with colour ({found}).")
    empty = np.empty((0, data.validation_size, data.validation_size, 3), np.uint8)
    stacked = torch.from_numpy(np.stack(mine) if mine else empty)
    found_rows, found_labels = (torch.tensor(values, dtype=torch.long) for values in (rows, numbers))
    return ValidationSet(stacked.permute(0, 3, 1, 2).contiguous(), found_rows, found_labels, total)


def validate(model: HubModel, validation_set: ValidationSet, accelerator: Accelerator) -> dict[str, float]:
    """Means over all processes' pictures of psnr, gain, colorfulness, chroma_ratio (higher is better) and loss (mean
    absolute error of ab in units of 110, lower is better); for models that name the scene, also accuracy.

    The model is used as the main process has it: batch statistics of the other processes differ, and are overwritten.
    """

    def figures(pictures: Tensor, labels: Tensor) -> Tensor:
        return _figures(model, pictures, labels, accelerator)

    sums = by_group(model, validation_set, accelerator, figures, len(_FIGURES) + 2).sum(dim=0).tolist()
    *totals, hits, known = sums
    scores = {name: value / validation_set.total for name, value in zip(_FIGURES, totals, strict=True)}
    return scores | ({"accuracy": hits / known} if known else {})


@torch.inference_mode()
def by_group(
    model: nn.Module,
    validation_set: ValidationSet,
    accelerator: Accelerator,
    figures: Callable[[Tensor, Tensor], Tensor],
    count: int,
) -> Tensor:
    """A table of figures of all processes' pictures, ``(total, count)`` in float64.

    ``figures``: of pictures ``(B, 3, H, W)`` in 0..1 and labels ``(B,)``, a row each.
    """
    share_buffers(model, accelerator)
    table = torch.zeros(validation_set.total, count, dtype=torch.float64)
    parts = (part.split(_GROUP) for part in (validation_set.pictures, validation_set.rows, validation_set.labels))
    with _evaluating(model):
        for pictures, rows, labels in zip(*parts, strict=True):
            if len(rows):
                device = accelerator.device
                table[rows] = figures(pictures.to(device).float() / 255, labels.to(device)).double().cpu()
    return accelerator.reduce(table.to(accelerator.device), "sum").cpu()  # every row is filled by one process: exact


def hits_and_known(logits: Tensor, labels: Tensor) -> Tensor:
    """``(B, 2)``: whether the class is named rightly, and whether it is known at all, as 0 or 1."""
    return torch.stack([logits.argmax(dim=1) == labels, labels != UNKNOWN], dim=1).float()


def share_buffers(model: nn.Module, accelerator: Accelerator) -> None:
    """Give all processes the main process's buffers (running means of batch normalization)."""
    if accelerator.num_processes > 1:
        for buffer in model.buffers():
            torch.distributed.broadcast(buffer, src=0)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _figures(model: HubModel, target: Tensor, labels: Tensor, accelerator: Accelerator) -> Tensor:
    """``(B, 7)``: a row of figures a picture, then hits and known."""
    L, ab = rgb_to_lab(target)
    with accelerator.autocast():
        prediction = model(L)
    predicted = prediction.ab.float()
    answer = lab_to_rgb(L, fit_gamut(L, predicted))
    columns = [
        metrics.psnr(answer, target),
        metrics.gain(answer, target),
        metrics.colorfulness(answer),
        metrics.chroma_ratio(answer, target),
        (predicted - ab).abs().mean(dim=(1, 2, 3)) / 110,
    ]
    named = target.new_zeros(len(target), 2)
    if prediction.class_logits is not None:
        named = hits_and_known(prediction.class_logits, labels)
    return torch.cat([torch.stack(columns, dim=1), named], dim=1)


@torch.inference_mode()
def sample_grid(model: HubModel, validation_set: ValidationSet, accelerator: Accelerator) -> Tensor:
    """Rows of grey, coloured and original beside each other, one RGB picture ``(3, H, W)`` in 0..1 for TensorBoard."""
    target = validation_set.pictures[:8].to(accelerator.device).float() / 255
    L, _ = rgb_to_lab(target)
    # In training mode the sheet would change the running means that are published.
    with _evaluating(model), accelerator.autocast():
        predicted = model(L).ab.float()
    columns = [metrics.grey_answer(target), lab_to_rgb(L, fit_gamut(L, predicted)), target]
    return torch.cat([torch.cat(list(column), dim=1) for column in columns], dim=2)
