"""A study as the report needs it: its verified manifest and its trials."""

from pathlib import Path

import pandas as pd

from colorhub.study.place import Study
from colorhub.study.statistics import TableError, read_table

TRIALS = "trials.csv"


def read_trials(study: Study, path: Path | None = None) -> pd.DataFrame:
    """The trials of a study: from a CSV file, by default ``trials.csv`` in its folder.

    Raises:
        TableError: there is no such table, or its rows are of another study.
    """
    path = path or study.folder / TRIALS
    if not path.exists():
        raise TableError(f"{path} does not exist: name the table of trials with --trials FILE.csv")
    table = read_table(path)
    others = sorted(set(table["study"].astype(str)) - {study.manifest.name}) if "study" in table else []
    if others:
        raise TableError(f"{path} holds trials of the study {others[0]!r}, not of {study.manifest.name!r}")
    return table
