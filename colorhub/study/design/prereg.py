"""The preregistration as Markdown: what was fixed before the first vote, without anything that gives the truth away.

Seed, salt, names of the drawn photos and sequences are in the manifest, which stays secret until the study has ended;
the hashes here show afterwards that it was not changed.
"""

from colorhub.study.design.config import Exclusions, Stopping, Vision
from colorhub.study.design.manifest import Manifest
from colorhub.study.templates import render, unwrapped


def preregistration(manifest: Manifest) -> str:
    """The whole text."""
    config = manifest.config
    text = render(
        "prereg.md.j2",
        manifest=manifest,
        photos=manifest.data["photos"],
        primary=config.primary,
        design=config.design,
        ends=_ends(config.stopping),
        rules=rules_in_words(config.exclusions, config.vision),
    )
    return unwrapped(text)


def _ends(stopping: Stopping) -> str:
    rules = []
    if stopping.raters is not None:
        rules.append(f"when {stopping.raters} raters have finished; who has begun by then may finish and counts")
    if stopping.date is not None:
        rules.append(f"at the end of {stopping.date} (UTC)")
    return ", or ".join(rules) or "when the organizer closes it: no rule is fixed"


def rules_in_words(rules: Exclusions, vision: Vision) -> list[str]:
    """Each rule as a sentence, raters first."""
    lines = [
        f"Raters with less than {rules.attention:.0%} of their attention items right.",
        f"Raters (of ten trials or more) with more than {rules.hasty:.0%} of the answers within {rules.fastest_ms} ms.",
        f"Raters (of ten trials or more) with one answer in more than {rules.same_answer:.0%} of the trials.",
    ]
    if vision.check and rules.colour_vision:
        lines.append(f"Raters who read fewer than {vision.needed} of {vision.plates} colour vision plates.")
    lines += [f"Answers within {rules.fastest_ms} ms.", f"Answers after more than {rules.slowest_ms} ms."]
    if rules.seen_before:
        lines.append("Answers to pictures that the rater had seen before, by his own word.")
    return lines
