"""The static site beside the page: served with the headers that threads need, linked to only where it is."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from colorhub.space.shared.static_site import FOLDER, PATH, link, static_routes


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "index.html").write_text("<title>in the browser</title>")
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine/engine.js").write_text("export {};")
    monkeypatch.setenv(FOLDER, str(tmp_path))
    return tmp_path


def test_it_is_served_under_its_path(folder: Path) -> None:
    client = TestClient(Starlette(routes=static_routes()))
    page = client.get(PATH)
    assert page.url.path == f"{PATH}/"
    assert "in the browser" in page.text
    script = client.get(f"{PATH}/engine/engine.js")
    assert "javascript" in script.headers["content-type"]
    for answer in (page, script):
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-embedder-policy"] == "require-corp"
    assert client.get(f"{PATH}/../secret.txt").status_code == 404
    assert PATH.lstrip("/") in link()


def test_without_a_folder_nothing_is_served_or_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    assert (static_routes(), link()) == ([], "")
    monkeypatch.setenv(FOLDER, str(tmp_path))  # no site
    assert (static_routes(), link()) == ([], "")
