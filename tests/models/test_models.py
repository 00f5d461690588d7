"""The contract every registered model keeps, and loading by name."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import save_tiny

from colorhub.hub.contract import CONTRACT, Check, Subject
from colorhub.hub.loading import list_models, load
from colorhub.models import MODELS, ModelNotFoundError, WeightsError, create, find_class

NAMES = sorted(MODELS)
# Every architecture by its tiny() keywords, and the settings that change what it is made of.
VARIANTS = [(name, {}) for name in NAMES] + [
    ("colorize-net", {"activation": "relu", "depth": 4}),
    ("colorize-net", {"activation": "tanh"}),
    ("colorize-net", {"prior": True}),
    ("eccv16", {"head": "regression"}),
    ("encoder-decoder", {"dropout": 0.2}),
    ("koalarization", {"features": "pooled"}),
    ("koalarization", {"features": "none"}),
    # Not the tiny one's extractor: timm starts its residual blocks at zero, and so without gradients.
    ("koalarization", {"frozen": False, "extractor": "mobilenetv3_small_050", "extractor_size": 64}),
    ("siggraph17", {"mask_center": 0.5}),
    ("unet", {"classes": 3, "class_names": ["coast", "forest", "street"]}),
]


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    "variant", VARIANTS, ids=lambda variant: "-".join([variant[0], *map(str, variant[1].values())])
)
def test_contract(variant: tuple[str, dict[str, object]], check: Check) -> None:
    name, settings = variant
    check(Subject(MODELS[name], {**MODELS[name].tiny(), **settings}))


def test_unet_has_the_reports_parameter_count() -> None:
    """54,410,882 without the classification branch: every layer of report 003's generator, counted from its code."""
    with torch.device("meta"):
        assert sum(p.numel() for p in create("unet", width=64, depth=8).parameters()) == 54_410_882
        assert sum(p.numel() for p in create("unet", width=32, depth=6).parameters()) == 7_313_218
        assert sum(p.numel() for p in create("unet", width=36, depth=6).parameters()) == 9_254_954


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_tiny(tmp_path / "small")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("out.1.bias"), "missing out.1.bias"),
        (lambda w: w.update(extra=torch.zeros(1)), "unexpected extra"),
        (lambda w: w.update({"out.1.bias": torch.zeros(3)}), r"out.1.bias has the shape \(3,\), expected \(2,\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused(folder: Path, change: object, message: str) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(WeightsError, match=message):
        load(folder)


def test_pickled_weights_are_never_opened(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"pytorch_model.bin is pickled and was not opened\); only safetensors"):
        load(folder)


def test_broken_weights_and_configs_are_named(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(WeightsError, match=r"model.safetensors is not a readable safetensors file"):
        load(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(WeightsError, match=r"config.json cannot be read as JSON"):
        load(folder)
    (folder / "config.json").write_text('{"architecture": "unett"}')
    with pytest.raises(ValueError, match=r"Unknown architecture 'unett'. Did you mean 'unet'"):
        load(folder)


def test_names_are_looked_up_in_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORHUB_MODELS", str(folder.parent))
    assert load("small").working_size == 32
    info = next(info for info in list_models() if info.name == "small")
    assert (info.architecture, info.source, info.location) == ("unet", "folder", str(folder))
    with pytest.raises(ModelNotFoundError, match=r"No model 'smal'. Did you mean 'small'"):
        load("smal")


def test_a_hub_id_without_network_is_answered_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelNotFoundError, match=r"^HF_HUB_OFFLINE is set, .* 'nobody/nothing' is not on disk"):
        load("nobody/nothing")
    with pytest.raises(ModelNotFoundError, match=r"^local_files_only was given, .* 'nobody/nothing' is not on disk"):
        load("nobody/nothing", local_files_only=True)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "1")
    with pytest.raises(ModelNotFoundError, match=r"^TRANSFORMERS_OFFLINE is set, "):
        load("nobody/nothing")


def test_create_explains_itself() -> None:
    with pytest.raises(ValueError, match=r"Unknown architecture 'une'. Did you mean 'unet'"):
        create("une")
    with pytest.raises(ValueError, match=r"unet has no setting 'widht'. Did you mean 'width'"):
        create("unet", widht=3)
    with pytest.raises(ValueError, match="depth >= 2"):
        create("unet", depth=1)


def test_architectures_of_installed_packages_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plugin:
        name = "other"

        @staticmethod
        def load() -> type:
            return MODELS["unet"]

    monkeypatch.setattr("colorhub.models.registry.entry_points", lambda group: [Plugin()])
    assert find_class("other") is MODELS["unet"]
