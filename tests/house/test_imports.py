"""Who may import whom. The tables below are the rules; ``violations`` holds every file of the tree to them."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Each room of colorhub/ and the rooms it may import. A new file or folder there needs a line here.
ROOMS = {
    "_data": "",
    "_svg": "",
    "_text": "",
    "_files": "",
    "_pixels": "",
    "_system": "",
    "_extras": "",
    "settings": "_text photo",
    "color": "",
    "ab_bins": "",
    "photo": "_files _pixels _text color",
    "_project": "",
    "models": "_extras _text color ab_bins",
    "inference": "ab_bins color models photo settings",
    "metrics": "_extras color ab_bins",
    "hints": "_text color ab_bins inference photo",
    "pipeline": "ab_bins hints hub inference models photo settings",
    "retouching": "hints inference photo pipeline settings",
    "export": "_extras _text color inference models photo settings",
    "hub": "_files _project _text models",
    "study": "_data _pixels _project _svg _text inference photo pipeline hub",
    "archive": "_files folder photo settings",
    "cluster": "_files _system _text archive folder hub pipeline settings",
    "folder": "_files _system _text hints inference photo settings",
    "space": "_extras _files _pixels _project _svg _text hints hub inference photo models pipeline settings study",
    "cli": "_extras _files _system _text archive cluster folder hints hub inference models pipeline settings export "
    "study",
}
# Only these may write ``from colorhub import Photo``; the rooms write ``from colorhub.photo import Photo``.
FACADE = (
    "colorhub/space/",
    "colorhub/cli/",
    "training/",
    "app.py",
    "benchmarks/",
    "tests/",
)
# Third-party package -> the places of the product that may import it.
ONLY_IN = {
    "gradio": ("colorhub/space/",),
    "fastapi": ("colorhub/space/",),
    "starlette": ("colorhub/space/",),
    "uvicorn": ("colorhub/space/",),
    "spaces": ("colorhub/space/",),
    "accelerate": ("training/",),
    "ray": ("colorhub/cluster/",),
    "onnxruntime": ("colorhub/models/exported.py",),
    "datasets": (
        "training/data/loader.py",
        "training/data/labels.py",
        "training/data/sources.py",
        "training/data/splits.py",
        "colorhub/study/stimuli/sources.py",
    ),
}
# What stands around the package -> what it may never import.
NEVER = {
    "colorhub/": ("training", "benchmarks", "tests", "app"),
    "training/": ("benchmarks", "tests", "app"),
    "app.py": ("training", "benchmarks", "tests"),
}
# A script's folder leads sys.path, where such a file would hide the library of that name.
HIDING_NAMES = ("datasets.py", "evaluate.py", "onnx.py")
PLACES = ("colorhub", "training", "benchmarks", "tests")
HEAVY = {"ray", "torch", "torchvision", "torchmetrics", "gradio", "timm", "datasets", "accelerate", "onnxruntime"}


def python_files(root: Path) -> Iterator[Path]:
    """Every Python file of the tree."""
    for place in PLACES:
        yield from sorted((root / place).rglob("*.py"))
    yield from sorted(root.glob("*.py"))


def imports(tree: ast.AST, package: list[str]) -> Iterator[tuple[str, int]]:
    """Dotted names that a file imports, at any depth, with their lines; ``from a import b`` gives ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield node.args[0].value, node.lineno


def forbidden(place: str, name: str) -> str | None:
    """Why the file ``place`` may not import ``name``; ``None`` where it may."""
    top, _, rest = name.partition(".")
    for prefix, packages in NEVER.items():
        if place.startswith(prefix) and top in packages:
            return f"{prefix} never imports {top}"
    product = place.startswith(("colorhub/", "training/", "app.py"))
    if product and top in ONLY_IN and not place.startswith(ONLY_IN[top]):
        return f"only {', '.join(ONLY_IN[top])} may import {top}"
    if top != "colorhub" or rest == "__version__":
        return None
    target = rest.split(".")[0]
    if target not in ROOMS:
        return None if place.startswith(FACADE) else "the rooms name the room they import from, not colorhub itself"
    return None if allowed(place, target) else f"{place} may not import colorhub.{target}"


def allowed(place: str, target: str) -> bool:
    """Whether the file ``place`` may import the room ``target``."""
    if not place.startswith("colorhub/") or place == "colorhub/__init__.py":
        return True
    own = place.split("/")[1].removesuffix(".py")
    return target == own or target in ROOMS.get(own, "").split()


def unused(root: Path, rooms: dict[str, str]) -> list[str]:
    """What the table of rooms allows and no file does."""
    done = set()
    for path in sorted((root / "colorhub").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        names = imports(ast.parse(path.read_text(encoding="utf-8"), str(path)), list(parts[:-1]))
        done |= {(parts[1], name.split(".")[1]) for name, _ in names if name.startswith("colorhub.")}
    return [f"{own} -> {room}" for own, row in rooms.items() for room in row.split() if (own, room) not in done]


def violations(root: Path) -> list[str]:
    """Every breach of the tables, one line each: file, line, reason."""
    found = []
    for path in python_files(root):
        place = path.relative_to(root).as_posix()
        parts = place.removesuffix(".py").split("/")
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        if parts[0] == "colorhub" and parts[1] not in {*ROOMS, "__init__", "__main__"}:
            found.append(f"{place}:1: a new room: give it a line in ROOMS")
        if path.name in HIDING_NAMES:
            found.append(f"{place}:1: hides the library {path.stem} from the scripts beside it")
        if parts[0] != "tests":
            lines = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
            found += [f"{place}:{line}: assert belongs in tests only" for line in lines]
        for name, line in imports(tree, parts[:-1]):
            if reason := forbidden(place, name):
                found.append(f"{place}:{line}: {reason}")
    return list(dict.fromkeys(found))


def test_the_tree_keeps_the_rules() -> None:
    assert len(list(python_files(ROOT))) > 20
    assert violations(ROOT) == []


def test_nothing_is_allowed_that_nobody_does(tmp_path: Path) -> None:
    assert unused(ROOT, ROOMS) == []
    _write(tmp_path, "colorhub/study/draw.py", "def f():\n    from ..photo import Photo\nimport colorhub.hub.remote")
    assert unused(tmp_path, {"study": "photo hub settings", "photo": ""}) == ["study -> settings"]


@pytest.mark.parametrize(
    ("place", "source", "reason"),
    [
        ("colorhub/color.py", "from colorhub.models import load", "may not import colorhub.models"),
        ("colorhub/models/unet.py", "def f():\n    from colorhub import hub", "may not import colorhub.hub"),
        ("colorhub/models/unet.py", "from ..metrics import psnr", "may not import colorhub.metrics"),
        ("colorhub/metrics.py", "import colorhub.models.base", "may not import colorhub.models"),
        ("colorhub/color.py", "from . import metrics", "may not import colorhub.metrics"),
        ("colorhub/inference/layer.py", "from colorhub.pipeline import MAX_PIXELS", "may not import colorhub.pipeline"),
        ("colorhub/pipeline.py", "from colorhub.space import app", "may not import colorhub.space"),
        ("colorhub/pipeline.py", "from colorhub import Photo", "name the room"),
        ("colorhub/photo/read.py", "import gradio as gr", "may import gradio"),
        ("colorhub/study/design/sequences.py", "from fastapi import APIRouter", "may import fastapi"),
        ("colorhub/models/unet.py", "import importlib\nimportlib.import_module('gradio')", "may import gradio"),
        ("colorhub/pipeline.py", "from accelerate import Accelerator", "may import accelerate"),
        ("colorhub/pipeline.py", "import training.data.loader", "never imports training"),
        ("training/score.py", "from datasets import load_dataset", "may import datasets"),
        ("training/score.py", "import tests.conftest", "never imports tests"),
        ("colorhub/attic.py", "", "give it a line in ROOMS"),
        ("training/datasets.py", "", "hides the library datasets"),
        ("benchmarks/evaluate.py", "", "hides the library evaluate"),
        ("training/train.py", "assert True", "tests only"),
    ],
)
def test_the_checker_finds(tmp_path: Path, place: str, source: str, reason: str) -> None:
    _write(tmp_path, place, source)
    found = violations(tmp_path)
    assert len(found) == 1
    assert found[0].startswith(f"{place}:")
    assert reason in found[0]


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("colorhub/pipeline.py", "from colorhub import __version__\nfrom colorhub.models import load"),
        ("colorhub/hub/loading.py", "from ..models.base import Colorizer\nfrom .published import PUBLISHED"),
        ("colorhub/space/app.py", "import gradio\nfrom colorhub import Photo, models"),
        ("training/score.py", "from colorhub import ColorizationPipeline, metrics\nimport accelerate"),
        ("training/data/sources.py", "import datasets"),
        ("benchmarks/loader.py", "import datasets\nimport training.data.loader"),
        ("tests/color/test_color.py", "import colorhub\nassert colorhub"),
    ],
)
def test_the_checker_lets_through(tmp_path: Path, place: str, source: str) -> None:
    _write(tmp_path, place, source)
    assert violations(tmp_path) == []


def _write(root: Path, place: str, source: str) -> None:
    path = root / place
    path.parent.mkdir(parents=True)
    path.write_text(source, encoding="utf-8")


def loaded_by(code: str) -> tuple[set[str], str]:
    """Top-level modules that a fresh interpreter says it imported while it ran ``code``, and what it printed."""
    command = [sys.executable, "-X", "importtime", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().split(".")[0] for line in lines}, done.stdout


def test_importing_colorhub_is_light() -> None:
    loaded, _ = loaded_by("import colorhub")
    assert "colorhub" in loaded
    assert loaded & HEAVY == set()


def test_the_command_line_explains_itself_without_loading_the_heavy_libraries() -> None:
    loaded, printed = loaded_by(
        "import sys; sys.argv = ['colorhub', '--help']; from colorhub.cli.main import main; main()"
    )
    assert {"colorize", "models"} <= set(printed.split())
    assert loaded & HEAVY == set()


def test_the_report_of_imports_would_show_a_heavy_one() -> None:
    loaded, _ = loaded_by("import colorhub; colorhub.color")
    assert "torch" in loaded
