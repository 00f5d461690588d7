"""Per-picture metrics. Pictures are sRGB ``(B, 3, H, W)`` in 0..1; every function answers one value a picture."""

from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio

from colorhub.color import grey_lightness, lightness_to_grey, rgb_to_lab


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
