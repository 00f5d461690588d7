"""Scores: figures against scikit-image and scipy, the shape of scores.json, one sentence for bad input."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import bootstrap
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from colorhub import create
from colorhub.models import MODELS
from training import score


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """Four colour crops of 256 px."""
    found = [data.astronaut()[:256, 100:356], data.coffee()[:256, :256], data.chelsea()[20:276, 100:356]]
    return [*found, data.rocket()[150:406, 200:456]]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    create("unet", **MODELS["unet"].tiny()).save_pretrained(tmp_path / "small")
    return tmp_path / "small"


@pytest.fixture
def folder(tmp_path: Path, pictures: list[np.ndarray]) -> Path:
    target = tmp_path / "pictures"
    target.mkdir()
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(target / f"{i}.png")
    Image.fromarray(pictures[0]).convert("L").save(target / "grey.png")
    return target


def test_psnr_is_scikit_images(pictures: list[np.ndarray]) -> None:
    grey = score.grey_answers(pictures)
    found = score.measure(grey, pictures)
    expected = [peak_signal_noise_ratio(original, answer) for original, answer in zip(pictures, grey, strict=True)]
    assert np.allclose(found["psnr"], expected, atol=1e-3)
    assert np.abs(found["gain"]).max() < 0.05  # the answer is rounded to 8 bits, the baseline is not
    assert found["colorfulness"].max() < 1


def test_originals_are_perfect(pictures: list[np.ndarray]) -> None:
    found = score.measure(pictures, pictures)
    assert np.allclose(found["chroma_ratio"], 1)
    assert not np.isfinite(found["psnr"]).any()
    assert score.interval(found["psnr"])["n"] == 0


def test_interval_agrees_with_scipy() -> None:
    values = np.random.default_rng(1).gamma(2.0, 1.5, 200)
    ours = score.interval(values)
    theirs = bootstrap((values,), np.mean, n_resamples=5000, method="percentile", random_state=2).confidence_interval
    assert ours["mean"] == pytest.approx(values.mean(), abs=1e-4)
    assert ours["low"] == pytest.approx(theirs.low, abs=0.03)
    assert ours["high"] == pytest.approx(theirs.high, abs=0.03)
    assert score.interval(values) == ours


def test_a_weighted_interval_is_a_ratio_of_sums() -> None:
    random = np.random.default_rng(1)
    values, weights = random.random(50), random.random(50)
    found = score.interval(np.stack([values * weights, weights], axis=1))
    assert found["mean"] == pytest.approx(np.average(values, weights=weights), abs=1e-4)
    assert found["low"] < found["mean"] < found["high"]
    same = score.interval(np.stack([0.3 * weights, weights], axis=1))
    assert same["low"] == same["high"] == pytest.approx(0.3)


def test_scores_json_is_complete_and_repeatable(model: Path, folder: Path) -> None:
    arguments = [str(model), "--data", str(folder), "--split", "train", "--sizes", "32", "--write"]
    written = []
    for _ in range(2):
        assert score.main(arguments) == 0
        written.append(json.loads((model / "scores.json").read_text()))
        del written[-1]["timing"]
    first = written[0]
    assert first == written[1]
    assert first["protocol"] == "colorhub-1"
    assert first["data"]["pictures"] == 4
    assert first["data"]["grey_skipped"] == 1
    assert set(first["metrics"]["gain"]) == {"mean", "low", "high", "n"}
    assert first["metrics"]["psnr"]["n"] == 4
    assert 0 < first["metrics"]["ab_auc_rebalanced"]["mean"] <= first["metrics"]["ab_auc"]["mean"] <= 1
    assert abs(first["baselines"]["grey"]["gain"]["mean"]) < 0.05
    assert first["baselines"]["original"]["colorfulness"]["mean"] > 20
    assert first["working_sizes"]["32"]["gain"] == first["metrics"]["gain"]  # tiny models work at 32


def test_bad_input_is_one_sentence(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score.main([str(model), "--data", "nosuch"]) == 1
    assert "nosuch" in capsys.readouterr().err
    assert score.main(["unett", "--data", str(tmp_path)]) == 1
    assert "No model 'unett'" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert score.main([str(model), "--data", str(tmp_path / "empty")]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
