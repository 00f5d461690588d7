"""A model's files on their way to the nodes: once to each, through Ray's object store."""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from colorhub._files import replacing
from colorhub.hub.loading import weight_files


@dataclass(frozen=True)
class Weights:
    """The files by their names. ``name``: of the folder that holds them, or of the one file."""

    name: str
    files: dict[str, bytes]

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(map(len, self.files.values()))


def packed(model: str) -> Weights:
    """The files that a model's name stands for.

    Raises:
        ModelNotFoundError: there is no such model.
    """
    files = {path.name: path.read_bytes() for path in weight_files(model)}
    return Weights(Path(model).name, files)


def unpacked(weights: Weights) -> Path:
    """Where the files are on this machine: all processes of it share them."""
    content = hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in weights.files.values()))
    folder = Path(tempfile.gettempdir()) / f"colorhub-weights-{content.hexdigest()[:32]}"
    is_file = list(weights.files) == [weights.name]
    place = folder if is_file else folder / weights.name
    place.mkdir(parents=True, exist_ok=True)
    for name, file in weights.files.items():
        target = place / name
        if not target.is_file() or target.read_bytes() != file:
            with replacing(target) as aside:
                aside.write_bytes(file)
    return folder / weights.name
