"""The preregistration as Markdown: what was fixed before the first vote, without anything that gives the truth away.

Seed, salt, names of the drawn photos and sequences are in the manifest, which stays secret until the study has ended;
the hashes here show afterwards that it was not changed.
"""

from colorhub.study.design.config import Exclusions, Vision
from colorhub.study.design.manifest import Manifest
from colorhub.study.design.sequences import ORIGINAL


def preregistration(manifest: Manifest) -> str:
    """The whole text."""
    parts = [_head(manifest), _hypotheses(manifest), _design(manifest), _stimuli(manifest), _stopping(manifest)]
    parts += [_exclusions(manifest), _analysis(manifest), _hashes(manifest)]
    return "\n\n".join(parts) + "\n"


def _head(manifest: Manifest) -> str:
    note = "\n\n**This is a demonstration. Its results are no evidence.**" if manifest.demonstration else ""
    return f"# Preregistration of the study {manifest.name}\n\nFrozen on {manifest.data['created']}.{note}"


def _hypotheses(manifest: Manifest) -> str:
    primary = manifest.config.primary
    first, second = _name(primary.first), _name(primary.second)
    measure = (
        "how often the model's picture is taken for the original"
        if manifest.protocol == "2afc"
        else "how often its pictures are called real"
    )
    promised = (
        "No smallest effect is promised."
        if primary.effect is None
        else f"The study is made to find a difference of {primary.effect:g} percentage points with a power of "
        f"{primary.power:g}."
    )
    return (
        f"## Hypotheses\n\nPrimary, the only confirmatory one: the realness of {first} differs from that of {second}. "
        f"Realness is {measure}. Two-sided, alpha = {primary.alpha:g}. {promised}\n\n"
        f"Equivalence, if there is no difference: the two are called equivalent if the difference lies within "
        f"{primary.margin:g} percentage points by two one-sided tests.\n\nAll other comparisons are secondary; their "
        "p-values are corrected by Holm's method."
    )


def _design(manifest: Manifest) -> str:
    design, exposure = manifest.config.design, manifest.config.design.exposure_ms
    task = (
        'An original and a coloured picture side by side: "which one has its real colours?" The side is random, half '
        "of a rater's originals are on the left."
        if manifest.protocol == "2afc"
        else 'One picture at a time: "are its colours real?" Half of a rater\'s trials are originals.'
    )
    shown = "until the answer" if exposure is None else f"for {exposure} ms, then a mask"
    return f"""## Design

- {task}
- {design.images} images, {design.per_rater} trials a rater; a rater sees an image once.
- Models and images form a Latin square: after any number of complete sessions, the exposures of any two \
combinations of image and model differ by at most one. The order of trials is random.
- A picture is shown {shown}.
- First {design.practice} practice items with feedback, then the trials with {design.attention} attention items \
(originals with absurd colours) spread among them. Both are left out of all estimates.
- {len(manifest.sequences)} sequences were computed beforehand; each rater takes the next free one, and one that \
is left unfinished for an hour is given again."""


def _stimuli(manifest: Manifest) -> str:
    photos, config = manifest.data["photos"], manifest.config
    passed = ", ".join(f"{reason} {count}" for reason, count in photos["passed_over"].items()) or "none"
    rows = [f"| {one['name']} | {one['architecture']} | `{one['weights_sha256']}` |" for one in manifest.data["models"]]
    table = "\n".join(["| model | architecture | SHA-256 of the weights |", "|---|---|---|", *rows])
    return f"""## Stimuli

{len(photos["drawn"])} photographs drawn at random from `{photos["source"]}` (passed over: {passed}), cut to the \
square in the middle and reduced to {config.design.size} x {config.design.size} pixels. The models colour them \
from their CIELAB lightness; every coloured picture keeps the lightness of its original. Originals and coloured \
pictures are written by the same encoder (lossy WebP, quality {config.design.quality}) into files of one length, \
{manifest.data["file_bytes"]} bytes, without metadata.

{table}"""


def _stopping(manifest: Manifest) -> str:
    stopping = manifest.config.stopping
    rules = []
    if stopping.raters is not None:
        rules.append(f"when {stopping.raters} raters have finished; who has begun by then may finish and counts")
    if stopping.date is not None:
        rules.append(f"at the end of {stopping.date} (UTC)")
    when = ", or ".join(rules) or "when the organizer closes it: no rule is fixed"
    told = "Until then nobody sees estimates. An earlier end is stated in the report."
    return f"## Stopping\n\nThe study ends {when}. {told}"


def _exclusions(manifest: Manifest) -> str:
    lines = [f"- {line}" for line in rules_in_words(manifest.config.exclusions, manifest.config.vision)]
    return (
        "## Exclusions\n\nNo row is deleted. The primary analysis leaves out what these rules flag; the same analysis "
        "with all rows stands beside it.\n\n" + "\n".join(lines)
    )


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


def _analysis(manifest: Manifest) -> str:
    return """## Primary analysis

The difference in realness with a 95 % interval: the distribution of a pigeonhole bootstrap, which draws raters and \
images anew with replacement, scaled to the two-way cluster-robust standard error and the t quantile of min(raters, \
images) - 1 degrees of freedom. Its p-value is the smallest level at which the interval leaves out 0. Reported beside \
it: a regression with standard errors clustered by rater and by image, d' and criterion, a logistic model with crossed \
random effects of raters and images, and Wilson intervals marked as descriptive because they take no notice of \
raters and images."""


def _hashes(manifest: Manifest) -> str:
    return f"""## Hashes

- manifest: `{manifest.sha256}`
- drawn photographs: `{manifest.data["photos"]["fingerprint"]}`
- colorhub {manifest.data["colorhub_version"]}"""


def _name(which: str) -> str:
    return "the originals" if which == ORIGINAL else f"the model {which}"
