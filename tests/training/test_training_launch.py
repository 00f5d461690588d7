"""The trainer as it is launched: one and two processes, two nodes; killed, stopped and resumed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from ports import free_port

from training.checkpoint import checkpoints
from training.config import load_recipe

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "training" / "recipes").glob("*.toml"))
ADVERSARIAL = [path for path in RECIPES if load_recipe(path).task.name in ("gan", "classification_gan", "wgan_gp")]
PATIENCE = 240  # seconds until a launch that does not answer is given up
RECIPE = """
name = "run"
[model]
architecture = "unet"
width = 4
depth = 3
[data]
train = ["{shards}"]
validation = ["{shards}"]
validation_split = "train"
shuffle_buffer = 5
film = 0.5
validation_size = 32
validation_limit = 20
[[data.crops]]
size = 32
batch_size = 3
[[data.crops]]
size = 24
batch_size = 4
[optimizer]
schedule = "constant"
accumulate = 2
clip_norm = 1.0
ema_decay = 0.9
[run]
output = "{output}"
steps = 1000000
log_every = 1
checkpoint_every = 5
validate_every = 7
tensorboard = false
"""


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Path:
    """30 pictures in 4 shards, one of them grey and one broken."""
    folder = tmp_path_factory.mktemp("shards")
    noise = np.random.default_rng(0)
    pictures = [_png(noise.integers(0, 256, (40, 48, 3), dtype=np.uint8)) for _ in range(28)]
    pictures += [_png(np.full((40, 40, 3), 99, np.uint8)), b"broken"]
    for shard in range(4):
        table = pa.table({"image": pictures[shard::4]})
        pq.write_table(table, folder / f"train-0000{shard}-of-00004.parquet", row_group_size=3)
    return folder


def _png(pixels: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def recipe(tmp_path, shards) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.format(shards=shards, output=tmp_path))
    return path


@pytest.fixture
def launch() -> Iterator[Callable[..., subprocess.Popen]]:
    """Start ``accelerate launch`` in its own process group; what still runs at the end is killed."""
    started: list[subprocess.Popen] = []

    def start(*arguments: object, processes: int = 1, nodes: Sequence[int] = (1, 0, 0)) -> subprocess.Popen:
        count, rank, port = nodes
        command = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--mixed_precision", "no"]
        command += ["--dynamo_backend", "no", "--num_machines", str(count), "--num_processes", str(processes)]
        if processes > 1:
            command += ["--multi_gpu", "--main_process_port", str(port or free_port())]
            command += ["--main_process_ip", "127.0.0.1", "--machine_rank", str(rank)]
        else:
            command += ["--cpu"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "CUDA_VISIBLE_DEVICES": ""}
        started.append(
            subprocess.Popen(
                [*command, "training/train.py", *map(str, arguments)],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        _kill(process)


def _kill(process: subprocess.Popen) -> None:
    """SIGKILL for the launcher and its training processes, which are no group when there are several."""
    for pid in (*_children(process), process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate()


def _finish(process: subprocess.Popen, code: int | None = 0) -> tuple[str, str]:
    out, err = process.communicate(timeout=PATIENCE)
    assert code is None or process.returncode == code, f"exit code {process.returncode}\n{out}\n{err}"
    return out, err


def _log(folder: Path) -> list[dict]:
    path = folder / "log.jsonl"
    whole = path.read_text().rpartition("\n")[0].splitlines() if path.exists() else []
    return [json.loads(line) for line in whole]


def _losses(folder: Path) -> list[tuple]:
    return [(r["step"], r["loss"], r["gradient_norm"]) for r in _log(folder) if r["kind"] == "train"]


def _validations(folder: Path) -> list[dict]:
    return [record for record in _log(folder) if record["kind"] == "validation"]


def _wait_for_step(process: subprocess.Popen, folder: Path, step: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while not any(record["step"] >= step for record in _log(folder)):
        assert process.poll() is None, f"ended early\n{process.communicate()}"
        assert time.monotonic() < deadline, "no such step"
        time.sleep(0.02)


def _children(process: subprocess.Popen) -> list[int]:
    """The training processes below the launcher."""
    found = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(process.pid)], capture_output=True, text=True)
    lines = [line.split(maxsplit=1) for line in found.stdout.splitlines()]
    return [int(pid) for pid, arguments in lines if "train.py" in arguments]


def test_smoke_of_a_recipe_and_its_resume(tmp_path, launch):
    path = ROOT / "training" / "recipes" / "unet.toml"  # the others: test_training_run.py, without a launcher
    for steps, words in (("0 to 2", []), ("2 to 4", ["run.steps=4"])):
        out, _ = _finish(launch(path, "--smoke", f"run.output={tmp_path}", *words))
        assert f"1 processes, cpu; from step {steps}." in out
    assert (tmp_path / f"{path.stem}-smoke" / "best" / "model.safetensors").exists()


@pytest.mark.parametrize("path", ADVERSARIAL, ids=lambda path: path.stem)
def test_adversarial_recipes_run_and_go_on_in_two_processes(path, tmp_path, launch):
    for steps, words in (("0 to 2", []), ("2 to 4", ["run.steps=4"])):
        out, _ = _finish(launch(path, "--smoke", f"run.output={tmp_path}", *words, processes=2))
        assert f"2 processes, cpu; from step {steps}." in out
    run = tmp_path / f"{path.stem}-smoke"
    assert (run / "adversary" / "model.safetensors").exists()
    assert [record["step"] for record in _log(run) if record["kind"] == "train"] == [1, 2, 3, 4]


def test_what_is_frozen_for_a_while_is_trained_by_two_processes(tmp_path, launch):
    words = ["--smoke", f"run.output={tmp_path}", "run.steps=4", 'parts=[{match=["backbone.*"],frozen_until=2}]']
    _finish(launch(ROOT / "training" / "recipes" / "natural.toml", *words, processes=2))
    trained = [record for record in _log(tmp_path / "natural-smoke") if record["kind"] == "train"]
    assert [record["step"] for record in trained] == [1, 2, 3, 4]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_killed_at_a_random_step_repeats_the_uninterrupted_one(recipe, tmp_path, launch, processes):
    killed, whole = tmp_path / "run", tmp_path / "whole"
    process = launch(recipe, processes=processes)
    _wait_for_step(process, killed, random.randint(6, 25))
    _kill(process)
    last, newest = _log(killed)[-1]["step"], int(checkpoints(killed)[-1].name.split("-")[1])
    assert last - 6 < newest <= last
    assert newest % 5 == 0
    until = last + 6

    resumed = launch(recipe, f"run.steps={until}", processes=processes)
    uninterrupted = launch(recipe, f"run.steps={until}", "name=whole", processes=processes)
    assert f"{processes} processes, cpu; from step {newest} to {until}." in _finish(resumed)[0]
    assert f"{processes} processes, cpu; from step 0 to {until}." in _finish(uninterrupted)[0]
    assert len(_losses(whole)) == until
    assert _losses(killed) == _losses(whole)
    assert _validations(killed) == _validations(whole)
    assert not list(killed.glob("writing-*"))


def test_two_nodes_train_as_one(recipe, tmp_path, launch):
    port = free_port()
    nodes = [launch(recipe, "run.steps=6", processes=2, nodes=(2, rank, port)) for rank in (0, 1)]
    outputs = [_finish(node)[0] for node in nodes]
    assert any("2 processes, cpu; from step 0 to 6." in out for out in outputs)
    assert [step for step, *_ in _losses(tmp_path / "run")] == [1, 2, 3, 4, 5, 6]
    written = {path.name for path in checkpoints(tmp_path / "run")[-1].iterdir()}
    assert {"random_states_0.pkl", "random_states_1.pkl"} <= written


def test_one_process_stops_cleanly_however_it_is_asked(recipe, tmp_path, launch):
    ways = {
        "child": lambda process, child: os.kill(child, signal.SIGTERM),
        "group": lambda process, child: os.killpg(process.pid, signal.SIGINT),  # Ctrl-C
        "launcher": lambda process, child: process.terminate(),  # dies of it and tells its child nothing
    }
    runs = {way: launch(recipe, f"name={way}", "run.checkpoint_every=1000000") for way in ways}
    for way, process in runs.items():
        _wait_for_step(process, tmp_path / way, 3)
        child = _children(process)[0]
        ways[way](process, child)
        out, _ = _finish(process, code=0 if way == "child" else None)
        assert "stopped by a signal, start again to go on" in out
        _wait_until_gone(child)
        assert checkpoints(tmp_path / way)[-1].name == f"step-{_losses(tmp_path / way)[-1][0]:08d}"


def test_two_processes_stop_together_whoever_is_asked(recipe, tmp_path, launch):
    for way in ("launcher", "child"):
        process = launch(recipe, f"name={way}", "run.checkpoint_every=1000000", processes=2)
        _wait_for_step(process, tmp_path / way, 3)
        children = _children(process)
        assert len(children) == 2
        os.kill(process.pid if way == "launcher" else children[1], signal.SIGTERM)
        _finish(process, code=0 if way == "child" else None)
        for child in children:
            _wait_until_gone(child)
        assert checkpoints(tmp_path / way)[-1].name == f"step-{_losses(tmp_path / way)[-1][0]:08d}"


def _wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, f"process {pid} did not end"
        time.sleep(0.05)


def test_a_loss_that_is_not_finite_in_two_processes_is_said_once(recipe, tmp_path, launch):
    words = ["optimizer.learning_rate=1e30", "optimizer.clip_norm=none", "run.checkpoint_every=1"]
    _, err = _finish(launch(recipe, *words, processes=2), code=1)
    said = [line for line in err.splitlines() if "is not finite" in line]
    assert len(said) == 1
    assert f"the last good checkpoint in {tmp_path / 'run'} is kept" in said[0]
    assert 'train.py", line' not in err  # no traceback of ours


def test_a_full_disk_is_said_and_leaves_whole_checkpoints(recipe, tmp_path):
    """A limit on the size of files stands for the full disk: the optimizer's state no longer fits."""
    command = [sys.executable, "training/train.py", str(recipe), "run.steps=2"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=PATIENCE)
    limit = max(f.stat().st_size for f in checkpoints(tmp_path / "run")[-1].iterdir()) - 1000
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))"
    script = f"{limited}; import runpy, sys; sys.argv.pop(0); runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [sys.executable, "-c", script, "training/train.py", str(recipe), "run.steps=4"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1
    assert "The checkpoint of step 4 cannot be written" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert [path.name for path in checkpoints(tmp_path / "run")] == ["step-00000002"]
    assert not list((tmp_path / "run").glob("writing-*"))


VALIDATE = """
import json, sys, torch
from accelerate import Accelerator
from colorhub.models import UNet
from training.config import Data
from training.data.loader import Shard
from training.data.sources import open_pictures
from training.validate import validate, load_validation_set

accelerator = Accelerator(cpu=True)
shard = Shard(0, accelerator.process_index, accelerator.num_processes)
torch.manual_seed(0)
model = UNet(width=4, depth=3)
torch.manual_seed(shard.rank)
for _ in range(3):  # every process sees other batches, so that its running means differ
    model(torch.rand(2, 1, 32, 32) * 100)
data = Data(validation_size=32, validation_limit=40)
scores = validate(model, load_validation_set(open_pictures([sys.argv[1]], "train"), data, shard), accelerator)
accelerator.print(json.dumps([accelerator.num_processes, scores]))
"""


def test_validation_of_two_processes_is_that_of_one(shards, tmp_path):
    (tmp_path / "check.py").write_text(VALIDATE)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"}
    torchrun = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", str(free_port())]
    answers = []
    for words in ([], torchrun):
        command = [sys.executable, *words, str(tmp_path / "check.py"), str(shards)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        answers.append(json.loads(done.stdout.splitlines()[-1]))
    assert [world for world, _ in answers] == [1, 2]
    assert answers[0][1] == answers[1][1]
