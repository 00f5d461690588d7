"""A study that has ended, as the report needs it: its trials, and how it ended."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from colorhub.study.errors import StudyError
from colorhub.study.report.public import public_table
from colorhub.study.report.report import Ending
from colorhub.study.statistics import TableError, read_table

if TYPE_CHECKING:
    from colorhub.study.store.store import Store


def finished_trials(store: "Store", name: str) -> tuple[pd.DataFrame, Ending]:
    """The trials of a study in the database, as all may see them, and how it ended.

    Raises :class:`StudyError` while it is open.
    """
    ending = finished_ending(store, name)
    return public_table(store.rows(name)), ending


def finished_ending(store: "Store", name: str) -> Ending:
    """How a study ended.

    Raises:
        StudyError: it is still open: estimates that are seen before the end could change when it ends.
    """
    state = store.state(name)
    if state["closed"] is None:
        raise StudyError(
            f"The study {name} is still open, and nobody sees estimates before it ends: wait for its preregistered "
            f"end, or end it with colorhub study close {name}."
        )
    return Ending(state["closed"], bool(state["closed_early"]), state["closed_why"] or "")


def published_trials(path: Path, name: str) -> pd.DataFrame:
    """The trials of a study from a CSV file, as ``close`` writes and ``publish`` publishes it.

    Raises:
        TableError: there is no such table, or its rows are of another study.
    """
    if not path.exists():
        raise TableError(f"{path} does not exist: it should be the table of trials that colorhub study close wrote.")
    table = read_table(path)
    others = sorted(set(table["study"].astype(str)) - {name}) if "study" in table else []
    if others:
        raise TableError(f"{path} holds trials of the study {others[0]!r}, not of {name!r}.")
    return table
