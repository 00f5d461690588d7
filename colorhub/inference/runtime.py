"""A model as it runs: on its device, at the precision that pays there. Lightness in, colours out."""

import torch
import torch.nn.functional as F
from torch import Tensor

from colorhub.inference.resize import coarser
from colorhub.inference.sampling import colorings
from colorhub.inference.windows import Windows, windows_of
from colorhub.models import Colorizer, Prediction
from colorhub.settings import Settings


class Network:
    """A model on a device.

    Args:
        model: in evaluation mode from now on.
        device: where it runs; ``precision`` is ``bf16`` where the hardware multiplies it natively, else ``fp32``.
        name: of the weights; the model's architecture when not given.
    """

    def __init__(self, model: Colorizer, device: torch.device, name: str | None = None) -> None:
        self.name = name or model.architecture
        self.device = device
        self.precision = _best_precision(device)
        self.model = model.to(device).to(memory_format=torch.channels_last).eval()

    def __call__(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        """The model's answer to a lightness ``(B, 1, h, w)``, and to hints ``(B, 3, h, w)`` if it takes some. A long
        picture is seen in parts (:mod:`~colorhub.inference.windows`)."""
        height, width = L.shape[-2:]
        windows = windows_of(height, width, self.model.multiple)
        return self._answer(L, hints) if windows is None else self._answer_in(windows, L, hints)

    def _answer_in(self, windows: Windows, L: Tensor, hints: Tensor | None) -> Prediction:
        height, width = L.shape[-2:]
        padding = self.model.padding(L)
        views = windows.parts(F.pad(L, padding, mode="replicate"))
        told = [None] * len(windows.starts) if hints is None else windows.parts(F.pad(hints, padding))
        answers = [self._answer(view, some) for view, some in zip(views, told, strict=True)]
        ab, logits, class_logits = zip(*answers, strict=True)
        return Prediction(
            windows.blended(ab)[..., :height, :width],
            None if logits[0] is None else windows.blended(logits),
            None if class_logits[0] is None else torch.stack(class_logits).mean(dim=0),
        )

    def _answer(self, L: Tensor, hints: Tensor | None) -> Prediction:
        L = L.to(self.device, memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._takes_bf16(L)):
            return self.model(L) if hints is None else self.model(L, hints.to(self.device))

    def _takes_bf16(self, L: Tensor) -> bool:
        """Whether a picture is computed in bf16. On a processor one that is a single column of the coarsest grid is
        not: oneDNN's strided bf16 convolutions leave memory unwritten where their output is one pixel wide."""
        narrow = self.device.type == "cpu" and L.shape[-1] <= self.model.multiple
        return self.precision == "bf16" and not narrow

    def colors(self, L: Tensor, settings: Settings) -> Tensor:
        """ab ``(colourings, B, 2, h, w)`` for a lightness ``(B, 1, h, w)``. Of one view, a model that looks twice has
        its second look."""
        answer = self(L)
        if not settings.is_sampling:
            ab = answer.ab.float()
            return (self._with_context(ab, L) if settings.views == 1 else ab)[None]
        padded = F.pad(L, self.model.padding(L), mode="replicate").to(self.device)
        found = colorings(answer.distribution, padded, settings, self.model.mean_color)
        return torch.stack([self.enlarged(ab, L) for ab in found])

    def enlarged(self, coarse: Tensor, L: Tensor) -> Tensor:
        """Maps on the grid of logits, which covers the padded picture, to the picture ``L``."""
        height, width = L.shape[-2:]
        _, right, _, below = self.model.padding(L)
        return F.interpolate(coarse, size=(height + below, width + right), mode="bilinear")[..., :height, :width]

    def _with_context(self, ab: Tensor, L: Tensor) -> Tensor:
        """Average an answer with the one to the same picture at the model's ``context_size``, if that is smaller: what
        is far away decides what sky and skin are, what is near where they end. The mean of two answers is paler than
        either, so each picture gets its first answer's mean chroma back (at most doubled). Chosen on held-out pictures:
        the first counts twice."""
        small = coarser(L, self.model.context_size, self.model.multiple)
        if small is None:
            return ab
        wide = F.interpolate(self(small).ab.float(), size=L.shape[-2:], mode="bilinear")
        both = (2 * ab + wide) / 3
        before, after = (colors.norm(dim=1, keepdim=True).mean(dim=(2, 3), keepdim=True) for colors in (ab, both))
        return both * (before / after.clamp(min=1e-6)).clamp(max=2)


def best_device() -> str:
    """The fastest kind of device there is here."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _best_precision(device: torch.device) -> str:
    """bf16 where the hardware multiplies it natively; elsewhere it is slower than float32."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    native = device.type == "cpu" and torch.backends.mkldnn.is_available() and torch.cpu._is_avx512_bf16_supported()
    return "bf16" if native else "fp32"
