"""Whole runs of the trainer in this process, on synthetic pictures: resuming, guarding, the best, fine-tuning."""

import json
import signal
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training_runs import main

import training.tasks.base as base_module
from colorhub.hub.loading import load
from colorhub.models import UNet
from colorhub.models.base import WeightsError
from colorhub.models.registry import import_class
from training import cli
from training.checkpoint import CheckpointError, Progress, checkpoints, own_cursor
from training.config import Recipe, RecipeError, load_recipe
from training.data.augment import FILM_DRAWS
from training.data.loader import Batch, Cursor, Shard
from training.initial import initial_model
from training.run_logger import RunLogger
from training.tasks import create_task
from training.tasks.regression import Regression
from training.validate import ValidationSet, sample_grid, validate
from training.watchdog import NotFiniteError

RECIPES = sorted((Path(__file__).parents[2] / "training" / "recipes").glob("*.toml"))
TINY = """
name = "tiny"
[model]
architecture = "unet"
width = 4
depth = 3
[data]
train = ["synthetic"]
validation = ["synthetic"]
film = 0.5
validation_size = 32
validation_limit = 5
[[data.crops]]
size = 32
batch_size = 2
[[data.crops]]
size = 24
batch_size = 3
[optimizer]
learning_rate = 1e-3
accumulate = 2
clip_norm = 1.0
ema_decay = 0.9
[run]
steps = 6
log_every = 1
checkpoint_every = 2
validate_every = 3
tensorboard = false
"""


@pytest.fixture
def tiny(tmp_path) -> Callable[..., Recipe]:
    path = tmp_path / "recipe.toml"
    path.write_text(TINY)
    return lambda *overrides: load_recipe(path, [f"run.output={tmp_path / 'runs'}", *overrides])


def _folder(recipe: Recipe) -> Path:
    return Path(recipe.run.output) / recipe.name


def _log(recipe: Recipe, kind: str = "train") -> list[dict]:
    lines = (_folder(recipe) / "log.jsonl").read_text().splitlines()
    return [record for record in map(json.loads, lines) if record["kind"] == kind]


def _losses(recipe: Recipe) -> list[tuple]:
    return [(r["step"], r["loss"], r["gradient_norm"], r["learning_rate"], r["epoch"]) for r in _log(recipe)]


def _weights(recipe: Recipe) -> dict[str, torch.Tensor]:
    return load_file(checkpoints(_folder(recipe))[-1] / "model.safetensors")


def _signal_at(step: int, monkeypatch) -> None:
    """SIGTERM during the given step, as the scheduler of a cluster sends it."""
    original = RunLogger.step

    def noted(self, *arguments):
        original(self, *arguments)
        if self.progress.step == step - 1:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(RunLogger, "step", noted)


def _architecture(path: Path) -> str:
    return load_recipe(path).model.architecture


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_smoke_of_every_recipe_runs_and_goes_on(path, tmp_path, capsys):
    cli.run(main, [str(path), "--smoke", f"run.output={tmp_path}"])
    cli.run(main, [str(path), "--smoke", f"run.output={tmp_path}", "run.steps=4"])
    folder = tmp_path / f"{path.stem}-smoke"
    assert [p.name for p in checkpoints(folder)] == ["step-00000002", "step-00000004"]
    assert [json.loads(line)["step"] for line in (folder / "log.jsonl").read_text().splitlines()] == [1, 2, 2, 3, 4, 4]
    assert json.loads((folder / "best" / "config.json").read_text())["architecture"] == _architecture(path)
    assert "from step 2 to 4" in capsys.readouterr().out


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(tiny, monkeypatch):
    with monkeypatch.context() as patch:
        _signal_at(4, patch)
        stopped = tiny("name=stopped")
        main(stopped)
    assert checkpoints(_folder(stopped))[-1].name == "step-00000004"
    main(stopped)
    whole = tiny("name=whole")
    main(whole)
    assert _losses(stopped) == _losses(whole)
    assert _log(stopped, "validation") == _log(whole, "validation")
    for name, tensor in _weights(whole).items():
        assert torch.equal(tensor, _weights(stopped)[name]), name


def test_what_a_killed_run_left_is_cleaned(tiny):
    recipe = tiny()
    main(recipe)
    folder = _folder(recipe)
    best = load_file(folder / "best" / "model.safetensors")
    (folder / "best").rename(folder / "replaced-best")  # killed between the two renames
    for name in ("writing-step-00000008", "writing-best", "writing-step-00000002"):
        (folder / name).mkdir()
        (folder / name / "model.safetensors").write_bytes(b"half")
    with (folder / "log.jsonl").open("a") as log:
        log.write(
            '{"kind": "train", "step": 7, "loss": 1.0}\n{"kind": "tr'
        )  # later than the checkpoint, and half a line
    main(tiny("run.steps=7"))
    assert not list(folder.glob("writing-*")) + list(folder.glob("replaced-*"))
    assert load_file(folder / "best" / "model.safetensors").keys() == best.keys()
    assert [record["step"] for record in _log(recipe)] == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("change", ["model.width=8", "data.film=0.1", "run.seed=1", "task.loss=mse", "init=unet"])
def test_a_folder_with_another_recipe_is_refused(tiny, change):
    main(tiny("run.steps=1"))
    with pytest.raises(RecipeError, match=f"another recipe \\({change.split('=')[0]} was"):
        main(tiny("run.steps=2", change))


def test_a_new_learning_rate_goes_on_and_resume_false_is_refused(tiny):
    main(tiny("run.steps=1"))
    main(tiny("run.steps=2", "optimizer.learning_rate=1e-5", "data.threads=1"))
    assert [record["step"] for record in _log(tiny())] == [1, 2]
    with pytest.raises(RecipeError, match="already holds a run"):
        main(tiny("run.resume=false"))


def test_another_number_of_processes_cannot_go_on():
    progress = Progress()
    progress.cursors = [Cursor(), Cursor(batch=4)]
    assert own_cursor(progress, Shard(rank=1, world_size=2)).batch == 4
    with pytest.raises(CheckpointError, match="written by 2 processes, this run has 1"):
        own_cursor(progress, Shard())


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_checkpoint(tiny):
    recipe = tiny("optimizer.learning_rate=1e30", "optimizer.clip_norm=none", "run.checkpoint_every=1")
    with pytest.raises(NotFiniteError, match=r"^Step (\d+) is not finite \(loss = "):
        main(recipe)
    assert all(torch.isfinite(tensor).all() for tensor in _weights(recipe).values())


@pytest.mark.parametrize("clip", ["none", "1.0"])
def test_a_gradient_that_is_not_finite_stops_before_it_is_saved(tiny, monkeypatch, clip):
    original = Regression.losses

    def infinite_slope(self, L, ab, labels):  # the root's slope at 0, times 0: a fine loss with a NaN gradient
        losses = original(self, L, ab, labels)
        bad = (losses["loss"] * 0).sqrt() if number.pop() == 3 else 0
        return {"loss": losses["loss"] + bad}

    number = [5, 4, 3, 2, 1, 0]
    monkeypatch.setattr(Regression, "losses", infinite_slope)
    recipe = tiny(f"optimizer.clip_norm={clip}", "run.checkpoint_every=1")
    with pytest.raises(NotFiniteError, match=r"Step 2 .*gradient_norm = nan"):
        main(recipe)
    assert checkpoints(_folder(recipe))[-1].name == "step-00000001"
    assert all(torch.isfinite(tensor).all() for tensor in _weights(recipe).values())


def test_early_stopping_and_the_best_by_metric(tiny, monkeypatch):
    gains = iter([1.0, 3.0, 2.0, 1.0, 0.0])
    real = base_module.validate
    monkeypatch.setattr(base_module, "validate", lambda *a: {**real(*a), "gain": next(gains)})
    recipe = tiny("run.steps=20", "run.validate_every=2", "run.patience=2")
    main(recipe)
    assert [record["gain"] for record in _log(recipe, "validation")] == [1.0, 3.0, 2.0, 1.0]
    assert json.loads((_folder(recipe) / "best" / "validation.json").read_text())["gain"] == 3.0
    main(recipe)  # stays stopped
    assert _log(recipe)[-1]["step"] == 8
    main(tiny("run.steps=10", "run.validate_every=2", "run.patience=3"))
    assert _log(recipe)[-1]["step"] == 10


def test_an_output_that_cannot_be_written_is_said_and_the_last_checkpoint_kept(tiny, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=r"output folder .* cannot be used: Not a directory"):
        main(tiny(f"run.output={tmp_path / 'file'}"))
    original = Accelerator.save_state

    def full_at_four(self, folder, **options):
        original(self, folder, **options)
        if folder.endswith("4"):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Accelerator, "save_state", full_at_four)
    recipe = tiny("name=full")
    with pytest.raises(CheckpointError, match=r"step 4 cannot be written .*step-00000002 is kept: No space left"):
        main(recipe)
    assert [p.name for p in _folder(recipe).iterdir() if p.is_dir()] in (
        ["best", "step-00000002"],
        ["step-00000002", "best"],
    )


def test_a_log_that_cannot_be_written_is_said(tiny, monkeypatch):
    original = RunLogger.__enter__

    def on_a_full_disk(self):
        self.log.close()
        self.log = Path("/dev/full").open("a")  # noqa: SIM115 - the kernel's own full disk
        return original(self)

    monkeypatch.setattr(RunLogger, "__enter__", on_a_full_disk)
    with pytest.raises(CheckpointError, match="/dev/full cannot be written: No space left on device"):
        main(tiny())


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("average", ["none", "0.9"])
def test_half_precision_trains_and_saves_a_loadable_model(tiny, precision, average):
    recipe = tiny(f"run.precision={precision}", f"optimizer.ema_decay={average}", "run.channels_last=false")
    main(recipe)
    model = load(_folder(recipe) / "best")
    assert torch.isfinite(model(torch.rand(1, 1, 32, 32) * 100).ab).all()
    assert _log(recipe)[-1]["step"] == 6
    assert {t.dtype for t in _weights(recipe).values()} == {torch.float32, torch.int64}


def test_tensorboard_gets_scalars_and_a_sheet_of_pictures(tiny):
    recipe = tiny("run.tensorboard=true")
    main(recipe)
    events = EventAccumulator(str(_folder(recipe) / "tensorboard"), size_guidance={"images": 0, "scalars": 0})
    events.Reload()
    assert {"train/loss", "train/learning_rate", "validation/gain"} <= set(events.Tags()["scalars"])
    logged = [record["loss"] for record in _log(recipe)]
    assert [event.value for event in events.Scalars("train/loss")] == pytest.approx(logged, rel=1e-6)
    sheet = events.Images("pictures")[-1]
    assert (sheet.width, sheet.height) == (3 * 32, 5 * 32)


def test_the_progress_bar_goes_on_where_the_run_does(tiny, monkeypatch, capfd):
    main(tiny("run.steps=3"))
    capfd.readouterr()
    main(tiny())
    shown = capfd.readouterr().err
    assert "6/6" in shown
    assert "pictures/s=" in shown
    assert "3/6" in shown.split("6/6")[0]
    assert "0/6" not in shown


# Tasks


def _batch(seed: int, count: int = 2) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    rgb = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=generator)
    return Batch(rgb, torch.rand(count, FILM_DRAWS, generator=generator), torch.full((count,), -1), Cursor())


def test_accumulated_batches_are_one_step_along_their_mean_gradient(tiny):
    recipe = tiny("model.dropout=0.0", "optimizer.clip_norm=none", "run.channels_last=false")
    accelerator = Accelerator(cpu=True)
    model = initial_model(recipe, print)
    by_hand = deepcopy(model)
    task = create_task(recipe, model, accelerator)
    batches = [_batch(0), _batch(1, 3)]
    found = task.step(batches, 0)

    optimizer = torch.optim.AdamW(by_hand.parameters(), lr=task.learning_rate, weight_decay=0)
    losses = []
    for batch in batches:
        L, ab, _ = task.tensors(batch)
        losses.append((by_hand(L).ab - ab).abs().mean() / 110)
    torch.stack(losses).mean().backward()
    norm = torch.stack([p.grad.norm() for p in by_hand.parameters()]).norm()
    optimizer.step()
    assert found["loss"].item() == pytest.approx(torch.stack(losses).mean().item(), rel=1e-6)
    assert found["gradient_norm"].item() == pytest.approx(norm.item(), rel=1e-4)
    compared = 0
    for name, parameter in by_hand.named_parameters():
        sure = parameter.grad.abs() > 1e-4 * norm  # Adam makes full steps of gradients that are zero but for rounding
        assert torch.allclose(parameter[sure], model.get_parameter(name)[sure], atol=1e-6), name
        compared += int(sure.sum())
    assert compared > sum(parameter.numel() for parameter in by_hand.parameters()) / 2


def test_the_average_follows_weights_and_running_means(tiny):
    recipe = tiny()
    task = create_task(recipe, initial_model(recipe, print), Accelerator(cpu=True))
    expected: dict[str, torch.Tensor] = {}
    for number in range(4):
        task.step([_batch(number)], number)
        state = {k: v.clone().float() for k, v in task.bare_model.state_dict().items() if v.is_floating_point()}
        expected = {k: 0.9 * expected[k] + 0.1 * v for k, v in state.items()} if expected else state
    found = task.best_model.state_dict()
    assert any("running_mean" in name for name in expected)
    for name, tensor in expected.items():
        assert torch.allclose(found[name], tensor, atol=1e-6), name


def test_clipping_limits_the_step_but_not_the_reported_norm(tiny):
    recipe = tiny("optimizer.clip_norm=1e-3", "optimizer.name=adam")
    task = create_task(recipe, initial_model(recipe, print), Accelerator(cpu=True))
    seen = []
    task.optimizer.optimizer.register_step_pre_hook(
        lambda *_: seen.append(torch.stack([p.grad.norm() for p in task.bare_model.parameters()]).norm().item())
    )
    assert task.step([_batch(0)], 0)["gradient_norm"].item() > 1e-3
    assert seen[0] <= 1e-3 * 1.001


def test_validation_and_the_sheet_leave_the_model_as_it_is():
    model = UNet(**UNet.tiny()).train()
    before = deepcopy(model.state_dict())
    pictures = _batch(0, 5).rgb
    validation_set = ValidationSet(pictures, torch.arange(5), torch.full((5,), -1), 5)
    accelerator = Accelerator(cpu=True)
    scores = validate(model, validation_set, accelerator)
    sheet = sample_grid(model, validation_set, accelerator)
    assert sheet.shape == (3, 5 * 32, 3 * 32)
    assert scores == validate(model, validation_set, accelerator)
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_compiled_run_writes_plain_names_and_goes_on_uncompiled(tiny, monkeypatch):
    compiled = torch.nn.Module.compile
    # Tracing and wrapping as always; only the minute that the C++ compiler takes is left out.
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self: compiled(self, backend="eager"))
    recipe = tiny("run.compile=true", "run.steps=1", "run.validate_every=1")
    main(recipe)
    assert set(_weights(recipe)) == set(UNet(width=4, depth=3).state_dict())
    load(_folder(recipe) / "best")
    main(tiny("run.steps=2"))
    assert _log(recipe)[-1]["step"] == 2


# Fine-tuning


@pytest.fixture
def trained(tmp_path) -> Path:
    model = UNet(width=4, depth=3)
    model.save_pretrained(tmp_path / "trained")
    return tmp_path / "trained"


def test_init_takes_every_tensor_over(tiny, trained, capsys):
    model = initial_model(tiny(f"init={trained}"), print)
    source = load_file(trained / "model.safetensors")
    assert all(torch.equal(tensor, source[name]) for name, tensor in model.state_dict().items())
    assert f"{len(source)} tensors loaded; skipped: none; fresh: none." in capsys.readouterr().out


def test_a_fine_tuned_run_goes_on_without_the_weights_it_came_from(tiny, trained):
    main(tiny(f"init={trained}", "run.steps=1"))
    trained.rename(trained.with_name("moved"))
    recipe = tiny(f"init={trained}", "run.steps=2")
    main(recipe)
    assert [record["step"] for record in _log(recipe)] == [1, 2]


def test_init_skip_leaves_tensors_fresh_and_says_which(tiny, trained, capsys):
    model = initial_model(tiny(f"init={trained}", "init_skip=['out.*', 'up.1.*']"), print)
    source = load_file(trained / "model.safetensors")
    fresh = [name for name in source if name.startswith(("out.", "up.1."))]
    assert not torch.equal(model.state_dict()["out.1.weight"], source["out.1.weight"])
    assert torch.equal(model.state_dict()["down.0.0.weight"], source["down.0.0.weight"])
    said = capsys.readouterr().out
    assert f"{len(source) - len(fresh)} tensors loaded" in said
    assert "out.1.weight" in said


class TiedUNet(UNet):
    """Two layers of it have the same weights."""

    architecture = "tied-unet"

    def __init__(self, width: int = 4) -> None:
        super().__init__(width=width, depth=3)
        self.one, self.other = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
        self.other.weight = self.one.weight


@pytest.mark.parametrize("name", ["one", "other"])
def test_init_skip_of_one_name_leaves_tied_weights_fresh(tiny, tmp_path, capsys, name):
    import_class(f"{__name__}:TiedUNet")
    source = TiedUNet()
    source.save_pretrained(tmp_path / "tied")
    recipe = tiny(
        "model={architecture='tied-unet', width=4}", f"init={tmp_path / 'tied'}", f"init_skip=['{name}.weight']"
    )
    model = initial_model(recipe, print)
    assert not torch.equal(model.one.weight, source.one.weight)
    assert torch.equal(model.one.bias, source.one.bias)
    assert "skipped: one.weight, other.weight; fresh: one.weight, other.weight." in capsys.readouterr().out


def test_weights_that_do_not_fit_are_refused_unless_skipped(tiny, trained):
    with pytest.raises(WeightsError, match=r"does not fit: .*has the shape.*init_skip"):
        initial_model(tiny(f"init={trained}", "model.width=6"), print)
    with pytest.raises(WeightsError, match=r"missing down\.3"):
        initial_model(tiny(f"init={trained}", "model.depth=4", "init_skip=['up.*']"), print)
    with pytest.raises(RecipeError, match="no tensor matches 'ot"):
        initial_model(tiny(f"init={trained}", "init_skip=['ot.*']"), print)
    with pytest.raises(WeightsError, match=r"init=nothing: No model 'nothing'"):
        initial_model(tiny("init=nothing"), print)
    (trained / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(WeightsError, match=r"model\.safetensors"):
        initial_model(tiny(f"init={trained}"), print)


@pytest.mark.parametrize(
    ("overrides", "code", "words"),
    [
        (["model.architecture=unett"], 2, "Unknown architecture 'unett'"),
        (["run.stepz=1"], 2, "did you mean 'steps'?"),
        (["data.train=['nowhere']"], 1, "No data named 'nowhere'"),
        (["init=nowhere"], 1, "No model 'nowhere'"),
        (["run.output=/proc/none"], 1, "cannot be used"),
    ],
)
def test_errors_end_the_program_with_one_line(tmp_path, capsys, overrides, code, words):
    path = tmp_path / "recipe.toml"
    path.write_text(TINY)
    with pytest.raises(SystemExit) as ended:
        cli.run(main, [str(path), f"run.output={tmp_path}", *overrides])
    error = capsys.readouterr().err
    assert ended.value.code == code
    assert words in error
    assert error.count("\n") == 1
