"""What README.md and the documentation tell people to type, typed."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from gradio_client import Client
from photos import grey_photo
from PIL import Image
from skimage import data
from snippets import bash, names, snippet, texts, unnamed, without_installs
from space_server import serve, small_models

from colorhub import ColorizationPipeline, Photo, Settings, load
from colorhub.models import create
from colorhub.photo import ColorAnswer
from colorhub.settings import DEFAULT_MODEL

ROOT = Path(__file__).resolve().parents[2]
# Blocks that no test runs, and why.
NOT_RUN = {
    ("README.md", "command: test"): ".ci/run does",
    ("deploy.md", "container: run"): "no docker here: tests/house/test_container.py carries the Dockerfile's steps out",
    ("deploy.md", "container: compose"): "the same",
    (
        "reports/index.md",
        "reports: all",
    ): "hours: tests/training/reproduce/test_reproduce_command.py types it with --quick",
    ("reports/index.md", "reports: run"): "the same",
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with scans and a small model under the names that the pages have, as the current folder."""
    torch.manual_seed(0)
    for name in (DEFAULT_MODEL, "natural", "unet"):
        create("unet", width=4, depth=3).save_pretrained(tmp_path / "models" / name)
    monkeypatch.setenv("COLORHUB_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    grey = grey_photo()
    for folder in ("scans/box", "album"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("scan.tif", "scan.jpg", "scans/one.png", "scans/box/two.jpg", "album/three.jpg"):
        grey.save(tmp_path / name)
    return tmp_path


def python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def pictures(place: Path) -> set[str]:
    return {path.relative_to(place).as_posix() for path in place.rglob("*") if path.suffix in (".jpg", ".png", ".tif")}


def in_colour(path: Path) -> bool:
    with Image.open(path) as answer:
        return answer.mode == "RGB" and answer.size == (451, 300)


def test_every_snippet_is_run() -> None:
    asked = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "snippet":
                asked.add(tuple(argument.value for argument in node.args))
    pages = texts()
    assert {page: unnamed(text) for page, text in pages.items() if unnamed(text)} == {}
    assert asked | set(NOT_RUN) == {(page, name) for page, text in pages.items() for name in names(text)}


def test_installations_name_what_there_is() -> None:
    assert without_installs(snippet("colour-photos.md", "install")) == ""
    assert without_installs(snippet("deploy.md", "torch")) == ""
    assert snippet("README.md", "command: start").endswith("&& python app.py\n")  # started in tests/space
    without_installs(snippet("README.md", "command: start").split("&& ")[-2])


def test_the_site_starts_as_the_readme_does() -> None:
    start = snippet("index.md", "start").splitlines()
    assert " && ".join(start) == snippet("README.md", "command: start").strip()
    assert snippet("study.md", "study: try").splitlines()[0] in snippet("deploy.md", "container: compose")


def test_every_extra_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    rows = texts()["colour-photos.md"].split("| extra | what it brings |\n|---|---|\n")[1].split("\n\n")[0].splitlines()
    explained = [extra for row in rows for extra in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(explained) == sorted(set(project["optional-dependencies"]) - {"study"})  # app's name in version 0.1


def test_every_variable_is_explained() -> None:
    code = "".join(path.read_text(encoding="utf-8") for room in ("colorhub", "training") for path in python_files(room))
    read = set(re.findall(r'"(COLORHUB_[A-Z0-9_]+)"', code))
    own = {"COLORHUB_CONTAINER", "COLORHUB_CLASSES"}  # the Dockerfile's; of version 0.1
    assert read - own - set(re.findall(r"`(\w+)`", texts()["colour-photos.md"])) == set()


def python_files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def test_a_photo_for_whoever_has_none(place: Path) -> None:
    (place / "scan.jpg").unlink()
    bash(snippet("colour-photos.md", "a photo"))
    assert Photo.open(place / "scan.jpg").in_color is ColorAnswer.NO


def test_models_in_pytorch(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(snippet("models/index.md", "pytorch"), "models/index.md", "exec"), {})
    assert capsys.readouterr().out.count("tensor(") == 2
    assert load(place / "mine").architecture == "unet"


def test_three_lines_of_python(place: Path) -> None:
    for code in (snippet("README.md", "three lines"), snippet("colour-photos.md", "three lines")):
        assert len([line for line in code.splitlines() if line]) == 3
        python(code)
    assert in_colour(place / "scan.color.jpg") and in_colour(place / "scan.color.tif")


@pytest.mark.slow
def test_the_readme_in_a_terminal(place: Path) -> None:
    bash(snippet("README.md", "terminal"))
    assert {"scan.color.jpg", "coloured/three.jpg"} <= pictures(place)
    shutil.rmtree(place / "coloured")
    assert "--overwrite" in bash(snippet("index.md", "terminal"))
    assert "coloured/three.jpg" in pictures(place)


@pytest.mark.slow
def test_hints(place: Path) -> None:
    python(snippet("colour-photos.md", "hints: python"))
    bash(snippet("colour-photos.md", "hints: bash"))
    for name in ("scan.color.tif", "hinted/scan.jpg"):
        with Image.open(place / name) as answer:
            picture = np.asarray(answer).astype(int)
        assert picture[80, 120, 0] - picture[80, 120, 2] > 40  # red
        assert picture[220, 300, 2] - picture[220, 300, 0] > 40  # teal


@pytest.mark.slow
def test_onnx(place: Path) -> None:
    bash(snippet("colour-photos.md", "onnx: export"))
    python(snippet("colour-photos.md", "onnx: use"))
    with Image.open(place / "scan.color.png") as plain, Image.open(place / "onnx" / "scan.jpg") as ours:
        assert plain.size == ours.size == (451, 300)
        # Shrunk by Pillow, and not saved as JPEG: the same photo, but not the same pixels.
        assert np.abs(np.asarray(plain, int) - np.asarray(ours)).mean() < 4


@pytest.mark.slow
def test_command_line(place: Path) -> None:
    said = bash(snippet("colour-photos.md", "terminal"))
    assert DEFAULT_MODEL in said
    objects = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert len(objects) == 3  # a file each, and the counts
    assert {"scan.color.jpg", "coloured/one.png", "coloured/box/two.jpg", "listed/one.png"} <= pictures(place)
    assert len([name for name in pictures(place) if name.startswith("parts/")]) < 2


@pytest.mark.slow
def test_settings_in_a_terminal(place: Path) -> None:
    Image.fromarray(data.chelsea()).save(place / "photo.jpg")
    bash(snippet("colour-photos.md", "settings"))
    assert Settings.load(place / "mine.json") == Settings(DEFAULT_MODEL, vividness=1.3, views=3, restore=False)
    assert {"strong/scan.jpg", "strong/one.png", "strong/box/two.jpg", "again/photo.jpg"} <= pictures(place)


@pytest.mark.slow
def test_sidecars_in_a_terminal(place: Path) -> None:
    for name in ("scans/one.png.xmp", "scans/box/two.xmp"):
        (place / name).write_text('<x:xmpmeta xmlns:x="adobe:ns:meta/"/>')
    bash(snippet("colour-photos.md", "sidecars"))
    assert {path.name for path in (place / "coloured").rglob("*.xmp")} == {"one.png.xmp", "two.xmp"}


def test_stages(place: Path) -> None:
    first, later = snippet("colour-photos.md", "stages").split("# Later, ")
    python(first)
    (place / "models" / DEFAULT_MODEL / "model.safetensors").unlink()
    python(f"from colorhub import ColorLayer, Photo, compose\n# {later}")
    assert in_colour(place / "scan.color.tif")


def test_the_distribution_lines_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    grey_photo().save("scan.tif")
    found: dict[str, object] = {}
    exec(compile(snippet("colour-photos.md", "distribution"), "colour-photos.md", "exec"), found)
    assert isinstance(found["pipeline"], ColorizationPipeline)
    assert found["sure"].shape == (300, 451)
    assert found["first"].pixels.shape == (300, 451, 3)
    assert not np.array_equal(found["first"].pixels, found["second"].pixels)


@pytest.mark.slow
def test_the_server_and_its_api(place: Path, tmp_path: Path) -> None:
    """The page is started by the lines of the documentation, but for the address."""
    variables, command = without_installs(snippet("deploy.md", "serve")).split(" python ")
    assert command == "app.py"
    assert [word.split("=")[0] for word in variables.split()] == ["GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT"]
    with serve(tmp_path / "server", small_models(tmp_path / "few"), GRADIO_SERVER_NAME="127.0.0.1") as served:
        here = "http://127.0.0.1:7860"
        assert Client(served.url, verbose=False).view_api(return_format="dict")["named_endpoints"].keys() == {
            "/colorize",
            "/in_color",
        }
        code = snippet("deploy.md", "api: python").replace(here, served.url)
        python(f"{code}\nimport shutil\nshutil.copy(file, 'by-python.jpg')")
        bash(snippet("deploy.md", "api: curl").replace(here, served.url))
    assert in_colour(place / "by-python.jpg") and in_colour(place / "scan.color.jpg")
    with Image.open(place / "by-python.jpg") as one, Image.open(place / "scan.color.jpg") as other:
        assert one.tobytes() == other.tobytes()  # the files differ by the time of their record


def part(name: str) -> str:
    """A file of the model that the documentation adds."""
    files = {
        "file": snippet("train.md", "model: file"),
        "entry": snippet("train.md", "model: entry"),
        "recipe": snippet("train.md", "model: recipe"),
    }
    return files[name]


@pytest.mark.slow
def test_the_model_of_the_documentation_is_all_it_takes(tmp_path: Path) -> None:
    """In a copy of the project: one file, one entry, one recipe; then the contract and a smoke run."""
    for name in ("colorhub", "training", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "colorhub/models/plain.py").write_text(part("file"))
    (tmp_path / "training/recipes/plain.toml").write_text(part("recipe"))
    registry = tmp_path / "colorhub/models/registry.py"
    text = registry.read_text()
    anchor = "from colorhub.models.unet import UNet\n"
    assert anchor in text
    assert "_CLASSES = (" in text
    registry.write_text(text.replace(anchor, part("entry") + anchor).replace("_CLASSES = (", "_CLASSES = (Plain, "))

    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
    contract = [sys.executable, "-m", "pytest", "-o", "addopts=", "tests/models/test_models.py", "-k", "plain"]
    done = subprocess.run(contract, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout).group(1)) >= 8
    smoke = [sys.executable, "training/train.py", "training/recipes/plain.toml", "--smoke"]
    done = subprocess.run(smoke, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs/plain-smoke/best/model.safetensors").exists()
