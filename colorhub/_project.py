"""Files of installed packages, and what stands beside this one in a clone of the project (an editable install)."""

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path


def package_file(package: str, path: str) -> Path | None:
    """A file of an installed package, without importing the package; ``None`` where there is none."""
    spec = find_spec(package)
    roots = spec.submodule_search_locations or [] if spec else []
    return next((Path(root) / path for root in roots if (Path(root) / path).is_file()), None)


def packaged(name: str) -> Path:
    """A file or folder inside the installed package."""
    return Path(str(files("colorhub"))) / name


def project_root() -> Path:
    """The folder that holds the package: the project's in a clone, ``site-packages`` otherwise."""
    return packaged(".").resolve().parent
