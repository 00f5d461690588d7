"""The port of the page: the one that was asked for or none; without one the first that is free, and it is said."""

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

USUAL = 7860  # gradio's
VARIABLE = "GRADIO_SERVER_PORT"


class PortError(OSError):
    """The port that was asked for is taken, or may not be listened on."""


def asked_port(overrides: Mapping[str, Any]) -> int | None:
    """The port that the keyword ``server_port`` or else ``GRADIO_SERVER_PORT`` asks for; ``None`` where neither does.

    Raises:
        PortError: the variable holds no port.
    """
    if overrides.get("server_port") is not None:
        return int(overrides["server_port"])
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    if not text.isdecimal() or int(text) > 65535:
        raise PortError(f"{VARIABLE} must be a port from 1 to 65535, or 0 for any that is free, got {text!r}.")
    return int(text)


@contextmanager
def variable_set_aside() -> Iterator[None]:
    """While gradio is imported, which then reads the variable as a number and fails where it is none or empty."""
    text = os.environ.get(VARIABLE)
    if text is None or text.strip().isdecimal():
        yield
        return
    del os.environ[VARIABLE]
    try:
        yield
    finally:
        os.environ[VARIABLE] = text


def launched(launch: Callable[..., tuple[Any, str, str]], overrides: Mapping[str, Any]) -> tuple[Any, str, str]:
    """What ``gradio.Blocks.launch`` answers, on the port that was asked for, or on the first free one from 7860 on.

    Raises:
        PortError: the port that was asked for cannot be had.
    """
    port = asked_port(overrides)
    if port == 0:  # gradio would serve there, and name the port 0 as its address
        port = _free_port()
    try:
        served = launch(**{**overrides, "server_port": port})
    except OSError as error:
        if "Cannot find empty port" not in str(error):
            raise
        which = f"The port {port} is" if port is not None else f"All ports that were tried, {USUAL} and above, are"
        raise PortError(f"{which} taken: end what is served there, or set {VARIABLE} to another one.") from error
    if port is None and f":{USUAL}" not in served[1]:
        print(f"The port {USUAL} is taken: the next free one is used.", flush=True)
    return served


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as asking:
        return int(asking.getsockname()[1])
