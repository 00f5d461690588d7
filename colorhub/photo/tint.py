"""Is this a colour photograph already, or a black-and-white one: neutral, or toned in the darkroom, by age or by hand?

Whoever gives a photo to a colorizer wants it coloured, so a photo has to look surely like a colour photograph to be
left alone. How its colours go with its lightness is measured (:mod:`colorhub.photo.tint_measures`), in the print and
not in its mount, and a small network weighs the measures. It was fitted, and the two thresholds were set, on colour
photographs and on prints made of them; ``benchmarks/prints.py`` does both anew and prints how often it is wrong.

Of a hand-tinted print a person wants one of two things. With a little paint, on cheeks, lips or a dress, it is a
black-and-white photo that somebody began to colour: it is coloured from its lightness, like any print, and where that
is not sure, it is said. Painted all over, its colours are somebody's work, and invented ones could only replace them:
it counts as in colour and is left alone unless ``in_color`` is ``recolor``.
"""

from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np

WEIGHTS = Path(__file__).with_name("tint.safetensors")
_NEUTRAL = 3.6  # 99th percentile of chroma below which nobody sees a colour
# 97th percentile of the distance from one curve of tone below which a print is clean, and what it gains with the tone.
_ONE_TONE, _WITH_TONE, _STRONG = 1.5, 0.08, 25.0
# What three quarters of a print's pixels lie from curves at most where it is surely one: colour photographs of one hue
# lie further.
_NEAR = 2.2
FAR = 3.0  # standard deviations beyond which a measure says no more


class ColorAnswer(StrEnum):
    """Whether a photo is in colour already: a word, ``yes``, ``no`` or ``unsure``. As a bool only a sure ``yes`` is
    true, so that ``if photo.in_color`` asks whether it is left as it is.

    ``UNSURE``: coloured, and said, because those who bring a photo here want it coloured.

    Example:
        >>> from colorhub import Photo
        >>> from skimage import data
        >>> photo = Photo.open(data.astronaut())
        >>> photo.in_color
        <ColorAnswer.YES: 'yes'>
        >>> "leave it" if photo.in_color else "colour it"
        'leave it'
    """

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"

    def __bool__(self) -> bool:
        return self is ColorAnswer.YES


def seen_in_color(rgb: np.ndarray) -> ColorAnswer:
    """Whether ``rgb``, ``(H, W, 3)`` uint8 or uint16 sRGB, is a colour photograph."""
    from colorhub.photo.tint_measures import measure, small_lab  # loads OpenCV

    return answer_to(measure(small_lab(rgb)))


def answer_to(measures: dict[str, float]) -> ColorAnswer:
    """The answer to a picture's measures."""
    if is_of_one_tone(measures):
        return ColorAnswer.NO
    score, (sure_no, sure_yes) = score_of(measures), _network()["thresholds"]
    if score >= sure_yes:
        return ColorAnswer.YES
    return ColorAnswer.NO if score < sure_no and measures["left 75"] < _NEAR else ColorAnswer.UNSURE


def score_of(measures: dict[str, float]) -> float:
    """How much a picture that is not of one tone looks like a colour photograph, -20 to 20: low for black-and-white
    prints."""
    network = _network()
    inputs = np.clip((scaled(measures) - network["mean"]) / network["deviation"], -FAR, FAR)
    hidden = np.tanh(inputs @ network["first"] + network["first_bias"])
    return float(np.clip(hidden @ network["second"] + network["second_bias"], -20, 20))


def is_of_one_tone(measures: dict[str, float]) -> bool:
    """Whether nothing needs weighing: nobody sees a colour, or all are one curve of tone."""
    tone = min(measures["whole chroma 50"], _STRONG)
    return measures["whole chroma 99"] < _NEUTRAL or measures["whole left 97"] < _ONE_TONE + _WITH_TONE * tone


def scaled(measures: dict[str, float]) -> np.ndarray:
    """Measures as the network takes them: distances as logarithms, shares as square roots."""
    return np.array([_scaled(name, value) for name, value in measures.items()])


def _scaled(name: str, value: float) -> float:
    if name == "warm":
        return value
    if name in ("shown", "area", "texture", "other hues") or "beyond" in name:
        return max(value, 0.0) ** 0.5
    return float(np.sign(value) * np.log1p(2 * abs(value)))


@cache
def _network() -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return {name: weights.astype(float) for name, weights in load_file(WEIGHTS).items()}
