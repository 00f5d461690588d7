"""``colorhub colorize`` and ``colorhub models``: what they write, print and answer. A tiny untrained model colours."""

import errno
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photos import grey_photo
from PIL import Image
from skimage import data
from tiny import save_tiny
from typer.testing import Result

from colorhub import ColorizationPipeline, Settings, __version__, save_hints
from colorhub.folder.plan import make_plan
from colorhub.folder.run import color_files
from colorhub.photo import ColorAnswer
from colorhub.settings import DEFAULT_MODEL

Run = Callable[..., Result]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of three grey photos in two formats and two folders, one in colour and one broken file."""
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    grey = grey_photo()
    grey.resize((90, 60)).save(folder / "a.jpg")
    grey.resize((61, 77)).save(folder / "b.png")
    grey.resize((40, 80)).save(folder / "sub" / "c.tif")
    Image.fromarray(data.coffee()).resize((80, 60)).save(folder / "color.jpg", quality=90)
    (folder / "broken.jpg").write_text("hello")
    return folder


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def json_lines(result: Result) -> tuple[dict[str, Any], dict[str, Any]]:
    """Objects by file name, and the summary."""
    *files, summary = [json.loads(line) for line in result.stdout.splitlines()]
    return {Path(entry["path"]).name: entry for entry in files}, summary["summary"]


def test_a_folder_is_coloured_and_broken_files_are_listed(run: Run, photos: Path, tmp_path: Path) -> None:
    result = run("colorize", photos, "-o", tmp_path / "out", "--recursive")
    assert result.exit_code == 1
    assert tree(tmp_path / "out") == {"a.jpg", "b.png", "sub/c.tif", "color.jpg"}
    assert "3 coloured, 1 already in colour" in result.stderr
    assert "1 failed" in result.stderr
    assert "broken.jpg is text" in result.stderr
    for name in ("a.jpg", "b.png", "sub/c.tif"):
        with Image.open(tmp_path / "out" / name) as colored, Image.open(photos / name) as grey:
            assert (colored.size, colored.mode, colored.format) == (grey.size, "RGB", grey.format)
            assert np.ptp(np.asarray(colored.convert("RGB"), int), axis=2).max() > 0


def test_results_are_those_of_the_pipeline(run: Run, photos: Path, tmp_path: Path, model: Path) -> None:
    run("colorize", photos / "b.png", "-o", tmp_path / "out", "--vividness", "1.5", "--size", "48")
    expected = ColorizationPipeline(model)(photos / "b.png", vividness=1.5, size=48).pixels
    found = np.asarray(Image.open(tmp_path / "out" / "b.png"))
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_one_result_has_the_name_and_the_format_that_are_given(run: Run, photos: Path, tmp_path: Path) -> None:
    assert run("colorize", photos / "a.jpg", "-o", tmp_path / "new/colour.png").exit_code == 0
    assert run("colorize", photos / "color.jpg", "-o", tmp_path / "new/same.png").exit_code == 0
    assert tree(tmp_path / "new") == {"colour.png", "same.png"}
    for name in ("colour.png", "same.png"):
        with Image.open(tmp_path / "new" / name) as found:
            assert found.format == "PNG"


def test_photos_in_colour_are_copied_or_recoloured(run: Run, photos: Path, tmp_path: Path) -> None:
    run("colorize", photos / "color.jpg", "-o", tmp_path / "out")
    assert (tmp_path / "out/color.jpg").read_bytes() == (photos / "color.jpg").read_bytes()
    files, _ = json_lines(run("colorize", photos / "color.jpg", "-o", tmp_path / "png", "--format", "png", "--json"))
    assert files["color.jpg"]["status"] == "passed_through"
    same = np.asarray(Image.open(tmp_path / "png/color.png"))
    assert np.array_equal(same, np.asarray(Image.open(photos / "color.jpg")))
    files, _ = json_lines(
        run("colorize", photos / "color.jpg", "-o", tmp_path / "new", "--in-color", "recolor", "--json")
    )
    assert files["color.jpg"]["status"] == "colored"
    assert (tmp_path / "new/color.jpg").read_bytes() != (photos / "color.jpg").read_bytes()


def test_photos_that_may_be_in_colour_are_coloured_and_named_or_kept(
    run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colorhub.photo.photo.seen_in_color", lambda rgb: ColorAnswer.UNSURE)
    result = run("colorize", photos / "color.jpg", "-o", tmp_path / "out")
    assert "(not sure whether it was in colour already" in result.stdout
    assert "1 photo was coloured that may have been in colour already (--in-color keep" in result.stderr
    result = run("colorize", photos / "color.jpg", "-o", tmp_path / "kept", "--in-color", "keep")
    assert "may have been" not in result.stderr
    assert (tmp_path / "kept/color.jpg").read_bytes() == (photos / "color.jpg").read_bytes()


def test_without_a_folder_results_stand_beside(run: Run, photos: Path) -> None:
    before = {path: path.read_bytes() for path in photos.iterdir() if path.is_file()}
    assert run("colorize", photos / "a.jpg", photos / "b.png").exit_code == 0
    assert {"a.color.jpg", "b.color.png"} <= tree(photos)
    assert all(path.read_bytes() == content for path, content in before.items())
    again = run("colorize", photos)
    assert "2 done before and skipped" in again.stderr
    assert "2 left alone" in again.stderr
    assert not any(".color.color." in name for name in tree(photos))


def test_a_second_run_skips_and_overwrite_does_not(run: Run, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("colorize", photos, "-o", out)
    marked = out / "a.jpg"
    marked.write_bytes(b"mine")
    files, summary = json_lines(run("colorize", photos, "-o", out, "--json"))
    assert marked.read_bytes() == b"mine"
    assert files["a.jpg"]["status"] == "skipped"
    assert summary["skipped"] == 3
    files, summary = json_lines(run("colorize", photos, "-o", out, "--json", "--overwrite"))
    assert summary["skipped"] == 0
    assert Image.open(marked).size == (90, 60)


def test_only_the_missing_results_are_made(run: Run, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("colorize", photos, "-o", out, "-r")
    (out / "sub/c.tif").unlink()
    _, summary = json_lines(run("colorize", photos, "-o", out, "-r", "--json"))
    assert (summary["colored"], summary["skipped"]) == (1, 3)
    assert (out / "sub/c.tif").exists()


def test_when_all_is_done_no_model_is_needed(run: Run, photos: Path, tmp_path: Path) -> None:
    run("colorize", photos / "a.jpg", "-o", tmp_path / "out")
    result = run("colorize", photos / "a.jpg", "-o", tmp_path / "out", "--model", "gone", with_model=False)
    assert result.exit_code == 0
    assert "1 done before" in result.stderr


def test_json_lines(run: Run, photos: Path, tmp_path: Path) -> None:
    result = run("colorize", photos, tmp_path / "none.png", "-o", tmp_path / "out", "--json")
    files, summary = json_lines(result)
    assert {name: entry["status"] for name, entry in files.items()} == {
        "a.jpg": "colored",
        "b.png": "colored",
        "color.jpg": "passed_through",
        "broken.jpg": "failed",
        "none.png": "failed",
    }
    assert all(
        set(entry) == {"path", "output", "status", "reason", "lost", "seconds", "size"} for entry in files.values()
    )
    assert files["b.png"]["size"] == [61, 77]
    assert Path(files["b.png"]["output"]).exists()
    assert files["broken.jpg"]["output"] is None
    assert "text" in files["broken.jpg"]["reason"]
    assert files["a.jpg"]["seconds"] > 0
    assert (summary["colored"], summary["passed_through"], summary["failed"]) == (2, 1, 2)
    assert summary["exit_code"] == result.exit_code == 1


def test_shards_share_the_work(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(12):
        Image.new("L", (20, 20), number * 10).save(folder / f"{number}.png")
    shares = []
    for index in range(2):
        files, _ = json_lines(run("colorize", folder, "-o", tmp_path / "out", "--shard", f"{index}/2", "--json"))
        shares.append(set(files))
    assert len(shares[0] | shares[1]) == 12
    assert not shares[0] & shares[1]
    assert len(tree(tmp_path / "out")) == 12 + 1  # and the manifest
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    files, _ = json_lines(run("colorize", folder, "-o", tmp_path / "launched", "--json"))
    assert set(files) == shares[1]


def test_a_misnamed_file_gets_a_true_name_and_counts_as_done(run: Run, tmp_path: Path) -> None:
    Image.new("L", (30, 20), 90).save(tmp_path / "really-png.jpg", format="PNG")
    files, _ = json_lines(run("colorize", tmp_path / "really-png.jpg", "-o", tmp_path / "out", "--json"))
    assert tree(tmp_path / "out") == {"really-png.jpg.png"}
    assert Path(files["really-png.jpg"]["output"]).name == "really-png.jpg.png"
    files, _ = json_lines(run("colorize", tmp_path / "really-png.jpg", "-o", tmp_path / "out", "--json"))
    assert files["really-png.jpg"]["status"] == "skipped"


def test_one_result_each_where_names_would_clash(run: Run, tmp_path: Path) -> None:
    for suffix in ("jpg", "png", "bmp"):
        (tmp_path / "in").mkdir(exist_ok=True)
        Image.new("L", (30, 20), 90).save(tmp_path / f"in/a.{suffix}")
    result = run("colorize", tmp_path / "in", "-o", tmp_path / "out", "--format", "png")
    assert result.exit_code == 0
    assert tree(tmp_path / "out") == {"a.png", "a.jpg.png", "a.bmp.png"}
    assert "keep theirs inside the new name" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--model", "untt"], 2, "No model 'untt'"),
        (["--format", "pgn"], 2, "JPEG, PNG, WebP, TIFF"),
        (["--shard", "2/2"], 2, "0/4, 1/4"),
        (["--device", "gpu"], 2, "cpu"),
        (["--vividness", "9"], 2, "--vividness"),
        (["--size", "3"], 2, "--size"),
        (["--quality", "101"], 2, "--quality"),
        (["--views", "2"], 2, "--views"),
        (["--in-color", "never"], 2, "--in-color"),
        (["--jobs", "0"], 2, "--jobs"),
        (["--qualty", "3"], 2, "No such option"),
        (["--max-pixels", "1000"], 1, "max_pixels"),
    ],
)
def test_wrong_options(
    run: Run, photos: Path, tmp_path: Path, model: Path, arguments: list[str], code: int, words: str
) -> None:
    given = arguments if "--model" in arguments else [*arguments, "--model", str(model)]
    result = run("colorize", photos / "a.jpg", "-o", tmp_path / "out", *given, with_model=False)
    assert result.exit_code == code
    assert words in " ".join(result.stderr.split())
    assert not (tmp_path / "out/a.jpg").exists()


def test_a_wrong_model_name_says_the_nearest(run: Run, photos: Path, model: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLORHUB_MODELS", str(model.parent))
    result = run("colorize", photos / "a.jpg", "--model", "tinny", with_model=False)
    assert result.exit_code == 2
    assert "Did you mean 'tiny'?" in result.stderr
    assert run("colorize", photos / "a.jpg", "--model", "tiny", with_model=False).exit_code == 0


def test_broken_weights_are_one_sentence(run: Run, photos: Path, model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_bytes((model / "config.json").read_bytes())
    (broken / "model.safetensors").write_bytes(b"nothing")
    result = run("colorize", photos / "a.jpg", "--model", broken, with_model=False)
    assert result.exit_code == 1
    assert "not a readable safetensors file" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "none", "no such file or folder"),
        (lambda folder: (folder / "empty").mkdir() or folder / "empty", "holds no pictures"),
        (lambda folder: (folder / "x.jpg").touch() or folder / "x.jpg", "is empty"),
        (lambda folder: (folder / "x.zip").write_bytes(b"PK\x03\x04" + bytes(99)) and folder / "x.zip", "ZIP archive"),
    ],
)
def test_what_cannot_be_coloured_is_one_sentence(
    run: Run, tmp_path: Path, make: Callable[[Path], Path], words: str
) -> None:
    result = run("colorize", make(tmp_path), "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert words in result.stderr
    assert "1 failed" in result.stderr


def test_nothing_but_paths_is_wrong_usage(run: Run) -> None:
    assert run("colorize", with_model=False).exit_code == 2


def test_an_output_folder_that_cannot_be(run: Run, photos: Path) -> None:
    result = run("colorize", photos / "a.jpg", "-o", photos / "b.png" / "out")
    assert result.exit_code == 1
    assert "cannot be written to" in result.stderr
    (photos / "list.txt").write_text("a.jpg")
    result = run("colorize", photos / "a.jpg", "-o", photos / "list.txt")
    assert result.exit_code == 2
    assert "is a file" in result.stderr


def test_a_full_disk_stops_the_run(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(30):
        Image.new("L", (20, 20), number).save(folder / f"{number:02}.png")
    written = []
    real = os.fsync

    def full(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) > 6:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr("colorhub.photo.saving.os.fsync", full)
    files, summary = json_lines(result := run("colorize", folder, "-o", tmp_path / "out", "--json", "--jobs", "2"))
    assert result.exit_code == summary["exit_code"] == 1
    assert "the disk is full" in result.stderr
    assert "photos to go" in result.stderr
    assert 0 < summary["failed"] < 30 - summary["colored"]
    assert len(tree(tmp_path / "out")) == summary["colored"] > 0
    assert all(Path(entry["output"]).exists() for entry in files.values() if entry["status"] == "colored")


def test_one_photo_that_the_network_cannot_take_stops_no_other(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        Image.new("L", (20, 20), number).save(tmp_path / f"{number:02}.png")
    pipeline = ColorizationPipeline(model)
    predict = pipeline.predict

    def moody(photos: Any, *arguments: Any, **keywords: Any) -> Any:
        for prepared in photos if isinstance(photos, list) else [photos]:
            if prepared.photo.name == "03.png":
                raise RuntimeError("out of memory\nsecond line")
        return predict(photos, *arguments, **keywords)

    monkeypatch.setattr(pipeline, "predict", moody)
    plan = make_plan([tmp_path], tmp_path / "out")
    outcomes = list(color_files(pipeline, plan.jobs, Settings(), workers=2))
    assert len(outcomes) == 40
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    assert [outcome.source.name for outcome in failed] == ["03.png"]
    assert failed[0].reason == "an unexpected RuntimeError: out of memory"


def test_stopping_drops_what_waits_and_leaves_whole_files(model: Path, tmp_path: Path) -> None:
    for number in range(40):
        Image.new("L", (20, 20), number).save(tmp_path / f"{number:02}.png")
    plan = make_plan([tmp_path], tmp_path / "out")
    stop = threading.Event()
    outcomes = []
    for outcome in color_files(ColorizationPipeline(model), plan.jobs, Settings(), workers=2, stop=stop):
        outcomes.append(outcome)
        stop.set()
    assert 1 <= len(outcomes) < 40
    assert tree(tmp_path / "out") == {outcome.output.name for outcome in outcomes}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("photos-")]
    rest = make_plan([tmp_path], tmp_path / "out")
    assert len(rest.done) == len(outcomes)
    assert len(rest.jobs) == 40 - len(outcomes)


def test_names_that_are_no_text(run: Run, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9 \x1b[31m\n.png")
    try:
        Image.new("L", (20, 20), 90).save(tmp_path / name)
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    result = run("colorize", tmp_path / name, "-o", tmp_path / "out")
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    assert [os.fsencode(path.name) for path in (tmp_path / "out").iterdir()] == [os.fsencode(name)]
    assert json_lines(run("colorize", tmp_path / name, "-o", tmp_path / "out", "--json"))[1]["skipped"] == 1


def test_the_record_can_be_left_out(run: Run, photos: Path, tmp_path: Path) -> None:
    run("colorize", photos / "a.jpg", "-o", tmp_path / "with")
    run("colorize", photos / "a.jpg", "-o", tmp_path / "without", "--no-record")
    assert b"urn:colorhub" in (tmp_path / "with/a.jpg").read_bytes()
    assert b"urn:colorhub" not in (tmp_path / "without/a.jpg").read_bytes()


def test_models_are_listed(run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored = tmp_path / "models" / "scored"
    save_tiny(scored)
    (scored / "scores.json").write_text(json.dumps({"metrics": {"gain": {"mean": 1.234}}}))
    (scored / "card.toml").write_text('summary = "Plain."')
    monkeypatch.setenv("COLORHUB_MODELS", os.pathsep.join([str(model.parent), str(scored.parent)]))
    lines = run("models").stdout.splitlines()
    assert lines[0].split() == ["name", "architecture", "MB", "gain", "(dB)", "from", "what"]
    row = next(line for line in lines if line.startswith("scored ")).split()
    megabytes = (scored / "model.safetensors").stat().st_size / 1e6
    assert row == ["scored", "unet", f"{megabytes:.1f}", "+1.23", "folder", "Plain."]
    assert next(line for line in lines if line.startswith("tiny ")).split()[3] == "-"
    entries = {entry["name"]: entry for entry in map(json.loads, run("models", "--json").stdout.splitlines())}
    names = list(entries)
    assert names[0] == DEFAULT_MODEL
    assert names.index("tiny") < names.index("siggraph17") < names.index("eccv16")  # for photos, others', of a report
    assert entries["scored"]["gain_db"] == 1.234
    assert entries["tiny"]["gain_db"] is None
    assert entries["scored"]["location"] == str(scored)


@pytest.mark.parametrize("columns", [80, 132])
def test_models_fit_the_terminal(run: Run, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = run("models").stdout
    assert max(map(len, shown.splitlines())) <= columns
    words = " ".join(shown.split())
    assert "knows what it sees" in words.lower()
    assert str(Path(__file__).resolve().parents[2]) not in shown
    monkeypatch.delenv("COLUMNS")
    assert len(run("models").stdout.splitlines()) == 1 + len(run("models", "--json").stdout.splitlines())  # piped


def test_version(run: Run) -> None:
    assert run("--version").stdout.split() == ["colorhub", __version__]
    assert run("colorise").exit_code == 2


def test_hints_from_a_file(run: Run, tmp_path: Path) -> None:
    photo, hints = tmp_path / "cat.png", tmp_path / "hints.json"
    grey_photo(size=(90, 60)).save(photo)
    save_hints(hints, [(30, 20, "teal")], (90, 60))
    assert run("colorize", photo, "--hints", hints).exit_code == 0
    picture = np.asarray(Image.open(tmp_path / "cat.color.png")).astype(int)
    assert picture[20, 30, 2] - picture[20, 30, 0] > 40
    assert run("colorize", photo, "--hints", hints).exit_code == 0  # done already

    save_hints(hints, [(30, 20, "teal")], (60, 90))
    result = run("colorize", photo, "--hints", hints, "--overwrite")
    assert result.exit_code == 1
    assert "for a picture of 60 x 90 pixels, but this one has 90 x 60" in result.stderr


def test_hints_that_cannot_be_used(run: Run, photos: Path, tmp_path: Path) -> None:
    hints = tmp_path / "hints.json"
    for text, reason in (("{", "There is no JSON in hints.json"), (None, "cannot be read (No such file or directory)")):
        hints.unlink(missing_ok=True)
        if text:
            hints.write_text(text)
        result = run("colorize", photos / "a.jpg", "--hints", hints)
        assert result.exit_code == 2
        assert reason in result.stderr
        assert len(result.stderr.splitlines()) == 1
    result = run("colorize", photos, "--hints", hints)
    assert result.exit_code == 2
    assert result.stderr == "Error: Hints are for one photo, but there are 4; give its path alone.\n"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no folder that refuses files whoever asks")
def test_a_folder_that_takes_no_files_is_told_before_the_first_photo(run: Run, photos: Path) -> None:
    told = run("colorize", photos, "-o", "/proc")
    assert told.exit_code == 1
    assert told.stderr.splitlines()[-1].startswith("Error: The folder /proc cannot be written to")
    assert "failed" not in told.stderr
