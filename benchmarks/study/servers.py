"""What the study's benchmarks vote against: a real study, ``python app.py`` as processes of their own, and what is in
their database, read without colorhub."""

import contextlib
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import psycopg
from PIL import Image
from skimage import data

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "helpers"))
from postgres_server import Server, binaries, serving

ROOT = Path(__file__).resolve().parents[2]
NAME = "load"
Vote = tuple[str, int, str]  # rater, position, answer


def make_study(folder: Path, raters: int = 2000, per_rater: int = 40, size: int = 256) -> None:
    """A real study under ``folder/studies``: crops of photographs of installed packages, coloured by a small untrained
    model, which is put under ``folder/models``."""
    import torch

    from colorhub import create
    from colorhub.study.create import create_study
    from colorhub.study.design.config import Config, Stopping

    torch.manual_seed(0)
    model = folder / "models" / "small"
    create("unet", width=4, depth=4, dropout=0.0, working_size=64).save_pretrained(model)
    images, practice, attention = max(20, per_rater), 4, 2
    _write_photos(folder / "photos", images + practice + attention + 10, size)
    config = replace(Config(), stopping=Stopping(raters=raters))
    config = config.with_design(images=images, per_rater=per_rater, practice=practice, attention=attention, size=size)
    create_study(NAME, str(folder / "photos"), [str(model)], config, root=folder / "studies", seed=1)


def _write_photos(folder: Path, count: int, size: int) -> None:
    folder.mkdir(parents=True)
    pictures = [data.astronaut(), data.chelsea(), data.coffee()]
    generator = np.random.default_rng(0)
    for number in range(count):
        picture = pictures[number % len(pictures)]
        top, left = (generator.integers(0, side - size + 1) for side in picture.shape[:2])
        Image.fromarray(picture[top : top + size, left : left + size]).save(folder / f"{number:03}.png")


def _free_port() -> int:
    """A port that no outgoing connection takes meanwhile: below those that the system gives to them."""
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class App:
    """One ``python app.py``: a server on SQLite, or one of several on the same PostgreSQL."""

    def __init__(self, folder: Path, database: str = "", name: str = "app") -> None:
        self.folder, self._log = folder, folder / f"{name}.log"
        self.port = _free_port()
        self._environment = {
            **os.environ,
            "COLORHUB_STUDIES": str(folder / "studies"),
            "COLORHUB_MODELS": str(folder / "models"),
            "COLORHUB_DATABASE_URL": database,
            "GRADIO_SERVER_PORT": str(self.port),
            "GRADIO_NUM_PORTS": "1",  # it comes back where it was, or not at all
            "GRADIO_TEMP_DIR": str(folder / "uploads"),
            "HF_HUB_OFFLINE": "1",
            "PYTHONPATH": str(ROOT),
        }
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it; it answers a while later."""
        with self._log.open("ab") as log:
            command = [sys.executable, str(ROOT / "app.py")]
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )

    def wait(self, seconds: float = 600) -> float:
        """Wait until it lists its studies; how long that took. One that gave up is started again, as whoever runs it
        would: gradio does where the machine is so busy that its first request takes seconds. Raises ``RuntimeError``
        with what it printed."""
        start = time.monotonic()
        while time.monotonic() < start + seconds:
            if self.answers():
                return time.monotonic() - start
            if self.process is None or self.process.poll() is not None:
                self.start()
            time.sleep(0.1)
        raise RuntimeError(f"app.py does not answer. It printed:\n{self._log.read_text(encoding='utf-8')}")

    def answers(self) -> bool:
        """Whether it lists its studies now."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/study/api/studies", timeout=20) as reply:
                return reply.status == 200
        except OSError:
            return False

    def kill(self) -> None:
        """SIGKILL: it has no chance to finish anything."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


@contextmanager
def apps(folder: Path, count: int = 1, database: str = "") -> Iterator[list[App]]:
    """Running servers, gone afterwards."""
    running = [App(folder, database, f"app{number}") for number in range(count)]
    try:
        for app in running:
            app.start()
        for app in running:
            app.wait()
        yield running
    finally:
        for app in running:
            app.kill()


@contextmanager
def postgres(folder: Path) -> Iterator[Server]:
    """A PostgreSQL of our own. Raises ``SystemExit`` where none is installed."""
    if binaries() is None:
        raise SystemExit("No PostgreSQL is installed: apt-get install postgresql.")
    with serving(folder) as server:
        yield server


def crash(server: Server) -> None:
    """SIGKILL of PostgreSQL: its postmaster and all its workers at once."""
    postmaster = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
    workers = subprocess.run(["pgrep", "-P", str(postmaster)], capture_output=True, text=True).stdout.split()
    for process in (postmaster, *map(int, workers)):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue


def votes_in(folder: Path, database: str = "") -> list[Vote]:
    """All votes that are in the database."""
    with closing(_connect(folder, database)) as connection:
        return sorted(map(tuple, connection.execute("SELECT rater, position, answer FROM votes")))


def snapshot(folder: Path, database: str = "") -> dict[str, list[tuple]]:
    """Everything that is in the database, by table."""
    tables = ("about", "studies", "sequences", "raters", "votes", "panel")
    with closing(_connect(folder, database)) as connection:
        return {name: sorted(map(tuple, connection.execute(f"SELECT * FROM {name}")), key=repr) for name in tables}


def _connect(folder: Path, database: str) -> "sqlite3.Connection | psycopg.Connection":
    return psycopg.connect(database) if database else sqlite3.connect(folder / "studies" / "votes.sqlite")
