"""Names of weights that a clone of the project holds, where the package alone is installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from colorhub.hub.loading import IN_A_CLONE

ROOT = Path(__file__).resolve().parents[2]


def test_the_names_are_those_of_the_clone() -> None:
    assert sorted(path.parent.name for path in ROOT.glob("model_cards/*/model.safetensors")) == sorted(IN_A_CLONE)


def test_without_the_clone_it_is_said_where_they_are(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "colorhub", tmp_path / "colorhub", ignore=shutil.ignore_patterns("__pycache__"))
    kept = {name: value for name, value in os.environ.items() if name != "COLORHUB_MODELS"}
    script = (
        "import sys, colorhub\ntry:\n    colorhub.load(sys.argv[1])\nexcept LookupError as error:\n    print(error)"
    )
    said = {}
    for name in ("unet", "unett"):
        command = [sys.executable, "-c", script, name]
        environment = {**kept, "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
        said[name] = done.stdout
    assert said["unet"].startswith("The weights of 'unet' come with a clone of the project, not with the package: ")
    assert "pip install -e . there" in said["unet"]
    assert said["unett"].startswith("No model 'unett'.")
