"""The wheel by itself: no weights in it, and enough to fetch a model and colour a photo."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from local_hub import LocalHub
from PIL import Image
from skimage import data

from colorhub.hub.loading import list_models

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import sys
from pathlib import Path

import colorhub
from colorhub.hub.cards import write_card

assert Path(colorhub.__file__).is_relative_to(sys.prefix), colorhub.__file__
model = colorhub.load("owner/unet")
photo = colorhub.ColorizationPipeline(model)("grey.png")
photo.save("colour.png")
model.save_pretrained("mine")
assert write_card(Path("mine")) == [Path("mine/README.md")]  # by the template that the wheel carries
"""


def run(*command: object, folder: Path) -> None:
    """Run a command that cannot see this project's folder."""
    hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "COLORHUB_MODELS")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, timeout=1200
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_fresh_environment_with_only_the_wheel(hub: LocalHub, tmp_path: Path) -> None:
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path / "dist", ROOT, folder=tmp_path)
    [wheel] = (tmp_path / "dist").glob("*.whl")
    assert wheel.stat().st_size < 5_000_000
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert all(name.startswith(("colorhub/", "colorhub-")) for name in names)
    kinds = {Path(name).suffix for name in names if name.startswith("colorhub/")}
    assert kinds <= {".py", ".js", ".css", ".html", ".j2", ".json", ".md", ".toml", ".R"}

    bundled = next(Path(info.location) for info in list_models() if info.source == "bundled" and info.name == "unet")
    files = [path for path in bundled.rglob("*") if path.is_file()]
    hub.add("owner/unet", {path.relative_to(bundled).as_posix(): path.read_bytes() for path in files})
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    run(python, "-m", "pip", "install", "--quiet", wheel, folder=tmp_path)
    Image.fromarray(data.chelsea()).convert("L").save(tmp_path / "grey.png")
    run(python, "-c", CODE, folder=tmp_path)
    with Image.open(tmp_path / "colour.png") as answer:
        assert answer.size == (451, 300)
        bands = answer.convert("RGB").split()
        assert bands[0].tobytes() != bands[2].tobytes()
    assert any("GET /lfs/" in line for line in hub.log)
