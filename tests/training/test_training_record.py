"""What training leaves beside the weights: how they came to be, and half precision wherever it holds the numbers."""

import json
import time
from pathlib import Path

import pytest
import timm
import torch
from accelerate import Accelerator
from PIL import Image
from safetensors.torch import load_file
from training_runs import main

from colorhub.hub.loading import load
from colorhub.models import ECCV16
from training import record
from training.checkpoint import save_model
from training.config import Model, Recipe, load_recipe
from training.run_logger import RunLogger

TINY = """
[model]
architecture = "unet"
width = 4
depth = 3
[data]
train = ["synthetic"]
validation = ["synthetic"]
validation_size = 16
validation_limit = 2
[[data.crops]]
size = 16
batch_size = 2
[run]
steps = 2
tensorboard = false
"""


def recipe(folder: Path, name: str, *overrides: str) -> Recipe:
    path = folder / f"{name}.toml"
    path.write_text(TINY)
    return load_recipe(path, [f"run.output={folder}", *overrides])


def stages(folder: Path) -> list[dict]:
    return json.loads((folder / "best" / record.FILE).read_text())["stages"]


def test_every_stage_is_written_down(tmp_path: Path) -> None:
    main(recipe(tmp_path, "first"))
    main(recipe(tmp_path, "second", f"init={tmp_path / 'first' / 'best'}", "run.steps=3", "run.precision=bf16"))
    first, second = stages(tmp_path / "second")
    assert [first] == stages(tmp_path / "first")
    assert (first["recipe"], first["steps"], first["pictures"], first["precision"]) == ("first", 2, 4, "fp32")
    assert (second["recipe"], second["steps"], second["pictures"], second["precision"]) == ("second", 3, 6, "bf16")
    assert first["torch"] == torch.__version__
    threads = torch.get_num_threads()
    assert first["hardware"].startswith(f"{threads} thread{'s' if threads > 1 else ''} of ")


def test_what_was_typed_and_what_it_learned_from_are_written_down(tmp_path: Path) -> None:
    pictures = tmp_path / "my photos" / "train"
    pictures.mkdir(parents=True)
    for number in range(3):
        Image.new("RGB", (20, 20), (90 * number, 60, 30)).save(pictures / f"{number}.png")
    given = [f'data.train=["{tmp_path}/my photos/"]', "data.streaming=false", "name=mine"]
    main(recipe(tmp_path, "first", *given))
    (stage,) = stages(tmp_path / "mine")
    assert (stage["recipe"], stage["file"]) == ("mine", "first")
    where = f"run.output={tmp_path.name}"
    assert stage["overrides"] == [where, 'data.train=["my photos/"]', "data.streaming=false", "name=mine"]
    assert stage["data"] == {"train": ["my photos/"], "pictures": 3}
    assert str(tmp_path) not in (tmp_path / "mine" / "best" / record.FILE).read_text()


def test_whose_pre_training_it_began_with(tmp_path: Path) -> None:
    whole = timm.create_model("test_resnet", pretrained=False).state_dict()
    torch.save(whole, tmp_path / "resnet-1234.pth")
    model = ["model.architecture=koalarization", "model.extractor=test_resnet", "model.extractor_size=32"]
    given = recipe(tmp_path, "run", *model, f"backbone={tmp_path / 'resnet-1234.pth'}")
    keywords = {key: value for key, value in given.model.keywords.items() if key != "depth"}
    main(given.model_copy(update={"model": Model(architecture="koalarization", **keywords)}))
    assert stages(tmp_path / "run")[0]["backbone_weights"] == "resnet-1234.pth"
    best = load(tmp_path / "run" / "best").extractor.state_dict()
    torch.testing.assert_close(best["conv1.0.weight"].float(), whole["conv1.0.weight"], rtol=1e-3, atol=1e-5)


def test_time_is_counted_over_all_parts_of_a_run_but_not_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(0, 10**9, 3600))  # every look at the clock is an hour later
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    counted = []
    real = RunLogger.count_time

    def noted(self: RunLogger) -> None:
        before = self.progress.seconds
        real(self)
        counted.append(self.progress.seconds - before)

    monkeypatch.setattr(RunLogger, "count_time", noted)
    main(recipe(tmp_path, "run", "run.steps=1"))
    first = len(counted)
    main(recipe(tmp_path, "run", "run.steps=2"))
    assert 0 < first < len(counted)
    assert all(seconds > 0 for seconds in counted)
    assert stages(tmp_path / "run")[0]["hours"] == pytest.approx(sum(counted) / 3600, abs=1e-3)


def test_models_that_do_not_say_have_no_stages(tmp_path: Path) -> None:
    assert record.stages_of(None) == []
    assert record.stages_of("owner/name") == []
    ECCV16(**ECCV16.tiny()).save_pretrained(tmp_path / "silent")
    assert record.stages_of(str(tmp_path / "silent")) == []


def test_what_half_precision_cannot_hold_stays_single(tmp_path: Path) -> None:
    model = ECCV16(**ECCV16.tiny()).eval()
    large = "blocks.6.6.running_var"
    model.state_dict()[large].fill_(70_000.0)  # half precision ends at 65,504
    save_model(model, tmp_path / "best", recipe(tmp_path, "any"), {}, [])
    saved = load_file(tmp_path / "best" / "model.safetensors")
    assert {name for name, tensor in saved.items() if tensor.dtype == torch.float32} == {large}
    assert {tensor.dtype for name, tensor in saved.items() if name != large} == {torch.float16, torch.int64}
    assert model.state_dict()["blocks.0.0.weight"].dtype == torch.float32  # the model in training is left alone
    loaded = load(tmp_path / "best").state_dict()
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(loaded[name], tensor, rtol=1e-3, atol=1e-6)


def test_the_hardware_of_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    accelerator = Accelerator(cpu=True)
    monkeypatch.setattr(type(accelerator), "num_processes", 4)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert record._hardware(accelerator).startswith("8 threads of ")
