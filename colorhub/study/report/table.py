"""The trial table: one row a vote, with what was shown, whether the answer was right, and which rule flags it."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from colorhub.study.design.manifest import Manifest
from colorhub.study.design.sequences import ORIGINAL
from colorhub.study.rules import answer_rule, rater_rule

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "study",
    "rater",
    "position",
    "kind",
    "image",
    "model",
    "answer",
    "correct",
    "said_real",
    "fooled",
    "side",
    "rt_ms",
    "exposure_ms",
    "seen_before",
    "excluded",
    "day",
    "frames",
    "focus_lost",
    "refresh_hz",
    "pixel_ratio",
    "viewport",
)


def trial_rows(
    manifest: Manifest, raters: Mapping[str, Mapping[str, Any]], votes: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Rows of the trial table, by rater and position.

    Args:
        manifest: of the study.
        raters: by id, with ``number`` (of the sequence) and ``plates_read``.
        votes: as the database has them.
    """
    config = manifest.config
    rows = []
    ordered = sorted(votes, key=lambda vote: (vote["rater"], vote["position"]))
    for rater, own in groupby(ordered, key=lambda vote: vote["rater"]):
        sequence = manifest.sequences[raters[rater]["number"]]
        judged = [_row(manifest, sequence[vote["position"]], vote) for vote in own]
        flag = rater_rule(judged, config.exclusions, config.vision, raters[rater]["plates_read"])
        for row in judged:
            row["excluded"] = flag or (answer_rule(row, config.exclusions) if row["kind"] == "trial" else "")
        rows += judged
    return rows


def outcome(manifest: Manifest, item: Mapping[str, Any], answer: str) -> dict[str, Any]:
    """What an answer to an item means: image, model, whether it was correct, and what the protocol adds."""
    shown = [manifest.stimuli[stimulus] for stimulus in item["stimuli"]]
    if manifest.protocol == "realfake":
        model, said_real = shown[0]["shown"], answer == "real"
        correct, fooled, side = said_real == (model == ORIGINAL), said_real and model != ORIGINAL, None
    else:
        real = [one["shown"] for one in shown].index(ORIGINAL)
        side = ("left", "right")[real]
        model, said_real = shown[1 - real]["shown"], None
        correct = answer == side
        fooled = not correct
    return {
        "image": shown[0]["image"],
        "model": model,
        "correct": correct,
        "said_real": said_real,
        "fooled": fooled,
        "side": side,
    }


def _row(manifest: Manifest, item: Mapping[str, Any], vote: Mapping[str, Any]) -> dict[str, Any]:
    found = outcome(manifest, item, vote["answer"])
    values = {"study": manifest.name, "kind": item["kind"], **found, **vote, "excluded": ""}
    return {column: values[column] for column in COLUMNS}


def trial_table(rows: Sequence[Mapping[str, Any]]) -> "pd.DataFrame":
    """The rows as a data frame with all columns, also when there are none."""
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(COLUMNS))
