"""Scoring in several processes: same figures; and a command that is killed goes on where it was."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from skimage import data
from tiny import save_tiny

from training.scoring.protocol import DEFAULT

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 600


@pytest.fixture
def scene(tmp_path: Path) -> list[str]:
    """Arguments: a small model, and 20 pictures, which are chunks of 8, 8 and 4."""
    save_tiny(tmp_path / "small")
    (tmp_path / "pictures").mkdir()
    for i in range(20):
        crop = data.astronaut()[8 * i : 8 * i + 160, 10 * i : 10 * i + 200]
        Image.fromarray(crop).save(tmp_path / "pictures" / f"{i:02d}.png")
    return [str(tmp_path / "small"), "--data", str(tmp_path / "pictures"), "--split", "train"]


def _environment() -> dict[str, str]:
    return {**os.environ, "CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true", "PYTHONPATH": str(ROOT)}


def _run(folder: Path, arguments: list[str], launcher: list[str] | None = None) -> dict[str, Any]:
    """The scores without what is timed. ``runs/`` of the command lies in ``folder``."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, *(launcher or []), "-m", "training.score", *arguments, "--output", "all.json"]
    done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(f"20 pictures, protocol {DEFAULT}") == 1  # processes that know each other print once
    found = json.loads((folder / "all.json").read_text())
    for entry in found["entries"].values():
        speed = entry.pop("timing")
        assert speed["milliseconds_per_picture"] > 0
        assert speed["peak_memory_mb"] is None or speed["peak_memory_mb"] > 0
    return found


@pytest.mark.slow
def test_two_processes_give_the_figures_of_one(scene: list[str], tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", str(port)]
    one = _run(tmp_path / "one", scene)
    two = _run(tmp_path / "two", scene, launcher)
    assert one == two
    assert one["entries"]["small"]["data"]["pictures"] == 20


@pytest.mark.slow
def test_a_killed_run_goes_on(scene: list[str], tmp_path: Path) -> None:
    whole = _run(tmp_path / "whole", scene)
    folder = tmp_path / "killed"
    folder.mkdir()
    command = [sys.executable, "-m", "training.score", *scene, "--output", "all.json"]
    started = subprocess.Popen(
        command, cwd=folder, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + PATIENCE
    while len(list(folder.glob("runs/scoring/*/*.npz"))) < 4 and time.monotonic() < until:
        time.sleep(0.01)
    started.send_signal(signal.SIGKILL)
    started.wait()
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("runs/scoring/*/*.npz")}
    assert len(kept) >= 4
    assert not (folder / "all.json").exists()
    assert _run(folder, scene) == whole
    assert list(folder.glob("runs/scoring/*/*")) == []
