"""An S3 server on loopback (moto), and a proxy before it that answers 500, waits, or cuts the connection."""

import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from ports import free_port

_BODY = b"<Error><Code>InternalError</Code><Message/></Error>"
_HEADERS = f"Content-Type: application/xml\r\nContent-Length: {len(_BODY)}\r\nConnection: close"
ERROR = f"HTTP/1.1 500 Internal Server Error\r\n{_HEADERS}\r\n\r\n".encode() + _BODY


@contextmanager
def s3_server() -> Iterator[str]:
    """Its address; it knows nothing yet, and takes any key."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on {port}")


@dataclass
class Proxy:
    """Passes connections on to ``port``: each with a chance of ``errors`` is answered 500, of ``cuts`` is cut after a
    few kilobytes of answer; each waits ``delay`` seconds before every answer. ``injected``: how many of both."""

    port: int
    errors: float = 0.0
    cuts: float = 0.0
    delay: float = 0.0
    seed: int = 0
    injected: int = 0
    _listener: socket.socket = field(init=False)

    def __enter__(self) -> str:
        self._random = random.Random(self.seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __exit__(self, *error: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        chance = self._random.random()
        with suppress(OSError), client:
            if chance < self.errors:
                self.injected += 1
                client.recv(65536)
                client.sendall(ERROR)
                return
            left = [4096] if chance < self.errors + self.cuts else None
            self.injected += left is not None
            with socket.create_connection(("127.0.0.1", self.port)) as server:
                back = threading.Thread(target=self._copy, args=(server, client, left, self.delay), daemon=True)
                back.start()
                self._copy(client, server, None, 0.0)
                back.join(5)

    def _copy(self, start: socket.socket, end: socket.socket, left: list[int] | None, delay: float) -> None:
        last = 0.0
        with suppress(OSError):
            while content := start.recv(65536):
                if delay and time.monotonic() - last > delay / 2:
                    time.sleep(delay)
                last = time.monotonic()
                if left is not None:
                    content, left[0] = content[: max(0, left[0])], left[0] - len(content)
                end.sendall(content)
                if left is not None and left[0] <= 0:
                    end.shutdown(socket.SHUT_RDWR)
                    start.shutdown(socket.SHUT_RDWR)
                    return
        with suppress(OSError):
            end.shutdown(socket.SHUT_WR)


def credentials(endpoint: str) -> dict[str, str]:
    """The environment in which ``s3://`` means this server."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def environment(endpoint: str) -> dict[str, str]:
    """Of a process that reaches it."""
    return {**os.environ, **credentials(endpoint)}
