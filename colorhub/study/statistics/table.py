"""The trial table: one row a vote. Here it becomes whole numbers that statistics can count with."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike

import numpy as np
import pandas as pd

from colorhub.study.errors import StudyError

ORIGINAL = "original"  # what the table calls a picture in its own colours
CHANCE = "chance"  # in 2afc: a fake that nobody can tell is taken for real half of the time
_NEEDED = ("rater", "kind", "image", "model", "answer", "excluded")
_ANSWERS = {"realfake": ("real", "fake"), "2afc": ("left", "right")}


class TableError(StudyError):
    """A table that is no trial table; the message says what is missing or wrong."""


@dataclass(frozen=True)
class Trials:
    """Votes as arrays ``(N,)``: ``real`` 1.0 where the picture (in 2afc: the fake) was taken for real, else 0.0;
    ``rater`` and ``image`` count from 0 without gaps; ``shown`` is an index into ``names``."""

    names: tuple[str, ...]  # models in their order, then ORIGINAL where originals were judged
    real: np.ndarray
    rater: np.ndarray
    image: np.ndarray
    shown: np.ndarray

    @property
    def raters(self) -> int:
        return int(self.rater.max()) + 1 if self.rater.size else 0

    @property
    def images(self) -> int:
        return int(self.image.max()) + 1 if self.image.size else 0

    def of(self, name: str) -> np.ndarray:
        """Which votes (booleans) were about one model or the originals."""
        return self.shown == self.names.index(name)


def read_table(path: str | PathLike[str]) -> pd.DataFrame:
    """A trial table from a CSV file.

    Raises:
        TableError: the file is no trial table.
    """
    try:
        table = pd.read_csv(path, keep_default_na=False, dtype={"rater": str, "model": str, "answer": str})
    except (OSError, ValueError) as error:
        raise TableError(f"{path} cannot be read as a table of trials: {error}") from error
    return checked(table)


def checked(table: pd.DataFrame) -> pd.DataFrame:
    """The table itself, if it has the columns that statistics need.

    Raises:
        TableError: a column is missing.
    """
    missing = [name for name in _NEEDED if name not in table.columns]
    if missing:
        raise TableError(f"the trial table lacks the columns {', '.join(missing)}: it has {', '.join(table.columns)}")
    return table


def judged(table: pd.DataFrame, with_excluded: bool = False) -> pd.DataFrame:
    """The rows that count: trials proper, no practice and no attention items, without what a rule excluded."""
    rows = checked(table)["kind"] == "trial"
    return table[rows if with_excluded else rows & (exclusions(table) == "")]


def exclusions(table: pd.DataFrame) -> pd.Series:
    """The rule that excluded each row; empty text where it is kept."""
    return table["excluded"].fillna("").astype(str)


def trials_of(
    table: pd.DataFrame, models: Sequence[str] | None = None, protocol: str = "realfake", with_excluded: bool = False
) -> Trials:
    """Count what a trial table holds.

    Args:
        table: one row a vote.
        models: their order; ``None``: by name. Models without votes are left out.
        protocol: ``realfake`` or ``2afc``.
        with_excluded: also the rows that a rule excluded.

    Raises:
        TableError: a column is missing, or there are answers or models that the study does not know.
    """
    rows = judged(table, with_excluded)
    found = rows["model"].astype(str)
    order = [*(sorted(set(found) - {ORIGINAL}) if models is None else models), ORIGINAL]
    unknown = sorted(set(found) - set(order))
    if unknown:
        raise TableError(f"the trial table holds the models {', '.join(unknown)}; the study has {', '.join(order)}")
    names = tuple(name for name in order if (found == name).any())
    return Trials(
        names=names,
        real=taken_for_real(rows, protocol),
        rater=pd.factorize(rows["rater"], sort=True)[0],
        image=pd.factorize(rows["image"], sort=True)[0],
        shown=pd.Categorical(found, categories=names).codes.astype(int),
    )


def taken_for_real(rows: pd.DataFrame, protocol: str) -> np.ndarray:
    """For each row 1.0 where the picture (in 2afc: the fake) was taken for real, else 0.0.

    Raises:
        TableError: there is an answer that the protocol does not know.
    """
    answer = rows["answer"].astype(str)
    odd = sorted(set(answer) - set(_ANSWERS[protocol]))
    if odd:  # a blank answer is no vote: it never counts as "fake"
        raise TableError(f"the trial table holds the answer {odd[0]!r}; expected {' or '.join(_ANSWERS[protocol])}")
    fooled = answer == "real" if protocol == "realfake" else answer != rows["side"].astype(str)
    return fooled.to_numpy(dtype=float)
