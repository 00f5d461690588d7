"""The cluster: this machine alone, the one that this machine is part of, or the one at an address."""

import logging
import os
import re
import secrets
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from threading import current_thread
from typing import Any, TextIO, cast

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from colorhub import __version__
from colorhub._system import cores
from colorhub._text import one_line
from colorhub.archive.manifest import PREFIX
from colorhub.archive.places import Place

LOCAL = "local"
SPARE = 1  # processors of a node that are left to Ray: it filters and divides the listing in tasks of its own
_PATIENCE = 5.0  # seconds for a connection to the head
_ANSWER = 60.0  # seconds for a node to start a process and look at the output
_STORE = 200 * 2**20  # bytes of the object store of one machine: names, rows and a model's weights
_ERRORS = "ray_listen_error_messages"  # a thread of a driver
_GONE = ray.exceptions.TaskUnschedulableError, ray.exceptions.NodeDiedError, ray.exceptions.LocalRayletDiedError
_VERSIONS = re.compile(r"Ray: (\S+)\s+Python: (\S+)")


class ClusterError(RuntimeError):
    """A cluster that cannot be used: one sentence that says why, and what to do."""


@dataclass(frozen=True)
class Node:
    """A machine of the cluster. ``memory``: bytes that Ray gives to processes there."""

    id: str
    name: str
    cpus: float
    gpus: float
    memory: int


@contextmanager
def connected(address: str) -> Iterator[list[Node]]:
    """Be a driver of a cluster while the block runs, and know its nodes.

    Args:
        address: ``local`` for a cluster of this machine alone, which ends with the block; ``auto`` for the one that
            this machine is part of; or ``host:port`` of a head.

    Raises:
        ClusterError: there is none, or it is of another version of Ray or Python.
    """
    logging.getLogger("ray").setLevel(logging.ERROR)
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    try:
        if address not in (LOCAL, "auto"):
            _expect_answer(address)
        if address == LOCAL:
            quiet |= {"num_cpus": cores() + SPARE + 1, "object_store_memory": _STORE, "include_dashboard": False}
        with _silence():
            ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise ClusterError(_reason(address, error)) from error
    try:
        with redirect_stdout(cast("TextIO", _WithoutRay(sys.stdout))):
            yield nodes()
    finally:
        with redirect_stdout(StringIO()):  # it says once more what its nodes' errors were
            ray.shutdown()


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing on stderr: Ray tells there that it will tell nothing, from outside Python."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class _WithoutRay:
    """Stdout, for all but the thread of Ray that prints errors of its nodes there whatever its settings are: what
    programs read is printed there."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return len(text) if current_thread().name == _ERRORS else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def nodes() -> list[Node]:
    """Those that are alive."""
    found = []
    for node in ray.nodes():
        if node["Alive"]:
            has = node["Resources"]
            what = has.get("CPU", 0.0), has.get("GPU", 0.0), int(has.get("memory", 0))
            found.append(Node(node["NodeID"], node["NodeManagerHostname"], *what))
    return found


def expect_shared(source: Place, output: Place, where: Sequence[Node]) -> None:
    """Let every node look for the photos, and for a file in the output that this machine wrote, and write one, too. One
    that is lost meanwhile takes no part.

    Raises:
        ClusterError: one does not see it, has no colorhub, or another version: the message names it.
    """
    token = secrets.token_hex(8)
    name = f"{PREFIX}{token}.shared"
    output.write(name, token.encode())
    try:
        asked = {node.name: _look(node, source, output, name, token) for node in where}
        for node, answer in asked.items():
            if told := _answer(answer, output):
                raise ClusterError(f"the node {node} {told}")
    finally:
        output.remove(name)


def _look(node: Node, source: Place, output: Place, name: str, token: str) -> "ray.ObjectRef[str]":
    where = NodeAffinitySchedulingStrategy(node.id, soft=False)
    return _sees.options(scheduling_strategy=where).remote(source, output, name, token, __version__)


@ray.remote(num_cpus=0, max_retries=1)
def _sees(source: Place, output: Place, name: str, token: str, version: str) -> str:
    return what_is_wrong(source, output, name, token, version)


def what_is_wrong(source: Place, output: Place, name: str, token: str, version: str) -> str:
    """What hinders this machine from writing where another one wrote ``token`` into a file; empty where nothing does.

    Args:
        source: of the photos.
        output: of both.
        name: the file.
        token: its content.
        version: of the other one's colorhub.
    """
    if version != __version__:
        return f"has colorhub {__version__}, and this machine {version}: install the same everywhere"
    if source.is_local and not Path(source.root).is_dir():
        return f"does not see the photos in {source.name}: give a folder that all nodes share, or an address"
    is_another = f"does not see {output.name} as this machine does: give an output that all nodes share, or an address"
    try:
        with output.reading(name) as file:
            if file.read() != token.encode():
                return is_another
    except FileNotFoundError:
        return is_another
    except Exception as error:
        return f"cannot read from {output.name} ({one_line(error, 200)}): give it access"
    try:
        mine = f"{name}.{secrets.token_hex(8)}"
        output.write(mine, b"")
        output.remove(mine)
    except Exception as error:
        return f"cannot write into {output.name} ({one_line(error, 200)}): give it access"
    return ""


def _answer(asked: "ray.ObjectRef[str]", output: Place) -> str:
    try:
        return str(ray.get(asked, timeout=_ANSWER))
    except ray.exceptions.GetTimeoutError:
        return f"does not answer within {_ANSWER:.0f} seconds: have a look at it, or remove it"
    except ray.exceptions.RayTaskError as error:
        if "No module named" in str(error):
            return 'has no colorhub: pip install "colorhub[ray]" there'
        return f"cannot look at {output.name} ({one_line(error, 200)})"
    except _GONE:  # Ray still listed it; it takes no part, and the run tells that it was lost
        return ""
    except ray.exceptions.RayError as error:
        return f"was lost while it was looked at ({one_line(error, 100)}): the same command tries again"


def _expect_answer(address: str) -> None:
    """Ask the head's port before Ray does, which waits for minutes."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or "/" in host:
        raise ClusterError(
            f"the address of a cluster is local, auto or host:port, as ray start --head prints it, not {address!r}"
        )
    with suppress(TimeoutError), socket.create_connection((host, int(port)), _PATIENCE):
        return
    raise ConnectionError("nothing answers")


def _reason(address: str, error: Exception) -> str:
    if isinstance(error, ClusterError):
        return str(error)
    versions = _VERSIONS.findall(str(error))
    if "ersion mismatch" in str(error) and len(versions) == 2:
        (ray_there, python_there), (ray_here, python_here) = versions
        return (
            f"the cluster runs Ray {ray_there} on Python {python_there}, and this machine Ray {ray_here} on Python "
            f"{python_here}: both must be the same, so install those of the cluster here"
        )
    if address == LOCAL:
        return f"Ray does not start on this machine ({one_line(error, 200)})"
    if address == "auto":
        return "this machine is part of no Ray cluster: ray start --head begins one, and --ray local needs none"
    return (
        f"there is no Ray cluster at {address} ({one_line(error, 120)}): ray start --head prints the address of its own"
    )
