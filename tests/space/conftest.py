"""What the tests of the page share: small models, the page's folder for uploads, and screenshots."""

from collections.abc import Callable
from pathlib import Path

import pytest
from browser import screenshots
from space_server import empty_page, small_models


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small untrained models, for the tests of one file."""
    return small_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def space(model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's folder for uploads, below ``tmp_path``; an empty cache with ``model_folder`` behind it."""
    return empty_page(model_folder, tmp_path, monkeypatch)


@pytest.fixture
def shoot() -> Callable[..., None]:
    """Takes a page and a name: see :func:`browser.screenshots`."""
    return screenshots()
