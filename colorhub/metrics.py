"""Per-picture metrics. Pictures are sRGB ``(B, 3, H, W)`` in 0..1; every function answers one value a picture.

Functions that take ``L`` and ``ab`` instead, ``(B, 1, H, W)`` and ``(B, 2, H, W)`` in CIELAB units, spare who needs
several of them the conversions.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from colorhub._extras import require
from colorhub.ab_bins import nearest_bin
from colorhub.color import grey_lightness, lightness_to_grey, rgb_to_lab

try:
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure
except ImportError:
    require("scores", "skimage", "torchmetrics")
    raise

AUC_RANGE = 150  # CIELAB units
# Of colour bleeding, in pixels and CIELAB units: how far from an edge a step is taken as done, and as there at all,
# and how large a step the original must make.
EDGE_NEAR, EDGE_FAR, EDGE_STEP = 2, 6, 20.0
# Of blotches: cells along the short side and how many of them the surroundings reach (a standard deviation); up to
# which deviation of lightness within a cell, departure of lightness and departure of colour an original is flat.
BLOTCH_CELLS, BLOTCH_REACH = 64, 8
FLAT_TEXTURE, FLAT_LIGHTNESS, FLAT_COLOR = 3.0, 6.0, 3.0


def psnr(predicted: Tensor, target: Tensor) -> Tensor:
    """Peak signal-to-noise ratio over the three channels, in dB, of each picture: ``(B,)``.

    Example:
        >>> import torch
        >>> from colorhub.metrics import psnr
        >>> target = torch.full((2, 3, 8, 8), 0.5)
        >>> psnr(target + 0.1, target).round(decimals=3)  # 20 log10(1 / 0.1)
        tensor([20., 20.])
    """
    return peak_signal_noise_ratio(predicted, target, data_range=1.0, dim=(1, 2, 3), reduction="none")


def grey_answer(target: Tensor) -> Tensor:
    """The answer without colour: the lightness of the picture ``(B, 3, H, W)`` itself, as sRGB ``(B, 3, H, W)``.

    Example:
        >>> import torch
        >>> from colorhub.metrics import grey_answer
        >>> grey = grey_answer(torch.rand(2, 3, 8, 8))
        >>> grey.shape, bool((grey[:, 0] == grey[:, 2]).all())
        (torch.Size([2, 3, 8, 8]), True)
    """
    return grey_picture(grey_lightness(target))


def grey_picture(L: Tensor) -> Tensor:
    """A lightness ``(B, 1, H, W)``, 0..100, as a picture without colour: sRGB ``(B, 3, H, W)``.

    Example:
        >>> import torch
        >>> from colorhub.metrics import grey_picture
        >>> grey_picture(torch.full((1, 1, 4, 4), 50.0))[0, :, 0, 0]
        tensor([0.4663, 0.4663, 0.4663])
    """
    return lightness_to_grey(L).expand(-1, 3, -1, -1)


def gain(predicted: Tensor, target: Tensor) -> Tensor:
    """PSNR above that of the answer without colour, in dB, ``(B,)``. Not finite for a picture without any colour.

    Example:
        >>> import torch
        >>> from colorhub.metrics import gain, grey_answer
        >>> target = torch.rand(1, 3, 8, 8)
        >>> gain(grey_answer(target), target)  # no better than without colour
        tensor([0.])
        >>> bool(gain((target + grey_answer(target)) / 2, target) > 6)  # half of the colour: the error is halved
        True
    """
    return psnr(predicted, target) - psnr(grey_answer(target), target)


def colorfulness(picture: Tensor) -> Tensor:
    """Colourfulness of each picture, ``(B,)``: M3 on the 0..255 scale, with signed opponent channels. 0 is grey.

    References:
        Hasler, Suesstrunk 2003, "Measuring Colourfulness in Natural Images".

    Example:
        >>> import torch
        >>> from colorhub.metrics import colorfulness
        >>> grey, red = torch.full((3, 8, 8), 0.5), torch.zeros(3, 8, 8)
        >>> red[0] = 1
        >>> [round(value) for value in colorfulness(torch.stack([grey, red])).tolist()]
        [0, 86]
    """
    r, g, b = (picture[:, i].float().flatten(1) * 255 for i in range(3))
    rg, yb = r - g, (r + g) / 2 - b
    return _colorfulness(rg, yb)


def colorfulness_absolute(picture: Tensor) -> Tensor:
    """As :func:`colorfulness`, but of the absolute values of the opponent channels: not what Hasler and Suesstrunk
    define, but what several published tables print.

    Example:
        >>> import torch
        >>> from colorhub.metrics import colorfulness_absolute
        >>> colorfulness_absolute(torch.full((1, 3, 8, 8), 0.5))
        tensor([0.])
    """
    r, g, b = (picture[:, i].float().flatten(1) * 255 for i in range(3))
    return _colorfulness((r - g).abs(), ((r + g) / 2 - b).abs())


def _colorfulness(rg: Tensor, yb: Tensor) -> Tensor:
    spread = (rg.var(dim=1, unbiased=False) + yb.var(dim=1, unbiased=False)).sqrt()
    return spread + 0.3 * (rg.mean(dim=1) ** 2 + yb.mean(dim=1) ** 2).sqrt()


def ssim(predicted: Tensor, target: Tensor) -> Tensor:
    """Structural similarity of the three channels, ``(B,)``, at most 1, with a Gaussian window of sigma 1.5.

    References:
        Wang et al. 2004, "Image Quality Assessment: From Error Visibility to Structural Similarity".

    Example:
        >>> import torch
        >>> from colorhub.metrics import ssim
        >>> target = torch.rand(2, 3, 32, 32)
        >>> ssim(target, target).round(decimals=4)
        tensor([1., 1.])
    """
    answer = structural_similarity_index_measure(predicted, target, sigma=1.5, data_range=1.0, reduction="none")
    return torch.as_tensor(answer).reshape(len(target))  # of a single picture the library answers a scalar


def ciede2000(L: Tensor, ab: Tensor, true_L: Tensor, true_ab: Tensor) -> Tensor:
    """Mean CIEDE2000 colour difference over the pixels, of each picture: ``(B,)``.

    Args:
        L: ``(B, 1, H, W)`` of the answer, 0..100.
        ab: ``(B, 2, H, W)`` of the answer, in CIELAB units.
        true_L: of the original.
        true_ab: of the original.

    References:
        Sharma, Wu, Dalal 2005, "The CIEDE2000 Color-Difference Formula".

    Example:
        >>> import torch
        >>> from colorhub.metrics import ciede2000
        >>> L, ab = torch.full((1, 1, 8, 8), 50.0), torch.zeros(1, 2, 8, 8)
        >>> ciede2000(L, ab, L, ab).item()
        0.0
        >>> ciede2000(L, ab + 10, L, ab).item() > 5
        True
    """
    from skimage.color import deltaE_ciede2000  # late, as it is slow to import

    predicted, target = (torch.cat(parts, dim=1).movedim(1, -1).cpu().numpy() for parts in ((L, ab), (true_L, true_ab)))
    return torch.from_numpy(deltaE_ciede2000(target, predicted)).mean(dim=(1, 2))


def bleeding(ab: Tensor, true_ab: Tensor) -> Tensor:
    """Colour bleeding over edges: the part of a colour step that is not yet there 2 pixels beside the edge.

    Taken where the original's colour changes by at least 20 CIELAB units within 2 pixels to either side, along rows and
    along columns. There the answer's own step is measured from 6 pixels on one side to 6 on the other; bleeding is one
    minus the part of it that is made between 2 and 2. 0 is as sharp as can be. A colour that is wrong but ends where it
    should does not bleed. Not finite without such an edge, or where the answer makes less than a tenth of the
    original's step.

    Args:
        ab: ``(B, 2, H, W)`` of the answer, in CIELAB units.
        true_ab: of the original.

    Returns:
        ``(B,)``.

    Example:
        >>> import torch
        >>> import torch.nn.functional as F
        >>> from colorhub.metrics import bleeding
        >>> original = torch.zeros(1, 2, 32, 32)
        >>> original[..., 16:] = 40  # a step of colour
        >>> round(bleeding(original, original).item(), 3)
        0.0
        >>> blurred = F.avg_pool2d(F.pad(original, (4, 4, 4, 4), mode="replicate"), 9, stride=1)
        >>> bool(bleeding(blurred, original) > 0.3)
        True
    """
    near = far = true_step = ab.new_zeros(len(ab))
    for turned, original in ((ab, true_ab), (ab.mT, true_ab.mT)):
        step, short = _steps(turned, EDGE_FAR), _steps(turned, EDGE_NEAR)
        edge = (_length(_steps(original, EDGE_NEAR)) >= EDGE_STEP).float()
        size = _length(step)
        along = (short * step).sum(dim=1) / size.clamp(min=1e-6)
        near = near + (edge * along).sum(dim=(1, 2))
        far = far + (edge * size).sum(dim=(1, 2))
        true_step = true_step + (edge * _length(_steps(original, EDGE_FAR))).sum(dim=(1, 2))
    answer = 1 - near / far
    return torch.where(far > true_step / 10, answer, torch.nan)


def _length(ab: Tensor) -> Tensor:
    return torch.hypot(ab[:, 0], ab[:, 1])  # several times faster than a norm over two channels


def _steps(x: Tensor, reach: int) -> Tensor:
    """Differences ``(B, C, H, W - 2 * EDGE_FAR)`` along rows between ``reach`` pixels on either side."""
    margin, width = EDGE_FAR - reach, x.shape[-1]
    return x[..., 2 * reach + margin : width - margin] - x[..., margin : width - 2 * reach - margin]


def blotchiness(ab: Tensor, L: Tensor, true_ab: Tensor) -> Tensor:
    """Blotches of colour where the original has none: low-pass variance of the answer's colour over its mean chroma.

    Means over cells of a 64th of the short side take out noise and texture; what is left of them beside their
    surroundings (a Gaussian of 8 cells, over flat cells alone) is the answer's unevenness. It is counted where the
    original is flat: its lightness has no texture, and neither lightness nor colour, taken the same way, departs from
    its surroundings. The variance of both channels, in CIELAB units squared, is divided by the answer's mean chroma, so
    the figure grows with the strength of colour: compare at equal colourfulness. Not finite where less than a fiftieth
    of the picture is flat. In the manner of, not equal to, any published measure.

    Args:
        ab: of the answer.
        L: of the original.
        true_ab: of the original.

    Example:
        >>> import torch
        >>> from colorhub.metrics import blotchiness
        >>> L, flat = torch.full((1, 1, 128, 128), 50.0), torch.full((1, 2, 128, 128), 20.0)
        >>> round(blotchiness(flat, L, flat).item(), 3)
        0.0
        >>> blotched = flat.clone()
        >>> blotched[..., 40:60, 40:60] += 20
        >>> blotchiness(blotched, L, flat).item() > 0.1
        True
    """
    cell = max(1, min(L.shape[2:]) // BLOTCH_CELLS)
    original = torch.cat([L, true_ab], dim=1)
    texture = F.avg_pool2d(L.square(), cell) - F.avg_pool2d(L, cell).square()
    flat = (texture <= FLAT_TEXTURE**2).float()
    uneven = _uneven(F.avg_pool2d(original, cell), flat)
    flat = flat * (uneven[:, :1].abs() <= FLAT_LIGHTNESS) * (_length(uneven[:, 1:])[:, None] <= FLAT_COLOR)
    variance = (flat * _uneven(F.avg_pool2d(ab, cell), flat).square()).sum(dim=(1, 2, 3))
    cells = flat.sum(dim=(1, 2, 3))
    answer = variance / cells.clamp(min=1) / mean_norm(ab).clamp(min=1e-6)
    return torch.where(cells >= flat[0].numel() / 50, answer, torch.nan)


def _uneven(cells: Tensor, flat: Tensor) -> Tensor:
    """Cells less the mean of the flat ones around them."""
    blurred = _blurred(torch.cat([cells * flat, flat], dim=1))
    return cells - blurred[:, :-1] / blurred[:, -1:].clamp(min=1e-6)


def _blurred(x: Tensor) -> Tensor:
    """A Gaussian of ``BLOTCH_REACH``; nothing is outside of the picture."""
    reach = 3 * BLOTCH_REACH
    places = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-0.5 * (places / BLOTCH_REACH).square())
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, 1, -1)
    x = F.conv2d(x, kernel, padding=(0, reach), groups=x.shape[1])
    return F.conv2d(x, kernel.mT, padding=(reach, 0), groups=x.shape[1])


def chroma_ratio(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean CIELAB chroma of the prediction over the target's, ``(B,)``. Not finite for a target without any colour.

    Example:
        >>> import torch
        >>> from colorhub.metrics import chroma_ratio, grey_answer
        >>> target = torch.rand(1, 3, 8, 8)
        >>> chroma_ratio(target, target)
        tensor([1.])
        >>> chroma_ratio(grey_answer(target), target).item() < 0.01
        True
    """
    return mean_chroma(predicted) / mean_chroma(target)


def mean_chroma(picture: Tensor) -> Tensor:
    """Mean CIELAB chroma over the pixels of each picture: ``(B,)``.

    Example:
        >>> import torch
        >>> from colorhub.metrics import mean_chroma
        >>> red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
        >>> round(mean_chroma(red).item())
        105
    """
    return mean_norm(rgb_to_lab(picture)[1])


def mean_norm(ab: Tensor) -> Tensor:
    """:func:`mean_chroma` of colours ``(B, 2, H, W)`` in CIELAB units.

    Example:
        >>> import torch
        >>> from colorhub.metrics import mean_norm
        >>> mean_norm(torch.tensor([3.0, 4.0]).view(1, 2, 1, 1))
        tensor([5.])
    """
    return ab.norm(dim=1).flatten(1).mean(dim=1)


def ab_auc(predicted: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Raw accuracy of the ab channels, 0..1 (Zhang et al. 2016, section 3.1).

    The part of the pixels whose ab error is at most t, as the area under its curve over t = 0, 1, ..., 150, by the
    trapezoidal rule.

    Args:
        weights: ``(313,)``, how much pixels of each true colour count: class-rebalanced accuracy. The answer then is
            ``(B, 2)``, the pixels' mean weighted accuracy and their mean weight; over a set of pictures, rebalanced
            accuracy is the ratio of the sums.

    Example:
        >>> import torch
        >>> from colorhub.metrics import ab_auc
        >>> target = torch.rand(2, 3, 8, 8)
        >>> ab_auc(target, target)
        tensor([1., 1.])
    """
    return raw_accuracy(rgb_to_lab(predicted)[1], rgb_to_lab(target)[1], weights)


def raw_accuracy(ab: Tensor, true_ab: Tensor, weights: Tensor | None = None) -> Tensor:
    """:func:`ab_auc` of colours ``(B, 2, H, W)`` in CIELAB units.

    Example:
        >>> import torch
        >>> from colorhub.metrics import raw_accuracy
        >>> true_ab = torch.zeros(1, 2, 8, 8)
        >>> round(raw_accuracy(true_ab + 30, true_ab).item(), 2)  # off by 42 of 150
        0.72
    """
    first = (ab - true_ab).norm(dim=1).ceil()  # of the thresholds that are met; half of the step before it counts
    area = ((AUC_RANGE - first + 0.5 * (first > 0)) / AUC_RANGE).clamp(min=0)
    if weights is None:
        return area.mean(dim=(1, 2))
    counts = weights.to(true_ab.device)[nearest_bin(true_ab)]
    return torch.stack([(counts * area).mean(dim=(1, 2)), counts.mean(dim=(1, 2))], dim=1)
