"""What an actor of Ray Data does with a block of photos."""

from contextlib import closing
from typing import Any

import pyarrow as pa
import ray

from colorhub.cluster.alone import Alone
from colorhub.cluster.colorist import Colorist, Task
from colorhub.cluster.photos import Listed, Outcome, outcome_block, photos_in
from colorhub.cluster.watch import Turn
from colorhub.cluster.weights import unpacked


class ColorPhotos:
    """Opens, colours and writes photos; what goes back are their rows.

    A block that a process ended with is worked on photo by photo, each alone in a process of its own.

    Args:
        task: of all photos.
        weights: a reference to the model's files.
        watch: the run's :class:`~colorhub.cluster.watch.Watch`.
    """

    def __init__(self, task: Task, weights: Any, watch: Any) -> None:
        self._task, self._watch = task, watch
        self._model = unpacked(ray.get(weights[0]))
        self._colorist = Colorist(task, self._model)

    def __call__(self, block: pa.Table) -> pa.Table:
        """Rows of listed photos to rows of outcomes."""
        photos = list(photos_in(block))
        if not photos:
            return outcome_block([])
        key = photos[0].id
        turn = ray.get(self._watch.begin.remote(key))
        if turn is Turn.NOT_NOW:  # without rows the checkpoint does not know them, and the next run does them
            return outcome_block([])
        outcomes = self._one_by_one(photos) if turn is Turn.ONE_BY_ONE else self._colorist.color(photos)
        self._watch.end.remote(key, len(photos))
        return outcome_block(outcomes)

    def _one_by_one(self, photos: list[Listed]) -> list[Outcome]:
        with closing(Alone(self._task, self._model)) as alone:
            return [alone.color(photo) for photo in photos]
