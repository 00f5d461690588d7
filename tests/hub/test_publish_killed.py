"""Publishing killed at random moments: what is on the Hub can always be loaded."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from local_hub import LocalHub

from colorhub.hub.cards import write_card
from colorhub.hub.loading import load
from colorhub.models import create

pytestmark = pytest.mark.slow

KILLS = 20
PATIENCE = 240  # seconds until a publishing that does not answer is given up
# Loads the libraries once; each line it reads is a folder, published by a process of its own that can be killed.
PUBLISHER = """
import os, sys
from colorhub.hub.publish import Hub, check_folder, plan_models, publish_model
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        folder, hub = check_folder(line.strip()), Hub()
        [plan] = plan_models(hub, [folder], "owner")
        publish_model(hub, folder, plan)
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
L = torch.linspace(0, 100, 64 * 64).reshape(1, 1, 64, 64)


@pytest.fixture
def publisher(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen]:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    process = subprocess.Popen(
        [sys.executable, "-c", PUBLISHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    yield process
    process.stdin.close()
    process.wait(timeout=PATIENCE)


def retrain(folder: Path, seed: int) -> torch.Tensor:
    """Other weights in the folder, of another width, so that config and weights of two versions cannot be mixed."""
    torch.manual_seed(seed)
    model = create("unet", width=24 + seed % 4, depth=4, working_size=64).eval()
    model.save_pretrained(folder)
    (folder / "recipe.toml").write_text(f"seed = {seed}")
    write_card(folder)
    return model(L).ab


def start(publisher: subprocess.Popen, hub: LocalHub, folder: Path) -> int:
    """Begin to publish; back when the upload begins, with the process id."""
    seen = len(hub.log)
    publisher.stdin.write(f"{folder}\n")
    publisher.stdin.flush()
    child = int(publisher.stdout.readline())
    deadline = time.monotonic() + PATIENCE
    while not any("/preupload/" in line for line in hub.log[seen:]):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return child


def test_killed_twenty_times_the_repository_is_always_whole(
    hub: LocalHub, publisher: subprocess.Popen, tmp_path: Path
) -> None:
    folder, chance = tmp_path / "model", random.Random(0)
    current = retrain(folder, 0)
    hub.bytes_a_second = 1e6
    start(publisher, hub, folder)
    began = time.monotonic()
    assert publisher.stdout.readline() == "0\n"
    took = time.monotonic() - began
    statuses, arrived = [], []
    for kill in range(1, KILLS + 1):
        new = retrain(folder, kill)
        child = start(publisher, hub, folder)
        time.sleep(chance.uniform(0, took))
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        statuses.append(int(publisher.stdout.readline()))
        found = load("owner/model", cache_dir=tmp_path / f"cache-{kill}")(L).ab
        arrived.append(torch.equal(found, new))
        assert arrived[-1] or torch.equal(found, current)
        current = found
    assert statuses.count(-signal.SIGKILL) >= KILLS // 2, statuses
    assert not all(arrived)  # some were killed before their commit
    last = retrain(folder, KILLS + 1)
    start(publisher, hub, folder)
    assert publisher.stdout.readline() == "0\n"
    assert torch.equal(load("owner/model", cache_dir=tmp_path / "last")(L).ab, last)
    assert hub.files("owner/model") == {path.name: path.read_bytes() for path in folder.iterdir()}
