"""``colorhub colorize --layers`` and ``colorhub compose``: what is kept, and results as a direct run has them."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from photos import grey_photo
from PIL import Image
from skimage import data
from tiny import save_tiny
from typer.testing import Result

from colorhub import ColorizationPipeline

Run = Callable[..., Result]
_TIMES = {"FileModifyDate", "FileAccessDate", "FileInodeChangeDate", "HistoryWhen"}
_PLACES = {"Directory", "SourceFile", "FileSize"}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Grey photos of several formats in two folders, one with a sidecar that turns it, and one in colour."""
    folder = tmp_path / "scans"
    (folder / "sub").mkdir(parents=True)
    grey = grey_photo()
    exif = Image.Exif()
    exif[0x010E] = "A street"
    grey.resize((90, 60)).save(folder / "a.jpg", exif=exif)
    grey.resize((61, 77)).save(folder / "b.png")
    grey.resize((40, 80)).save(folder / "sub" / "c.tif")
    Image.fromarray(data.coffee()).resize((80, 60)).save(folder / "color.jpg", quality=90)
    return folder


def pictures(folder: Path) -> dict[str, np.ndarray]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".parquet":
            with Image.open(path) as picture:
                found[path.relative_to(folder).as_posix()] = np.asarray(picture.convert("RGB"), int)
    return found


def metadata(path: Path) -> dict[str, str]:
    """What exiftool finds, but for times and sizes."""
    told = subprocess.run(["exiftool", "-j", "-G1", str(path)], capture_output=True, text=True, check=True)
    (found,) = json.loads(told.stdout)
    return {name: value for name, value in found.items() if name.rpartition(":")[2] not in _TIMES | _PLACES}


def test_composed_results_are_those_of_a_direct_run(run: Run, photos: Path, tmp_path: Path) -> None:
    options = ("--format", "png", "--size", "48")
    assert run("colorize", photos, "-r", "-o", tmp_path / "direct", *options).exit_code == 0
    assert run("colorize", photos, "-r", "--layers", "-o", tmp_path / "layers", *options).exit_code == 0
    assert {path.name for path in (tmp_path / "layers").iterdir()} == {"layers-00000.tar", "layers-00000.jsonl"}
    composed = run("compose", tmp_path / "layers", "--source", photos, "-o", tmp_path / "out")
    assert composed.exit_code == 0, composed.output
    direct, out = pictures(tmp_path / "direct"), pictures(tmp_path / "out")
    assert direct.keys() == out.keys() == {"a.png", "b.png", "color.png", "sub/c.png"}
    assert max(np.abs(direct[name] - out[name]).max() for name in out) <= 12  # half a unit of ab, at most
    assert np.mean([np.abs(direct[name] - out[name]).mean() for name in out]) < 1
    assert (tmp_path / "out/a.png").stat().st_mtime_ns == (photos / "a.jpg").stat().st_mtime_ns


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_metadata_and_record_are_those_of_a_direct_run(run: Run, photos: Path, tmp_path: Path) -> None:
    run("colorize", photos, "-r", "-o", tmp_path / "direct", "--vividness", "1.5")
    run("colorize", photos, "-r", "--layers", "-o", tmp_path / "layers")
    run("compose", tmp_path / "layers", "--source", photos, "-o", tmp_path / "out", "--vividness", "1.5")
    for name in ("a.jpg", "b.png", "color.jpg", "sub/c.tif"):
        direct, out = (metadata(tmp_path / folder / name) for folder in ("direct", "out"))
        assert {key: (direct.get(key), out.get(key)) for key in direct | out if direct.get(key) != out.get(key)} in (
            {},
            # where the strip's compressed bytes lie depends on the colours
            {"IFD0:StripByteCounts": (direct.get("IFD0:StripByteCounts"), out.get("IFD0:StripByteCounts"))},
        )
    assert "A street" in json.dumps(metadata(tmp_path / "out/a.jpg"))
    assert (tmp_path / "out/color.jpg").read_bytes() == (photos / "color.jpg").read_bytes()


def test_others_can_read_the_layers(run: Run, photos: Path, tmp_path: Path, model: Path) -> None:
    """By the words of the documentation, with tarfile and Pillow alone."""
    run("colorize", photos / "b.png", "--layers", "-o", tmp_path / "layers")
    _, line = (tmp_path / "layers/layers-00000.jsonl").read_text().splitlines()
    entry = json.loads(line)
    with tarfile.open(tmp_path / "layers/layers-00000.tar") as tar:
        (member,) = tar.getmembers()
        file = tar.extractfile(member)
        assert file is not None
        content = file.read()
    assert (member.offset_data, member.size) == (entry["offset"], entry["length"])
    codes = np.asarray(Image.open(io.BytesIO(content)), int)
    pipeline = ColorizationPipeline(model)
    ab = pipeline.predict(pipeline.open(photos / "b.png")).ab[0].numpy()
    assert np.abs(codes[..., 0] - 128 - ab[0]).max() <= 0.5
    assert np.abs(codes[..., 2] - 128 - ab[1]).max() <= 0.5
    assert (codes[..., 1] == 128).all()
    assert entry["source"] == "b.png"


def test_the_same_command_goes_on_and_other_settings_are_refused(run: Run, photos: Path, tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    run("colorize", photos, "--layers", "-o", layers)
    before = (layers / "layers-00000.jsonl").read_bytes()
    again = run("colorize", photos, "-r", "--layers", "-o", layers)
    assert "1 coloured, 3 done before" in again.stderr
    assert (layers / "layers-00000.jsonl").read_bytes().startswith(before)
    for options in (("--size", "32", "--overwrite"), ("--size", "32")):  # also where nothing is left to do
        other = run("colorize", photos, "-r", "--layers", "-o", layers, *options)
        assert (other.exit_code, "other settings (size)" in other.stderr) == (2, True)
    model = save_tiny(tmp_path / "others" / "another", seed=1)
    other = run("colorize", photos, "-r", "--layers", "-o", layers, "--model", model, with_model=False)
    assert (other.exit_code, "give that --model" in other.stderr) == (2, True)
    assert run("colorize", photos, "--layers").exit_code == 2
    assert run("compose", photos, "--source", photos, "-o", tmp_path / "out").exit_code == 2


def test_what_does_not_belong_together_is_listed(run: Run, photos: Path, tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    run("colorize", photos, "-r", "--layers", "-o", layers)
    Image.open(photos / "b.png").rotate(180).save(photos / "b.png")
    (photos / "sub" / "c.tif").unlink()
    shutil.copy(photos / "a.jpg", photos / "new.jpg")
    told = run("compose", layers, "--source", photos, "-o", tmp_path / "out")
    assert told.exit_code == 1
    assert pictures(tmp_path / "out").keys() == {"a.jpg", "color.jpg"}
    for words in (
        f"\n  {photos / 'b.png'} has changed since",
        "c.tif: its colour layer is there",
        "new.jpg: it has no colour layer",
    ):
        assert words in told.stderr


def test_a_damaged_layer_costs_one_photo(run: Run, photos: Path, tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    run("colorize", photos, "-r", "--layers", "-o", layers)
    entries = [json.loads(line) for line in (layers / "layers-00000.jsonl").read_text().splitlines()[1:]]
    broken = next(entry for entry in entries if entry["source"] == "b.png")
    with (layers / "layers-00000.tar").open("rb+") as tar:
        tar.seek(broken["offset"])
        tar.write(bytes(broken["length"]))
    told = run("compose", layers, "--source", photos, "-o", tmp_path / "out")
    assert (told.exit_code, f"\n  {photos / 'b.png'}: the colour layer cannot" in told.stderr) == (1, True)
    assert pictures(tmp_path / "out").keys() == {"a.jpg", "color.jpg", "sub/c.tif"}


def test_shards_keep_their_own_files_and_compose_together(run: Run, photos: Path, tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    for number in range(6):
        shutil.copy(photos / "a.jpg", photos / f"{number}.jpg")
    for number in range(2):
        run("colorize", photos, "-r", "--layers", "-o", layers, "--shard", f"{number}/2")
    assert len(list(layers.glob("layers-0000?-of-00002-00000.tar"))) == 2
    for number in range(2):
        told = run("compose", layers, "--source", photos, "-o", tmp_path / "out", "--shard", f"{number}/2")
        assert told.exit_code == 0, told.output
    assert len(pictures(tmp_path / "out")) == 10


def test_a_torn_end_is_cut_off(run: Run, photos: Path, tmp_path: Path) -> None:
    """What a power cut can leave: half a line, and a line whose picture is not there."""
    layers = tmp_path / "layers"
    run("colorize", photos, "-r", "--layers", "-o", layers)
    index, tar = layers / "layers-00000.jsonl", layers / "layers-00000.tar"
    last = json.loads([line for line in index.read_text().splitlines() if '"length": 0' not in line][-1])
    with tar.open("rb+") as file:
        file.truncate(last["offset"] + 3)
    with index.open("a") as lines:
        lines.write('{"source": "x')
    again = run("colorize", photos, "-r", "--layers", "-o", layers)
    assert again.exit_code == 0, again.output
    assert run("compose", layers, "--source", photos, "-o", tmp_path / "out").exit_code == 0
    assert len(pictures(tmp_path / "out")) == 4
    with tarfile.open(tar) as found:
        assert len(found.getmembers()) == 3


@pytest.mark.slow
def test_killed_runs_keep_each_layer_once(tmp_path: Path) -> None:
    photos, layers, model = tmp_path / "scans", tmp_path / "layers", save_tiny(tmp_path / "model")
    photos.mkdir()
    for number in range(60):
        grey_photo().resize((200 + number, 150)).save(photos / f"{number:02d}.jpg")
    command = [sys.executable, "-m", "colorhub.cli.main", "colorize", str(photos), "--layers", "-o", str(layers)]
    command += ["--model", str(model)]
    killed = 0
    for tries in range(40):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        index = layers / "layers-00000.jsonl"
        before = len(index.read_bytes().splitlines()) if index.exists() else 0
        while process.poll() is None and killed < 5:
            if index.exists() and len(index.read_bytes().splitlines()) >= before + 5 + tries % 3:
                os.kill(process.pid, signal.SIGKILL)
                killed += 1
                break
            time.sleep(0.002)
        if process.wait() == 0:
            break
    sources = [json.loads(line)["source"] for line in index.read_text().splitlines()[1:]]
    assert killed >= 3
    assert sorted(sources) == [f"{number:02d}.jpg" for number in range(60)]
    with tarfile.open(layers / "layers-00000.tar") as tar:
        assert len(tar.getmembers()) == 60
