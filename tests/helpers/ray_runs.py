"""``colorhub colorize --ray`` as a process, and what is killed while it runs."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from commands import COLORHUB
from photos import grey_photo

from colorhub.photo import Photo
from colorhub.photo.metadata.metadata import Metadata

NODE = {"num_cpus": 2, "memory": 3 * 2**30, "object_store_memory": 80 * 2**20}
_POISON = """
import os, signal, time
from colorhub import Prediction
from colorhub.models import UNet

class Poison(UNet):
    architecture = "poison"

    def predict(self, L, hints=None):
        if (L.mean(dim=(1, 2, 3)) < 1).any():  # a black photo
            os.kill(os.getpid(), signal.SIGKILL)
        if (L.std(dim=(1, 2, 3)) < 0.1).any():  # a blank one
            time.sleep(3600)
        return super().predict(L, hints)
"""


def make_photos(folder: Path, count: int) -> Path:
    """Small grey photos, every second one in a folder inside."""
    (folder / "b").mkdir(parents=True)
    grey = grey_photo("astronaut", (60, 45))
    for number in range(count):
        grey.rotate(3 * number).save(folder / f"{'b/' * (number % 2)}{number:03}.jpg", comment=f"the {number}th")
    return folder


FAILS_ONCE = """
import os, sys
from pathlib import Path
from colorhub.models import UNet

class Poison(UNet):
    architecture = "poison"

    def eval(self):  # when it is loaded
        if sys.argv[0].endswith("default_worker.py"):  # Ray's, and not the driver
            try:
                os.close(os.open(Path(__file__).parent / "failed", os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return super().eval()  # another one failed
            raise OSError()
        return super().eval()
"""


def make_poison(folder: Path, code: str = _POISON) -> dict[str, str]:
    """A package with a model that kills its process on a black photo and hangs on a blank one, or of other code; the
    environment in which it is installed."""
    facts = folder / "poison-1.0.dist-info"
    facts.mkdir(parents=True)
    (folder / "poison.py").write_text(code)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: poison\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[colorhub.models]\npoison = poison:Poison\n")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


def start(source: Any, output: Any, model: Path, address: str, *options: str, **how: Any) -> "subprocess.Popen[str]":
    """A run that goes on in the background."""
    command = [*COLORHUB, "colorize", str(source), "-o", str(output), "-r", "--model", str(model), "--ray", address]
    return subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)


def run(*arguments: Any, code: int = 0, **how: Any) -> str:
    """What a run prints, which ends with this exit code."""
    process = start(*arguments, **how)
    out, errors = process.communicate(timeout=500)
    assert process.returncode == code, errors
    assert "Traceback" not in errors, errors
    return out + errors


def results(folder: Path, suffix: str = "*.jpg") -> int:
    """How many there are by now."""
    return sum(1 for _ in folder.rglob(suffix))


def wait_for(folder: Path, count: int, process: "subprocess.Popen[str]", suffix: str = "*.jpg") -> None:
    """Until so many results are there, or files of another suffix."""
    deadline = time.monotonic() + 300
    while results(folder, suffix) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, results(folder, suffix)
        time.sleep(0.02)


@contextmanager
def three_nodes() -> Iterator[Any]:
    """A cluster of a head and two nodes, all processes of this machine."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    try:
        for _ in range(2):
            cluster.add_node(**NODE)
        cluster.wait_for_nodes()
        yield cluster
    finally:
        cluster.shutdown()


def raylet(node: Any) -> int:
    """The process that a node's others are below."""
    [found] = node.all_processes["raylet"]
    return int(found.process.pid)


def timeless(photo: Photo) -> Metadata:
    """A photo's metadata, but for when it was coloured."""
    xmp = re.sub(rb"<stEvt:when>[^<]*", b"", photo.metadata.xmp or b"")
    return replace(photo.metadata, xmp=xmp)


def workers(above: int) -> list[psutil.Process]:
    """The processes below one that colour photos."""
    below = psutil.Process(above).children(recursive=True)
    return [process for process in below if "MapWorker" in _title(process)]


def kill(process: psutil.Process) -> None:
    """At once, without a word."""
    process.send_signal(signal.SIGKILL)


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
