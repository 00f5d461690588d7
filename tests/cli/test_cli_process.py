"""``colorhub`` as a process of its own: killed, stopped, without permission, with damaged files or a closed pipe."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from fuzz_files import make_fuzzed_files
from photos import grey_photo
from PIL import Image

COMMAND = [sys.executable, "-m", "colorhub.cli.main"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE")}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Sixty grey photos of half a million pixels: long enough to be stopped in the middle."""
    folder = tmp_path / "in"
    folder.mkdir()
    picture = grey_photo("astronaut", (820, 610))
    grain = np.random.default_rng(0).normal(0, 5, (610, 820))
    noisy = Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))
    for number in range(60):
        noisy.rotate(number).save(folder / f"{number:02}.png", compress_level=1)
    return folder


def colorhub(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=900, env=ENVIRONMENT, **options)


def start(photos: Path, out: Path, model: Path) -> subprocess.Popen[str]:
    """A run, given back once it has written a few results."""
    command = [*COMMAND, "colorize", str(photos), "-o", str(out), "--model", str(model), "--jobs", "2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    deadline = time.monotonic() + 300
    while len(results(out)) < 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return process


def results(out: Path) -> list[Path]:
    """Files under a final name."""
    return [path for path in out.glob("*") if not path.name.startswith(".")]


def check_whole(paths: list[Path]) -> None:
    for path in paths:
        with Image.open(path) as picture:
            picture.load()
            assert picture.mode == "RGB"


@pytest.mark.slow
def test_a_kill_leaves_no_half_file_and_the_next_run_completes(photos: Path, tmp_path: Path, model: Path) -> None:
    out = tmp_path / "out"
    process = start(photos, out, model)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    early = results(out)
    assert 3 <= len(early) < 60
    check_whole(early)
    before = {path.name: path.stat().st_ino for path in early}
    again = colorhub("colorize", photos, "-o", out, "--model", model)
    assert again.returncode == 0, again.stderr
    assert f"{60 - len(early)} coloured, {len(early)} done before and skipped" in again.stderr
    assert {path.name for path in results(out)} == {path.name for path in photos.iterdir()}
    assert {name: (out / name).stat().st_ino for name in before} == before
    check_whole(results(out))
    inside = colorhub("colorize", out, "-o", tmp_path / "more", "--model", model, "--json")
    assert not any(".tmp" in line for line in inside.stdout.splitlines())


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_in_order(photos: Path, tmp_path: Path, model: Path, number: int, code: int) -> None:
    out = tmp_path / "out"
    process = start(photos, out, model)
    process.send_signal(number)
    _, said = process.communicate(timeout=300)
    assert process.returncode == code, said
    assert "Run the same command again to continue" in said
    assert "Traceback" not in said
    done = list(out.iterdir())
    assert f"{len(done)} coloured" in said
    assert f"Stopped with {60 - len(done)} of 60 photos to go" in said
    check_whole(done)


@pytest.mark.slow
def test_five_hundred_damaged_files(tmp_path: Path, model: Path) -> None:
    files = make_fuzzed_files(tmp_path / "in", 500, 0)
    result = colorhub("colorize", tmp_path / "in", "-r", "-o", tmp_path / "out", "--model", model, "--json")
    assert result.returncode == 1
    assert "Traceback" not in result.stdout + result.stderr
    *entries, last = [json.loads(line) for line in result.stdout.splitlines()]
    taken = {Path(entry["path"]).name for entry in entries}
    ignored = [path.name for path in files if path.name not in taken]
    assert len(entries) == len(taken)
    assert len(entries) >= 450
    assert f"{len(ignored)} other files ignored" in result.stderr or not ignored
    assert not [entry for entry in entries if entry["status"] == "failed" and "unexpected" in entry["reason"]]
    assert all(len(entry["reason"]) < 400 for entry in entries if entry["status"] == "failed")
    assert sum(last["summary"][status] for status in ("colored", "passed_through", "failed")) == len(entries)
    explicit = [tmp_path / "in" / name for name in ignored]
    if explicit:
        named = colorhub("colorize", *explicit, "-o", tmp_path / "named", "--model", model)
        assert "Traceback" not in named.stdout + named.stderr


def obedient() -> list[str]:
    """What to put before a command so that file permissions hold for it: root may do everything else."""
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        pytest.skip("root without setpriv: permissions hold for nobody")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


@pytest.mark.slow
def test_folders_without_permission(tmp_path: Path, model: Path) -> None:
    mine, closed = tmp_path / "in", tmp_path / "closed"
    mine.mkdir()
    closed.mkdir()
    Image.new("L", (30, 20), 90).save(mine / "a.png")
    mine.chmod(0o555)
    closed.chmod(0o000)
    options = {"capture_output": True, "text": True, "check": False, "timeout": 300, "env": ENVIRONMENT}
    command = [*obedient(), *COMMAND, "colorize", str(mine), "--model", str(model)]
    beside = subprocess.run([*command, str(closed)], **options)
    inside = subprocess.run([*command, "-o", str(mine / "out")], **options)
    closed.chmod(0o700)
    mine.chmod(0o755)
    assert (beside.returncode, inside.returncode) == (1, 1)
    assert "the folder cannot be read (Permission denied)" in beside.stderr
    assert "there is no permission to write there" in beside.stderr
    assert f"The folder {mine / 'out'} cannot be written to (Permission denied)" in inside.stderr
    assert "Traceback" not in beside.stderr + inside.stderr
    assert [path.name for path in mine.iterdir()] == ["a.png"]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["models", "--json"], ["colorize", "PHOTOS", "--json", "-o", "OUT"]])
def test_a_closed_pipe_is_no_error_of_ours(photos: Path, tmp_path: Path, model: Path, arguments: list[str]) -> None:
    words = {"PHOTOS": str(photos), "OUT": str(tmp_path / "out")}
    given = [words.get(word, word) for word in arguments]
    given += ["--model", str(model)] if given[0] == "colorize" else []
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**ENVIRONMENT, "COLORHUB_MODELS": str(model.parent)}
    done = subprocess.run(
        [*COMMAND, *given],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=300,
        env=environment,
    )
    os.close(writing)
    assert done.returncode == 141
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
    assert all(not path.name.startswith(".") for path in (tmp_path / "out").glob("*"))


def test_a_run_with_nothing_to_do_loads_no_torch(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "a.color.jpg").touch()
    command = [sys.executable, "-X", "importtime", "-m", "colorhub.cli.main", "colorize", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=ENVIRONMENT)
    assert done.returncode == 0
    assert "1 done before and skipped" in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in lines}
    assert "colorhub" in loaded
    assert not loaded & {"torch", "torchvision", "gradio", "timm", "datasets", "huggingface_hub"}
