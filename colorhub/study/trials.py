"""The trial table: one row a vote, with what was shown, whether the answer was right, and which rule flags it.

The preregistered rules for doubtful raters and answers flag; nothing is dropped.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorhub.photo.saving import write_whole
from colorhub.study.design.config import Exclusions, Vision
from colorhub.study.design.manifest import Manifest
from colorhub.study.design.sequences import ORIGINAL

if TYPE_CHECKING:
    import pandas as pd

FILE = "trials.csv"
# What each column holds, as the codebook of published data says it.
MEANINGS = {
    "study": "name of the study",
    "rater": "random number of the rater, made for this study; nothing else about the person is known",
    "position": "place of the item in the rater's session, from 0",
    "kind": "`trial`; `practice` (with feedback) and `attention` (distorted on purpose) never count",
    "image": "number of the photograph; the key to `stimuli`",
    "model": "what was shown: a model, `original`, or `attention`; of a pair, what the fake was",
    "answer": "`real` or `fake`; of a pair, `left` or `right`: the side that was called real",
    "correct": "whether the answer was right",
    "said_real": "whether a single picture was called real; empty in pairs",
    "fooled": "whether made-up colours were taken for real",
    "side": "of a pair, where the original was; empty else",
    "rt_ms": "response time from the onset of the picture, milliseconds",
    "exposure_ms": "how long the picture was really shown, milliseconds; empty if not measured",
    "seen_before": "the rater said that the picture was known",
    "excluded": "the preregistered rule that flags the answer or its rater; empty if it counts. No row is left out",
    "day": "day of the vote (UTC); never published",
    "frames": "screen frames for which the picture was shown",
    "focus_lost": "the page was not in front at some moment of the trial",
    "refresh_hz": "refresh rate of the screen, to the nearest 10 Hz",
    "pixel_ratio": "screen pixels per CSS pixel, to the nearest half",
    "viewport": "size class of the page: `small`, `medium`, `large`",
}
COLUMNS = tuple(MEANINGS)
PUBLIC_COLUMNS = tuple(column for column in COLUMNS if column != "day")
_FEWEST = 10  # trials before the same answer again and again, or haste, says something about a rater

Row = dict[str, Any]


def trial_rows(
    manifest: Manifest, raters: Mapping[str, Mapping[Any, Any]], votes: Sequence[Mapping[Any, Any]]
) -> list[Row]:
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


def outcome(manifest: Manifest, item: Mapping[str, Any], answer: str) -> Row:
    """What an answer to an item means: image, model, whether it was correct, and what the protocol adds."""
    shown = [manifest.stimuli[stimulus] for stimulus in item["stimuli"]]
    side, said_real = None, None
    if manifest.protocol == "realfake":
        model, said_real = shown[0]["shown"], answer == "real"
        correct, fooled = said_real == (model == ORIGINAL), said_real and model != ORIGINAL
    else:
        real = [one["shown"] for one in shown].index(ORIGINAL)
        side, model = ("left", "right")[real], shown[1 - real]["shown"]
        correct, fooled = answer == side, answer != side
    found = {"image": shown[0]["image"], "model": model, "correct": correct}
    return found | {"said_real": said_real, "fooled": fooled, "side": side}


def _row(manifest: Manifest, item: Mapping[str, Any], vote: Mapping[Any, Any]) -> Row:
    found = outcome(manifest, item, vote["answer"])
    values = {"study": manifest.name, "kind": item["kind"], **found, **vote, "excluded": ""}
    return {column: values[column] for column in COLUMNS}


def attention_failed(rows: Sequence[Mapping[str, Any]], rules: Exclusions) -> bool:
    """Whether a rater with these rows got too few attention items right; not where none was answered."""
    right = [row["correct"] for row in rows if row["kind"] == "attention"]
    return bool(right) and sum(right) < rules.attention * len(right)


def rater_rule(rows: Sequence[Mapping[str, Any]], rules: Exclusions, vision: Vision, plates_read: int | None) -> str:
    """The first rule that flags a rater with these rows of the trial table (all of one rater), or "".

    A rater who has answered no attention item, or fewer than ten trials, is not judged by them.
    """
    if attention_failed(rows, rules):
        return "attention"
    trials = [row for row in rows if row["kind"] == "trial"]
    if len(trials) >= _FEWEST:
        if sum(row["rt_ms"] < rules.fastest_ms for row in trials) > rules.hasty * len(trials):
            return "hasty"
        answers = [row["answer"] for row in trials]
        if max(map(answers.count, set(answers))) > rules.same_answer * len(trials):
            return "same answer"
    failed = vision.check and plates_read is not None and plates_read < vision.needed
    return "colour vision" if rules.colour_vision and failed else ""


def answer_rule(row: Mapping[str, Any], rules: Exclusions) -> str:
    """The first rule that flags one answer in a trial, or ""."""
    if row["rt_ms"] < rules.fastest_ms:
        return "too fast"
    if row["rt_ms"] > rules.slowest_ms:
        return "too slow"
    return "seen before" if rules.seen_before and row["seen_before"] else ""


def public_rows(rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The rows as everybody may see them once a study has ended: without what could tell one person's device or day
    from another's. Days are left out, refresh rates and pixel ratios are made coarse."""
    coarse = {"refresh_hz": 10, "pixel_ratio": 0.5}
    return [
        {column: row[column] for column in PUBLIC_COLUMNS}
        | {column: row[column] and round(row[column] / step) * step for column, step in coarse.items()}
        for row in rows
    ]


def public_table(rows: Sequence[Mapping[str, Any]]) -> "pd.DataFrame":
    """The same as a data frame, with all columns also when there are no rows."""
    import pandas as pd

    return pd.DataFrame(public_rows(rows), columns=list(PUBLIC_COLUMNS))


def write_trials(folder: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write ``trials.csv`` into a study's folder, whole or not at all; its path."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path = folder / FILE
    write_whole(path, out.getvalue().encode(), None, overwrite=True)
    return path
