"""The preregistered rules for doubtful raters and answers. They flag; nothing is dropped."""

from collections.abc import Sequence
from typing import Any

from colorhub.study.design.config import Exclusions, Vision

ATTENTION = "attention"
HASTY = "hasty"
SAME_ANSWER = "same answer"
COLOUR_VISION = "colour vision"
TOO_FAST = "too fast"
TOO_SLOW = "too slow"
SEEN_BEFORE = "seen before"
_FEWEST = 10  # trials before the same answer again and again, or haste, says something about a rater


def rater_rule(rows: Sequence[dict[str, Any]], rules: Exclusions, vision: Vision, plates_read: int | None) -> str:
    """The first rule that flags a rater with these rows of the trial table (all of one rater), or "".

    A rater who has answered no attention item, or fewer than ten trials, is not judged by them.
    """
    attention = [row["correct"] for row in rows if row["kind"] == "attention"]
    if attention and sum(attention) < rules.attention * len(attention):
        return ATTENTION
    trials = [row for row in rows if row["kind"] == "trial"]
    if len(trials) >= _FEWEST:
        if sum(row["rt_ms"] < rules.fastest_ms for row in trials) > rules.hasty * len(trials):
            return HASTY
        answers = [row["answer"] for row in trials]
        if max(map(answers.count, set(answers))) > rules.same_answer * len(trials):
            return SAME_ANSWER
    if rules.colour_vision and vision.check and plates_read is not None and plates_read < vision.needed:
        return COLOUR_VISION
    return ""


def answer_rule(row: dict[str, Any], rules: Exclusions) -> str:
    """The first rule that flags one answer in a trial, or ""."""
    if row["rt_ms"] < rules.fastest_ms:
        return TOO_FAST
    if row["rt_ms"] > rules.slowest_ms:
        return TOO_SLOW
    return SEEN_BEFORE if rules.seen_before and row["seen_before"] else ""
