"""The card of a published study: what was found, and the codebook."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from colorhub.study.design.manifest import Manifest
from colorhub.study.report.document import Figure, to_markdown
from colorhub.study.templates import render

if TYPE_CHECKING:
    from colorhub.study.report.report import StudyReport

CODEBOOK = {
    "trials": {
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
        "frames": "screen frames for which the picture was shown",
        "focus_lost": "the page was not in front at some moment of the trial",
        "refresh_hz": "refresh rate of the screen, to the nearest 10 Hz",
        "pixel_ratio": "screen pixels per CSS pixel, to the nearest half",
        "viewport": "size class of the page: `small`, `medium`, `large`",
    },
    "stimuli": {
        "stimulus": "random name under which the picture was served",
        "image": "number of the photograph",
        "photo": "the photograph's name in its source",
        "shown": "`original`, a model's name, or `attention` (distorted colours)",
        "kind": "`trial`, `practice` or `attention`",
        "sha256": "of the picture's file",
    },
}
_SIZES = {1000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 10**6: "100K<n<1M", 10**12: "1M<n<10M"}


def card_of(
    repo_id: str, manifest: Manifest, report: "StudyReport", facts: Mapping[str, Any], license: str = ""
) -> str:
    """The text of ``README.md``: metadata, the report's words and tables, files, people, codebook."""
    metadata = {
        "pretty_name": f"Real or fake? {manifest.name}{' (demonstration)' * manifest.demonstration}",
        **({"license": license} if license else {}),
        "tags": ["colorhub-study", "image-colorization", "user-study", "human-evaluation"],
        "size_categories": [next(name for limit, name in _SIZES.items() if facts["rows"] < limit)],
        "configs": [
            {"config_name": "trials", "data_files": "data/trials.parquet", "default": True},
            {"config_name": "stimuli", "data_files": "data/stimuli.parquet"},
        ],
    }
    return render(
        "card.md.j2",
        metadata={key: json.dumps(value) for key, value in metadata.items()},  # JSON is a part of YAML
        report=to_markdown(report.title, [block for block in report.blocks if not isinstance(block, Figure)]),
        sha256=manifest.sha256,
        repo_id=repo_id,
        withdrawn=facts["withdrawn"],
        codebook=CODEBOOK,
    )
