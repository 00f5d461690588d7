"""FID, KID, LPIPS: known answers with extractors of our own, and what is said where the usual networks are missing."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor, nn

from training import score
from training.scoring import networks, protocol, section, work
from training.scoring.distances import frechet, kernel
from training.scoring.figures import Pair, Side
from training.scoring.networks import Networks


class MeanColor(nn.Module):
    """Features that can be worked out by hand: mean and spread of each channel."""

    num_features = 6

    def forward(self, codes: Tensor) -> Tensor:
        flat = codes.float().flatten(2) / 255
        return torch.cat([flat.mean(dim=2), flat.std(dim=2)], dim=1)


def squared(first: Tensor, second: Tensor) -> Tensor:
    """A stand-in for LPIPS."""
    return (first - second).square().mean(dim=(1, 2, 3))


def test_fid_in_closed_form() -> None:
    """Of features that differ by a shift alone, and by a scale of one axis alone."""
    features = np.random.default_rng(0).normal(size=(400, 3))
    assert frechet(features + np.array([3, 0, 4]), features)["value"] == pytest.approx(25, abs=1e-6)
    assert frechet(features, features)["value"] == pytest.approx(0, abs=1e-4)
    centred = features[:, :1] - features[:, :1].mean()
    found = frechet(3 * centred, centred)["value"]
    assert found == pytest.approx(4 * centred.var(ddof=1), abs=1e-4)  # (3 s - s)^2


def test_kid_is_near_zero_for_the_same_distribution_and_repeats() -> None:
    random = np.random.default_rng(1)
    first, second = random.normal(size=(2, 300, 4))
    found = kernel(first, second)
    assert abs(found["value"]) < 3 * found["spread"]
    assert kernel(first + 2, second)["value"] > 10 * abs(found["value"])
    before = torch.random.get_rng_state()
    assert kernel(first, second) == found
    assert torch.equal(torch.random.get_rng_state(), before)


def test_what_is_missing_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(networks.importlib.util, "find_spec", lambda name: None)
    started = time.perf_counter()
    assert "at least 2,049 pictures" in Networks().missing_features(496)
    assert "there are 496" in Networks().missing_features(496)
    assert "pip install torch-fidelity" in Networks().missing_features(5000)
    monkeypatch.undo()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert "alexnet" in Networks().missing_perceptual()
    assert time.perf_counter() - started < 20  # a single retry of an unreachable server takes longer
    assert Networks(MeanColor(), squared).missing_features(7) is None
    assert Networks(MeanColor(), squared).missing_perceptual() is None


def test_the_real_extractor_runs_once_its_file_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With weights drawn at random in a file of the usual name."""
    fidelity = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    assert "Inception" in Networks().missing_extractor()
    with monkeypatch.context() as patch:  # the network's shapes, without weights
        patch.setattr(fidelity.torch, "load", lambda *_, **__: {})
        patch.setattr(nn.Module, "load_state_dict", lambda *_, **__: None)
        shapes = fidelity.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], "anything")
    torch.save(shapes.state_dict(), folder / networks._INCEPTION_FILE)
    assert Networks().missing_extractor() is None
    networks._inception.cache_clear()
    codes = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    features = Networks().features_of(codes)
    networks._inception.cache_clear()
    assert features.shape == (2, 2048)
    assert not torch.equal(features[0], features[1])


@pytest.mark.slow
def test_the_real_perceptual_distance_runs_once_its_file_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With weights drawn at random in a file of the usual name: zero for equal pictures, more for others."""
    models = pytest.importorskip("torchvision.models")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(models.alexnet(weights=None).state_dict(), folder / networks._alexnet_file())
    assert Networks().missing_perceptual() is None
    networks._lpips.cache_clear()
    originals = [np.ascontiguousarray(data.coffee()[:64, i : i + 64]) for i in (0, 100)]
    pair = Pair(Side([originals[0], originals[0]]), Side(originals))
    same, other = Networks().lpips(pair).tolist()
    networks._lpips.cache_clear()
    assert same == 0 < other


SMALL = """
name = "small"
summary = "Small pictures, for a test."
[pictures]
crop = "centre"
size = 32
[metrics.lpips]
better = "lower"
definition = "As in colorhub-1."
[metrics.colorfulness]
better = "none"
definition = "As in colorhub-1."
[set_metrics]
fid = "As in colorhub-1."
kid = "As in colorhub-1."
fid_hue_invariant = "As in colorhub-1."
"""


def test_scores_with_extractors_of_ones_own(scored_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (scored_folder / "protocols").mkdir()
    (scored_folder / "protocols" / "small.toml").write_text(SMALL)
    monkeypatch.setattr(protocol, "FOLDER", scored_folder / "protocols")
    monkeypatch.setattr(work, "FOLDER", scored_folder / "kept")
    speed = {
        "milliseconds_per_picture": 1.0,
        "device": "cpu",
        "precision": "fp32",
        "threads": 1,
        "peak_memory_mb": None,
    }
    monkeypatch.setattr(section, "measure_speed", lambda *_: speed)
    words = [scored_folder / "small", "--data", scored_folder / "pictures", "--protocol", "small", "--write"]
    assert score.main([str(word) for word in words], Networks(MeanColor(), squared)) == 0
    found = json.loads((scored_folder / "small" / "scores.small.json").read_text())
    assert not (scored_folder / "small" / "scores.json").exists()  # that is for figures of the usual protocol alone
    assert found["not_computed"] == {}
    assert found["metrics"]["lpips"]["mean"] > 0
    fid = found["set_metrics"]["fid"]
    assert fid["baselines"]["original"] < 1e-3 < fid["baselines"]["grey"]
    assert "compares with no others" in fid["features"]
    assert found["set_metrics"]["kid"]["n"] == 104
    assert found["set_metrics"]["fid_hue_invariant"]["chroma_factor"] > 0
    assert found["robustness"] is None
    assert found["failures"] is None
