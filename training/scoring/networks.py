"""Metrics that look through a trained network. Nothing is downloaded: what is not on disk is said at once, and where
it belongs."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlparse

import torch
from torch import Tensor, nn

from training.scoring.figures import Pair
from training.scoring.judge import Judge, load_judge, missing_judge

INCEPTION_FEATURES = 2048
_ONE_AT_A_TIME = Lock()
_INCEPTION_FILE = "weights-inception-2015-12-05-6726825d.pth"  # the name torch-fidelity gives it


@dataclass(frozen=True)
class Networks:
    """Networks in place of the usual ones, for tests or other features.

    ``features``: uint8 ``(B, 3, H, W)`` to ``(B, num_features)``, with an attribute ``num_features``.
    ``perceptual``: two pictures ``(B, 3, H, W)`` in 0..1 to ``(B,)`` distances. ``judge``: a
    :class:`~training.scoring.judge.Judge` with another network.
    """

    features: Any = None
    perceptual: Callable[[Tensor, Tensor], Tensor] | None = None
    judge: Judge | None = None

    @property
    def num_features(self) -> int:
        """Length of a feature vector."""
        return INCEPTION_FEATURES if self.features is None else int(self.features.num_features)

    @property
    def label(self) -> str | None:
        """What figures are made with where that is not the usual network: such figures compare with no others."""
        return (
            None if self.features is None else f"{type(self.features).__name__}, not Inception: compares with no others"
        )

    def missing_features(self, pictures: int) -> str | None:
        """Why there are no features that FID could use, or ``None`` where there are."""
        if pictures <= self.num_features:
            return (
                f"needs at least {self.num_features + 1:,} pictures, one more than a feature vector is long; there are "
                f"{pictures:,}"
            )
        return self.missing_extractor()

    def missing_extractor(self) -> str | None:
        """Why there is no extractor, or ``None`` where there is."""
        if self.features is not None:
            return None
        if importlib.util.find_spec("torch_fidelity") is None:
            return "needs the package torch-fidelity: pip install torch-fidelity"
        return _missing(_INCEPTION_FILE, "torch-fidelity's Inception network")

    def missing_perceptual(self) -> str | None:
        """Why there is no perceptual distance, or ``None`` where there is."""
        if self.perceptual is not None:
            return None
        return _missing(_alexnet_file(), "torchvision's AlexNet")

    def missing_judge(self) -> str | None:
        """Why nobody judges, or ``None`` where somebody does."""
        return None if self.judge is not None else missing_judge()

    def load_judge(self) -> Judge:
        """The judge. Raises what :func:`~training.scoring.judge.load_judge` raises."""
        return self.judge or load_judge()

    @torch.inference_mode()
    def features_of(self, codes: Tensor) -> Tensor:
        """Features ``(B, num_features)`` of uint8 ``(B, 3, H, W)`` pictures."""
        with _ONE_AT_A_TIME:
            network = _inception() if self.features is None else self.features
        return network(codes).float()

    def lpips(self, pair: Pair) -> Tensor:
        """Perceptual distance of each answer to its original."""
        if self.perceptual is not None:
            return self.perceptual(pair.answer.rgb, pair.original.rgb)
        answers, originals = pair.answer.rgb.split(1), pair.original.rgb.split(1)
        with _ONE_AT_A_TIME:  # the metric keeps a state
            return torch.stack(
                [_lpips()(answer, original) for answer, original in zip(answers, originals, strict=True)]
            )


@cache
def _inception() -> nn.Module:
    from torchmetrics.image.fid import NoTrainInceptionV3

    weights = str(checkpoints() / _INCEPTION_FILE)
    network = NoTrainInceptionV3("inception-v3-compat", [str(INCEPTION_FEATURES)], weights)
    return network.eval()


@cache
def _lpips() -> Callable[[Tensor, Tensor], Tensor]:
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

    return LearnedPerceptualImagePatchSimilarity("alex", normalize=True).eval()


def checkpoints() -> Path:
    """Where torch keeps networks: ``$TORCH_HOME/hub/checkpoints``."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def _alexnet_file() -> str:
    from torchvision.models import AlexNet_Weights

    return Path(urlparse(AlexNet_Weights.IMAGENET1K_V1.url).path).name


def _missing(file: str, what: str) -> str | None:
    if (checkpoints() / file).is_file():
        return None
    return f"needs {what}: {file} is not in $TORCH_HOME/hub/checkpoints, and nothing is downloaded"
