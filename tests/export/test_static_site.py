"""Building the static site: graph and tables beside the pipeline's own code, the pinned package, what is refused."""

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
from safetensors.torch import load
from skimage import data
from skimage.color import rgb2lab, rgb2xyz, xyz2rgb

from colorhub import create
from colorhub.color import fit_gamut, linear_to_srgb
from colorhub.export import ExportError, export_model
from colorhub.export.static_site import writing as site_writing
from colorhub.export.static_site.compose_tables import compose_tables
from colorhub.export.static_site.constants import constants
from colorhub.export.static_site.graphs import lines_graph
from colorhub.export.static_site.halving import with_half_weights
from colorhub.export.static_site.opencv_lab import SCALE, opencv_lab
from colorhub.export.static_site.packages import RUNTIME, package_files
from colorhub.export.static_site.writing import SiteModel, site_files, write_site
from colorhub.inference.compose import edge_maps
from colorhub.models import MODELS, ColorizeNet
from colorhub.photo import Photo


def run(content: bytes, **given: np.ndarray) -> np.ndarray:
    return np.asarray(onnxruntime.InferenceSession(content).run(None, given)[0])


@pytest.mark.slow
def test_lines_are_those_of_python() -> None:
    rng = np.random.default_rng(0)
    L = rng.uniform(0, 100, (1, 1, 20, 31)).astype(np.float32)
    ab = rng.uniform(-60, 60, (1, 2, 20, 31)).astype(np.float32)
    made = run(lines_graph(), L=L, ab=ab, vividness=np.array(1.3, np.float32))
    expected = edge_maps(torch.from_numpy(L), torch.from_numpy(ab) * 1.3)[0].numpy()
    assert np.abs(made - expected).max() < 1e-3


@pytest.fixture(scope="module")
def tables() -> dict[str, torch.Tensor]:
    return load(compose_tables())


def test_lightness_and_srgb_codes_are_those_of_scikit_image(tables: dict[str, torch.Tensor]) -> None:
    codes = np.arange(0, 65536, 257)
    grey = np.repeat(codes[:, None] / 65535, 3, axis=1)
    assert np.abs(tables["lightness"].numpy()[codes] - rgb2lab(grey)[:, 0]).max() < 1e-2
    xyz = np.stack([tables["luminance"].numpy()[codes]] * 3, axis=1) * [0.95047, 1, 1.08883]
    steps = (tables["luminance"].numpy()[codes] * 65535).astype(int)
    assert np.abs(xyz2rgb(xyz) - grey).max() < 1e-3
    assert np.abs(tables["srgb"].numpy()[steps].astype(int) - codes // 257).max() <= 1


def test_the_matrix_makes_colors_of_scikit_image(tables: dict[str, torch.Tensor]) -> None:
    """From CIELAB as the page's script goes: X and Z by the curve without its constant, Y by the table."""
    rgb = np.random.default_rng(0).uniform(0.02, 1, (1000, 3))
    L, a, b = rgb2lab(rgb).T
    join, slope = tables["curve"].tolist()
    f = (L + 16) / 116
    x, z = (
        np.maximum(one - join, 0) ** 2 * (np.maximum(one - join, 0) + 3 * join) + one / slope
        for one in (f + a / 500, f - b / 200)
    )
    y = rgb2xyz(rgb)[:, 1]
    light = (np.stack([x, y, z, np.ones_like(x)], axis=1) @ tables["matrix"].numpy().T - 0.5) / 65535
    assert np.abs(linear_to_srgb(torch.from_numpy(light)).numpy() - rgb).max() < 1e-3


def test_the_gamut_by_direction_is_that_by_hue(tables: dict[str, torch.Tensor]) -> None:
    rng = np.random.default_rng(0)
    L, hue = rng.uniform(5, 95, 5000), rng.uniform(-np.pi, np.pi, 5000)
    a, b = np.cos(hue), np.sin(hue)
    rows, columns = tables["limits"].shape
    place = np.sign(b) * (1 - a / (np.abs(a) + np.abs(b)))
    at = (L * rows / 100).astype(int), (place * columns / 4 + columns / 2).astype(int)
    limits = tables["limits"].numpy()[at] * tables["unit"].item()
    strong = torch.from_numpy(np.stack([a, b])[None, :, None] * 200).float()
    expected = fit_gamut(torch.from_numpy(L[None, None, None]).float(), strong)[0].norm(dim=0).flatten().numpy()
    assert np.percentile(np.abs(limits - expected), 99) < 1


def test_the_grey_of_colors_is_that_of_photos(tables: dict[str, torch.Tensor]) -> None:
    rgb = data.astronaut()
    light, grey = tables["light"].numpy(), tables["grey"].numpy()
    place = sum(light[channel][rgb[..., channel]] for channel in range(3)) * 65535
    below = np.minimum(place.astype(int), 65534)
    codes = np.floor(grey[below] + (place - below) * (grey[below + 1] - grey[below]) + 0.5)
    assert np.abs(codes - Photo.open(rgb).grey.astype(int)).max() <= 1


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
