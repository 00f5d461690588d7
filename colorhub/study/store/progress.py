"""Where a rater is in a sequence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Progress:
    """Where a rater is. ``kind``: of the item at ``position``, "" at the end; ``pictures``: one, or two side by side.
    Whether a trial is an attention item is not told."""

    study: str
    position: int
    total: int
    kind: str
    pictures: int
    finished: bool
    language: str
    plates_read: int | None


def progress_of(rater: Mapping[str, Any], sequence: Sequence[Mapping[str, Any]]) -> Progress:
    """The progress of a rater, given the row and the sequence."""
    position = min(rater["position"], len(sequence))
    item = sequence[position] if position < len(sequence) else {"kind": "", "stimuli": []}
    return Progress(
        rater["study"],
        position,
        len(sequence),
        "trial" if item["kind"] == "attention" else item["kind"],
        len(item["stimuli"]),
        rater["finished"],
        rater["language"],
        rater["plates_read"],
    )
