"""The trial table as everybody may see it once a study has ended.

Without what could tell one person's device or day from another's: days are left out, refresh rates and pixel ratios are
made coarse.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from colorhub.study.report import table

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = tuple(column for column in table.COLUMNS if column != "day")


def public_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the trial table as they are published."""
    return [
        {
            **{column: row[column] for column in COLUMNS},
            "refresh_hz": _rounded(row["refresh_hz"], 10),
            "pixel_ratio": _rounded(row["pixel_ratio"], 0.5),
        }
        for row in rows
    ]


def public_table(rows: Sequence[Mapping[str, Any]]) -> "pd.DataFrame":
    """The same as a data frame, with all columns also when there are no rows."""
    import pandas as pd

    return pd.DataFrame(public_rows(rows), columns=list(COLUMNS))


def _rounded(value: float | None, step: float) -> float | None:
    return None if value is None else round(value / step) * step
