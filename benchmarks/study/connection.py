"""HTTP/1.1 over asyncio in a few lines, so that two hundred raters cost the machine they load next to nothing."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

SECONDS = 300.0  # browsers wait so long


class BrokenError(OSError):
    """No answer: refused, cut off, or too late."""


@dataclass(frozen=True)
class Reply:
    """``head``: everything before the body, as it came; ``seconds``: from the first byte sent to the last received."""

    status: int
    head: bytes
    body: bytes
    seconds: float

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def header(self, name: str) -> str:
        """A header's value, or ""."""
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name:
                return value.strip()
        return ""


class Connection:
    """One rater's connection to a server on this machine, kept alive; ``address`` is where it comes from."""

    def __init__(self, port: int, address: str = "127.0.0.1") -> None:
        self.port, self.address = port, address
        self._pair: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str, token: str = "") -> Reply:
        """A GET request."""
        return await self.send(_head("GET", path, token))

    async def post(self, path: str, values: object, token: str = "") -> Reply:
        """A POST request with JSON."""
        body = json.dumps(values).encode()
        lines = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return await self.send(_head("POST", path, token, lines) + body)

    async def send(self, request: bytes) -> Reply:
        """Bytes as they are. Raises :class:`BrokenError`."""
        try:
            return await asyncio.wait_for(self._exchange(request), SECONDS)
        except (OSError, EOFError, TimeoutError, ValueError, IndexError) as error:
            self.close()
            raise BrokenError(type(error).__name__) from None

    def close(self) -> None:
        """Hang up."""
        if self._pair:
            self._pair[1].close()
        self._pair = None

    async def _exchange(self, request: bytes) -> Reply:
        if self._pair is None:
            self._pair = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(self.address, 0))
        reader, writer = self._pair
        start = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        length = int(Reply(status, head, b"", 0).header("content-length") or 0)
        body = await reader.readexactly(length)
        if b"connection: close" in head.lower():
            self.close()
        return Reply(status, head, body, time.perf_counter() - start)


def _head(method: str, path: str, token: str, more: str = "") -> bytes:
    shown = f"X-Study-Token: {token}\r\n" if token else ""
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{shown}{more}\r\n".encode()
