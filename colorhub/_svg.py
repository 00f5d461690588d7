"""What plots in SVG share, whoever draws them: labels, and round steps of a scale."""

import math
from html import escape


def label(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    """A text element of a CSS class, escaped."""
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def round_step(rough: float) -> float:
    """The next of 1, 2, 5 times a power of ten.

    Example:
        >>> from colorhub._svg import round_step
        >>> round_step(0.3)
        0.5
    """
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
