"""What the judge's eyes make of answers: the kernel distance to the originals, and whether things are recognised."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from training.scoring.compare import paired_difference
from training.scoring.distances import KID_SIZE, PairedKernel, paired_kernel
from training.scoring.figures import as_codes
from training.scoring.judge import recognized
from training.scoring.networks import Networks
from training.scoring.pictures import Picture, Pictures
from training.scoring.protocol import Protocol
from training.scoring.summary import Figures, interval

KERNEL, RECOGNITION = "kid-lite1", "recognition"  # in protocols: a set metric and a metric
SEEN = "judged"  # features, among what is kept of a picture
NO_LABELS = (
    "needs pictures with ImageNet labels: a column label with WordNet ids, as the rows of imagenette and imagewoof in "
    "photos@validation have it"
)


class Judging:
    """Shows answers to the judge, as far as the protocol asks for it and the judge is at hand.

    ``not_computed``: which figures there will not be, and why.
    """

    def __init__(self, protocol: Protocol, pictures: Pictures, networks: Networks) -> None:
        reasons = {}
        if KERNEL in protocol.set_metrics:
            count = len(pictures.names)
            few = f"needs at least {KID_SIZE} pictures; there are {count}" if count < KID_SIZE else None
            reasons[KERNEL] = few or networks.missing_judge()
        if RECOGNITION in protocol.metrics:
            unlabelled = NO_LABELS if max(pictures.labels, default=-1) < 0 else None
            reasons[RECOGNITION] = unlabelled or networks.missing_judge()
        self.not_computed = {name: reason for name, reason in reasons.items() if reason}
        self._compares = reasons.get(KERNEL, "not asked for") is None
        self.recognizes = reasons.get(RECOGNITION, "not asked for") is None
        self._judge = networks.load_judge() if self._compares or self.recognizes else None

    @property
    def label(self) -> str | None:
        """Who judges; ``None`` where nobody does."""
        return None if self._judge is None else self._judge.label

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """What is kept of a picture beside metrics, and its shape."""
        return {SEEN: (self._judge.num_features,)} if self._judge and self._compares else {}

    def see(self, answers: Sequence[np.ndarray], chunk: Sequence[Picture]) -> Figures:
        """Features of answers to some pictures, and whether what is in them is recognised."""
        if self._judge is None:
            return {}
        features, classes = self._judge(as_codes(answers))
        found = {SEEN: features.double().cpu().numpy()} if self._compares else {}
        if self.recognizes:
            found[RECOGNITION] = recognized(classes, [one.label for one in chunk]).cpu().numpy()
        return found

    def kernel(self, answers: np.ndarray | None, originals: np.ndarray | None) -> PairedKernel | None:
        """The distance of answers' features to the originals'; ``None`` where too few are there."""
        if answers is None or originals is None or np.isfinite(answers).all(axis=1).sum() < KID_SIZE:
            return None
        return paired_kernel(answers, originals)


def recognition(own: Figures, baselines: Mapping[str, np.ndarray]) -> dict[str, Any] | None:
    """How often the judge recognises what is in an answer, in its grey and in its original, and the differences
    picture by picture; ``None`` where nobody judged, or no picture has a label.

    Args:
        own: of the entry.
        baselines: with the keys ``grey/recognition`` and ``original/recognition``.
    """
    if RECOGNITION not in own:
        return None
    beside = {name: baselines[f"{name}/{RECOGNITION}"] for name in ("grey", "original")}
    found: dict[str, Any] = {"answer": interval(own[RECOGNITION])}
    found |= {name: interval(values) for name, values in beside.items()}
    for name, values in beside.items():
        row = paired_difference(own[RECOGNITION], values)
        found[f"over_{name}"] = {key: value if key == "n" else _rounded(value) for key, value in row.items()}
    return found


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
