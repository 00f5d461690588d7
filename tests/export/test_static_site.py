"""Building the static site: its graphs beside the pipeline's own code, the pinned package, what is refused."""

import base64
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from commands import typed
from skimage import data

from colorhub import create
from colorhub.color import grey_to_lightness, linear_to_srgb
from colorhub.export import ExportError, export_model
from colorhub.export.static_site import writing as site_writing
from colorhub.export.static_site.constants import constants
from colorhub.export.static_site.graphs import surrounding_graphs
from colorhub.export.static_site.halving import with_half_weights
from colorhub.export.static_site.opencv_lab import SCALE, opencv_lab
from colorhub.export.static_site.packages import RUNTIME, package_files
from colorhub.export.static_site.writing import SiteModel, site_files, write_site
from colorhub.inference.compose import compose_codes
from colorhub.models import MODELS, ColorizeNet
from colorhub.photo import Photo


@pytest.fixture(scope="module")
def graphs() -> dict[str, bytes]:
    return surrounding_graphs()


def run(content: bytes, **given: np.ndarray) -> np.ndarray:
    return np.asarray(onnxruntime.InferenceSession(content).run(None, given)[0])


@pytest.mark.slow
def test_bands_make_what_python_composes(graphs: dict[str, bytes]) -> None:
    """In strong colours, many of which sRGB does not hold; two bands, of which one begins in the middle."""
    grey = data.camera()[:200, :300]
    rng = np.random.default_rng(0)
    L = np.asarray(grey_to_lightness(torch.from_numpy(grey[::10, ::10] / np.float32(255))))
    ab = rng.uniform(-60, 60, (2, *L.shape)).astype(np.float32)
    expected = np.empty((*grey.shape, 3), np.uint8)
    compose_codes(grey, L, ab, 1.3, expected)
    lines = run(graphs["lines"], L=L[None, None], ab=ab[None], vividness=np.array(1.3, np.float32))
    near, far, part = between(L.shape[1], grey.shape[1])
    lines = lines[..., near] * (1 - part) + lines[..., far] * part
    made = []
    for rows in (slice(0, 77), slice(77, 200)):
        first, second, share = (one[rows] for one in between(L.shape[0], grey.shape[0]))
        mix = np.zeros((len(first), len(L)), np.float32)
        np.add.at(mix, (np.arange(len(first)), first), 1 - share)
        np.add.at(mix, (np.arange(len(first)), second), share)
        lightness = run(graphs["lightness"], codes=grey[rows].astype(np.int32) * 257)[0, 0]
        made.append(run(graphs["band"], L=lightness, lines=lines, mix=mix))
    light = torch.from_numpy(np.concatenate(made, axis=1) / np.float32(65535))
    codes = (linear_to_srgb(light) * 255 + 0.5).to(torch.uint8).permute(1, 2, 0).numpy()
    apart = np.abs(codes.astype(int) - expected)
    assert np.percentile(apart, 99.5) <= 1
    assert np.percentile(apart, 99.9) <= 3  # where two tables of what sRGB holds have different cells


def between(count: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    place = np.clip((np.arange(size) + 0.5) * count / size - 0.5, 0, count - 1)
    near = np.floor(place).astype(np.int32)
    return near, np.minimum(near + 1, count - 1).astype(np.int32), (place - near).astype(np.float32)


@pytest.mark.slow
def test_grey_and_srgb_are_those_of_photos(graphs: dict[str, bytes]) -> None:
    rgb = data.astronaut()
    codes = run(graphs["grey"], rgb=rgb.transpose(2, 0, 1).astype(np.int32))
    assert np.abs(codes - Photo.open(rgb).grey.astype(int)).max() <= 1
    light = torch.linspace(0, 1, 1000)
    assert (run(graphs["srgb"], light=light.numpy()) == (linear_to_srgb(light) * 255 + 0.5).int().numpy()).all()


def test_opencv_s_grid_holds_what_opencv_converts() -> None:
    import cv2

    grid = np.frombuffer(opencv_lab(), "<u2").reshape(33, 33, 33, 3).astype(float)
    lab = (grid - [0, 8192, 8192]) / SCALE
    for index in ((0, 0, 0), (32, 0, 0), (4, 17, 30)):
        color = (np.array(index, np.float32) / 32)[None, None]
        assert np.abs(lab[index] - cv2.cvtColor(color, cv2.COLOR_RGB2Lab)[0, 0]).max() < 0.01


def tiny() -> ColorizeNet:
    """With weights as published ones are: of half precision."""
    torch.manual_seed(0)
    return ColorizeNet(**ColorizeNet.tiny()).half().float().eval()


def test_half_weights_lose_nothing_where_they_are_halves() -> None:
    model = tiny()
    whole = export_model(model, optimized=False)
    half = with_half_weights(whole, outputs=("ab",))
    L = np.random.default_rng(0).uniform(0, 100, (1, 1, 40, 56)).astype(np.float32)
    assert len(half) < len(whole)
    assert [output.name for output in onnx.load_from_string(half).graph.output] == ["ab"]
    expected = model(torch.from_numpy(L)).ab.detach().numpy()
    assert np.abs(run(half, L=L) - expected).max() < 1e-3


def test_constants_are_those_of_the_modules() -> None:
    facts = json.loads(json.dumps(constants({"tiny": tiny()}, {"tiny": "a small one"})))
    assert facts["preprocess"]["ends"] == [10, 90]
    assert facts["windows"]["long"] == 3
    assert facts["tint_measures"]["percentiles"] == [50, 75, 90, 97]
    assert facts["models"][0]["label"] == "a small one"
    assert len(facts["measures"]) == len(set(facts["measures"])) > 50


def tarball(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def test_a_tarball_of_another_hash_is_refused(tmp_path: Path) -> None:
    (tmp_path / RUNTIME.tarball).write_bytes(tarball({"package/dist/ort.wasm.min.mjs": b"evil()"}))
    with pytest.raises(ExportError) as caught:
        package_files(RUNTIME, tmp_path)
    assert RUNTIME.integrity in str(caught.value)
    assert "ort.wasm.min.mjs" not in str(caught.value)


def test_without_a_tarball_or_npm_it_is_said_what_to_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ExportError) as caught:
        package_files(RUNTIME, tmp_path)
    assert RUNTIME.integrity in str(caught.value)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExportError) as caught:
        package_files(RUNTIME, None)
    assert RUNTIME.integrity in str(caught.value)
    assert "--ort" in str(caught.value)


def test_a_folder_that_is_not_empty_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    result = typed("static-site", tmp_path, code=1)
    assert "not empty" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert typed("static-site", tmp_path / "mine.txt", code=1).output.startswith("Error: ")
    assert typed("static-site", tmp_path / "new", "--models", " , ", code=2).output.startswith("Error: ")
    assert typed("static-site", tmp_path / "new", "--models", "nowhere", code=2).output.startswith("Error: ")
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_the_site_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a package of our own in npm's place."""
    content = tarball({"package/a.mjs": b"export {}"})
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    package = type(RUNTIME)("made-up", "1.0.0", integrity, {"package/a.mjs": "engine/ort/a.mjs"})
    (tmp_path / package.tarball).write_bytes(content)
    monkeypatch.setattr(site_writing, "PACKAGES", (package,))
    sizes = write_site(tmp_path / "site", [SiteModel("tiny", tiny(), notice="by nobody")], tmp_path)
    listing = json.loads((tmp_path / "site/files.json").read_bytes())
    for path, size in sizes.items():
        written = (tmp_path / "site" / path).read_bytes()
        assert len(written) == size
        if path not in ("files.json", "service_worker.js"):  # what lists the others, and what reads the list
            assert listing["files"][path] == {"sha256": hashlib.sha256(written).hexdigest(), "size": size}
    notices = (tmp_path / "site/LICENSES.txt").read_text()
    assert all(word in notices for word in ("Apache License", "by nobody", "Microsoft"))
    assert {path.name for path in tmp_path.iterdir()} == {package.tarball, "site"}


@pytest.mark.parametrize("kind", ["twice", "large"])
def test_models_that_do_not_fit_are_refused(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_writing, "PACKAGES", ())
    model: Any = tiny()
    if kind == "twice":
        model = create("unet", **{**MODELS["unet"].tiny(), "context_size": 16})
    else:
        monkeypatch.setattr(site_writing, "LARGEST_MODEL", 1000)
    with pytest.raises(ExportError) as caught:
        site_files([SiteModel("mine", model)], tmp_path)
    assert str(caught.value).startswith("The model mine ")
