"""A photo that is skipped because its result is there: what to do is said, and where the result was made otherwise."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from photos import grey_photo
from PIL import Image
from typer.testing import Result

from colorhub import save_hints
from colorhub.folder.record import record_of
from colorhub.models import MODELS

Run = Callable[..., Result]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "scan.jpg"
    grey_photo(size=(90, 60)).save(path)
    return path


@pytest.fixture
def other(tmp_path: Path) -> Path:
    cls = MODELS["eccv16"]
    cls(**cls.tiny()).save_pretrained(tmp_path / "other")
    return tmp_path / "other"


def notes(result: Result) -> list[str]:
    return [line for line in result.stderr.splitlines() if line.startswith("Note: ")]


def test_what_to_do_is_said(run: Run, photo: Path) -> None:
    run("colorize", photo)
    again = run("colorize", photo)
    assert "1 done before and skipped (--overwrite colours it anew)" in again.stderr
    assert notes(again) == []
    grey_photo(size=(60, 60)).save(photo.with_name("more.jpg"))
    run("colorize", photo.with_name("more.jpg"))
    assert "2 done before and skipped (--overwrite colours them anew)" in run("colorize", photo.parent).stderr


def test_another_model_is_named(run: Run, photo: Path, model: Path, other: Path) -> None:
    run("colorize", photo)
    result = photo.with_name("scan.color.jpg")
    before = result.read_bytes()
    (said,) = notes(run("colorize", photo, "--model", other, with_model=False))
    assert said == f"Note: {result} was made by the model {model.name}, and stays as it is without --overwrite."
    assert result.read_bytes() == before
    assert notes(run("colorize", photo, "--model", other, "--overwrite", with_model=False)) == []
    assert record_of(result)["Model"] == other.name


def test_other_settings_and_hints_are_named(run: Run, photo: Path) -> None:
    run("colorize", photo, "--vividness", "1.5")
    hints = photo.with_name("hints.json")
    save_hints(hints, [(30, 20, "teal")], (90, 60))
    (said,) = notes(run("colorize", photo, "--hints", hints))
    assert "was made without hints, with vividness 1.5, and stays" in said
    run("colorize", photo, "--hints", hints, "--overwrite")
    assert notes(run("colorize", photo, "--hints", hints)) == []
    assert "was made with hints, and stays" in notes(run("colorize", photo))[0]
    save_hints(hints, [(31, 20, "teal")], (90, 60))
    assert "was made with other hints, and stays" in notes(run("colorize", photo, "--hints", hints))[0]


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "avif", "heic"])
def test_records_are_read_from_every_format(run: Run, photo: Path, model: Path, suffix: str) -> None:
    run("colorize", photo, "--format", suffix)
    assert record_of(photo.with_name(f"scan.color.{suffix}"))["Model"] == model.name


def test_what_is_no_result_of_ours_has_no_record(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    Image.new("RGB", (9, 9)).save(tmp_path / "plain.png")
    assert (
        record_of(tmp_path / "text.jpg") == record_of(tmp_path / "plain.png") == record_of(tmp_path / "none.jpg") == {}
    )


def test_records_of_folders_are_not_read(run: Run, photo: Path, other: Path) -> None:
    grey_photo(size=(60, 60)).save(photo.with_name("more.jpg"))
    run("colorize", photo.parent)
    again = run("colorize", photo.parent, "--model", other, with_model=False)
    assert "2 done before and skipped" in again.stderr
    assert not any("was made" in note for note in notes(again))


def test_no_network_is_loaded_to_say_so(run: Run, photo: Path) -> None:
    run("colorize", photo)
    script = (
        "import sys\nfrom colorhub.cli.main import app\ntry:\n    app()\nfinally:\n    print('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", script, "colorize", str(photo), "--model", "natural"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "False"
    assert "was made by the model" in done.stderr


def test_one_file_falls_to_other_shards(run: Run, photo: Path) -> None:
    said = [run("colorize", photo, "--shard", f"{index}/2", "-o", photo.parent / "out").stderr for index in range(2)]
    assert sum("1 file falls to other shards." in text for text in said) == 1
