"""What the README tells people to type, typed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from colorhub import ColorizationPipeline, Settings
from colorhub.models import create
from colorhub.settings import DEFAULT_MODEL

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with scans and a small model under the names that the README has, as the current folder."""
    torch.manual_seed(0)
    for name in (DEFAULT_MODEL, "unet"):
        create("unet", width=4, depth=3).save_pretrained(tmp_path / "models" / name)
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
def test_hints(place: Path) -> None:
    subprocess.run([sys.executable, "-c", block("Hints", "python")], check=True, timeout=120)
    subprocess.run(["bash", "-e", "-c", block("Hints", "bash")], check=True, timeout=120)
    for name in ("scan-in-colour.tif", "scan.color.jpg"):
        with Image.open(place / name) as answer:
            picture = np.asarray(answer).astype(int)
        assert picture[80, 120, 0] - picture[80, 120, 2] > 40  # red
        assert picture[220, 300, 2] - picture[220, 300, 0] > 40  # teal


@pytest.mark.slow
def test_onnx(place: Path) -> None:
    commands = [line for line in block("As ONNX", "bash").splitlines() if not line.startswith("pip ")]
    subprocess.run(["bash", "-e", "-c", "\n".join(commands)], check=True, timeout=300)
    subprocess.run([sys.executable, "-c", block("As ONNX", "python")], check=True, timeout=120)
    with Image.open(place / "scan-by-onnx.png") as plain, Image.open(place / "onnx" / "scan.jpg") as ours:
        assert plain.size == ours.size == (451, 300)
        # Shrunk by Pillow to another shape, and not saved as JPEG: the same photo, but not the same pixels.
        assert np.abs(np.asarray(plain, int) - np.asarray(ours)).mean() < 4


@pytest.mark.slow
def test_command_line(place: Path) -> None:
    done = subprocess.run(
        ["bash", "-e", "-c", block("In a terminal", "bash")], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "unet" in done.stdout
    found = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.suffix in (".jpg", ".png")}
    assert {"scan.color.jpg", "coloured/one.png", "coloured/box/two.jpg"} <= found


@pytest.mark.slow
def test_settings_in_a_terminal(place: Path) -> None:
    Image.fromarray(data.chelsea()).save(place / "photo.jpg")
    code = re.search(r"<!-- settings -->\n```bash\n(.*?)```", README, flags=re.DOTALL).group(1)
    done = subprocess.run(["bash", "-e", "-c", code], cwd=place, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert Settings.load(place / "mine.json") == Settings(DEFAULT_MODEL, vividness=1.3, views=3, restore=False)
    found = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.suffix in (".jpg", ".png")}
    assert {"strong/scan.jpg", "strong/one.png", "strong/box/two.jpg", "again/photo.jpg"} <= found


def test_stages(place: Path) -> None:
    code = re.search(r"<!-- stages -->\n```python\n(.*?)```", README, flags=re.DOTALL).group(1)
    first, later = code.split("# Later, ")
    subprocess.run([sys.executable, "-c", first], check=True, timeout=120)
    (place / "models" / DEFAULT_MODEL / "model.safetensors").unlink()
    imports = "from colorhub import ColorLayer, Photo, compose\n"
    subprocess.run([sys.executable, "-c", f"{imports}# {later}"], check=True, timeout=120)
    with Image.open(place / "scan-in-colour.tif") as answer:
        assert answer.mode == "RGB"
        assert answer.size == (451, 300)


def part(name: str) -> str:
    """The code after a marker of the README's section on adding a model."""
    return re.search(rf"<!-- model: {name} -->\n```\w+\n(.*?)```", README, flags=re.DOTALL).group(1)


@pytest.mark.slow
def test_the_model_of_the_readme_is_all_it_takes(tmp_path: Path) -> None:
    """In a copy of the project: one file, one entry, one recipe; then the contract and a smoke run."""
    for name in ("colorhub", "training", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "colorhub/models/plain.py").write_text(part("file"))
    (tmp_path / "training/recipes/plain.toml").write_text(part("recipe"))
    registry = tmp_path / "colorhub/models/registry.py"
    text = registry.read_text()
    anchor = "from colorhub.models.unet import UNet\n"
    assert anchor in text
    assert "_CLASSES = (" in text
    registry.write_text(text.replace(anchor, part("entry") + anchor).replace("_CLASSES = (", "_CLASSES = (Plain, "))

    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
    contract = [sys.executable, "-m", "pytest", "-o", "addopts=", "tests/models/test_models.py", "-k", "plain"]
    done = subprocess.run(contract, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout).group(1)) >= 8
    smoke = [sys.executable, "training/train.py", "training/recipes/plain.toml", "--smoke"]
    done = subprocess.run(smoke, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs/plain-smoke/best/model.safetensors").exists()


def test_the_distribution_lines_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(data.chelsea()).convert("L").save("scan.tif")
    code = re.search(r"```python\n(pipeline = [^`]*?first, second.*?)```", README, flags=re.DOTALL).group(1)
    names: dict[str, object] = {"ColorizationPipeline": ColorizationPipeline}
    exec(compile(code, "README.md", "exec"), names)
    assert names["sure"].shape == (300, 451)
    assert names["first"].pixels.shape == (300, 451, 3)
    assert not np.array_equal(names["first"].pixels, names["second"].pixels)
