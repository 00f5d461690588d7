"""Validation during training: mean per-picture figures over a fixed set, the same whatever the number of processes."""

import torch
from accelerate import Accelerator
from torch import Tensor

from colorhub import metrics
from colorhub.color import fit_gamut, lab_to_rgb, rgb_to_lab
from colorhub.losses import regression
from colorhub.models.base import Colorizer

_BATCH = 16


@torch.inference_mode()
def validate(model: Colorizer, pictures: Tensor, accelerator: Accelerator) -> dict[str, float]:
    """Means over all processes' pictures of psnr, gain, colorfulness, chroma_ratio (higher is better) and loss (L1, lower is).

    ``pictures``: ``(N, 3, H, W)`` uint8, this process's part.
    """
    was_training = model.training
    model.eval()
    rows = [_figures(model, part.to(accelerator.device), accelerator) for part in pictures.split(_BATCH) if len(part)]
    model.train(was_training)
    names = ("psnr", "gain", "colorfulness", "chroma_ratio", "loss")
    total = torch.zeros(len(names) + 1, dtype=torch.float64, device=accelerator.device)
    for row in rows:
        total += row
    total = accelerator.reduce(total, "sum")
    return {name: (total[i] / total[-1]).item() for i, name in enumerate(names)}


def _figures(model: Colorizer, pictures: Tensor, accelerator: Accelerator) -> Tensor:
    target = pictures.float() / 255
    L, ab = rgb_to_lab(target)
    with accelerator.autocast():
        predicted = model(L).ab.float()
    answer = lab_to_rgb(L, fit_gamut(L, predicted))
    columns = [
        metrics.psnr(answer, target),
        metrics.gain(answer, target),
        metrics.colorfulness(answer),
        metrics.chroma_ratio(answer, target),
    ]
    sums = [column.double().sum() for column in columns]
    loss = regression(predicted, ab, "l1").double() * len(pictures)
    return torch.stack([*sums, loss, loss.new_tensor(len(pictures))])


def picture_sheet(model: Colorizer, pictures: Tensor, accelerator: Accelerator) -> Tensor:
    """Rows of grey, coloured and original beside each other, one RGB picture ``(3, H, W)`` in 0..1 for TensorBoard."""
    target = pictures[:8].to(accelerator.device).float() / 255
    L, _ = rgb_to_lab(target)
    with torch.inference_mode(), accelerator.autocast():
        predicted = model(L).ab.float()
    columns = [metrics.grey_answer(target), lab_to_rgb(L, fit_gamut(L, predicted)), target]
    return torch.cat([torch.cat(list(column), dim=1) for column in columns], dim=2)
