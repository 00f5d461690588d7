"""Colour layers are data: who made them, saved and loaded, put onto their photo without any model."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from skimage import data
from tiny import tiny_pipeline

from colorhub import ColorizationPipeline, ColorLayer, LayerError, Photo, Retouching, Settings, compose


@pytest.fixture(scope="module")
def pipeline() -> ColorizationPipeline:
    return tiny_pipeline(vividness=1.4)


@pytest.fixture(scope="module")
def faded() -> Photo:
    """A faded print in a white border."""
    return Photo.open(np.pad((90 + data.camera() * 0.3).astype(np.uint8), 40, constant_values=245))


def test_a_layer_says_who_made_it_and_of_what(pipeline: ColorizationPipeline, faded: Photo) -> None:
    made = pipeline.predict(faded, hints=[(100, 200, "teal")]).provenance
    assert (made.model, made.architecture, made.weights_sha256) == ("unet", "unet", "not loaded from a file")
    assert made.settings == Settings("unet", size=32, vividness=1.4)
    assert made.restored
    assert not made.box.whole
    assert made.hints == ((100, 200, "#008080"),)
    plain = pipeline.predict(Photo.open(data.camera())).provenance
    assert (plain.restored, plain.box.whole, plain.hints, plain.sample) == (False, True, (), 0)


def test_a_saved_layer_is_composed_by_a_process_without_the_model(
    pipeline: ColorizationPipeline, faded: Photo, tmp_path: Path
) -> None:
    layer = pipeline.predict(faded, hints=[(100, 200, "teal")])
    layer.save(tmp_path / "layer.safetensors")
    found = ColorLayer.load(tmp_path / "layer.safetensors")
    assert torch.equal(found.ab, layer.ab)
    assert torch.equal(found.L, layer.L)
    assert (found.photo_size, found.provenance) == (layer.photo_size, layer.provenance)
    np.save(tmp_path / "grey.npy", faded.grey)
    script = """
import sys, numpy as np
from colorhub import ColorLayer, Photo, compose
photo = Photo.open(np.load(sys.argv[1]))
answer = compose(photo, ColorLayer.load(sys.argv[2]))
np.save(sys.argv[3], answer.pixels)
print(answer.provenance["model"])
"""
    paths = [str(tmp_path / name) for name in ("grey.npy", "layer.safetensors", "out.npy")]
    done = subprocess.run(
        [sys.executable, "-c", script, *paths], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "unet"
    expected = pipeline(faded, hints=[(100, 200, "teal")])
    assert np.array_equal(np.load(tmp_path / "out.npy"), expected.pixels)
    assert compose(faded, found).provenance == expected.provenance


def test_a_layer_composes_onto_smaller_copies_of_its_photo_only(pipeline: ColorizationPipeline) -> None:
    photo = Photo.open(data.coffee()[..., 0])
    layer = pipeline.predict(photo)
    assert compose(Photo.open(photo.grey[::4, ::4].copy()), layer).pixels.shape == (100, 150, 3)
    with pytest.raises(LayerError, match=r"of a photo of 600 x 400 pixels and does not belong .* which has 400 x 600"):
        compose(Photo.open(photo.grey.T.copy()), layer)


def test_vividness_and_settings_of_composing(pipeline: ColorizationPipeline) -> None:
    photo = Photo.open(data.camera())
    layer = pipeline.predict(photo)
    own, told = compose(photo, layer), compose(photo, layer, 0.5)
    assert json.loads(own.provenance["settings"])["vividness"] == 1.4
    assert json.loads(told.provenance["settings"])["vividness"] == 0.5
    assert np.array_equal(compose(photo, layer, settings=Settings(vividness=0.5)).pixels, told.pixels)
    with pytest.raises(ValueError, match="vividness must be a number between 0 and 4"):
        compose(photo, layer, 5)
    webp = compose(photo, layer, settings=Settings(format="webp", quality=30, record=False))
    content, suffix = webp.encode()
    assert suffix == ".webp"
    assert b"urn:colorhub" not in content
    assert len(content) < len(webp.encode(quality=90)[0])


def test_no_layer_is_the_photo_as_it_is() -> None:
    photo = Photo.open(data.astronaut())
    left = compose(photo, None, settings=Settings(format="png"))
    assert left.passed_through
    assert left.provenance is None
    assert np.array_equal(left.pixels, data.astronaut())


@pytest.mark.parametrize("damage", ["missing", "cut", "other", "newer", "wrong"])
def test_a_file_that_holds_no_layer(damage: str, pipeline: ColorizationPipeline, tmp_path: Path) -> None:
    path = tmp_path / "layer.safetensors"
    layer = pipeline.predict(Photo.open(data.camera()))
    if damage == "cut":
        layer.save(path)
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "other":
        save_file({"weight": torch.zeros(3)}, path)
    elif damage in ("newer", "wrong"):
        facts = {"version": 9} if damage == "newer" else {"version": 1, "photo_size": [5, 5], "provenance": {}}
        save_file({"ab": layer.ab.contiguous(), "L": layer.L}, path, metadata={"colorhub": json.dumps(facts)})
    words = {
        "missing": "cannot be read",
        "cut": "was cut short",
        "other": "holds no colour layer",
        "newer": "version 9",
        "wrong": "holds no colour layer",
    }
    with pytest.raises(LayerError) as refused:
        ColorLayer.load(path)
    assert words[damage] in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "damage",
    [
        {"ab": torch.zeros(2, 32, 32)},
        {"ab": torch.zeros(1, 3, 32, 32)},
        {"ab": torch.zeros(1, 2, 7, 9)},
        {"ab": torch.full((1, 2, 32, 32), torch.nan)},
        {"ab": torch.zeros(1, 2, 0, 0), "L": torch.zeros(1, 1, 0, 0)},
        {"photo_size": [512]},
        {"photo_size": ["a", "b"]},
        {"photo_size": [0, 0]},
        {"hints": [[1, 2]]},
        {"hints": [["a", "b", "c"]]},
        {"settings": {"size": 10**400}},
        {"settings": {"self": 1}},
        {"box": {"top": "x"}},
        {"model": [1]},
        {"sample": "first"},
    ],
    ids=lambda damage: "-".join(damage),
)
def test_a_damaged_layer_is_refused_when_it_is_read(
    damage: dict[str, Any], pipeline: ColorizationPipeline, tmp_path: Path
) -> None:
    path = tmp_path / "layer.safetensors"
    pipeline.predict(Photo.open(data.camera())).save(path)
    with safe_open(path, "pt") as file:
        tensors = {name: damage.get(name, file.get_tensor(name)) for name in ("ab", "L")}
        facts = json.loads(file.metadata()["colorhub"])
    for name, value in damage.items():
        if name in facts:
            facts[name] = value
        elif name in facts["provenance"]:
            facts["provenance"][name] = value
    save_file(tensors, path, metadata={"colorhub": json.dumps(facts)})
    with pytest.raises(LayerError, match="holds no colour layer: expected a file that ColorLayer"):
        ColorLayer.load(path)


def test_a_layer_in_other_numbers_is_the_same_layer(pipeline: ColorizationPipeline, tmp_path: Path) -> None:
    path, photo = tmp_path / "layer.safetensors", Photo.open(data.camera())
    layer = pipeline.predict(photo, hints=[(np.int64(3), 4, "teal")])
    replace(layer, ab=layer.ab.round()).save(path)
    with safe_open(path, "pt") as file:
        tensors = {"ab": file.get_tensor("ab").half(), "L": file.get_tensor("L").double()}
        save_file(tensors, tmp_path / "half.safetensors", metadata=file.metadata())
    found = ColorLayer.load(tmp_path / "half.safetensors")
    assert np.array_equal(compose(photo, found).pixels, compose(photo, ColorLayer.load(path)).pixels)


def test_where_a_layer_cannot_be_written_is_said(pipeline: ColorizationPipeline, tmp_path: Path) -> None:
    layer = pipeline.predict(Photo.open(data.camera()))
    for path in (tmp_path, tmp_path / "none" / "layer.safetensors"):
        with pytest.raises(LayerError, match=r"cannot be written to .* directory"):
            layer.save(path)


def test_hints_for_a_layer_of_another_photo(pipeline: ColorizationPipeline) -> None:
    photo, other = Photo.open(data.camera()), Photo.open(data.coins())
    layer = pipeline.predict(photo)
    with pytest.raises(LayerError, match="of a photo of 512 x 512 pixels and does not belong"):
        Retouching(pipeline, other, layer=layer)
    with pytest.raises(LayerError, match="of a photo of 512 x 512 pixels and does not belong"):
        pipeline.hint(pipeline.prepare(other), layer, [(3, 3, "red")])
    with pytest.raises(LayerError, match=r"has 32 x 32 values and .* prepared for 64 x 64"):
        pipeline.hint(pipeline.prepare(photo, size=64), layer, [(3, 3, "red")])


def test_composing_takes_one_layer(pipeline: ColorizationPipeline) -> None:
    photo = Photo.open(data.camera())
    given: Any = [pipeline.predict(photo)] * 2
    with pytest.raises(TypeError, match="one colour layer or None, got Photo and list"):
        compose(photo, given)
