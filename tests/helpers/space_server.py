"""Helpers of the page's tests: ``python app.py`` as a process of its own, with small models and watched connections."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ports import free_port

if TYPE_CHECKING:
    from colorhub import ColorizationPipeline

ROOT = Path(__file__).resolve().parents[2]

# Imported by Python before anything else: writes down every address that is not this machine.
_WATCH = """
import os, sys
HERE = ("127.0.0.1", b"127.0.0.1", "::1", "localhost", "0.0.0.0", None)
def watch(event, args):
    if event in ("socket.connect", "socket.sendto"):
        address = args[1][0] if isinstance(args[1], tuple) else None
    elif event == "socket.getaddrinfo":
        address = args[0]
    else:
        return
    if address not in HERE:
        with open(os.environ["WATCH_FILE"], "a") as file:
            file.write(f"{event} {address}\\n")
sys.addaudithook(watch)
"""


@dataclass(frozen=True)
class Served:
    """A running page. ``log`` holds what it printed, ``contacts`` the addresses it talked to besides this machine."""

    url: str
    log: Path
    contacts: Path

    def printed(self) -> str:
        """What the server has printed so far."""
        return self.log.read_text(encoding="utf-8")


def small_models(folder: Path) -> Path:
    """Untrained models, small enough for tests, as ``$COLORHUB_MODELS`` wants them; ``several`` has many answers."""
    import torch

    from colorhub import create
    from colorhub.hub.loading import COMPARED_AT

    torch.manual_seed(0)
    for name, width in (("unet", 8), ("other", 4)):
        create("unet", width=width, depth=4, dropout=0.0, working_size=64).save_pretrained(folder / name)
    # Better than any bundled model, so that it is the page's default.
    scores = {
        "metrics": {"gain": {"mean": 9.0}},
        "curve": {"at_colorfulness": {COMPARED_AT: {"kid-lite1": {"value": 0.1}}}},
    }
    (folder / "unet" / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    several = create("eccv16", width=8, working_size=64)
    with torch.no_grad():  # an untrained head is nearly sure of nothing: make it choose among a few colours
        several.head.weight.mul_(200)
    several.save_pretrained(folder / "several")
    return folder


def empty_page(models: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's folder for uploads, below ``folder``; in this process the cache is empty and ``models`` behind it."""
    from colorhub.space.shared.catalogue import CACHE

    monkeypatch.setenv("COLORHUB_MODELS", str(models))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder / "uploads"))
    CACHE.clear()
    (folder / "uploads").mkdir()
    return folder / "uploads"


def pipeline_of(name: str) -> "ColorizationPipeline":
    """The page's pipeline with a listed model."""
    from colorhub.space.shared import catalogue

    return catalogue.CACHE.pipeline(catalogue.find(name, catalogue.listed()))


@contextmanager
def serve(folder: Path, models: Path, root: Path = ROOT, **variables: str) -> Iterator[Served]:
    """Run ``python app.py`` of ``root`` until the block is left. ``folder`` takes its log and its temporary files;
    ``variables`` of the environment win over ours."""
    (folder / "watch").mkdir(parents=True)
    (folder / "watch" / "sitecustomize.py").write_text(_WATCH, encoding="utf-8")
    served = Served(f"http://127.0.0.1:{free_port()}", folder / "server.log", folder / "contacts.txt")
    environment = {
        **os.environ,
        "COLORHUB_MODELS": str(models),
        "COLORHUB_STUDIES": str(folder / "studies"),
        "GRADIO_SERVER_PORT": served.url.rsplit(":", 1)[1],
        "GRADIO_TEMP_DIR": str(folder / "uploads"),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(folder / "watch"),
        "WATCH_FILE": str(served.contacts),
        "OMP_WAIT_POLICY": "PASSIVE",
        **variables,
    }
    with served.log.open("w", encoding="utf-8") as log:
        command = [sys.executable, str(root / "app.py")]
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait(served, process)
        yield served
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(served: Served, process: subprocess.Popen, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(served.url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"app.py did not serve its page. It printed:\n{served.printed()}")


def write_scores(folder: Path, seed: int, **changes: object) -> dict[str, Any]:
    """Put a ``scores.json`` of the scorer's present shape into a model folder, with figures that differ by ``seed``.
    ``changes`` replace keys of the top level. The test of the real scorer holds its shape to the real one."""

    def figure(mean: float, spread: float) -> dict[str, float]:
        return {"mean": round(mean, 4), "low": round(mean - spread, 4), "high": round(mean + spread, 4), "n": 24}

    gain = 0.4 * seed - 0.3  # the first is worse than grey
    metrics = {
        "psnr": figure(21.6 + gain, 0.3),
        "gain": figure(gain, 0.22),
        "ciede2000": figure(12.5 - gain, 0.4),
        "colorfulness": figure(9.0 * seed, 1.5),
        "chroma_ratio": figure(0.2 * seed, 0.03),
        "ab_auc": figure(0.87 + 0.01 * seed, 0.004),
        "ab_auc_rebalanced": figure(0.64 + 0.02 * seed, 0.03),
        "lpips": None,
    }
    greys = ("lab", "luma", "film orthochromatic", "film blue-sensitive", "film red-filter", "fading", "white border")
    scores = {
        "protocol": "colorhub-1",
        "protocol_sha256": "a" * 64,
        "definitions": {"gain": "PSNR above that of the same picture without colour, in dB."},
        "model": {"name": folder.name},
        "data": {"source": "photos", "split": "test", "pictures": 24, "fingerprint": "0123456789abcdef"},
        "metrics": metrics,
        "not_computed": {"lpips": "needs a network that is not here"},
        "baselines": {
            "grey": {"psnr": figure(21.6, 0.3), "gain": figure(0.0, 0.001), "colorfulness": figure(0.0, 0.0)},
            "mean_color": {"psnr": figure(21.9, 0.3), "gain": figure(0.3, 0.1), "colorfulness": figure(4.0, 0.1)},
            "original": {"psnr": figure(48.0, 0.1), "gain": figure(26.4, 0.2), "colorfulness": figure(40.25, 1.5)},
        },
        "robustness": {
            "pictures": 24,
            "variants": {name: {"gain": figure(gain - 0.1 * i, 0.3)} for i, name in enumerate(greys)},
        },
        "timing": {"milliseconds_per_picture": 7.25 * 3.1 ** (seed - 1), "device": "cpu", "threads": 2},
        "also": [],
        **changes,
    }
    (folder / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    return scores
