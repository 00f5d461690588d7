"""A page that is served backs its studies up, and brings them back where the disk is empty."""

import json
import shutil
import time
import urllib.request
from pathlib import Path

import pytest
from local_hub import LocalHub
from space_server import serve, small_models
from study_commands import move_to
from study_parts import stored_study

REPO = "owner/kept"


@pytest.mark.slow
def test_a_page_on_an_empty_disk_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub: LocalHub) -> None:
    models = small_models(tmp_path / "models")
    move_to(tmp_path / "first", monkeypatch)
    stored_study(tmp_path / "studies")
    variables = {
        "COLORHUB_STUDY_BACKUP": REPO,
        "COLORHUB_STUDIES": str(tmp_path / "studies"),
        "COLORHUB_DATABASE_URL": f"sqlite:///{tmp_path / 'studies' / 'votes.sqlite'}",
        "HF_HUB_OFFLINE": "0",
    }
    with serve(tmp_path / "one", models, **variables) as page:
        token = ask(page.url, "studies/small/begin", {"language": "en"})["token"]
    assert hub.files(REPO, "dataset")
    shutil.rmtree(tmp_path / "studies")
    with serve(tmp_path / "two", models, **variables) as page:
        assert ask(page.url, "progress", token=token)["position"] == 0  # the rater of before is known
        names = [study["name"] for study in ask(page.url, "studies")]
    assert names == ["small"]


def ask(url: str, path: str, content: object = None, token: str = "") -> object:
    """An answer of the page's API."""
    headers = {"Content-Type": "application/json", "X-Study-Token": token}
    body = None if content is None else json.dumps(content).encode()
    deadline = time.monotonic() + 30
    while True:
        try:
            request = urllib.request.Request(f"{url}/study/api/{path}", body, headers)
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 404 or time.monotonic() > deadline:
                raise
            time.sleep(0.5)
