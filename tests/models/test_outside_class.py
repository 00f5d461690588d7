"""A model class of another package: found, checked, trained, loaded, scored and published like ours."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from commands import typed
from local_hub import LocalHub

from colorhub.hub.contract import CONTRACT
from colorhub.hub.loading import load
from colorhub.models import create, find_class

ROOT = Path(__file__).resolve().parents[2]
MODULE = """
from torch import Tensor, nn

from colorhub import Colorizer, Prediction


class {name}(Colorizer):
    architecture = "{architecture}"

    def __init__(self, width: int = 8{more_arguments}) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 2, 3, padding=1))
        {more_layers}

    @classmethod
    def tiny(cls) -> dict:
        return {{"width": 4}}

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        {predict}
"""
GOOD = {
    "name": "MyNet",
    "architecture": "my-net",
    "more_arguments": "",
    "more_layers": "pass",
    "predict": "return Prediction(ab=self.layers(L / 50 - 1).float().tanh() * 110)",
}
FLAWS = {
    "is_found_by_its_name": {"architecture": "my net"},
    "has_a_constructor_of_plain_values": {"more_arguments": ", activation: nn.Module = nn.ReLU()"},
    "answers_any_size": {"predict": "return Prediction(ab=self.layers(L / 50 - 1).float().tanh() * 300)"},
    "learns_with_every_parameter": {"more_layers": "self.unused = nn.Linear(2, 2)"},
    "answers_each_picture_alone": {
        "predict": "return Prediction(ab=(self.layers(L / 50) + L.mean(0, keepdim=True) / 9).float().tanh() * 110)"
    },
    "answers_nearly_the_same_in_half_precision": {
        "predict": "return Prediction(ab=self.layers(L / 50 - 1).tanh() * 110)"
    },
    "keeps_what_is_frozen": {
        "more_layers": "self.norm = nn.BatchNorm2d(1).requires_grad_(False)",
        "predict": "return Prediction(ab=self.layers(self.norm(L)).float().tanh() * 110)",
    },
    "loads_as_it_was_saved": {
        "more_layers": "import torch; self.shift = torch.rand([]) * 9",
        "predict": "return Prediction(ab=self.layers(L / 50 - self.shift).float().tanh() * 110)",
    },
    "refuses_weights_that_do_not_fit": {
        "predict": GOOD["predict"]
        + """

    @classmethod
    def _from_pretrained(cls, *, model_id, revision, cache_dir, force_download, local_files_only, token, **keywords):
        from safetensors.torch import load_file

        model = cls(width=keywords["width"])
        model.load_state_dict(load_file(f"{model_id}/model.safetensors"), strict=False)
        return model.eval()
"""
    },
    "says_what_it_takes": {
        "predict": GOOD["predict"] + "\n\n    def forward(self, L, hints=None):\n        return self.predict(L)"
    },
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path, to put a package into, and no memory of classes afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    yield tmp_path
    sys.modules.pop("mypkg", None)


def write(folder: Path, **changes: str) -> None:
    (folder / "mypkg.py").write_text(MODULE.format(**{**GOOD, **changes}))


def install(folder: Path, architecture: str) -> None:
    """What pip leaves of a package with an entry point."""
    facts = folder / "mypkg-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: mypkg\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[colorhub.models]\n{architecture} = mypkg:MyNet\n")


def check(target: str = "mypkg:MyNet") -> tuple[int, str]:
    result = typed("check", target)
    return result.exit_code, result.stdout + result.stderr


def test_a_class_named_by_its_path_passes_the_check(package: Path) -> None:
    write(package)
    code, said = check()
    assert code == 0, said
    assert f"mypkg:MyNet: {len(CONTRACT)} of {len(CONTRACT)} passed." in said
    assert said.count("passed  ") == len(CONTRACT)


@pytest.mark.parametrize("broken", FLAWS)
def test_each_flaw_is_found_by_its_check(package: Path, broken: str) -> None:
    write(package, **FLAWS[broken])
    code, said = check()
    assert code == 1
    failed = [line for line in said.splitlines() if line.startswith("FAILED")]
    sentence = next(each.__doc__ for each in CONTRACT if each.__name__ == broken).splitlines()[0].rstrip(".")
    assert any(line.startswith(f"FAILED  {sentence}: ") for line in failed), said


def test_what_is_no_class_of_ours_is_told(package: Path) -> None:
    write(package)
    for target, words in {
        "unett": "Unknown architecture 'unett'. Did you mean 'unet'",
        "mypkg:Other": "mypkg:Other cannot be imported: module 'mypkg' has no attribute 'Other'",
        "nopkg:Net": "nopkg:Net cannot be imported: No module named 'nopkg'",
        "json:JSONDecoder": "a subclass of colorhub.Colorizer is expected",
    }.items():
        code, said = check(target)
        assert code == 2
        assert words in said
        assert len(said.splitlines()) == 1
    write(package, architecture="unet")
    sys.modules.pop("mypkg", None)
    assert "mypkg:MyNet calls its architecture 'unet', and that is colorhub.models.unet.UNet already" in check()[1]


def test_its_weights_are_loaded_once_it_is_registered(package: Path) -> None:
    write(package, architecture="registered")
    with pytest.raises(ValueError, match=r"Unknown architecture 'registered'"):
        create("registered")
    install(package, "registered")
    create("registered", width=3).save_pretrained(package / "weights")
    assert load(package / "weights").layers[0].out_channels == 3
    assert find_class("registered").__name__ == "MyNet"
    shutil.rmtree(package / "mypkg-1.0.dist-info")
    with pytest.raises(ValueError, match=r"Unknown architecture 'registered'.*saved by a class of the package 'mypkg'"):
        load(package / "weights")


def test_the_former_ways_to_name_a_class_warn(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(package, architecture="by-variable")
    monkeypatch.setenv("COLORHUB_CLASSES", "mypkg:MyNet")
    with pytest.warns(FutureWarning, match=r"COLORHUB_CLASSES will go: register the class as an entry point"):
        create("by-variable", width=3).save_pretrained(package / "weights")
    monkeypatch.delenv("COLORHUB_CLASSES")
    with pytest.warns(FutureWarning, match=r"mypkg:MyNet as an architecture will go: register"):
        assert create("mypkg:MyNet", width=3).architecture == "by-variable"
    assert load(package / "weights").layers[0].out_channels == 3  # named in this process already


def test_it_is_published_and_comes_back(package: Path, hub: LocalHub) -> None:
    write(package, architecture="published")
    install(package, "published")
    torch.manual_seed(0)
    create("published").save_pretrained(package / "published")
    for command in (["card"], ["publish", "--org", "owner"]):
        typed(*command, package / "published", code=0)
    L = torch.rand(1, 1, 20, 30) * 100
    assert torch.equal(load("owner/published")(L).ab, load(package / "published")(L).ab)
    assert json.loads(hub.files("owner/published")["config.json"])["package"] == "mypkg"


@pytest.mark.slow
def test_it_is_trained_and_scored(package: Path) -> None:
    """In processes of their own, which know the class by its package's entry point alone."""
    write(package)
    install(package, "my-net")
    recipe = package / "recipe.toml"
    recipe.write_text('name = "run"\n[model]\narchitecture = "my-net"\nwidth = 4\n[data]\ntrain = ["synthetic"]\n')
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    steps = [
        ["training/train.py", str(recipe), "--smoke", f"run.output={package / 'runs'}"],
        [
            "-m",
            "training.score",
            str(package / "runs/run-smoke/best"),
            "--data",
            "synthetic",
            "--split",
            "test",
            "--write",
        ],
    ]
    for step in steps:
        done = subprocess.run(
            [sys.executable, *step], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr
    assert (package / "runs/run-smoke/best/scores.json").is_file()
