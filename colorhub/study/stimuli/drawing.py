"""Drawing photos at random: squares in colour, large enough, each once; what is passed over is counted by reason."""

import hashlib
from collections import Counter
from dataclasses import dataclass

import cv2
import numpy as np

from colorhub._pixels import to_uint8
from colorhub.photo import ColorAnswer, Photo, PhotoError
from colorhub.study.design.sequences import generator
from colorhub.study.errors import StudyError
from colorhub.study.stimuli.sources import PhotoSource

_ALIKE = 0.08  # part of a hash that differs between copies of one picture; between two pictures it is about half
_WORDS = {
    "grey": "not surely in colour",
    "small": "smaller than the stimuli",
    "unreadable": "unreadable",
    "transparent": "transparent",
    "twice": "the same picture again",
}


@dataclass(frozen=True)
class Drawn:
    """``squares``: ``(size, size, 3)`` uint8 sRGB each; ``names``: where they are in the source; ``passed_over``: how
    many photos were not taken, by reason."""

    squares: list[np.ndarray]
    names: list[str]
    passed_over: dict[str, int]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all squares' pixels in the order of the draw, in hex."""
        digest = hashlib.sha256()
        for square in self.squares:
            digest.update(square.tobytes())
        return digest.hexdigest()


def draw(source: PhotoSource, count: int, size: int, seed: int) -> Drawn:
    """Take ``count`` photos in a random order that ``seed`` decides.

    Raises:
        StudyError: the source has too few that can be used; the message says why the others could not.
    """
    squares: list[np.ndarray] = []
    names: list[str] = []
    hashes: list[np.ndarray] = []
    reasons: Counter[str] = Counter()
    for number in generator("photos", seed).permutation(len(source)):
        if len(squares) == count:
            break
        square, reason = _try(source, int(number), size)
        if square is not None:
            own = _difference_hash(square)
            if not any((own != other).mean() < _ALIKE for other in hashes):
                hashes.append(own)
                squares.append(square)
                names.append(source.names[int(number)])
                continue
            reason = "twice"
        reasons[reason] += 1
    if len(squares) < count:
        raise StudyError(_too_few(source, count, len(squares), size, reasons))
    return Drawn(squares, names, dict(sorted(reasons.items())))


def _too_few(source: PhotoSource, count: int, found: int, size: int, reasons: Counter) -> str:
    why = ", ".join(f"{number} {_WORDS[reason]}" for reason, number in sorted(reasons.items()))
    return (
        f"Too few photos: {count} are needed (trials, practice and attention items), and of the {len(source)} in "
        f"{source.title} {found} can be used at {size} pixels{f' ({why})' if why else ''}; take fewer with --images, a "
        "smaller --size, or other photos."
    )


def _try(source: PhotoSource, number: int, size: int) -> tuple[np.ndarray | None, str]:
    try:
        photo = source.read(number)
    except PhotoError:
        return None, "unreadable"
    if min(photo.size) < size:
        return None, "small"
    if photo.rgb is None or photo.in_color is not ColorAnswer.YES:
        return None, "grey"
    if photo.alpha is not None and photo.alpha.min() < np.iinfo(photo.alpha.dtype).max:
        return None, "transparent"
    square = centre_square(photo.rgb, size)
    return (square, "") if Photo.open(square).in_color is ColorAnswer.YES else (None, "grey")


def centre_square(rgb: np.ndarray, size: int) -> np.ndarray:
    """The largest square in the middle of ``(H, W, 3)``, reduced to ``(size, size, 3)`` uint8."""
    height, width = rgb.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = np.ascontiguousarray(rgb[top : top + side, left : left + side])
    if side != size:
        square = cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA)
    return to_uint8(square)


def _difference_hash(square: np.ndarray) -> np.ndarray:
    """What two copies of a picture nearly share even where one was compressed: where a 16 x 16 copy gets lighter.

    The hash is known as dHash.
    """
    small = cv2.resize(cv2.cvtColor(square, cv2.COLOR_RGB2GRAY), (17, 16), interpolation=cv2.INTER_AREA).astype(int)
    return small[:, 1:] > small[:, :-1]
