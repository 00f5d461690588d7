"""``--dry-run``: the numbers are those of the run that follows, and nothing is written."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from photos import grey_photo
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(20):
        grey_photo("astronaut", (80, 60)).save(folder / f"{number:02}.{'png' if number % 4 == 0 else 'jpg'}")
    return folder


def test_it_expects_what_comes(run: Run, photos: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    told = json.loads(run("colorize", photos, "-o", tmp_path / "out", "--dry-run", "--json").stdout)
    assert sorted(tmp_path.rglob("*")) == before
    assert (told["files"], told["kinds"], told["measured"]) == (20, {"png": 5, "jpg": 15}, 8)
    assert told["bytes"] == sum(path.stat().st_size for path in photos.iterdir())
    assert told["megapixels"] == pytest.approx(20 * 80 * 60 / 1e6, abs=0.06)
    assert run("colorize", photos, "-o", tmp_path / "out").exit_code == 0
    written = sum(path.stat().st_size for path in (tmp_path / "out").iterdir())
    assert told["bytes_written"] == pytest.approx(written, rel=0.5)
    assert told["seconds"] > 0


def test_it_says_what_is_passed_over(run: Run, photos: Path, tmp_path: Path) -> None:
    run("colorize", photos, "-o", tmp_path / "out")
    (photos / "damaged.jpg").write_bytes(b"no picture")
    (photos / "dead.jpg").symlink_to(tmp_path / "nowhere")
    result = run("colorize", photos, "-o", tmp_path / "out", "--dry-run")
    assert "1 photos to colour" in result.stdout and "1 of which cannot be read" in result.stdout
    assert "20 passed over" in result.stdout and "1 passed over: a link" in result.stdout
