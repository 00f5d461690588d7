"""Protocols: every file is whole, differs from the others where it must, and is refused when it is wrong."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from skimage.color import rgb2lab

from colorhub import Photo, Settings
from colorhub.color import grey_to_lightness
from training.readme import models_table
from training.scoring import protocol
from training.scoring.figures import METRICS
from training.scoring.greys import OUTSIDE, inside, variants
from training.scoring.pictures import cut_square
from training.scoring.protocol import Cut, ProtocolError, load_protocol, protocol_names


def test_every_protocol_names_metrics_that_there_are() -> None:
    names, hashes = protocol_names(), set()
    assert set(names) == {path.stem for path in protocol.FOLDER.glob("*.toml")} >= {protocol.DEFAULT}
    for name in names:
        found = load_protocol(name)
        hashes.add(found.sha256)
        assert set(found.metrics) <= {*METRICS, "lpips", "recognition"}
        assert set(found.set_metrics) <= {"fid", "kid", "fid_hue_invariant", "kid-lite1"}
        assert found.robustness is None or set(found.robustness.metrics) <= set(found.metrics)
        assert found.curve is None or set(found.curve.metrics) <= set(found.metrics)
    assert len(hashes) == len(names)
    assert load_protocol("ddcolor-val5k").pictures.at_most == 5000
    assert load_protocol("zhang-ctest10k").pictures.crop == "stretch"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "new"\nsummary = ""\n', "new.toml: pictures: Field required."),
        ('name = "new"\nsummary = ""\nsize = 3\n[pictures]\ncrop = "centre"\nsize = 64\n[metrics]\n', "new.toml: size"),
        ('name = "old"\nsummary = ""\n[pictures]\ncrop = "centre"\nsize = 64\n[metrics]\n', "calls itself 'old'"),
        ("name = \n", "is no protocol"),
        (
            'name = "new"\nsummary = ""\n[pictures]\ncrop = "centre"\nsize = 64\n[metrics]\n[settings]\nviews = 2\n',
            "new.toml: settings: .*views must be 1 or 3, got 2",
        ),
        (
            'name = "new"\nsummary = ""\n[pictures]\ncrop = "centre"\nsize = 64\n[metrics]\n[curve]\n'
            'vividness = [1.0, 0.5]\nmetrics = ["colorfulness"]\nat = []\n',
            "new.toml: curve.vividness: .*must rise",
        ),
        (
            'name = "new"\nsummary = ""\n[pictures]\ncrop = "centre"\nsize = 64\n[metrics]\n[curve]\n'
            'vividness = [0.5, 1.0]\nmetrics = ["gain"]\nat = []\n',
            "new.toml: curve.metrics: .*must name colorfulness",
        ),
    ],
)
def test_a_wrong_file_is_one_sentence(text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "FOLDER", tmp_path)
    (tmp_path / "new.toml").write_text(text)
    with pytest.raises(ProtocolError, match=said) as caught:
        load_protocol("new")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["colorhub-9", "../colorhub-1", ""])
def test_an_unknown_protocol_names_those_there_are(name: str) -> None:
    with pytest.raises(ProtocolError, match=re.escape(", ".join(protocol_names()))):
        load_protocol(name)


def test_the_usual_protocol_scores_what_everybody_gets() -> None:
    """Another default of a setting is another protocol: figures that were published keep their meaning."""
    assert load_protocol(protocol.DEFAULT).settings == Settings(in_color="recolor")


def test_the_usual_protocol_has_the_rules_of_the_one_before_but_for_its_settings() -> None:
    before, now = (load_protocol(name) for name in ("colorhub-1", "colorhub-2"))
    assert before.settings == Settings(in_color="recolor", restore=False)
    own = {"name", "sha256", "settings"}
    assert before.model_dump(exclude=own) == now.model_dump(exclude=own)


def test_the_protocol_with_a_judge_only_adds_to_the_one_before() -> None:
    before, now = (load_protocol(name) for name in ("colorhub-2", "colorhub-3"))
    assert before.settings == now.settings
    own = {"name", "sha256", "settings", "metrics", "set_metrics", "curve"}
    assert before.model_dump(exclude=own) == now.model_dump(exclude=own)
    assert now.metrics.items() - before.metrics.items() == {
        (name, now.metrics[name]) for name in ("blotchiness", "recognition")
    }
    assert now.set_metrics.keys() - before.set_metrics.keys() == {"kid-lite1"}
    assert before.set_metrics.items() <= now.set_metrics.items()
    assert (before.curve, now.curve.vividness[0], now.curve.vividness[-1]) == (None, 0.3, 2.0)


def test_cuts() -> None:
    """A picture whose left half is red: centred squares hold as much of it as stretched ones, at other places."""
    pixels = np.zeros((64, 192, 3), np.uint8)
    pixels[:, :80, 0] = 255
    picture = Image.fromarray(pixels)
    centre, stretched = (cut_square(picture, Cut(crop=crop, size=64)) for crop in ("centre", "stretch"))
    assert centre.shape == stretched.shape == (64, 64, 3)
    assert (centre[..., 0] > 127).mean() == pytest.approx((80 - 64) / 64, abs=0.02)
    assert (stretched[..., 0] > 127).mean() == pytest.approx(80 / 192, abs=0.02)


def test_other_greys_of_a_picture() -> None:
    original = np.ascontiguousarray(data.astronaut()[:256, 100:356])
    rules = load_protocol("colorhub-2").robustness
    found = {name: make(original) for name, make in variants(rules).items()}
    assert not any(photo.in_color for photo in found.values())
    luma = np.asarray(Image.fromarray(original).convert("L")) / 255
    assert np.abs(_grey(found["luma"]) - luma).max() < 1 / 255  # Pillow's luma is rounded
    lightness = rgb2lab(original)[..., 0]
    faded = _grey(found["fading"])
    assert 0.2 <= faded.min() < faded.max() < 0.85 + 1e-5  # rounded to 16 bits
    assert np.corrcoef(faded.ravel(), lightness.ravel())[0, 1] > 0.98
    red = original[..., 0].astype(int) - original[..., 2] > 100
    dark, light = (_grey(found[f"film {name}"])[red].mean() for name in ("orthochromatic", "red-filter"))
    assert dark < light - 0.2
    bordered = found[OUTSIDE].grey
    assert bordered.shape == (256 + 40, 256 + 40)
    assert bordered[0].min() == 65535
    L = grey_to_lightness(torch.from_numpy(inside(bordered, 256) / 65535)).numpy()
    assert np.abs(L - lightness).max() < 0.02


def _grey(photo: Photo) -> np.ndarray:
    return photo.grey / np.iinfo(photo.grey.dtype).max


def test_figures_of_two_protocols_never_share_a_table(tmp_path: Path) -> None:
    value = {"mean": 1.0, "low": 0.5, "high": 1.5, "n": 3}
    names = ("psnr", "gain", "colorfulness", "chroma_ratio", "ab_auc", "ab_auc_rebalanced")
    for model, used in (("a", "colorhub-1"), ("b", "other-1"), ("c", "colorhub-1")):
        folder = tmp_path / "model_cards" / model
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(b"")
        scores = {
            "protocol": used,
            "data": {"pictures": 3, "source": "photos", "split": "test"},
            "metrics": dict.fromkeys(names, value),
            "baselines": {"original": {"colorfulness": value}},
            "timing": {"milliseconds_per_picture": 1.0, "device": "cpu", "threads": 1},
        }
        (folder / "scores.json").write_text(json.dumps(scores))
    first, second = models_table(tmp_path).split("Protocol `other-1`:")
    assert "Protocol `colorhub-1`:" in first
    assert [line[:4] for line in first.splitlines() if line.startswith(("| a", "| b", "| c"))] == ["| a ", "| c "]
    assert "| b |" in second
    assert first.count("| model |") == second.count("| model |") == 1
