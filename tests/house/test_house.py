"""The house around the code: what the README, the metadata and the bundled files promise."""

import ast
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
import yaml
from huggingface_hub import SpaceCard
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import colorhub
from colorhub import _extras
from training.readme import BEGIN, END, main, models_table, short_table, with_table

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
COMMANDS = dict(re.findall(r"^<!-- command: (\w+) -->\n```bash\n(.+)\n```$", README, flags=re.MULTILINE))

NOT_OURS = {".git", ".venv", ".pytest_cache", ".ruff_cache", ".gradio", "__pycache__", "build", "dist", "runs", "out"}
NOT_OURS |= {"site", "studies"}  # python app.py makes one
PICKLES = {".bin", ".ckpt", ".joblib", ".npy", ".npz", ".pickle", ".pkl", ".pt", ".pth"}
SPACE_COLORS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
# Folder -> the extras that must be installed for its code.
EXTRAS = {
    "colorhub": ("app", "c2pa", "export", "ray", "scores"),
    "training": ("train", "scores"),
    "docs": ("docs", "app", "train"),
    "tests": ("train", "export", "app", "c2pa", "ray", "dev"),
    "benchmarks": ("train", "export", "app", "ray", "s3", "dev"),
}
# Imported where it is found, never required: it exists on the Hub's ZeroGPU machines only.
OPTIONAL = {"spaces"}
# Needed without being imported by name.
INDIRECT = {
    "onnxscript": "what torch writes ONNX files with",
    "tensorboard": "what accelerate writes its log with",
    "torch-fidelity": "what torchmetrics computes FID and KID with",
    "psycopg": "what SQLAlchemy talks to PostgreSQL with",
}


def project_files() -> Iterator[Path]:
    """Every file of the project: no build outputs, caches or environments."""
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS and not name.endswith(".egg-info")]
        yield from (Path(folder, name) for name in files if name not in NOT_OURS)  # .git is a file in a worktree


def requirements(*extras: str) -> dict[str, Requirement]:
    """The project's declared requirements by canonical name, with those of some extras."""
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    parsed = [Requirement(line) for line in lines]
    return {canonicalize_name(requirement.name): requirement for requirement in parsed}


def third_party(folder: str) -> set[str]:
    """Top-level modules that a folder's Python files import, without the standard library's and the project's own."""
    found = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    siblings = {path.stem for place in (folder, "tests") for path in (ROOT / place).rglob("*.py")}
    return found - set(sys.stdlib_module_names) - siblings - {"colorhub", "training", "tests", "benchmarks", "app"}


def test_one_version() -> None:
    assert version("colorhub") == colorhub.__version__, "reinstall after a change of version: pip install -e ."


def test_the_changelog_and_the_citation_name_the_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == colorhub.__version__
    sections = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    released = [title for title in sections if title != "[Unreleased]"]
    assert released[0] == f"[{citation['version']}] - {citation['date-released']}"


def test_the_licence_is_the_one_that_is_declared() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert PROJECT["license"] == "Apache-2.0"


def test_space_header() -> None:
    header = SpaceCard.load(ROOT / "README.md").data.to_dict()
    assert header["title"] == "colorhub"
    assert header["sdk"] == "gradio"
    assert header["sdk_version"] == version("gradio"), "the Space must run the gradio that the tests ran with"
    assert requirements("dev")["gradio"].specifier.contains(header["sdk_version"])
    assert header["python_version"] == "3.12"
    assert (ROOT / header["app_file"]).is_file()
    assert header["license"] == "apache-2.0"
    assert {header["colorFrom"], header["colorTo"]} <= SPACE_COLORS
    assert 0 < len(header["short_description"]) <= 60
    assert header["emoji"] and not header["emoji"].isascii()
    assert isinstance(header["models"], list)
    assert "image-colorization" in header["tags"]


def test_requirements_are_the_dependencies() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = [line for line in lines if line and not line.startswith("#")]
    assert listed == sorted(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["app"])


@pytest.mark.parametrize("folder", EXTRAS)
def test_what_is_imported_is_declared(folder: str) -> None:
    declared = set(requirements(*EXTRAS[folder]))
    owners = packages_distributions()
    missing = {
        module
        for module in third_party(folder) - OPTIONAL
        if not declared & {canonicalize_name(name) for name in owners.get(module, [module])}
    }
    assert missing == set()


def test_what_is_declared_is_imported() -> None:
    owners = packages_distributions()
    used = {
        canonicalize_name(name)
        for module in third_party("colorhub") | third_party("training")
        for name in owners.get(module, [])
    }
    assert set(requirements("app", "train", "scores", "export")) - used - set(INDIRECT) == set()


@pytest.mark.parametrize("extra", _extras.EXTRAS)
def test_a_missing_extra_is_looked_for_in_all_its_packages(extra: str) -> None:
    owners = packages_distributions()
    modules = _extras.EXTRAS[extra][1]
    found = {canonicalize_name(name) for module in modules for name in owners.get(module, [module])}
    assert found == {canonicalize_name(Requirement(line).name) for line in PROJECT["optional-dependencies"][extra]}


def test_a_missing_extra_is_one_sentence_with_the_command() -> None:
    _extras.require("app")
    with pytest.raises(_extras.MissingExtraError) as caught:
        _extras.require("export", "onnx", "no_such_module")
    assert str(caught.value).endswith('not installed (no_such_module): pip install "colorhub[export]"')


def test_the_readme_says_how_to_start_and_how_to_test() -> None:
    assert COMMANDS["start"].endswith("&& python app.py")
    assert "&& pytest" in COMMANDS["test"]


def test_links_in_texts_lead_somewhere() -> None:
    for name in ("README.md", "CONTRIBUTING.md"):
        targets = re.findall(r"\]\(([^)#:]+)\)", (ROOT / name).read_text(encoding="utf-8"))
        assert [target for target in targets if not (ROOT / target).is_file()] == []


def test_table_of_models_is_what_the_program_writes() -> None:
    assert with_table(README, short_table()) == README, "run: python -m training.readme"
    assert main(["--check"]) == 0


def test_table_of_models_repeats_the_scores(tmp_path: Path) -> None:
    folder = tmp_path / "model_cards" / "one"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(bytes(1_500_000))
    assert "not scored" in models_table(tmp_path)
    (folder / "scores.json").write_text(
        """{"model": {"parameters": 1234567}, "data": {"source": "photos", "split": "test", "pictures": 40},
        "metrics": {"psnr": {"mean": 23.456, "low": 23, "high": 24, "n": 40},
                    "ab_auc": {"mean": 0.8999, "low": 0.8, "high": 0.9, "n": 40},
                    "ab_auc_rebalanced": {"mean": null, "low": null, "high": null, "n": 0},
                    "gain": {"mean": 1.504, "low": 1.2, "high": 1.8, "n": 40},
                    "colorfulness": {"mean": 20.55, "low": 19, "high": 22, "n": 40},
                    "chroma_ratio": {"mean": null, "low": null, "high": null, "n": 0}},
        "baselines": {"original": {"colorfulness": {"mean": 39.6}}},
        "timing": {"milliseconds_per_picture": 61.7, "device": "cpu", "threads": 2}}""",
        encoding="utf-8",
    )
    (folder / "training.json").write_text('{"stages": [{"pictures": 1200}, {"pictures": 34}]}')
    row = models_table(tmp_path).splitlines()[-1]
    cells = ("one", "1.5 MB", "1,234", "40 of photos/test", "23.46", "1.50 [1.20, 1.80]", "20.6 [19.0, 22.0] (39.6)")
    assert row == f"| {' | '.join(cells)} | not computed | 0.900 | not computed | 62 ms, cpu, 2 threads |"
    (folder / "card.toml").write_text('summary = "The first"', encoding="utf-8")
    row = short_table(tmp_path).splitlines()[-1]
    assert row == "| `one` | The first | 1.5 MB | 1.50 [1.20, 1.80] | 20.6 [19.0, 22.0] (39.6) |"


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_table_of_models_needs_its_place(text: str) -> None:
    with pytest.raises(ValueError, match="once each"):
        with_table(text, "table")


def test_no_paths_of_a_machine() -> None:
    pattern = re.compile(r"(?<![\w.:/-])/(?:work|home|root|Users|mnt|scratch)/[\w.]|\b[A-Z]:\\Users\\")
    found = []
    for path in project_files():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}:{i}" for i, line in enumerate(lines, 1) if pattern.search(line)]
    assert found == []


def test_bundled_weights_are_small() -> None:
    sizes = {path.relative_to(ROOT): path.stat().st_size for path in project_files() if path.suffix == ".safetensors"}
    assert {path: size for path, size in sizes.items() if size > 20_000_000} == {}
    assert sum(sizes.values()) <= 120_000_000


def test_no_pickles() -> None:
    # A pickle of protocol 2 or later begins with 0x80 and its protocol; torch.save hides one in a zip archive.
    starts = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
    found = []
    for path in project_files():
        data = path.read_bytes()
        hidden = data.startswith(b"PK") and b"data.pkl" in data
        if path.suffix in PICKLES or data.startswith(starts) or hidden:
            found.append(path.relative_to(ROOT))
    assert found == []
