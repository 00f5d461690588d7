"""The card of a published study: what was found, and the codebook."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from colorhub.study.design.manifest import Manifest
from colorhub.study.report.document import Figure, to_markdown
from colorhub.study.templates import render
from colorhub.study.trials import MEANINGS, PUBLIC_COLUMNS

if TYPE_CHECKING:
    from colorhub.study.report.report import StudyReport

CODEBOOK = {
    "trials": {column: MEANINGS[column] for column in PUBLIC_COLUMNS},
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
