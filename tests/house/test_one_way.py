"""There is one way to colour a photo: nobody but the pipeline decides whether it is, or does a part of it himself.

The test reads every file that colours or could (the package, and of the training what scores and shows models) as a
syntax tree, and looks for what such a decision or such a shortcut cannot do without:

- ``photo.in_color``, ``photo.rgb is None``: asking whether a photo is in colour;
- ``ColorPhoto.unchanged``, ``.pass_through``, ``ColorPhoto(...)``: making a result without :func:`colorhub.compose`;
- ``.network`` and calls of ``.model(...)``: asking a network without ``predict``; also by ``getattr``;
- names imported from ``colorhub.inference`` or through ``colorhub.pipeline``, but for the stages: preprocessing, views,
  the runtime and composing in themselves;
- private names of a ``pipeline``.

:data:`ALLOWED` lists who may, and why; what is listed there and no longer done fails too. What the test cannot see: a
model from ``colorhub.load`` under another name that is called, and a decision made of pixels alone.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_imports import imports

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = ("colorhub/pipeline.py", "colorhub/inference/")
# Training itself runs networks on batches of its own: no photo is coloured there.
READ = ("colorhub", "training/scoring", "training/samples.py", "training/score.py", "training/readme.py", "app.py")
STAGES = {
    *(f"colorhub.inference.layer.{name}" for name in ("ColorLayer", "LayerError", "compose")),
    *(f"colorhub.pipeline.{name}" for name in ("ColorizationPipeline", "MAX_PIXELS")),
}
ASKS, MAKES, RUNS = {"in_color"}, {"unchanged", "pass_through"}, {"network"}
_INFERENCE = "colorhub.inference"

ALLOWED: dict[str, dict[str, set[str]]] = {
    "words about a photo; whether it is coloured is known by then": {
        "colorhub/photo/color_photo.py": {".in_color"},
        "colorhub/space/shared/jobs.py": {f"{_INFERENCE}.layer.is_doubtful"},
        "colorhub/folder/run.py": {f"{_INFERENCE}.layer.is_doubtful"},
        "colorhub/space/colorize/tab.py": {".in_color"},
        "colorhub/space/colorize/alternatives.py": {".in_color"},
        "colorhub/space/compare/tab.py": {".in_color"},
        "colorhub/space/retouch/session.py": {".in_color"},
    },
    "shows a photo in its own colours beside the answers to its lightness": {
        "colorhub/space/compare/comparison.py": {".in_color"},
    },
    "keeps what predict answered, and gives it back as it was": {
        "colorhub/folder/layers.py": {
            f"{_INFERENCE}.layer.provenance_of",
            f"{_INFERENCE}.resize.lightness_of_shape",
        },
    },
    "the page's control of that name": {
        "colorhub/space/shared/panel.py": {".in_color"},
        "colorhub/space/colorize/single.py": {".in_color"},
    },
    "a study draws originals in colour: which pictures can be shown at all": {
        "colorhub/study/stimuli/drawing.py": {".in_color", ".rgb is None"},
    },
    "reads a picture's pixels, in colour or not": {
        "colorhub/study/stimuli/sources.py": {".rgb is None"},
    },
    "spreads hints for the stage hint, on the grid and along the edges that composing has": {
        "colorhub/hints/hint.py": {f"{_INFERENCE}.resize.lightness"},
        "colorhub/hints/layers.py": {
            f"{_INFERENCE}.compose.edge_maps",
            f"{_INFERENCE}.compose.tensors.compose_lines",
            f"{_INFERENCE}.preprocess.in_normal_tones",
        },
        "colorhub/hints/spreading.py": {
            f"{_INFERENCE}.compose.edge_maps",
            f"{_INFERENCE}.compose.tensors.compose_lines",
        },
    },
    "the type of what prepare gave": {
        "colorhub/retouching.py": {f"{_INFERENCE}.preprocess.NetworkInput"},
    },
    "writes network and composing as graphs, and compares them": {
        "colorhub/export/writing.py": {f"{_INFERENCE}.compose.compose", ".model()"},
        "colorhub/export/parity.py": {f"{_INFERENCE}.compose.compose_codes"},
    },
    "writes the pipeline's stages as graphs and constants, for browsers": {
        "colorhub/export/static_site/constants.py": {
            f"{_INFERENCE}.preprocess",
            f"{_INFERENCE}.resize",
            f"{_INFERENCE}.windows",
        },
        "colorhub/export/static_site/graphs.py": {f"{_INFERENCE}.compose.edge_maps"},
    },
    "runs the pipeline's network where a GPU is lent, in another process": {
        "colorhub/space/shared/catalogue.py": {f"{_INFERENCE}.runtime.Network", ".network"},
        "colorhub/space/shared/cached.py": {f"{_INFERENCE}.runtime.Network"},
    },
    "writes down at which precision the network runs": {
        "training/scoring/entries.py": {".network"},
        "training/scoring/speed.py": {".network"},
    },
}


def shortcuts(tree: ast.AST, package: list[str]) -> Iterator[tuple[str, int]]:
    """Everything in a file that only the pipeline does, with its line."""
    for name, line in imports(tree, package):
        if name.startswith((_INFERENCE, "colorhub.pipeline.")) and name not in STAGES:
            yield name, line
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield from ((f".{node.attr}", node.lineno) for _ in {node.attr} & (ASKS | MAKES | RUNS))
            if node.attr.startswith("_") and not node.attr.startswith("__") and _last_name(node.value) == "pipeline":
                yield f"pipeline.{node.attr}", node.lineno
        elif isinstance(node, ast.Call):
            yield from ((what, node.lineno) for what in _called(node))
        elif isinstance(node, ast.Compare) and _is_none(node):
            yield ".rgb is None", node.lineno


def _called(node: ast.Call) -> Iterator[str]:
    name = _last_name(node.func)
    if name == "ColorPhoto":
        yield "ColorPhoto()"
    if name == "model" and isinstance(node.func, ast.Attribute):
        yield ".model()"
    if name == "getattr" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
        yield from (f".{asked}" for asked in {node.args[1].value} & (ASKS | MAKES | RUNS))


def _is_none(node: ast.Compare) -> bool:
    compared = isinstance(node.ops[0], (ast.Is, ast.IsNot)) and isinstance(node.comparators[0], ast.Constant)
    return compared and isinstance(node.left, ast.Attribute) and node.left.attr == "rgb"


def _last_name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def found_in(root: Path) -> dict[tuple[str, str], int]:
    """File and shortcut, with a line, outside the pipeline."""
    found: dict[tuple[str, str], int] = {}
    for place in READ:
        for path in sorted((root / place).rglob("*.py")) if (root / place).is_dir() else [root / place]:
            name = path.relative_to(root).as_posix()
            if path.is_file() and not name.startswith(PIPELINE):
                tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
                for what, line in shortcuts(tree, name.removesuffix(".py").split("/")[:-1]):
                    found.setdefault((name, what), line)
    return found


def allowed() -> set[tuple[str, str]]:
    """File and shortcut, whatever the reason."""
    return {(place, what) for places in ALLOWED.values() for place, whats in places.items() for what in whats}


def test_nobody_but_the_pipeline_decides_or_takes_a_shortcut() -> None:
    found = found_in(ROOT)
    assert [f"{place}:{line}: {what}" for (place, what), line in found.items() if (place, what) not in allowed()] == []


def test_every_allowance_is_used() -> None:
    assert allowed() - set(found_in(ROOT)) == set()


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("def f(photo):\n    return None if photo.in_color else 1", ".in_color"),
        ("layer = None if settings.in_color == 'keep' else 1", ".in_color"),
        ("grey = getattr(photo, 'in_color', False)", ".in_color"),
        ("if photo.rgb is not None: pass", ".rgb is None"),
        ("done = ColorPhoto.unchanged(photo)", ".unchanged"),
        ("done = photo.pass_through()", ".pass_through"),
        ("from colorhub.photo import ColorPhoto\ndone = ColorPhoto(pixels, photo)", "ColorPhoto()"),
        ("from colorhub import photo\ndone = photo.ColorPhoto(pixels, one)", "ColorPhoto()"),
        ("ab = pipeline.network(L).ab", ".network"),
        ("ab = self.pipeline.model(L).ab", ".model()"),
        ("layers = self.pipeline._layers(inputs)", "pipeline._layers"),
        ("from colorhub.inference.preprocess import network_input", "colorhub.inference.preprocess.network_input"),
        ("from colorhub.inference.compose import compose", "colorhub.inference.compose.compose"),
        ("def f():\n    from ..inference import runtime", "colorhub.inference.runtime"),
        ("import colorhub.inference.views", "colorhub.inference.views"),
        ("from colorhub.pipeline import network_input", "colorhub.pipeline.network_input"),
        ("import importlib\nimportlib.import_module('colorhub.inference.layer')", "colorhub.inference.layer"),
    ],
)
def test_the_reader_finds(source: str, what: str) -> None:
    assert [found for found, _ in shortcuts(ast.parse(source), ["colorhub", "space"])] == [what]


@pytest.mark.parametrize(
    "source",
    [
        "layer = pipeline.predict(pipeline.prepare(photo, settings))\ncolored = compose(photo, layer)",
        "from colorhub import ColorLayer, compose",
        "from colorhub.inference.layer import ColorLayer, compose",
        "from colorhub.pipeline import ColorizationPipeline",
        "settings = Settings(in_color='recolor')",
        "kept = colored.passed_through",  # what became of it
        "sha, size = pipeline.model.weights_sha256, self.pipeline.model.working_size",
        "from colorhub.photo import ColorPhoto\ndef f(colored: ColorPhoto) -> None: pass",
        "self._pipeline, self._network_size = pipeline, 1",
    ],
)
def test_the_reader_lets_through(source: str) -> None:
    assert list(shortcuts(ast.parse(source), ["colorhub", "space"])) == []


def test_the_pipeline_decides_at_one_place() -> None:
    """One function reads whether a photo is in colour; record and note say that it was coloured all the same."""
    asking: dict[str, set[str]] = {}
    for path in (ROOT / "colorhub/pipeline.py", *sorted((ROOT / "colorhub/inference").rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                reads = {what for what, _ in shortcuts(node, []) if what in (".in_color", ".rgb is None", ".unchanged")}
                for what in reads:
                    asking.setdefault(what, set()).add(f"{path.stem}.{node.name}")
    assert asking == {
        ".in_color": {"pipeline._is_to_color", "layer.record", "layer.is_doubtful"},
        ".unchanged": {"layer.compose"},
    }
