"""Settings on the command line: options made of the fields, files of settings, and the words of version 0.1."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from commands import typed
from photos import grey_photo
from PIL import Image
from skimage import data
from typer.testing import Result

from colorhub import ColorizationPipeline, Settings
from colorhub.cli.main import app
from colorhub.settings import DEFAULT_MODEL, FIELDS

ONE_RESULT_EACH = {"samples", "seed"}  # settings that the command line has no option for


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A small faded print."""
    path = tmp_path / "print.png"
    grey = np.asarray(grey_photo(size=(90, 60)), np.float32)
    Image.fromarray((100 + grey * 0.3).astype(np.uint8)).save(path)
    return path


def colorize(*arguments: object) -> Result:
    return typed("colorize", *arguments)


def test_options_are_the_fields() -> None:
    command = typer.main.get_command(app).commands["colorize"]  # type: ignore[attr-defined]
    options = {option.name: option for option in command.params}
    assert set(FIELDS) - ONE_RESULT_EACH <= set(options)
    for name in set(FIELDS) - ONE_RESULT_EACH:
        info, option = FIELDS[name], options[name]
        assert option.help == info.help
        assert not option.hidden
        assert option.opts[0] == f"--{name.replace('_', '-')}"
        if info.choices:
            assert option.metavar == "|".join(map(str, info.choices))
        elif info.kind in (int, float):
            refused = colorize("none.png", option.opts[0], info.high + 1)
            assert (refused.exit_code, option.opts[0] in refused.stderr) == (2, True)
            assert colorize("none.png", option.opts[0], info.high).exit_code == 1  # there is no such file
        default = str(info.default)
        assert option.show_default in (default, name, "the model's own", "the photo's own", "95", DEFAULT_MODEL), name


def test_without_options_the_defaults_of_python(model: Path, photo: Path, tmp_path: Path) -> None:
    assert colorize(photo, "--model", model, "-o", tmp_path / "out").exit_code == 0
    expected = ColorizationPipeline(model)(photo).pixels
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out/print.png")), expected)


def test_what_was_done_can_be_done_again(model: Path, photo: Path, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    given = ["--model", model, "--vividness", "1.7", "--size", "64", "--views", "3", "--no-restore", "--format", "webp"]
    first = colorize(photo, *given, "--save-settings", file, "-o", tmp_path / "first")
    assert first.exit_code == 0, first.output
    expected = Settings(str(model), size=64, views=3, restore=False, vividness=1.7, format="webp")
    assert Settings.load(file) == expected
    script = "from colorhub.cli.main import main; main()"
    command = [sys.executable, "-c", script, "colorize", str(photo), "--settings", str(file), "-o", str(tmp_path / "b")]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    one, two = (np.asarray(Image.open(tmp_path / folder / "print.webp")) for folder in ("first", "b"))
    assert np.array_equal(one, two)
    assert colorize(photo, "--settings", file, "--format", "png", "-o", tmp_path / "c").exit_code == 0
    again = ColorizationPipeline(settings=Settings.load(file))(photo).pixels
    assert np.array_equal(np.asarray(Image.open(tmp_path / "c/print.png")), again)  # options win over the file


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("{", "is no JSON, or was cut short"),
        ('{"size": [1, 2], "hints": []}', "is JSON of another kind"),
        ({"version": 99, "settings": {}}, "has version 99 of the settings, and this colorhub knows up to 1"),
        ({"settings": {}}, "is damaged"),
        ({"version": 1, "settings": {"vividnes": 1}}, "There is no setting 'vividnes'. Did you mean 'vividness'?"),
        ({"version": 1, "settings": {"size": 8}}, "size must be a whole number between 16 and 4096 pixels, got 8"),
        ({"version": 1, "settings": {"samples": 3}}, "the command line writes one colouring of each photo"),
    ],
)
def test_a_settings_file_that_cannot_be_used(content: object, reason: str, photo: Path, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    if content is not None:
        text = content if isinstance(content, str) else json.dumps({"kind": "colorhub settings", **content})
        file.write_text(text)
    result = colorize(photo, "--settings", file)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert str(file) in result.stderr  # as it is written, not Settings.json
    assert len(result.stderr.splitlines()) == 1


def test_a_files_name_keeps_its_small_letters(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.json").write_text("{")
    assert colorize(photo, "--settings", "mine.json").stderr.startswith("Error: mine.json is no JSON")


def test_settings_that_cannot_be_written(model: Path, photo: Path, tmp_path: Path) -> None:
    result = colorize(photo, "--model", model, "--save-settings", tmp_path / "none" / "settings.json")
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr
    assert not (tmp_path / "print.color.png").exists()


def test_settings_are_never_written_over_a_photo(model: Path, photo: Path, tmp_path: Path) -> None:
    """Of ``--save-settings *.png`` the shell makes ``--save-settings a.png b.png``."""
    before, other = photo.read_bytes(), tmp_path / "other.png"
    other.write_bytes(before)
    result = colorize(other, "--model", model, "--save-settings", photo)
    assert result.exit_code == 2
    assert "print.png is there and holds no settings, so it is not overwritten" in result.stderr
    assert photo.read_bytes() == before
    file = tmp_path / "settings.json"
    for size in (48, 64):  # settings take the place of settings
        assert colorize(other, "--model", model, "--size", size, "--save-settings", file).exit_code == 0
        assert Settings.load(file).size == size


def test_what_the_model_cannot_do_is_said_once(model: Path, photo: Path, tmp_path: Path) -> None:
    result = colorize(photo, tmp_path, "--model", model, "--temperature", "1", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: The model tiny has one answer for a photo")
    assert len(result.stderr.splitlines()) == 1


def test_the_summary_speaks_todays_words(model: Path, tmp_path: Path) -> None:
    Image.fromarray(data.coffee()[::8, ::8]).save(tmp_path / "coffee.png")
    assert "(--in-color recolor colours them anew)" in colorize(tmp_path / "coffee.png", "--model", model).stderr


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (["--no-normalize"], ["--no-restore"]),
        (["--normalize"], ["--restore"]),
        (["--recolor"], ["--in-color", "recolor"]),
        (["--size", "auto"], ["--views", "3"]),
        (["--no-provenance"], ["--no-record"]),
    ],
)
def test_words_of_version_0_1(before: list[str], now: list[str], model: Path, photo: Path, tmp_path: Path) -> None:
    files = [tmp_path / "before.json", tmp_path / "now.json"]
    results = [
        colorize(photo, "--model", model, "-o", tmp_path / file.stem, "--save-settings", file, *words)
        for file, words in zip(files, (before, now), strict=True)
    ]
    assert [result.exit_code for result in results] == [0, 0]
    assert f"Note: {' '.join(before)} is now {' '.join(now)}" in results[0].stderr
    assert "Note" not in results[1].stderr
    assert files[0].read_bytes() == files[1].read_bytes()
    one, two = (np.asarray(Image.open(tmp_path / folder / "print.png")) for folder in ("before", "now"))
    assert np.array_equal(one, two)
    assert before[0] == "--size" or before[0] not in colorize("--help").stdout
