"""Models of the hub as something that is scored."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

from colorhub import ColorizationPipeline, Photo, Settings
from colorhub._pixels import to_uint8
from training.scoring.greys import grey_photo
from training.scoring.pictures import Picture
from training.scoring.protocol import Protocol


class State(IntEnum):
    """Whether there is an answer to a picture."""

    FOUND = 0
    MISSING = 1
    MISSHAPEN = 2
    UNREADABLE = 3


class Answer(NamedTuple):
    """``pixels``: uint8 ``(S, S, 3)``, or ``None`` where there is no answer; ``lossy``: whether it was stored in a way
    that altered it."""

    pixels: np.ndarray | None
    state: State = State.FOUND
    lossy: bool = False


class ModelEntry:
    """A model of the hub: a name, a folder or a Hub id. The protocol says with which settings, from which grey."""

    def __init__(self, name: str, protocol: Protocol, device: str | None = None) -> None:
        self.settings: Settings = protocol.settings
        self.pipeline = ColorizationPipeline(name, device=device, settings=self.settings)
        self.source, self._grey = name, protocol.grey.protocol
        self.name = self.pipeline.name

    @property
    def key(self) -> list[Any]:
        """What its answers depend on."""
        model, pipeline = self.pipeline.model, self.pipeline
        return [
            "model",
            model.architecture,
            model.weights_sha256,
            model.working_size,
            self.settings.to_dict(),
            pipeline.network.precision,
            pipeline.device.type,
        ]

    @property
    def facts(self) -> dict[str, Any]:
        """What scores.json says about it."""
        model = self.pipeline.model
        return {
            "name": self.name,
            "architecture": model.architecture,
            "weights_sha256": model.weights_sha256,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "working_size": model.working_size,
            "settings": self.settings.to_dict(),
        }

    def answers(self, chunk: Sequence[Picture], size: int | None = None) -> list[Answer]:
        """The pipeline's answers to the pictures' grey, one at a time."""
        return [Answer(self.answer_to(grey_photo(one.pixels, self._grey), size)) for one in chunk]

    def answer_to(self, photo: Photo, size: int | None = None) -> np.ndarray:
        """The answer to any photo, uint8 ``(H, W, 3)``."""
        return to_uint8(self.pipeline(photo, size=size or self.settings.size).pixels)

    def answers_at(self, chunk: Sequence[Picture], vividness: Sequence[float]) -> list[list[np.ndarray]]:
        """The answers to the pictures at each vividness, uint8 ``(S, S, 3)``: the network runs once a picture."""
        photos = [grey_photo(one.pixels, self._grey) for one in chunk]
        layers = [self.pipeline.predict(photo) for photo in photos]
        return [
            [
                to_uint8(self.pipeline.compose(photo, layer, factor).pixels)
                for photo, layer in zip(photos, layers, strict=True)
            ]
            for factor in vividness
        ]
