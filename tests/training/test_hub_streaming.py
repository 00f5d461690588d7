"""Pictures on a Hub: a folder pushed as parquet by the documentation's own lines, and a training that streams it."""

import json
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from local_hub import LocalHub
from PIL import Image
from snippets import snippet

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
RECIPE = """
name = "run"
[model]
architecture = "unet"
width = 4
depth = 3
[data]
train = ["owner/photos"]
validation = ["owner/photos"]
streaming = true
shuffle_buffer = 8
validation_size = 32
validation_limit = 5
[[data.crops]]
size = 32
batch_size = 4
[run]
steps = 12
log_every = 1
checkpoint_every = 6
validate_every = 6
tensorboard = false
output = "{output}"
"""


def run(command: list[str], folder: Path, **environment: str) -> str:
    variables = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONPATH": str(ROOT),
        **environment,
    }
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


def pictures(folder: Path, count: int, seed: int) -> None:
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    for number in range(count):
        Image.fromarray(random.integers(0, 256, (40, 48, 3), dtype=np.uint8)).save(folder / f"{number:03}.jpg")


def test_a_pushed_folder_is_streamed_into_a_training(hub: LocalHub, tmp_path: Path) -> None:
    pictures(tmp_path / "photos/train", 48, seed=0)
    pictures(tmp_path / "photos/validation", 6, seed=1)
    run(
        [sys.executable, "-c", snippet("train.md", "data: push")],
        tmp_path,
        HF_DATASETS_CACHE=str(tmp_path / "datasets"),
    )

    files = hub.files("owner/photos", kind="dataset")
    shards = {path: pq.ParquetFile(BytesIO(content)) for path, content in files.items() if path.endswith(".parquet")}
    assert len([path for path in shards if path.startswith("data/train-")]) == 16  # as the documentation says
    assert sum(shard.metadata.num_rows for path, shard in shards.items() if "/train-" in path) == 48
    row = next(iter(shards.values())).read_row_group(0).to_pylist()[0]
    assert Image.open(BytesIO(row["image"]["bytes"])).size == (48, 40)  # the pictures themselves, no paths

    (tmp_path / "recipe.toml").write_text(RECIPE.format(output=tmp_path / "runs"))
    seen = len(hub.log)
    launch = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--cpu", "--num_processes", "1"]
    launch += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    run([*launch, str(ROOT / "training/train.py"), str(tmp_path / "recipe.toml")], ROOT)
    config = json.loads((tmp_path / "runs/run/best/config.json").read_text())
    assert config["architecture"] == "unet"
    fetched = [line for line in hub.log[seen:] if line.startswith("GET") and ".parquet" in line]
    assert len(fetched) >= 12 * 4 / 3  # 48 pictures of 16 shards: more than half of them were opened
    assert not list((tmp_path / "hf").rglob("*.parquet"))  # read in passing, not copied
