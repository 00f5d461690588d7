"""Per-picture metrics. Pictures are sRGB ``(B, 3, H, W)`` in 0..1; every function answers one value a picture."""

import torch
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio

from colorhub.ab_bins import nearest_bin
from colorhub.color import grey_lightness, lightness_to_grey, rgb_to_lab

AUC_RANGE = 150  # CIELAB units


def psnr(predicted: Tensor, target: Tensor) -> Tensor:
    """Peak signal-to-noise ratio over the three channels, in dB, of each picture."""
    return peak_signal_noise_ratio(predicted, target, data_range=1.0, dim=(1, 2, 3), reduction="none")


def grey_answer(target: Tensor) -> Tensor:
    """The answer without colour: the picture's own lightness, ``(B, 3, H, W)``."""
    return lightness_to_grey(grey_lightness(target)).expand(-1, 3, -1, -1)


def gain(predicted: Tensor, target: Tensor) -> Tensor:
    """PSNR above that of the answer without colour, in dB. Not finite for a picture without any colour."""
    return psnr(predicted, target) - psnr(grey_answer(target), target)


def colorfulness(picture: Tensor) -> Tensor:
    """Hasler and Suesstrunk 2003, equation for M3, on the 0..255 scale, with signed opponent channels."""
    r, g, b = (picture[:, i].float().flatten(1) * 255 for i in range(3))
    rg, yb = r - g, (r + g) / 2 - b
    spread = (rg.var(dim=1, unbiased=False) + yb.var(dim=1, unbiased=False)).sqrt()
    return spread + 0.3 * (rg.mean(dim=1) ** 2 + yb.mean(dim=1) ** 2).sqrt()


def chroma_ratio(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean CIELAB chroma of the prediction over that of the target. Not finite for a target without any colour."""
    return mean_chroma(predicted) / mean_chroma(target)


def mean_chroma(picture: Tensor) -> Tensor:
    """Mean CIELAB chroma over the pixels."""
    return rgb_to_lab(picture)[1].norm(dim=1).flatten(1).mean(dim=1)


def ab_auc(predicted: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Raw accuracy of the ab channels, 0..1 (Zhang et al. 2016, section 3.1).

    The part of the pixels whose ab error is at most t, as the area under its curve over t = 0, 1, ..., 150, by the
    trapezoidal rule.

    Args:
        weights: ``(313,)``, how much pixels of each true colour count: class-rebalanced accuracy. The answer then is
            ``(B, 2)``, the pixels' mean weighted accuracy and their mean weight; over a set of pictures, rebalanced
            accuracy is the ratio of the sums.
    """
    (_, ab), (_, true_ab) = rgb_to_lab(predicted), rgb_to_lab(target)
    first = (ab - true_ab).norm(dim=1).ceil()  # of the thresholds that are met; half of the step before it counts
    area = ((AUC_RANGE - first + 0.5 * (first > 0)) / AUC_RANGE).clamp(min=0)
    if weights is None:
        return area.mean(dim=(1, 2))
    counts = weights.to(target.device)[nearest_bin(true_ab)]
    return torch.stack([(counts * area).mean(dim=(1, 2)), counts.mean(dim=(1, 2))], dim=1)
