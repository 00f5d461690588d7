"""A real PostgreSQL on loopback in a temporary folder, from Debian's binaries."""

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ports import free_port


def binaries() -> Path | None:
    """The folder of the newest installed server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    return found[-1].parent if found else None


class Server:
    """A cluster of its own. ``url`` is what COLORHUB_DATABASE_URL takes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._bin = folder, binaries()
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        folder.mkdir(parents=True)
        if os.geteuid() == 0:  # the server refuses to run as root
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
        self._run("initdb", "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-t", "120", "-o", options, "-l", self._log, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; ``immediate`` is a crash: nothing is flushed."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-t", "120", "-m", mode, "stop")

    @property
    def _log(self) -> str:
        return str(self.folder / "log")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
        subprocess.run(command, check=True, cwd="/", timeout=300, **quiet)


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A running server in a new folder, which every user may enter; gone afterwards."""
    server = Server(folder)
    try:
        server.start()
        yield server
        server.stop("immediate")
    finally:
        time.sleep(0.1)
        shutil.rmtree(folder, ignore_errors=True)
