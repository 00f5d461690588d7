"""The trial table as a file beside the manifest, once a study has ended."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from colorhub.photo.saving import write_whole
from colorhub.study.report.table import COLUMNS

TRIALS = "trials.csv"


def write_trials(folder: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write ``trials.csv`` into a study's folder, whole or not at all; its path."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path = folder / TRIALS
    write_whole(path, out.getvalue().encode(), None, overwrite=True)
    return path
