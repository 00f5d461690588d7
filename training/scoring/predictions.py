"""Pictures that any other program made as something that is scored: no model code is needed to enter."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from colorhub import Photo, PhotoError, compose
from colorhub._pixels import to_uint8
from training.data.sources import DataError
from training.scoring.entries import Answer, State
from training.scoring.pictures import Picture, Pictures, cut_square
from training.scoring.protocol import Cut

_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".heic", ".heif")


class PredictionEntry:
    """Files in a folder, named as the originals are whatever their ending. Of the originals' cut or whole size."""

    def __init__(self, name: str, folder: Path, cut: Cut) -> None:
        if not folder.is_dir():
            raise DataError(f"--predictions {name}={folder}: no such folder.")
        self.name, self.folder, self._cut = name, folder, cut
        self._files = self._by_stem()

    @property
    def key(self) -> list[Any]:
        """What its answers depend on."""
        stats = [(path.name, path.stat()) for _, path in sorted(self._files.items())]
        return ["predictions", [[name, facts.st_size, facts.st_mtime_ns] for name, facts in stats]]

    @property
    def facts(self) -> dict[str, Any]:
        """What scores.json says about it."""
        return {"name": self.name, "predictions": self.folder.name}

    def answers(self, chunk: Sequence[Picture]) -> list[Answer]:
        """The pictures' files, cut as the originals were where they have the originals' whole size."""
        return [self._answer(one) for one in chunk]

    def check(self, pictures: Pictures) -> list[str]:
        """Files that belong to no picture.

        Raises:
            DataError: pictures that share a name, or no file that belongs to any.
        """
        if twice := next((name for name, count in Counter(pictures.names).items() if count > 1), None):
            raise DataError(f"{pictures.source!r} has two pictures named {twice!r}: predictions cannot be told apart.")
        if not set(pictures.names) & set(self._files):
            raise DataError(
                f"--predictions {self.name}={self.folder}: no file is named like a picture of {pictures.source!r}, "
                f"such as {pictures.names[0]}.png; --save DIR writes the grey pictures under their names."
            )
        known = {*pictures.names, *pictures.grey, *pictures.broken}
        return sorted(self._files[stem].name for stem in set(self._files) - known)

    def remarks(self, names: Sequence[str], states: np.ndarray, lossy: np.ndarray) -> dict[str, list[str]]:
        """Names of pictures whose answers are missing, misshapen, unreadable, lossy."""

        def named(chosen: np.ndarray) -> list[str]:
            return [name for name, yes in zip(names, chosen, strict=True) if yes]

        found = {state.name.lower(): named(states == state) for state in State if state is not State.FOUND}
        return {**found, "lossy": named(lossy.astype(bool))}

    def _by_stem(self) -> dict[str, Path]:
        files: dict[str, Path] = {}
        for path in sorted(self.folder.iterdir()):
            if path.suffix.lower() not in _ENDINGS or not path.is_file():
                continue
            if path.stem in files:
                raise DataError(
                    f"--predictions {self.name}={self.folder}: {files[path.stem].name} and {path.name} answer the same "
                    "picture; keep one."
                )
            files[path.stem] = path
        if not files:
            raise DataError(f"--predictions {self.name}={self.folder}: no pictures ({', '.join(_ENDINGS)}).")
        return files

    def _answer(self, picture: Picture) -> Answer:
        path = self._files.get(picture.name)
        if path is None:
            return Answer(None, state=State.MISSING)
        try:
            photo = Photo.open(path)
        except PhotoError:
            return Answer(None, state=State.UNREADABLE)
        pixels = to_uint8(compose(photo, None).pixels[..., :3])
        square = picture.pixels.shape[:2]
        if pixels.shape[:2] == picture.shape != square:
            pixels = cut_square(Image.fromarray(pixels), self._cut)
        if pixels.shape[:2] != square:
            return Answer(None, state=State.MISSHAPEN)
        return Answer(pixels, lossy=not photo.lossless)
