"""What a stranger may send: so much, so often, and JSON only. Nothing about who sent it is kept."""

import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable
from threading import Lock
from typing import Any

import anyio
from starlette.requests import ClientDisconnect, Request

from colorhub.study.errors import InvalidError, RefusedError, TooLargeError

MAX_BODY = 16 * 1024
_BODY_SECONDS = 10
_DAY = 86_400
_FORGET_ABOVE = 20_000  # senders remembered at a time


class FloodError(RefusedError):
    """Too many requests from one place."""

    status, code = 429, "too-many"


class NotJsonError(RefusedError):
    """A body of another media type."""

    status, code = 415, "not-json"


class SlowError(RefusedError):
    """A body that does not come."""

    status, code = 408, "slow"


class RateLimit:
    """``burst`` requests at once, and ``rate`` a second in the long run, for each sender."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate, self.burst, self._clock = rate, burst, clock
        self._lock = Lock()
        self._left: dict[bytes, tuple[float, float]] = {}

    def take(self, sender: bytes) -> None:
        """Count a request. Raises :class:`FloodError`."""
        with self._lock:
            now = self._clock()
            left, since = self._left.get(sender, (float(self.burst), now))
            left = min(self.burst, left + (now - since) * self.rate)
            if left < 1:
                raise FloodError("Too many requests: wait a moment, then go on.")
            if len(self._left) >= _FORGET_ABOVE:
                self._forget(now)
            self._left[sender] = (left - 1, now)

    @property
    def senders(self) -> int:
        """How many senders are remembered."""
        return len(self._left)

    def _forget(self, now: float) -> None:
        """Drop senders whose limit is full again; if that is not enough for a while, all."""
        full = self.burst / self.rate
        self._left = {sender: kept for sender, kept in self._left.items() if now - kept[1] < full}
        if len(self._left) > _FORGET_ABOVE // 2:
            self._left.clear()


class Senders:
    """Addresses as hashes with a salt of the day, in memory only: they cannot be traced back or joined over days."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._day, self._salt = -1, b""

    def of(self, request: Request) -> bytes:
        """A request's sender. In a Space, the address that its proxy names."""
        address = request.client.host if request.client else ""
        if os.environ.get("SPACE_ID"):  # elsewhere anybody could write this header
            address = request.headers.get("x-forwarded-for", address).split(",")[-1].strip()
        return hashlib.blake2b(address.encode(), key=self._today(), digest_size=16).digest()

    def _today(self) -> bytes:
        day = int(self._clock() // _DAY)
        if day != self._day:
            self._day, self._salt = day, secrets.token_bytes(32)
        return self._salt


async def read_json(request: Request) -> dict[str, Any]:
    """The JSON object in a request's body.

    Raises:
        NotJsonError, TooLargeError, SlowError: before all of it was read.
        InvalidError: it is no object, or holds what no answer holds: text that is no text, numbers that are none.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise NotJsonError("Send JSON: content-type application/json.")
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > 9 or int(length) > MAX_BODY:
        raise TooLargeError(f"At most {MAX_BODY} bytes can be sent.")
    body = bytearray()
    try:
        with anyio.fail_after(_BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    raise TooLargeError(f"At most {MAX_BODY} bytes can be sent.")
    except TimeoutError:
        raise SlowError("The request did not arrive in time: send it again.") from None
    except ClientDisconnect:  # nobody will read this
        raise InvalidError("The request broke off.") from None
    return parsed(bytes(body))


def parsed(body: bytes) -> dict[str, Any]:
    """A JSON object, strictly. Raises :class:`InvalidError`."""
    try:
        values = json.loads(body.decode(), parse_constant=_no_number)
        text = json.dumps(values, ensure_ascii=False)
        text.encode()  # halves of surrogate pairs are no text
    except (ValueError, RecursionError):
        raise InvalidError("This is no valid JSON.") from None
    if "\\u0000" in text:  # which PostgreSQL cannot hold
        raise InvalidError("Text has no character 0.")
    if not isinstance(values, dict):
        raise InvalidError("A JSON object is expected.")
    return values


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number in JSON")
