"""What the README tells people to type, typed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from colorhub.models import create

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with scans and a small model under the default's name, as the current folder."""
    create("unet", width=4, depth=3).save_pretrained(tmp_path / "models" / "unet")
    monkeypatch.setenv("COLORHUB_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    grey = Image.fromarray(data.chelsea()).convert("L")
    (tmp_path / "scans" / "box").mkdir(parents=True)
    for name in ("scan.tif", "scan.jpg", "scans/one.png", "scans/box/two.jpg"):
        grey.save(tmp_path / name)
    return tmp_path


def block(heading: str, language: str) -> str:
    """The first fenced block of a language under a heading of the README."""
    section = README[README.index(f"\n## {heading}\n") :]
    found = re.search(rf"```{language}\n(.*?)```", section, flags=re.DOTALL)
    return found.group(1) if found else ""


def test_three_lines_of_python(place: Path) -> None:
    code = block("In Python", "python")
    assert len([line for line in code.splitlines() if line]) == 3
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    with Image.open(place / "scan-in-colour.tif") as answer:
        assert answer.mode == "RGB"
        assert answer.size == (451, 300)


@pytest.mark.slow
def test_command_line(place: Path) -> None:
    done = subprocess.run(
        ["bash", "-e", "-c", block("In a terminal", "bash")], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "unet" in done.stdout
    found = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.suffix in (".jpg", ".png")}
    assert {"scan.color.jpg", "coloured/one.png", "coloured/box/two.jpg"} <= found
