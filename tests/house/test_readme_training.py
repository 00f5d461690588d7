"""The training of the documentation, from a folder of pictures to a published model, typed with smaller recipes."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import timm
import torch
from local_hub import LocalHub
from photos import grey_photo
from PIL import Image
from safetensors.torch import save
from skimage import data
from snippets import bash, snippet, texts

from colorhub import create
from colorhub.models import SemanticColorizer
from training.config import load_recipe
from training.initial import initial_model

ROOT = Path(__file__).resolve().parents[2]
MODEL = {
    "semantic": 'architecture = "semantic"\nbackbone = "test_efficientnet"\nchannels = [8, 8, 8, 8]\nqueries = 4\n'
    "query_channels = 8\nquery_layers = 2\nworking_size = 32",
    "unet": 'architecture = "unet"\nwidth = 4\ndepth = 3\nworking_size = 32',
}
SMALL = """
[model]
{model}
[data]
streaming = false
{data}
validation_size = 32
[[data.crops]]
size = 32
batch_size = 2
[task]
name = "{task}"
[run]
steps = 2
checkpoint_every = 2
validate_every = 2
"""
CLASSIFIER = {"model": MODEL["semantic"], "task": "classification"}
RECIPES = {
    "fine-tune": 'init = "natural"\n' + SMALL.format(**CLASSIFIER, data="held_out = 0.2"),
    "natural": SMALL.format(**CLASSIFIER, data=""),
    "unet": SMALL.format(model=MODEL["unet"], data="", task="regression"),
}
BACKBONE = "mobilenetv4_conv_small"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with small recipes, pictures, and a small ``natural``, as the current folder."""
    shutil.copytree(ROOT / "training", tmp_path / "training", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in RECIPES.items():
        (tmp_path / f"training/recipes/{name}.toml").write_text(text)
    for folder, count in (("photos/box", 10), ("apart", 3), ("data/photos/train", 6), ("data/photos/validation", 2)):
        (tmp_path / folder).mkdir(parents=True)
        for number in range(count):
            picture = (data.coffee(), data.astronaut(), data.chelsea())[number % 3][20 * number :][:96, 100:220]
            Image.fromarray(picture).save(tmp_path / folder / f"{number}.png")
    grey_photo().save(tmp_path / "scan.jpg")
    torch.manual_seed(0)
    create("semantic", **SemanticColorizer.tiny()).save_pretrained(tmp_path / "models" / "natural")
    for name, value in {
        "COLORHUB_DATA": tmp_path / "data",
        "COLORHUB_MODELS": tmp_path / "models",
        "CUDA_VISIBLE_DEVICES": "",
        "HF_DATASETS_CACHE": tmp_path / "datasets",
        "OMP_NUM_THREADS": 1,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": ROOT,
    }.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_from_a_folder_of_pictures_to_a_published_model(hub: LocalHub, place: Path) -> None:
    bash(snippet("train.md", "train: fine-tune"))
    with Image.open(place / "tuned/scan.jpg") as answer:
        assert (answer.mode, answer.size) == ("RGB", (451, 300))
    bash(snippet("train.md", "train: settings"))
    assert json.loads((place / "runs/mine/best/training.json").read_text())["stages"][-1]["steps"] == 2
    bash(snippet("train.md", "train: score"))
    assert len(json.loads((place / "scores.json").read_text())["entries"]) == 2
    bash(snippet("train.md", "train: name"))
    (place / "harbour/card.toml").write_text(snippet("train.md", "train: card"))
    bash(snippet("train.md", "train: publish").replace("ORG", "our-org"))
    assert set(hub.repositories) == {("model", "our-org/harbour"), ("space", "our-org/colorhub")}
    assert b"our-org/harbour" in hub.files("our-org/colorhub", "space")["README.md"]
    assert b"412 colour slides" in hub.files("our-org/harbour")["README.md"]
    assert (place / "theirs/scan.jpg").is_file()


@pytest.mark.slow
def test_the_readme_fine_tunes(place: Path) -> None:
    bash(snippet("README.md", "train: fine-tune"))
    assert (place / "tuned/scan.jpg").is_file() and (place / "runs/fine-tune/best/README.md").is_file()


@pytest.mark.slow
def test_from_the_beginning(hub: LocalHub, place: Path) -> None:
    bash(snippet("train.md", "train: whole"))
    bash(snippet("train.md", "train: two processes"))
    assert (place / "runs/unet/best").is_dir() and (place / "runs/two/best").is_dir()
    weights = timm.create_model(BACKBONE).state_dict()
    hub.add(timm.get_pretrained_cfg(BACKBONE).hf_hub_id, {"model.safetensors": save(weights)})
    bash(snippet("train.md", "train: backbone"))
    config = json.loads((place / "runs/mobile/best/config.json").read_text())
    assert config["backbone"] == BACKBONE
    assert json.loads((place / "runs/mobile/best/training.json").read_text())["stages"][0]["backbone_weights"] == "timm"


@pytest.mark.slow
def test_scoring(place: Path) -> None:
    """Another program's pictures are made as the page says: from the grey ones that --save writes."""
    shutil.copytree(place / "models/natural", place / "models/unet")
    shutil.copytree(place / "models/natural", place / "runs/mine/best")
    bash(snippet("models/index.md", "score"))
    for name in ("scores.json", "mine.json"):
        assert len(json.loads((place / name).read_text())["entries"]) == 2
    bash(snippet("models/index.md", "score: save"))
    bash("colorhub colorize saved/grey -o coloured --format png")
    bash(snippet("models/index.md", "score: theirs"))


def test_the_page_says_how_many_steps_there_are() -> None:
    path = ROOT / "training/recipes/fine-tune.toml"
    recipe, time = load_recipe(path), "1.7 to 2 seconds a step on one core of a Xeon"
    assert time in path.read_text(encoding="utf-8")
    [crop] = recipe.data.crops
    assert f"It takes {recipe.run.steps} steps of {crop.batch_size} pictures, {time}" in texts()["train.md"]


def test_the_recipe_takes_over_all_of_the_default() -> None:
    recipe = load_recipe(ROOT / "training/recipes/fine-tune.toml")
    said: list[str] = []
    initial_model(recipe, said.append)
    assert said[-1].endswith("skipped: none; fresh: none.")
