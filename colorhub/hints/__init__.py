"""Hints: what colour a thing in a photo has, as people say it, and how such colours spread over a colour layer."""

from colorhub.hints.hint import Hint, HintsError, colors_of, hints_json, hints_of, load_hints, parse_hints, save_hints
from colorhub.hints.layers import HintedLayers, native_hints

__all__ = [
    "Hint",
    "HintedLayers",
    "HintsError",
    "colors_of",
    "hints_json",
    "hints_of",
    "load_hints",
    "native_hints",
    "parse_hints",
    "save_hints",
]
