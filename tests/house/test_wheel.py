"""The wheel by itself: in an empty folder and without network it colours a photo with the default model."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from photos import grey_photo
from PIL import Image

from colorhub.settings import DEFAULT_MODEL

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import sys
from pathlib import Path

import colorhub
from colorhub.hub.cards import write_card

assert Path(colorhub.__file__).is_relative_to(sys.prefix), colorhub.__file__
pipeline = colorhub.ColorizationPipeline()
pipeline("grey.png").save("colour.png")
pipeline.model.save_pretrained("mine")
assert write_card(Path("mine")) == [Path("mine/README.md")]  # by the template that the wheel carries
"""

# What comes with no extra is not there, and each part that needs one says so in one sentence.
WITHOUT_EXTRAS = """
import importlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

for name in ("gradio", "sqlalchemy", "statsmodels", "pandas", "starlette", "torchmetrics", "skimage", "onnx"):
    assert find_spec(name) is None, name
for module, extra in (("colorhub.space", "app"), ("colorhub.metrics", "scores")):
    try:
        importlib.import_module(module)
    except ImportError as error:
        assert str(error).endswith(f'pip install "colorhub[{extra}]"'), error
    else:
        raise SystemExit(f"{module} can be imported")
command = str(Path(sys.executable).with_name("colorhub"))
for arguments, extra in ((["study", "status"], "app"), (["export", "natural", "natural.onnx"], "export")):
    done = subprocess.run([command, *arguments], capture_output=True, text=True)
    assert done.returncode and done.stdout == "" and done.stderr.count("\\n") == 1, done.stderr
    assert done.stderr.endswith(f'pip install "colorhub[{extra}]".\\n'), done.stderr
"""


def run(*command: object, folder: Path) -> None:
    """Run a command that cannot see this project's folder."""
    hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "COLORHUB_MODELS")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "HF_HOME": str(folder / "nothing")}
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, timeout=1200
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_fresh_environment_with_only_the_wheel(tmp_path: Path) -> None:
    """HF_HUB_OFFLINE is set for all tests, and the cache of the Hub is a folder that is not there."""
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path / "dist", ROOT, folder=tmp_path)
    [wheel] = (tmp_path / "dist").glob("*.whl")
    assert wheel.stat().st_size <= 25 * 2**20
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert all(name.startswith(("colorhub/", "colorhub-")) for name in names)
    assert "colorhub/py.typed" in names
    assert [name for name in names if name.endswith("/model.safetensors")] == [
        f"colorhub/model_cards/{DEFAULT_MODEL}/model.safetensors"
    ]
    folder = tmp_path / "empty"
    folder.mkdir()
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    run(python, "-m", "pip", "install", "--quiet", wheel, folder=folder)
    grey_photo().save(folder / "grey.png")
    run(python, "-c", CODE, folder=folder)
    run(tmp_path / "venv/bin/colorhub", "colorize", "grey.png", folder=folder)
    run(python, "-c", WITHOUT_EXTRAS, folder=folder)
    with Image.open(folder / "colour.png") as first, Image.open(folder / "grey.color.png") as second:
        assert first.size == (451, 300)
        bands = first.convert("RGB").split()
        assert bands[0].tobytes() != bands[2].tobytes()
        # As many threads may not run in both: the last bit of a sum can differ, and with it one code.
        assert np.abs(np.asarray(first, np.int16)[..., :3] - np.asarray(second, np.int16)[..., :3]).max() <= 1


def test_the_source_archive_makes_the_same_wheel(tmp_path: Path) -> None:
    run(sys.executable, "-m", "pip", "install", "--quiet", "--target", tmp_path / "build", "build", folder=tmp_path)
    code = (
        f"import sys; sys.path.append({str(tmp_path / 'build')!r}); from build.__main__ import main; main(sys.argv[1:])"
    )
    run(sys.executable, "-c", code, "--outdir", tmp_path / "dist", ROOT, folder=tmp_path)
    [archive], [wheel] = (tmp_path / "dist").glob("*.tar.gz"), (tmp_path / "dist").glob("*.whl")
    with tarfile.open(archive) as source, zipfile.ZipFile(wheel) as built:
        weights = f"model_cards/{DEFAULT_MODEL}/model.safetensors"
        assert any(name.endswith(weights) for name in source.getnames())
        assert f"colorhub/{weights}" in built.namelist()
