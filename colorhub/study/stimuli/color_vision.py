"""Dot plates that check colour vision: a digit that differs from its ground only in red against green.

Two colours that differ along a line which one kind of dichromat cannot see look alike to him. The lines come from the
model of Machado, Oliveira and Fernandes (2009, doi 10.1109/TVCG.2009.113): the direction in linear RGB that its matrix
at full severity all but removes. Lightness varies from dot to dot, so it gives nothing away. The first plate is one
that everybody reads. A screen is no clinical test: who fails is flagged, never sent away.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from colorhub.study.design.sequences import generator

SIZE = 320
# How a dichromat without long (protan) or medium (deutan) cones sees linear RGB.
DICHROMACY = {
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
}
_GROUND = np.array([0.32, 0.30, 0.16])  # linear RGB between the two colours
_SPREAD = (0.7, 1.35)  # factors on a dot's light
_DIGITS = "23456789"  # 0 and 1 are guessed from few dots


@dataclass(frozen=True)
class Plate:
    """``pixels``: ``(320, 320, 3)`` uint8; ``answer``: the digit; ``line``: "everybody", "protan" or "deutan"."""

    pixels: np.ndarray
    answer: str
    line: str


def make_plates(count: int, seed: int, salt: str) -> list[Plate]:
    """So many plates: one for everybody, then the two lines in turn; no digit twice in a row."""
    random = generator("plates", seed, salt)
    lines = ["everybody", *(("deutan", "protan")[n % 2] for n in range(count - 1))]
    plates: list[Plate] = []
    for line in lines:
        digits = [digit for digit in _DIGITS if not plates or digit != plates[-1].answer]
        answer = digits[random.integers(len(digits))]
        plates.append(Plate(_draw(answer, line, random), answer, line))
    return plates


def invisible_direction(line: str) -> np.ndarray:
    """The unit vector in linear RGB that a kind of dichromacy all but removes, red positive."""
    direction = np.linalg.svd(np.array(DICHROMACY[line]))[2][-1]
    return direction * np.sign(direction[0])


def colors(line: str) -> tuple[np.ndarray, np.ndarray]:
    """Linear RGB of digit and ground at the mean light of a plate."""
    if line == "everybody":
        return np.array([0.55, 0.30, 0.03]), np.array([0.10, 0.22, 0.45])
    step = invisible_direction(line)
    room = min(np.min(_GROUND[step < 0] / -step[step < 0]), np.min(_GROUND[step > 0] / step[step > 0]))
    return _GROUND + 0.62 * room * step, _GROUND - 0.62 * room * step


def _draw(digit: str, line: str, random: np.random.Generator) -> np.ndarray:
    mask = _digit_mask(digit)
    light = np.full((2 * SIZE, 2 * SIZE, 3), 0.82)  # drawn at twice the size: smooth edges
    figure, ground = colors(line)
    for x, y, radius in _dots(random):
        color = figure if mask[int(y), int(x)] else ground
        color = np.clip(color * random.uniform(*_SPREAD), 0, 1)
        cv2.circle(light, (round(2 * x), round(2 * y)), round(2 * radius), color.tolist(), -1)
    small = cv2.resize(light, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    codes = np.where(small <= 0.0031308, 12.92 * small, 1.055 * small ** (1 / 2.4) - 0.055)
    return np.rint(codes * 255).astype(np.uint8)


def _digit_mask(digit: str) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    scale, thick = SIZE / 33, SIZE // 9
    (width, height), _ = cv2.getTextSize(digit, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    corner = ((SIZE - width) // 2, (SIZE + height) // 2)
    cv2.putText(mask, digit, corner, cv2.FONT_HERSHEY_SIMPLEX, scale, 1, thick, cv2.LINE_8)
    return mask.astype(bool)


def _dots(random: np.random.Generator) -> list[tuple[float, float, float]]:
    """Discs (x, y, radius) inside a circle that do not touch, large ones first."""
    free = np.zeros((SIZE, SIZE), np.uint8)
    cv2.circle(free, (SIZE // 2, SIZE // 2), SIZE // 2 - 2, 1, -1)
    dots = []
    for radius in (8.0, 6.5, 5.0, 4.0, 3.0):
        for x, y in random.uniform(0, SIZE, (1500, 2)):
            reach = int(np.ceil(radius + 1))
            top, left = int(y) - reach, int(x) - reach
            window = free[max(0, top) : top + 2 * reach + 1, max(0, left) : left + 2 * reach + 1]
            if top < 0 or left < 0 or not window.all():
                continue
            dots.append((float(x), float(y), radius))
            cv2.circle(free, (round(x), round(y)), round(radius + 0.5), 0, -1)
    return dots
