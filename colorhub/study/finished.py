"""A study as the report needs it: its manifest, checked against its own hash, and its trials."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pandas as pd

from colorhub.study.statistics import TableError, read_table

TRIALS = "trials.csv"
_NEEDED = ("name", "protocol", "models")


def study_folder(name: str) -> Path:
    """Where a study lies: a folder by that path, else ``NAME`` in ``$COLORHUB_STUDIES`` or in ``studies/``."""
    if (Path(name) / "manifest.json").exists():
        return Path(name)
    return Path(os.environ.get("COLORHUB_STUDIES") or "studies") / name


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a study.

    Raises:
        TableError: there is none, or it is not what was frozen when the study was made.
    """
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        missing = [key for key in _NEEDED if key not in manifest]
    except FileNotFoundError:
        raise TableError(f"there is no study in {folder}: it has no manifest.json") from None
    except (OSError, ValueError, TypeError) as error:
        raise TableError(f"{path} cannot be read as a manifest: {error}") from error
    if missing:
        raise TableError(f"{path} is no manifest of a study: it lacks {', '.join(missing)}")
    frozen = {key: value for key, value in manifest.items() if key != "sha256"}
    text = json.dumps(frozen, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    plain = json.dumps(frozen, sort_keys=True, separators=(",", ":"))
    if manifest.get("sha256") not in {hashlib.sha256(form.encode()).hexdigest() for form in (text, plain)}:
        raise TableError(
            f"{path} was changed after the study was made: its hash does not match; restore it from a backup"
        )
    return manifest


def read_trials(folder: Path, path: Path | None = None) -> pd.DataFrame:
    """The trials of a study: from a CSV file, by default ``trials.csv`` in its folder.

    Raises:
        TableError: there is no such table.
    """
    path = path or folder / TRIALS
    if not path.exists():
        raise TableError(f"{path} does not exist: name the table of trials with --trials FILE.csv")
    return read_table(path)
