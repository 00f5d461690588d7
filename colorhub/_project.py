"""What stands beside the package where it runs from a clone of the project, as an editable install does."""

from importlib.resources import files
from pathlib import Path


def packaged(name: str) -> Path:
    """A file or folder inside the installed package."""
    return Path(str(files("colorhub"))) / name


def project_root() -> Path:
    """The folder that holds the package: the project's in a clone, ``site-packages`` otherwise."""
    return packaged(".").resolve().parent
