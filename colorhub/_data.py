"""What the name of a source of pictures means: a place on this machine, or a dataset on the Hub."""

import os
from pathlib import Path


def local_source(name: str) -> Path | None:
    """A file or folder: below one of the folders that ``$COLORHUB_DATA`` names, else below the working folder. ``None``
    where there is none."""
    roots = [*map(Path, filter(None, os.environ.get("COLORHUB_DATA", "").split(os.pathsep))), Path()]
    return next((root / name for root in roots if (root / name).exists()), None)


def hub_dataset(name: str) -> tuple[str, str | None] | None:
    """The repository and the configuration of ``owner/name`` or ``owner/name:configuration``. ``None`` for what cannot
    be a dataset's id."""
    repository, _, configuration = name.partition(":")
    if repository.count("/") != 1 or repository.startswith(("/", ".", "~")):
        return None
    return repository, configuration or None


def no_source() -> str:
    """Why a name means nothing, for the end of a sentence."""
    root = os.environ.get("COLORHUB_DATA", "not set")
    return f"not under $COLORHUB_DATA ({root}), no such file or folder, and a Hub dataset id has the form owner/name"
