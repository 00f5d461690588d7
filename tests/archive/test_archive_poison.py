"""Files that kill the process which decodes them, or hang it: they are given up, and the run goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from photos import grey_photo
from PIL import Image

from colorhub.archive.manifest import read_rows

pytestmark = pytest.mark.slow
# A codec with a fault, in every process that Python starts: by the width of a GIF it dies, or never comes back.
FAULTY = """
import os, time
from PIL.GifImagePlugin import GifImageFile

def load(self, _load=GifImageFile.load):
    if self.width == 13:
        os.abort()
    while self.width == 17:
        time.sleep(1)
    return _load(self)

GifImageFile.load = load
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    grey = grey_photo("astronaut", (60, 50))
    for number in range(12):
        grey.rotate(10 * number).save(folder / f"{number:02}.jpg")
    Image.new("L", (12, 12), 90).save(folder / "04 sound.gif")
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "faulty").mkdir()
    (tmp_path / "faulty/sitecustomize.py").write_text(FAULTY)
    path = os.pathsep.join([str(tmp_path / "faulty"), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path}


def command(photos: Path, model: Path, *options: str) -> list[str]:
    out = str(photos.parent / "out")
    return [
        *(sys.executable, "-m", "colorhub.cli.main", "colorize", str(photos), "-o", out, "--manifest"),
        *("--model", str(model), *options),
    ]


def test_a_photo_that_kills_or_hangs_is_given_up(
    photos: Path, model: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    Image.new("L", (13, 12), 90).save(photos / "03 kills.gif")
    Image.new("L", (17, 12), 90).save(photos / "05 hangs.gif")
    call = command(photos, model, "--time-limit", "3")
    done = subprocess.run(call, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1, done.stderr
    assert "13 coloured, 2 failed" in done.stderr
    rows = {row.source: row for row in read_rows(tmp_path / "out")}
    assert {name for name, row in rows.items() if row.status == "failed"} == {"03 kills.gif", "05 hangs.gif"}
    assert "died (SIGABRT), 3 times" in rows["03 kills.gif"].reason
    assert "hung (no result in 3 s), 3 times" in rows["05 hangs.gif"].reason
    assert len(rows) == 15 == len({row.output for row in rows.values() if row.output}) + 2
    assert all((tmp_path / "out" / row.output).is_file() for row in rows.values() if row.output)

    for name in ("03 kills.gif", "05 hangs.gif"):
        Image.new("L", (12, 12), 90).save(photos / name)
    done = subprocess.run(call, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert "2 coloured, 13 done before" in done.stderr, done.stderr


def children(pid: int) -> Iterator[int]:
    """All processes below one."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield int(child)
        yield from children(int(child))


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
@pytest.mark.parametrize("killed", ["the run", "what colours"])
def test_nothing_is_left_behind_or_lost(
    photos: Path, model: Path, environment: dict[str, str], killed: str, tmp_path: Path
) -> None:
    Image.new("L", (17, 12), 90).save(photos / "05 hangs.gif")
    process = subprocess.Popen(command(photos, model), env=environment, stderr=subprocess.PIPE, text=True)
    part = tmp_path / "out/colorhub-manifest.0-of-1.jsonl"
    while not part.exists() or '"colored"' not in part.read_text():
        time.sleep(0.05)
    below = list(children(process.pid))
    if killed == "the run":
        process.kill()
        process.communicate()
    else:
        Image.new("L", (12, 12), 90).save(photos / "05 hangs.gif")
        os.kill(below[-1], signal.SIGKILL)
        _, errors = process.communicate(timeout=120)
        assert "14 coloured" in errors, errors
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in below) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [pid for pid in below if Path(f"/proc/{pid}").exists()]
