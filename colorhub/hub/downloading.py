"""Files from the network: a download goes on where it was cut off, and fails at once where there is no network."""

import http.client
import os
import re
import socket
import threading
import urllib.error
import urllib.request
from contextlib import suppress
from email.message import Message
from pathlib import Path
from urllib.parse import urlsplit

from huggingface_hub import constants
from tqdm import tqdm

from colorhub import __version__
from colorhub.models.repository import ModelNotFoundError

_PATIENCE = 0.8  # seconds for a connection: with a network it takes a tenth of that
_BLOCK = 1 << 18
_ATTEMPTS = 5
_TIMEOUT = 30  # seconds without a byte


def offline() -> bool:
    """Whether the user asked for no network: ``HF_HUB_OFFLINE``."""
    return bool(constants.HF_HUB_OFFLINE)


def reachable(url: str) -> bool:
    """Whether the host of a URL, or the proxy for it, takes connections within a second.

    Looking a name up can take far longer and cannot be interrupted, so a thread is left with it.
    ``HF_HUB_ETAG_TIMEOUT`` sets another patience in seconds.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxy = None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get(parts.scheme)
    if proxy:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    patience = float(constants.HF_HUB_ETAG_TIMEOUT) if "HF_HUB_ETAG_TIMEOUT" in os.environ else _PATIENCE
    answered = threading.Event()

    def connect() -> None:
        with suppress(OSError), socket.create_connection((parts.hostname or "", port), timeout=patience):
            answered.set()

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(patience)
    return answered.is_set()


def download(url: str, target: Path) -> None:
    """Fetch a URL into a file, with a progress bar. What is there of an interrupted download is kept and continued.

    Raises:
        ModelNotFoundError: the server does not have it, or the connection was lost again and again.
    """
    part = target.with_name(f"{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    reason = ""
    for _ in range(_ATTEMPTS):
        try:
            if _attempt(url, part):
                part.replace(target)
                return
            reason = "the connection was cut"
        except urllib.error.HTTPError as error:
            if error.code == 416:  # what is there is no beginning of what the server has
                part.unlink(missing_ok=True)
            elif error.code < 500:
                raise ModelNotFoundError(f"{url} cannot be fetched: the server answers {error.code}.") from error
            reason = f"the server answers {error.code}"
        except (OSError, http.client.HTTPException) as error:
            reason = str(getattr(error, "reason", error))
    size = part.stat().st_size if part.is_file() else 0
    raise ModelNotFoundError(
        f"The download of {url} broke off after {size / 1e6:.1f} MB ({reason}): call again, and it goes on from there."
    )


def _attempt(url: str, part: Path) -> bool:
    """Fetch what is missing; whether that was all."""
    start = part.stat().st_size if part.is_file() else 0
    headers = {"User-Agent": f"colorhub/{__version__}"} | ({"Range": f"bytes={start}-"} if start else {})
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT) as answer:
        if answer.status != 206:
            start = 0
        total = _total(answer.headers, start)
        with (
            part.open("ab" if start else "wb") as file,
            tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=part.stem, disable=_hidden()) as bar,
        ):
            while block := answer.read(_BLOCK):
                file.write(block)
                bar.update(len(block))
            return total is None or file.tell() == total


def _hidden() -> bool | None:
    """Whether there is no progress bar; None leaves it to tqdm, which asks for a terminal."""
    return constants.HF_HUB_DISABLE_PROGRESS_BARS or None


def _total(headers: Message, start: int) -> int | None:
    """Size of the whole file in bytes, as the server says it."""
    if found := re.search(r"/(\d+)$", headers.get("Content-Range", "")):
        return int(found[1])
    length = headers.get("Content-Length")
    return start + int(length) if length else None
