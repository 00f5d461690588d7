"""Exported models: what any ONNX runtime makes of the files, beside torch; the pipeline and the commands with them."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from commands import typed
from PIL import Image
from skimage import data

import colorhub
from colorhub import ColorizationPipeline, Colorizer, Prediction, create
from colorhub.color import rgb_to_lab
from colorhub.export import ExportError, export_composition, export_model, model_differences, write
from colorhub.export.writing import halved
from colorhub.hub.loading import load
from colorhub.inference.compose import compose_codes
from colorhub.models import MODELS, WeightsError

ROOT = Path(__file__).resolve().parents[2]
SHAPES = [(1, 33, 17), (3, 64, 90), (1, 1, 1), (2, 97, 61), (1, 20, 150)]
VARIANTS = [
    ("encoder-decoder", {}),
    ("eccv16", {"head": "regression"}),
    ("eccv16", {"temperature": 0.0}),
    ("colorize-net", {}),
    ("colorize-net", {"prior": True}),
    ("chroma-regressor", {}),
    ("koalarization", {}),
    ("koalarization", {"features": "pooled", "extractor": "mobilenetv3_small_050", "extractor_size": 64}),
    ("koalarization", {"extractor": "convnext_atto", "extractor_size": 64}),
    ("koalarization", {"extractor": "vit_tiny_patch16_224", "extractor_size": 224}),
    ("siggraph17", {}),
    ("ddcolor", {}),
    ("semantic", {}),
    ("semantic", {"smoothing": 2, "chroma_scale": 1.2, "chroma_recovery": 0.5}),
    ("semantic", {"queries": 0, "backbone": "tf_efficientnet_lite0"}),
    ("semantic", {"backbone": "test_convnext"}),
    ("unet", {"classes": 3, "class_names": ["coast", "forest", "street"]}),
]


def lively(name: str, settings: dict[str, Any]) -> Colorizer:
    """A tiny model that has something to get wrong: batch statistics of its own, and clear colours."""
    torch.manual_seed(0)
    model = create(name, **{**MODELS[name].tiny(), **settings}).eval()
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.2)
            layer.running_var.uniform_(0.5, 2)
            layer.weight.data.uniform_(0.5, 1.5)  # timm starts some at zero
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A U-Net that looks twice, a model with a distribution, and the composition: saved, and exported."""
    folder = tmp_path_factory.mktemp("exported")
    several = lively("eccv16", {})
    with torch.no_grad():
        several.head.weight *= 200  # an untrained head knows no bin from another
    for name, model in (("unet", lively("unet", {"context_size": 16})), ("eccv16", several)):
        model.save_pretrained(folder / name)
        model = ColorizationPipeline(folder / name, device="cpu").model  # channels last, as people have it at hand
        write(export_model(model, name), folder / f"{name}.onnx")
    write(export_composition(), folder / "compose.onnx")
    yield folder


def answers(content: Path | bytes, **given: np.ndarray) -> dict[str, np.ndarray]:
    """A file's outputs by name, as any program with onnxruntime would get them."""
    source = content if isinstance(content, bytes) else str(content)
    session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, given), strict=True))


def farthest(content: Path | bytes, model: Colorizer, shapes: list[tuple[int, int, int]]) -> float:
    """The largest distance of any output from torch's."""
    worst = []
    for batch, height, width in shapes:
        L = torch.rand(batch, 1, height, width) * 100
        with torch.no_grad():
            expected = {name: part for name, part in model(L)._asdict().items() if part is not None}
        found = answers(content, L=L.numpy())
        assert list(found) == list(expected)
        assert found["ab"].shape == (batch, 2, height, width)
        assert {value.dtype for value in found.values()} == {np.dtype(np.float32)}
        worst += [float(np.abs(found[name] - part.numpy()).max()) for name, part in expected.items()]
    return max(worst)


def patterned(pipeline: ColorizationPipeline) -> ColorizationPipeline:
    """In float32 wherever the tests run."""
    pipeline.network.precision = "fp32"
    return pipeline


def pipelines(folder: Path, name: str) -> tuple[ColorizationPipeline, ColorizationPipeline]:
    """The same model in torch and exported."""
    return tuple(patterned(ColorizationPipeline(folder / file, device="cpu")) for file in (name, f"{name}.onnx"))


@pytest.mark.parametrize("name", ["unet", "eccv16"])
def test_any_size_and_batch_as_in_torch(folder: Path, name: str) -> None:
    assert farthest(folder / f"{name}.onnx", load(folder / name), SHAPES) < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize(("name", "settings"), VARIANTS)
def test_every_architecture(name: str, settings: dict[str, Any], half: bool) -> None:
    model = lively(name, settings)
    content = export_model(model, half=half)
    onnx.checker.check_model(content, full_check=True)
    if half and settings.get("temperature") == 0:  # the likeliest bin can turn on the last bit
        assert max(one.mean for one in model_differences(content, model)) < 2
        return
    # Without the strip: an untrained extractor makes much of its square's empty part, where half precision rounds to 0.
    assert farthest(content, model, SHAPES[:4] if half else SHAPES) < (1.5 if half else 0.01)
    assert all(one.holds or half for one in model_differences(content, model))


def test_file_is_valid_and_describes_itself(folder: Path) -> None:
    onnx.checker.check_model(str(folder / "eccv16.onnx"), full_check=True)
    found = {prop.key: prop.value for prop in onnx.load(folder / "eccv16.onnx").metadata_props}
    weights = colorhub.load(folder / "eccv16").weights_sha256
    assert len(weights) == 64
    assert found == {
        "kind": "colorhub model",
        "colorhub_version": colorhub.__version__,
        "architecture": "eccv16",
        "name": "eccv16",
        "working_size": "32",
        "context_size": "null",
        "multiple": "8",
        "has_distribution": "true",
        "chroma_recovery": "0.0",
        "chroma_scale": "1.0",
        "weights_sha256": weights,
        "precision": "fp32",
    }
    graph = onnx.load(folder / "unet.onnx").graph
    for value, channels in ((graph.input[0], 1), (graph.output[0], 2)):
        sizes = [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        assert sizes == ["batch", channels, "height", "width"]


def test_a_file_of_version_0_1_says_nothing_about_chroma(folder: Path) -> None:
    file = onnx.load(folder / "eccv16.onnx")
    found = {prop.key: prop.value for prop in file.metadata_props}
    del file.metadata_props[:]
    for key in found.keys() - {"chroma_recovery", "chroma_scale"}:
        file.metadata_props.add(key=key, value=found[key])
    onnx.save(file, folder / "old.onnx")
    model = load(folder / "old.onnx")
    assert (model.chroma_recovery, model.chroma_scale) == (0, 1)
    (folder / "old.onnx").unlink()


def test_file_holds_nothing_of_this_machine(folder: Path) -> None:
    for path in folder.glob("*.onnx"):
        content = path.read_bytes()
        assert str(ROOT).encode() not in content
        assert b".py" not in content
        assert str(folder).encode() not in content


def test_loaded_file_is_a_colorizer(folder: Path) -> None:
    ours, theirs = load(folder / "unet"), load(folder / "unet.onnx")
    assert isinstance(theirs, Colorizer)
    for fact in ("architecture", "working_size", "context_size", "multiple", "has_distribution", "weights_sha256"):
        assert getattr(theirs, fact) == getattr(ours, fact)
    L = torch.rand(2, 1, 30, 47) * 100
    assert torch.allclose(theirs(L).ab, ours(L).ab, atol=1e-2)
    with pytest.raises(WeightsError, match="copy the file"):
        theirs.save_pretrained(folder / "again")
    with pytest.raises(ExportError, match="an exported model already"):
        export_model(theirs)


@pytest.mark.parametrize("name", ["unet", "eccv16"])
def test_pipeline_colours_alike(folder: Path, grey: np.ndarray, name: str) -> None:
    ours, theirs = pipelines(folder, name)
    photos = [grey, grey[:, ::-1], grey[:250, :390]]
    for settings in ({}, {"size": 48, "batch_size": 2, "vividness": 1.4}):
        expected, found = (one(photos, progress=False, **settings) for one in (ours, theirs))
        for torch_one, onnx_one in zip(expected, found, strict=True):
            assert np.abs(torch_one.pixels.astype(int) - onnx_one.pixels).max() <= 1
            assert onnx_one.provenance == {**torch_one.provenance, "model": f"{name}.onnx"}
    assert theirs.model.weights_sha256 in found[0].provenance.values()


def test_pipeline_looks_twice_where_the_model_does(folder: Path, grey: np.ndarray) -> None:
    _, theirs = pipelines(folder, "unet")
    photo = theirs.open(grey)
    twice = theirs.predict(photo).ab
    theirs.model.context_size = None
    assert (theirs.predict(photo).ab - twice).abs().max() > 0.5


def test_pipeline_chooses_from_a_distribution(folder: Path, grey: np.ndarray) -> None:
    ours, theirs = pipelines(folder, "eccv16")
    assert np.allclose(ours.confidence(grey), theirs.confidence(grey), atol=1e-3)
    for settings in ({"temperature": 0.7}, {"temperature": 0.0}, {"samples": 2, "seed": 3}):
        layers = [one.predict(one.open(grey), **settings) for one in (ours, theirs)]
        pairs = zip(*layers, strict=True) if "samples" in settings else [layers]
        for torch_one, onnx_one in pairs:
            distance = (torch_one.ab - onnx_one.ab).abs()
            assert (distance > 0.05).float().mean() < 0.01  # the likeliest bin, or a drawn one, can turn on a last bit
            chosen = (one.provenance.settings.changed(model=None) for one in (torch_one, onnx_one))
            assert len(set(chosen)) == 1
    with pytest.raises(ValueError, match="has one answer"):
        pipelines(folder, "unet")[1].confidence(grey)


def test_composition_is_the_pipelines(folder: Path, grey: np.ndarray) -> None:
    picture = torch.from_numpy(data.coffee()).permute(2, 0, 1)[None].float() / 255
    L, ab = (part.numpy() for part in rgb_to_lab(torch.nn.functional.interpolate(picture, size=(64, 96), mode="area")))
    given = {"grey": grey[None, None].astype(np.float32) / 255, "L": L, "ab": ab}
    for vividness in (1.0, 0.0):
        expected = np.zeros((*grey.shape, 3), np.uint8)
        compose_codes(grey, L[0, 0], ab[0], vividness, expected)
        rgb = answers(folder / "compose.onnx", **given, vividness=np.array(vividness, np.float32))["rgb"]
        distance = np.abs(np.rint(rgb[0].transpose(1, 2, 0) * 255) - expected)
        assert (distance > 1).mean() <= (1e-4 if vividness else 0)  # out of gamut, at the border of two table cells


def test_composition_takes_batches_of_any_size(folder: Path) -> None:
    grey, L = np.random.default_rng(0).random((3, 1, 41, 67), np.float32), np.full((3, 1, 7, 5), 50, np.float32)
    ab = np.random.default_rng(1).normal(0, 20, (3, 2, 7, 5)).astype(np.float32)
    one = np.array(1, np.float32)
    together = answers(folder / "compose.onnx", grey=grey, L=L, ab=ab, vividness=one)["rgb"]
    assert together.shape == (3, 3, 41, 67)
    for i in range(3):
        part = slice(i, i + 1)
        alone = answers(folder / "compose.onnx", grey=grey[part], L=L[part], ab=ab[part], vividness=one)["rgb"]
        assert np.abs(alone - together[part]).max() < 1e-5


def test_halved_layers_keep_what_is_outside_of_them() -> None:
    model = lively("eccv16", {})
    L = torch.rand(1, 1, 40, 56) * 100
    expected = model(L).ab
    half = halved(model)
    assert {weight.dtype for weight in half.state_dict().values() if weight.is_floating_point()} == {torch.float16}
    ab = half(L).ab
    assert ab.dtype == torch.float32
    assert 0 < (ab - expected).abs().max() < 0.5


@pytest.mark.slow
def test_half_precision_file_is_half_as_large(folder: Path) -> None:
    model = create("unet", width=16, depth=4)
    whole, half = (len(export_model(model, half=half)) for half in (False, True))
    assert half < 0.6 * whole
    assert next(model.parameters()).dtype == torch.float32, "the model itself must stay as it is"


class Branching(Colorizer):
    """Computes one thing for some sizes and another for the rest."""

    architecture = "branching"

    def __init__(self, by_shape: bool) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(1, 2, 1)
        self.by_shape = by_shape

    def predict(self, L: torch.Tensor, hints: torch.Tensor | None = None) -> Prediction:
        large = L.shape[2] > L.shape[3] if self.by_shape else L.shape[2] > 40
        return Prediction(ab=self.layer(L if large else L * 2))


@pytest.mark.slow
def test_a_model_that_decides_by_size_is_refused_or_found() -> None:
    with pytest.raises(ExportError, match="branching cannot be exported: it decides by the size of the picture"):
        export_model(Branching(by_shape=False))
    model = Branching(by_shape=True).eval()  # no bound of one side says so: that is what the three sizes are for
    assert not all(one.holds for one in model_differences(export_model(model), model))


# Commands


def run(*arguments: object) -> Any:
    return typed(*arguments)


def refused(*arguments: object) -> str:
    """The sentence that a command ends with."""
    result = run(*arguments)
    assert result.exit_code in (1, 2), result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.mark.slow
def test_export_checks_and_says_what_it_wrote(folder: Path, tmp_path: Path) -> None:
    result = run("export", folder / "eccv16", tmp_path / "a.onnx", "--check", "--compose", tmp_path / "b.onnx")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split(":")[0] for line in lines if line.startswith("check")] == [
        *("check 1 x 32x32", "check 1 x 8x8", "check 2 x 37x23", "check 2 x 10x6", "check 3 x 19x39", "check 3 x 6x10"),
        *("check 1 x 240x320", "check 1 x 301x203", "check 1 x 64x999"),
    ]
    megabytes = (tmp_path / "a.onnx").stat().st_size / 1e6
    assert f"{tmp_path / 'a.onnx'}: eccv16 for a short side of 32 pixels, fp32, {megabytes:.1f} MB" in lines
    assert {path.name for path in tmp_path.iterdir()} == {"a.onnx", "b.onnx"}


def test_nothing_is_written_where_the_check_fails(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = create("eccv16", **{**MODELS["eccv16"].tiny(), "temperature": 0.0})
    monkeypatch.setattr(
        "colorhub.export.export_model", lambda *given, **settings: (folder / "eccv16.onnx").read_bytes()
    )
    other.save_pretrained(tmp_path / "other")
    assert "was not written: its answers differ" in refused(
        "export", tmp_path / "other", tmp_path / "a.onnx", "--check"
    )
    assert not (tmp_path / "a.onnx").exists()


def test_colorize_with_an_exported_model(folder: Path, grey: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(grey).save(tmp_path / "photo.png")
    result = run("colorize", tmp_path / "photo.png", "--model", folder / "unet.onnx", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout.splitlines()[0])["status"] == "colored"
    with Image.open(tmp_path / "photo.color.png") as answer:
        assert answer.size == grey.shape[::-1]
        assert load(folder / "unet").weights_sha256 in str(answer.info)


def test_files_that_are_no_exported_models(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("hello")
    (tmp_path / "half.onnx").write_bytes((folder / "unet.onnx").read_bytes()[:20_000])
    (tmp_path / "empty.onnx").write_bytes(b"")
    for name in ("text", "half", "empty"):
        with pytest.raises(WeightsError, match=rf"{name}.onnx is not a readable ONNX file: ") as caught:
            load(tmp_path / f"{name}.onnx")
        assert "\n" not in str(caught.value)
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    identity = onnx.helper.make_node("Identity", ["x"], ["y"])
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    foreign = onnx.helper.make_model(onnx.helper.make_graph([identity], "g", [value], [output]), ir_version=10)
    foreign.opset_import[0].version = 20
    onnx.save(foreign, tmp_path / "foreign.onnx")
    assert refused("colorize", ROOT / "README.md", "--model", tmp_path / "foreign.onnx", "-o", tmp_path) == (
        f"Error: {tmp_path / 'foreign.onnx'} is an ONNX file, but not one that colorhub export wrote."
    )
    with pytest.raises(WeightsError, match="holds the composition of a photo and its colours, not a model"):
        load(folder / "compose.onnx")
    onnx.helper.set_model_props(foreign, {"kind": "colorhub model", "colorhub_version": "9"})
    onnx.save(foreign, tmp_path / "foreign.onnx")
    with pytest.raises(WeightsError, match="does not describe its model as colorhub export does: 'architecture'"):
        load(tmp_path / "foreign.onnx")
    with pytest.raises(colorhub.models.ModelNotFoundError, match=r"There is no file none\.onnx"):
        load("none.onnx")


def test_missing_packages_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(WeightsError, match=r"not installed \(onnxruntime\): pip install \"colorhub\[export\]\""):
        load(folder / "unet.onnx")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ExportError, match=r"not installed \(onnxscript\): pip install \"colorhub\[export\]\""):
        export_model(load(folder / "unet"))


def test_targets_that_cannot_be_written(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = folder / "unet"
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "there.onnx").write_bytes(b"mine")
    assert refused("export", name) == "Error: Give MODEL and OUT.onnx, or --compose OUT.onnx, or both."
    assert "must end in .onnx" in refused("export", name, tmp_path / "a.bin")
    assert "is a folder" in refused("export", name, tmp_path / "folder.onnx")
    assert "exists already: replace it with --overwrite" in refused("export", name, tmp_path / "there.onnx")
    assert "there is no folder" in refused("export", name, tmp_path / "none" / "a.onnx")
    same = tmp_path / "same.onnx"
    assert "give them two names" in refused("export", name, same, "--compose", same)
    assert "No model 'une'. Did you mean 'unet'?" in refused("export", "une", tmp_path / "a.onnx")
    assert "has no config.json" in refused("export", folder, tmp_path / "a.onnx")
    monkeypatch.setattr("os.access", lambda *given: False)
    assert "there is no permission to write to" in refused("export", name, tmp_path / "a.onnx")
    assert (tmp_path / "there.onnx").read_bytes() == b"mine"


def test_write_leaves_nothing_half_written(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"must end in \.onnx"):
        write(b"content", tmp_path / "a.bin")
    with pytest.raises(ExportError, match="its folder does not exist; nothing was left half-written"):
        write(b"content", tmp_path / "none" / "a.onnx")
    write(b"content", tmp_path / "a.onnx")
    with pytest.raises(ExportError, match="exists already"):
        write(b"other", tmp_path / "a.onnx")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"content"]
