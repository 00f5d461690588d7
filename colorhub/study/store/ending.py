"""When a study ends: as preregistered, or earlier by the organizer, which is recorded."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from colorhub.study.design.manifest import Manifest
from colorhub.study.store.schema import panel, raters, sequences, studies

ACTIVE_SECONDS = 3600  # without a sign of life for so long, a rater is not waited for


def close_if_due(connection: Connection, manifest: Manifest, today: str, now: float) -> bool:
    """Close an open study whose preregistered end is reached; whether it was closed just now."""
    why = is_due(connection, manifest, today, now)
    if why:
        close(connection, manifest.name, today, early=False, why=why)
    return bool(why)


def is_due(connection: Connection, manifest: Manifest, today: str, now: float) -> str:
    """Why an open study's preregistered end is reached, "" where it is not: the last day is over, or as many raters as
    planned have finished and nobody is in the middle of a session."""
    open_ = select(studies.c.name).where(studies.c.name == manifest.name, studies.c.closed.is_(None))
    return "" if connection.scalar(open_) is None else _reached(connection, manifest, today, now)


def is_over(study: Mapping[Any, Any], manifest: Manifest, today: str) -> bool:
    """Whether a study, given its row, takes no answers: it is closed, or its last day is over."""
    last = manifest.config.stopping.date
    return study["closed"] is not None or (last is not None and today > last)


def _reached(connection: Connection, manifest: Manifest, today: str, now: float) -> str:
    stopping = manifest.config.stopping
    if stopping.date is not None and today > stopping.date:
        return f"the last day, {stopping.date}, was over"
    if stopping.raters is None or manifest.demonstration:
        return ""
    finished = connection.scalar(select(func.count()).where(raters.c.study == manifest.name, raters.c.finished))
    if (finished or 0) < stopping.raters:
        return ""
    active = select(func.count()).where(
        sequences.c.study == manifest.name, sequences.c.finished.is_(False), sequences.c.touched >= now - ACTIVE_SECONDS
    )
    return "" if connection.scalar(active) else f"{stopping.raters} raters had finished, as planned"


def close(connection: Connection, study: str, today: str, *, early: bool, why: str) -> None:
    """Close a study: its panel ids and the times of its raters' last signs of life are deleted."""
    values = {"closed": today, "closed_early": early, "closed_why": why}
    connection.execute(update(studies).where(studies.c.name == study).values(**values))
    connection.execute(delete(panel).where(panel.c.study == study))
    connection.execute(update(sequences).where(sequences.c.study == study).values(touched=0))
