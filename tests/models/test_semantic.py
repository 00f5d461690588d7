"""A backbone from timm under a small decoder with colour queries: padding, pre-trained weights, what is refused."""

import pickle
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from colorhub import ab_bins, create
from colorhub.models import SemanticColorizer, WeightsError
from colorhub.models.backbones import create_backbone
from colorhub.models.smoothing import smoothed_where_hues_differ

LITE = "tf_efficientnet_lite0"  # of TensorFlow: its strided convolutions have SAME padding


def tiny(**settings: object) -> SemanticColorizer:
    torch.manual_seed(0)
    return SemanticColorizer(**{**SemanticColorizer.tiny(), **settings}).eval()


@pytest.fixture(scope="module")
def lite() -> torch.nn.Module:
    """A whole timm model with its classifier."""
    torch.manual_seed(1)
    return timm.create_model(LITE, pretrained=False).eval()


@pytest.mark.parametrize("size", [(32, 32), (64, 96), (224, 160)])
def test_static_padding_is_that_of_timm(lite: torch.nn.Module, size: tuple[int, int]) -> None:
    backbone, channels = create_backbone(LITE)
    theirs = timm.create_model(LITE, pretrained=False, features_only=True, out_indices=(1, 2, 3, 4)).eval()
    backbone.eval().load_state_dict(theirs.state_dict())
    picture = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(2))
    for ours, expected, count in zip(backbone(picture), theirs(picture), channels, strict=True):
        assert ours.shape[1] == count
        assert torch.equal(ours, expected)


@pytest.mark.parametrize("name", ["test_convnext", "test_resnet", "test_vit4"])
def test_any_backbone_with_four_strides(name: str) -> None:
    if name == "test_vit4":
        with pytest.raises(ValueError, match="test_vit4 has no features at 1/4, 1/8, 1/16 and 1/32 of the size"):
            tiny(backbone=name)
        return
    answer = tiny(backbone=name)(torch.full((1, 1, 50, 70), 60.0))
    assert answer.ab.shape == (1, 2, 50, 70)
    assert answer.logits.shape == (1, ab_bins.COUNT, 16, 24)


def test_a_backbone_that_gives_no_maps_of_channels_first_is_refused() -> None:
    with pytest.raises(ValueError, match=r"swin_tiny_patch4_window7_224 gives no feature maps \(B, C, H, W\)"):
        create_backbone("swin_tiny_patch4_window7_224")


def test_the_default_has_at_most_16_megabytes_in_half_precision() -> None:
    with torch.device("meta"):
        state = SemanticColorizer().state_dict()
    assert 14e6 < 2 * sum(tensor.numel() for tensor in state.values()) < 16e6


def test_an_unknown_backbone_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"no model 'tf_efficientnet_lite9'\. Nearest: .*tf_efficientnet_lite"):
        create("semantic", backbone="tf_efficientnet_lite9")


@pytest.mark.parametrize(
    "settings",
    [
        {"channels": [8, 8, 8]},
        {"queries": -1},
        {"query_channels": 12},
        {"query_layers": 0},
        {"temperature": -1},
        {"smoothing": -1},
    ],
)
def test_settings_out_of_range(settings: dict) -> None:
    with pytest.raises(ValueError, match="must be"):
        tiny(**settings)


def test_the_answer_is_the_annealed_mean_enlarged() -> None:
    model = tiny(temperature=0.5)
    answer = model(torch.rand(2, 1, 32, 64) * 100)
    probabilities = (answer.logits.double() / 0.5).softmax(dim=1)
    mean = torch.einsum("bqhw,qc->bchw", probabilities, ab_bins.bin_centers().double())
    expected = torch.nn.functional.interpolate(mean, scale_factor=4, mode="bilinear")
    assert torch.allclose(answer.ab.double(), expected, atol=1e-3)
    assert model.has_distribution
    assert SemanticColorizer.distribution_of({})


def test_smoothing_and_scale_are_how_the_answer_is_read() -> None:
    plain = tiny(temperature=0.5).eval()
    calm = tiny(temperature=0.5, smoothing=2, chroma_scale=1.25).eval()
    calm.load_state_dict(plain.state_dict())
    L = torch.rand(1, 1, 64, 96) * 100
    answer, before = calm(L), plain(L)
    lightness = torch.nn.functional.avg_pool2d(L, 4)
    logits = smoothed_where_hues_differ(before.logits, lambda maps: maps, lightness, 2)
    assert torch.allclose(answer.logits, logits, atol=1e-4)
    mean = torch.nn.functional.interpolate(ab_bins.annealed_mean(logits, 0.5), scale_factor=4, mode="bilinear")
    assert torch.allclose(answer.ab, 1.25 * mean, atol=1e-4)
    assert torch.allclose(calm.mean_color(logits, 0.5), 1.25 * ab_bins.annealed_mean(logits, 0.5))


def test_queries_are_an_option() -> None:
    with_queries, without = tiny(), tiny(queries=0)
    assert with_queries.head.in_channels == without.head.in_channels + 4
    assert not any(name.startswith("queries") for name in without.state_dict())


@pytest.mark.parametrize("kind", ["safetensors", "pth", "pth of the packages"])
def test_pretrained_weights_from_a_file(kind: str, lite: torch.nn.Module, tmp_path: Path) -> None:
    """The packages' files hold timm's tensors in timm's order under other names, without counters."""
    state = lite.state_dict()
    path = tmp_path / ("weights.safetensors" if kind == "safetensors" else "weights.pth")
    if kind == "safetensors":
        save_file(state, path)
    elif kind == "pth":
        torch.save(state, path)
    else:
        torch.save({f"layer{i}": t for i, (n, t) in enumerate(state.items()) if "num_batches" not in n}, path)
    model = create("semantic", backbone=LITE, channels=[8, 8, 8, 8], queries=0)
    model.load_backbone(path)
    for name, tensor in model.backbone.state_dict().items():
        if "num_batches" not in name:
            assert torch.equal(tensor, state[name]), name


class Loud:
    """What an attacker would put into a pickle."""

    def __reduce__(self) -> tuple:
        return print, ("run",)


@pytest.mark.parametrize("kind", ["missing", "text", "unsafe", "other", "no tensors"])
def test_a_file_that_cannot_be_used(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "weights.pth"
    if kind == "text":
        path.write_text("hello")
    elif kind == "unsafe":
        path.write_bytes(pickle.dumps({"weight": Loud()}))
    elif kind == "other":
        torch.save({"weight": torch.zeros(3)}, path)
    elif kind == "no tensors":
        torch.save({"epoch": 3}, path)
    words = {
        "missing": "cannot be read",
        "text": "was not opened",
        "unsafe": "was not opened: it holds more than tensors",
        "other": "are not those of test_efficientnet: 1 tensors, expected",
        "no tensors": "holds something else than named tensors",
    }
    with pytest.raises(WeightsError, match=words[kind]) as refused:
        tiny().load_backbone(path)
    assert "\n" not in str(refused.value)
    assert "run" not in capsys.readouterr().out


def test_timms_own_weights_without_the_hub() -> None:
    with pytest.raises(WeightsError, match="timm's weights of tf_efficientnet_lite0 could not be had"):
        create("semantic", backbone=LITE, channels=[8, 8, 8, 8], queries=0).load_backbone()
