"""The settings of ``colorhub colorize``: a file's, the command line's over them, and the words of version 0.1."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from colorhub.cli.console import FAILED, WRONG_USAGE, echo_err, fail, failing
from colorhub.settings import DEFAULT_MODEL, Settings, SettingsError, is_settings


def settings_in_effect(given: Mapping[str, Any], file: Path | None) -> Settings:
    """The settings of a file, or the defaults, with what was given in place of some; always with a model's name.

    Args:
        given: settings by name, ``None`` for one that was not given.
        file: that ``--save-settings`` or ``Settings.save`` wrote.
    """
    with failing(WRONG_USAGE, SettingsError):
        chosen = Settings.load(file) if file else Settings()
        chosen = chosen.changed(**{name: value for name, value in given.items() if value is not None})
    if chosen.samples is not None:
        raise fail(
            f"the settings {file} ask for {chosen.samples} samples, but the command line writes one colouring of each "
            'photo: set "samples" to null there',
            WRONG_USAGE,
        )
    return replace(chosen, model=chosen.model or DEFAULT_MODEL)


def write_settings(settings: Settings, file: Path) -> None:
    """Write the settings in effect, so that what was done can be done again. Only settings are overwritten: of
    ``--save-settings *.jpg`` the shell makes the name of a photo."""
    if file.is_file() and file.stat().st_size and not _holds_settings(file):
        raise fail(f"{file} is there and holds no settings, so it is not overwritten: choose another name", WRONG_USAGE)
    try:
        settings.save(file)
    except OSError as error:
        raise fail(f"the settings cannot be written to {file} ({error.strerror})", FAILED) from error


def _holds_settings(file: Path) -> bool:
    try:
        return is_settings(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return False


def from_old_options(
    given: Mapping[str, Any], normalize: bool | None, recolor: bool, no_provenance: bool
) -> dict[str, Any]:
    """What options of version 0.1 mean now; each is warned of in a line. Options of today win over them."""
    found: dict[str, Any] = {}
    if normalize is not None:
        _warn("--normalize" if normalize else "--no-normalize", "--restore" if normalize else "--no-restore")
        found["restore"] = normalize
    if recolor:
        _warn("--recolor", "--in-color recolor")
        found["in_color"] = "recolor"
    if no_provenance:
        _warn("--no-provenance", "--no-record")
        found["record"] = False
    found = {name: value for name, value in found.items() if given[name] is None}
    if given["size"] == "auto":
        _warn("--size auto", "--views 3")
        found |= {"size": None, "views": given["views"] or 3}
    return found


def _warn(before: str, now: str) -> None:
    echo_err(f"Note: {before} is now {now}; the old word will go.")
