"""Means of weights: what they are, and the folder that is written."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny import save_tiny

from colorhub import load
from training.model_soup import main


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    made = [save_tiny(tmp_path / name, seed=seed) for seed, name in enumerate(("first", "second"))]
    (made[1] / "training.json").write_text(json.dumps({"stages": [{"recipe": "second"}]}))
    return [str(folder) for folder in made]


def test_the_mean_is_that_of_the_files(folders: list[str], tmp_path: Path) -> None:
    assert main([*folders, "--shares", "0.25", "0.75", "-o", str(tmp_path / "soup")]) == 0
    first, second = (load_file(Path(folder) / "model.safetensors") for folder in folders)
    soup = load_file(tmp_path / "soup/model.safetensors")
    for name, tensor in soup.items():
        expected = 0.25 * first[name] + 0.75 * second[name] if tensor.is_floating_point() else second[name]
        torch.testing.assert_close(tensor.float(), expected.float(), rtol=2e-3, atol=1e-5)  # files hold half precision
    record = json.loads((tmp_path / "soup/training.json").read_text())
    assert record == {"stages": [{"recipe": "second"}], "model_soup": [0.25, 0.75]}
    assert load(str(tmp_path / "soup"))(torch.full((1, 1, 64, 64), 50.0)).ab.isfinite().all()


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        (["0.5", "0.6"], "add up to 1"),
        (["1.5", "-0.5"], "positive"),
        (["1"], "must be 2 positive numbers"),
    ],
)
def test_bad_shares(
    shares: list[str], said: str, folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*folders, "--shares", *shares, "-o", str(tmp_path / "soup")]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "soup").exists()


def test_models_that_have_no_mean(folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = save_tiny(tmp_path / "other", "eccv16")
    assert main([folders[0], str(other), "--shares", "0.5", "0.5", "-o", str(tmp_path / "soup")]) == 1
    assert "different networks" in capsys.readouterr().err
    assert main([folders[0], "no-such-model", "--shares", "0.5", "0.5", "-o", str(tmp_path / "soup")]) == 1
    assert "no-such-model" in capsys.readouterr().err
