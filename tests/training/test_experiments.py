"""The experiments of reports 000 and 002: their arithmetic, and whole runs of seconds on pictures made here."""

import json
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from datasets import Features, Image, Value
from PIL import Image as PillowImage
from scipy import stats
from skimage.color import rgb2lab

from benchmarks.experiments import RunError, Trainer, lightness_and_color, over_seeds, read_labels, read_squares, shown
from benchmarks.faces import UNIT, VARIANTS, mean_error, report_error
from benchmarks.transfer import STEPS, TRANSFER, Plan
from colorhub.models import create
from training.config import load_recipe
from training.data.sources import open_pictures

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "training" / "recipes"
KINDS = tuple("abcdefghij")


def _write(folder: Path, split: str, count: int, size: int) -> None:
    """Pictures of ten classes as parquet, class k with a mean red of 40 + 20 k."""
    random = np.random.default_rng(len(split))
    rows = []
    for number in range(count):
        kind = number % len(KINDS)
        pixels = np.clip(random.normal((40 + 20 * kind, 200 - 15 * kind, 90), 10, (size, size, 3)), 0, 255).astype(
            np.uint8
        )
        buffer = BytesIO()
        PillowImage.fromarray(pixels).save(buffer, "PNG")
        rows.append({"image": {"bytes": buffer.getvalue(), "path": None}, "label": KINDS[kind]})
    folder.mkdir(exist_ok=True)
    schema = Features({"image": Image(), "label": Value("string")}).arrow_schema
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / f"{split}-00000-of-00001.parquet")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder as ``$COLORHUB_DATA``, with a few faces and a small CIFAR-10."""
    root = tmp_path_factory.mktemp("data")
    for name, size in (("faces", 128), ("cifar10", 32)):
        _write(root / name, "train", 40, size)
        _write(root / name, "test", 9, size)
    return root


def _start(script: str, made: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    cache = str(made / "cache")
    environment = {**os.environ, "COLORHUB_DATA": str(made), "HF_DATASETS_CACHE": cache, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / "benchmarks" / script), "--quick", "--output", str(folder / "runs")]
    command += ["--write", str(folder / "found.json"), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)


def test_the_reports_error_is_over_three_channels_of_lab_of_which_one_is_copied():
    random = np.random.default_rng(0)
    truth, answer = (rgb2lab(random.random((2, 6, 5, 3))) for _ in range(2))
    answer[..., 0] = truth[..., 0]
    scaled = [np.stack([lab[..., 0] / 100, *((lab[..., i] + 128) / 255 for i in (1, 2))]) for lab in (answer, truth)]
    expected = np.square(scaled[0] - scaled[1]).mean(axis=(0, 2, 3)) / UNIT
    ab = [torch.from_numpy(lab[..., 1:]).permute(0, 3, 1, 2) for lab in (answer, truth)]
    np.testing.assert_allclose(report_error(*ab), expected, rtol=1e-6)


def test_a_colour_that_is_off_by_one_level_everywhere():
    target = torch.zeros(2, 2, 4, 4)
    np.testing.assert_allclose(report_error(torch.ones(1, 2, 1, 1), target), [2 / 3 / 255**2 * 1e5] * 2, rtol=1e-6)
    np.testing.assert_allclose(
        mean_error(torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2)), [0.5 / 255**2 * 1e5], rtol=1e-6
    )


def test_interval_over_seeds_is_that_of_student():
    values = [0.41, 0.45, 0.40]
    low, high = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))
    assert over_seeds(values) == pytest.approx({"mean": 0.42, "low": low, "high": high, "n": 3})
    assert over_seeds([0.5]) == {"mean": 0.5, "low": None, "high": None, "n": 1}
    assert shown(over_seeds([1.0, 1.0]), signed=True) == "+1.0 [+1.0, +1.0]"
    assert shown(over_seeds([0.5])) == "0.5"


def test_the_sweep_is_the_reports():
    settings = [(one.activation, one.max_channels, one.depth, one.reported) for one in VARIANTS]
    assert len(settings) == len({one.name for one in VARIANTS}) == 7
    assert {(a, r) for a, channels, depth, r in settings if (channels, depth) == (128, 3)} == {
        ("relu", 41),
        ("sigmoid", 38),
        ("tanh", 46),
    }
    for one in VARIANTS:
        recipe = load_recipe(RECIPES / "colorize-net.toml", one.words)
        model = create(recipe.model.architecture, **recipe.model.keywords)
        assert (len(model.down), len(model.up) - 1, model.channels[-1]) == (one.depth, one.depth, one.max_channels)


def test_arms_differ_in_nothing_but_the_encoder(tmp_path):
    plan = Plan(STEPS, ("pretrained", "frozen", "control"), seeds=1)
    values = {}
    for arm in plan.arms:
        words = plan.words_of(0.1, arm, 5, tmp_path / "best")
        values[arm] = load_recipe(RECIPES / f"{TRANSFER}.toml", words).model_dump()
    tasks = {arm: value.pop("task") for arm, value in values.items()}
    assert values["pretrained"] == values["frozen"] == values["control"]
    assert values["control"]["run"]["steps"] == STEPS[0.1]
    assert values["control"]["run"]["seed"] == 5
    assert [(task["encoder"] is None, task["freeze"]) for task in tasks.values()] == [
        (False, False),
        (False, True),
        (True, False),
    ]


def test_pretraining_fits_transfer_and_shares_its_held_out_rows():
    first, second = (load_recipe(RECIPES / f"{name}.toml") for name in ("encoder-decoder-cifar10", "transfer"))
    assert first.model.keywords["width"] == second.model.keywords["width"]
    assert (first.data.train, first.data.held_out) == (second.data.train, second.data.held_out)
    assert first.data.grey == second.data.grey
    assert second.task.encoder == f"{first.run.output}/{first.name}/best"


def test_pictures_and_labels_are_read_in_the_same_order(made):
    pictures = open_pictures([str(made / "cifar10")], "test", labels=["label"])
    squares = read_squares(pictures, 32, limit=7)
    labels = read_labels(pictures, ["label"], KINDS, limit=7)
    assert squares.shape == (7, 3, 32, 32)
    reds = 255 * squares[:, 0].mean(dim=(1, 2))
    assert labels.tolist() == ((reds - 40) / 20).round().int().tolist() == [*range(7)]
    L, ab = lightness_and_color(pictures, 32, limit=7)
    lab = rgb2lab(squares.permute(0, 2, 3, 1).double().numpy())
    np.testing.assert_allclose(torch.cat([L, ab], dim=1).permute(0, 2, 3, 1), lab, atol=0.05)


@pytest.mark.slow
def test_a_run_that_fails_is_one_sentence(made, tmp_path, monkeypatch):
    monkeypatch.setenv("COLORHUB_DATA", str(made))
    with (
        Trainer(tmp_path) as trainer,
        pytest.raises(RunError, match=r"The run broken failed: .*'nowhere'.*broken\.log"),
    ):
        trainer.start("colorize-net", "broken", ["data.train=['nowhere']"]).result()


@pytest.mark.slow
def test_faces_in_seconds_and_kept(made, tmp_path):
    first = _start("faces.py", made, tmp_path, "--jobs", "2")
    assert first.returncode == 0, first.stderr
    assert first.stdout.count("trained in") == 3
    assert "The people are the same in training and test" in first.stdout
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["pictures"] == {"train": 36, "held_out": 4, "test": 4}
    assert found["chosen"] == min(found["runs"], key=lambda run: run["held_out"])["name"]
    for run in (*found["runs"], found["regressor"]):
        apart = run["test"]["mean"] - found["baselines"]["constant"]["mean"]
        assert run["minus_constant"]["mean"] == pytest.approx(apart, abs=1e-3)
    own, constant = (found["baselines"][name]["mean"] for name in ("own_mean", "constant"))
    assert 0 < own < constant  # no single colour of a picture can be better than its mean
    again = _start("faces.py", made, tmp_path)
    assert again.stdout.count(": kept") == 3
    assert again.stdout[again.stdout.index("Report 002") :] == first.stdout[first.stdout.index("Report 002") :]


@pytest.mark.slow
def test_transfer_in_seconds_and_kept(made, tmp_path):
    words = ("--seeds", "2", "--test", "6")
    first = _start("transfer.py", made, tmp_path, *words, "--jobs", "2")
    assert first.returncode == 0, first.stderr
    assert first.stdout.count("trained in") == 1 + 2 * 2
    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["test_pictures"], found["seeds"]) == (6, 2)
    (only,) = found["fractions"]
    assert only["steps"] == 2
    each = {arm: only["accuracy"][arm]["each"] for arm in ("pretrained", "control")}
    assert all(value * 6 == pytest.approx(round(value * 6)) for values in each.values() for value in values)
    apart = np.subtract(each["pretrained"], each["control"])
    assert only["minus_control"]["pretrained"]["mean"] == pytest.approx(apart.mean())
    assert _start("transfer.py", made, tmp_path, *words).stdout.count(": kept") == 5


@pytest.mark.slow
def test_a_changed_recipe_is_not_taken_for_the_kept_run(made, tmp_path, monkeypatch):
    monkeypatch.setenv("COLORHUB_DATA", str(made))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(made / "cache"))
    words = ["run.steps=2", "data.crops=[{size=64, batch_size=4}]", "data.validation_limit=2"]
    with Trainer(tmp_path) as trainer:
        best = trainer.start("colorize-net", "run", words).result()
        with pytest.raises(RunError, match=r"holds a run of another recipe \(model.depth was 5, is 4\)"):
            trainer.start("colorize-net", "run", [*words, "model.depth=4"]).result()
        (best.parent / "finished.json").unlink()
        words[0] = "run.steps=3"  # more steps: it goes on
        assert trainer.start("colorize-net", "run", words).result() == best
    assert json.loads((best.parent / "finished.json").read_text())["settings"]["run"]["steps"] == 3
    assert "from step 2 to 3" in (tmp_path / "run.log").read_text()
