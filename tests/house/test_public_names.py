"""What is public: the names in ``__all__`` of the package and its rooms, kept in ``public_names.txt``.

A name that goes, or comes, is a change for users: ``python tests/house/test_public_names.py`` writes the file anew, the
old name keeps an alias that warns for one version, and CHANGELOG.md says so.
"""

import importlib
import pkgutil
import warnings
from pathlib import Path

import colorhub

LISTED = Path(__file__).with_name("public_names.txt")


def public_names() -> list[str]:
    """Dotted names of everything that ``__all__`` of a package of colorhub names."""
    packages = ["colorhub"]
    packages += [info.name for info in pkgutil.walk_packages(colorhub.__path__, "colorhub.") if info.ispkg]
    named = {name: getattr(importlib.import_module(name), "__all__", ()) for name in packages}
    return sorted(f"{package}.{name}" for package, names in named.items() for name in names)


def test_what_is_public_is_listed_and_there() -> None:
    assert LISTED.read_text(encoding="utf-8").splitlines() == public_names()
    for dotted in public_names():
        package, _, name = dotted.rpartition(".")
        assert getattr(importlib.import_module(package), name) is not None


def test_former_names_still_work_and_warn() -> None:
    from colorhub import hub, models

    for name in ("ModelInfo", "list_models", "load", "with_distribution"):
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            assert getattr(models, name) is getattr(hub, name)
        assert [one.category for one in warned] == [FutureWarning]
        assert f"colorhub.hub.{name}" in str(warned[0].message)


if __name__ == "__main__":
    LISTED.write_text("\n".join(public_names()) + "\n", encoding="utf-8")
