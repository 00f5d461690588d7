"""Greys and answers as files, so that they can be looked at, and so that another program can enter with its own."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from colorhub._pixels import to_uint8
from training.scoring.entries import Answer
from training.scoring.greys import grey_photo
from training.scoring.pictures import Picture, Pictures

GREY = "grey"


class Saver:
    """Writes PNG files named as the pictures are, one folder an entry, below ``folder``."""

    def __init__(self, folder: Path, grey: str) -> None:
        self.folder, self._grey = folder, grey

    def save_greys(self, pictures: Pictures) -> None:
        """The 8-bit greys that another program is to colour, in the folder ``grey``."""
        for chunk in pictures.own.values():
            for one in chunk:
                grey = grey_photo(one.pixels, self._grey).grey
                self._write(GREY, one.name, to_uint8(grey))

    def save(self, entry: str, chunk: Sequence[Picture], answers: Sequence[Answer]) -> None:
        """An entry's answers."""
        for one, answer in zip(chunk, answers, strict=True):
            if answer.pixels is not None:
                self._write(entry, one.name, answer.pixels)

    def _write(self, folder: str, name: str, pixels: np.ndarray) -> None:
        path = self.folder / folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
