"""Post-hoc logit adjustment: what it does to a distribution, and the folder that it writes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from colorhub import ab_bins, create, load
from colorhub.models import SemanticColorizer
from training.logit_adjustment import PRIOR, main

ROOT = Path(__file__).resolve().parents[2]
L = torch.linspace(0, 100, 64 * 64).view(1, 1, 64, 64)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    create("semantic", **SemanticColorizer.tiny()).save_pretrained(tmp_path / "plain")
    return tmp_path / "plain"


def probabilities(folder: Path) -> np.ndarray:
    with torch.inference_mode():
        return load(str(folder))(L).logits.double().softmax(dim=1).numpy()


def test_shares_are_divided_by_a_power_of_the_prior(folder: Path, tmp_path: Path) -> None:
    assert main([str(folder), "--tau", "0.3", "-o", str(tmp_path / "bold")]) == 0
    counts = np.array(json.loads((ROOT / PRIOR).read_text())["counts"], float)
    prior = ab_bins.smoothed(torch.from_numpy(counts / counts.sum())).numpy()
    expected = probabilities(folder) / prior[None, :, None, None] ** 0.3
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities(tmp_path / "bold"), expected, rtol=1e-3, atol=1e-7)


def test_the_config_says_how_the_answer_is_read_and_the_record_what_was_done(folder: Path, tmp_path: Path) -> None:
    words = ["--tau", "0", "--temperature", "1", "--chroma-recovery", "0.5", "-o", str(tmp_path / "read")]
    assert main([str(folder), *words]) == 0
    model = load(str(tmp_path / "read"))
    assert (model.temperature, model.chroma_recovery) == (1, 0.5)
    np.testing.assert_allclose(probabilities(tmp_path / "read"), probabilities(folder), rtol=1e-3)
    record = json.loads((tmp_path / "read/training.json").read_text())
    assert not (tmp_path / "read/README.md").exists()
    assert record["logit_adjustment"] == {"tau": 0, "prior": Path(PRIOR).name, "temperature": 1, "chroma_recovery": 0.5}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["unet", "--tau", "0.1"], "unet"),
        (["nothing-of-that-name", "--tau", "0.1"], "nothing-of-that-name"),
        (["{folder}", "--tau", "2"], "between 0 and 1"),
        (["{folder}", "--tau", "0.1", "--prior", "no.json"], "no such file"),
    ],
)
def test_bad_input(
    words: list[str], said: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [word.format(folder=folder) for word in words]
    assert main([*given, "-o", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
