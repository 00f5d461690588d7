"""The contract every registered model keeps, and loading by name."""

import copy
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import colorhub
from colorhub.models import MODELS, ModelNotFoundError, WeightsError, create, find_class, list_models, load

NAMES = sorted(MODELS)
# Every architecture by its tiny() keywords, and the settings that change what it is made of.
VARIANTS = [(name, {}) for name in NAMES] + [
    ("colorize-net", {"activation": "relu", "depth": 4}),
    ("colorize-net", {"activation": "tanh"}),
    ("colorize-net", {"prior": True}),
    ("eccv16", {"head": "regression"}),
    ("koalarization", {"features": "pooled"}),
    # Not the tiny one's extractor: timm starts its residual blocks at zero, and so without gradients.
    ("koalarization", {"frozen": False, "extractor": "mobilenetv3_small_050", "extractor_size": 64}),
    ("unet", {"classes": 3, "class_names": ["coast", "forest", "street"]}),
]
SIZES = [(1, 1), (3, 50), (33, 17), (64, 64), (31, 90)]


@pytest.fixture(params=VARIANTS, ids=lambda variant: "-".join([variant[0], *map(str, variant[1].values())]))
def model(request: pytest.FixtureRequest) -> colorhub.Colorizer:
    name, settings = request.param
    torch.manual_seed(0)
    return create(name, **{**MODELS[name].tiny(), **settings}).eval()


@pytest.mark.parametrize("size", SIZES)
def test_any_size_gives_finite_colour_of_that_size(model: colorhub.Colorizer, size: tuple[int, int]) -> None:
    L = torch.rand(2, 1, *size) * 100
    ab = model(L).ab
    assert ab.shape == (2, 2, *size)
    assert ab.dtype == torch.float32
    assert ab.isfinite().all()
    assert ab.abs().max() <= 128


def test_gradients_reach_every_parameter(model: colorhub.Colorizer) -> None:
    model.train()
    answer = model(torch.rand(2, 1, 32, 32) * 100)
    sum(part.square().mean() for part in (answer.ab, answer.class_logits) if part is not None).backward()
    trained = [(name, weight.grad) for name, weight in model.named_parameters() if weight.requires_grad]
    silent = [name for name, gradient in trained if gradient is None or not gradient.abs().sum() > 0]
    assert silent == []


def test_a_picture_does_not_depend_on_its_neighbours(model: colorhub.Colorizer) -> None:
    L = torch.rand(3, 1, 40, 24) * 100
    alone = torch.cat([model(L[i : i + 1]).ab for i in range(3)])
    assert torch.allclose(model(L).ab, alone, atol=1e-2)


def test_half_precision_arithmetic_gives_nearly_the_same_colour(model: colorhub.Colorizer) -> None:
    """What the pipeline does where the hardware can; bfloat16 keeps 8 bits, of 255 units at most."""
    L = torch.rand(1, 1, 40, 24) * 100
    with torch.autocast("cpu", torch.bfloat16):
        found = model(L.contiguous(memory_format=torch.channels_last)).ab
    assert found.dtype == torch.float32
    assert torch.allclose(found, model(L).ab, atol=4)


def test_what_is_frozen_stays_as_it_is(model: colorhub.Colorizer) -> None:
    """Neither training mode nor a step in it changes a weight or a batch statistic that is not trained."""
    copied = copy.deepcopy(model).train()  # as an average of the weights is
    fixed = {id(weight) for weight in copied.parameters() if not weight.requires_grad}
    owners = [m for m in copied.modules() if any(id(weight) in fixed for weight in m.parameters(recurse=False))]
    before = [copy.deepcopy(owner.state_dict()) for owner in owners]
    copied(torch.rand(2, 1, 64, 64) * 100)
    assert not any(owner.training for owner in owners)
    assert all(torch.equal(t, o.state_dict()[k]) for o, old in zip(owners, before, strict=True) for k, t in old.items())


def test_save_and_load_give_the_same_output(model: colorhub.Colorizer, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "m")
    L = torch.rand(1, 1, 20, 30) * 100
    loaded = [load(tmp_path / "m"), type(model).from_pretrained(tmp_path / "m")]
    assert all(torch.equal(other(L).ab, model(L).ab) for other in loaded)
    assert not loaded[0].training
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    assert config.pop("architecture") == model.architecture
    assert config.pop("colorhub_version") == colorhub.__version__
    rebuilt = create(model.architecture, **config)
    assert [p.shape for p in rebuilt.parameters()] == [p.shape for p in model.parameters()]


def test_half_precision_weights_load_into_float32(model: colorhub.Colorizer, tmp_path: Path) -> None:
    expected = {k: v.half().float() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    model.half().save_pretrained(tmp_path)
    found = load(tmp_path).state_dict()
    assert all(found[k].dtype == v.dtype and torch.equal(found[k], v) for k, v in expected.items())


def test_hints_are_refused_where_they_cannot_be_taken(model: colorhub.Colorizer) -> None:
    L, hints = torch.rand(1, 1, 32, 32) * 100, torch.zeros(1, 3, 32, 32)
    if model.accepts_hints:
        assert model(L, hints).ab.shape == (1, 2, 32, 32)
    else:
        with pytest.raises(ValueError, match="takes no hints"):
            model(L, hints)


def test_wrong_shape_is_named(model: colorhub.Colorizer) -> None:
    with pytest.raises(ValueError, match=r"\(B, 1, H, W\), got \(1, 3, 8, 8\)"):
        model(torch.zeros(1, 3, 8, 8))


def test_unet_has_the_reports_parameter_count() -> None:
    """54,410,882 without the classification branch: every layer of report 003's generator, counted from its code."""
    with torch.device("meta"):
        assert sum(p.numel() for p in create("unet", width=64, depth=8).parameters()) == 54_410_882
        assert sum(p.numel() for p in create("unet", width=32, depth=6).parameters()) == 7_313_218
        assert sum(p.numel() for p in create("unet", width=36, depth=6).parameters()) == 9_254_954


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create("unet", **MODELS["unet"].tiny()).save_pretrained(tmp_path / "small")
    return tmp_path / "small"


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
    with pytest.raises(ModelNotFoundError, match="'nobody/nothing' is not on disk and could not be fetched"):
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
