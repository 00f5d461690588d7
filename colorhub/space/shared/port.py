"""The port of the page: the one that was asked for or none; without one the first that is free, and it is said."""

import os
from collections.abc import Callable, Mapping
from typing import Any

USUAL = 7860  # gradio's


class PortError(OSError):
    """The port that was asked for is taken, or may not be listened on."""


def asked_port(overrides: Mapping[str, Any]) -> int | None:
    """The port that the keyword ``server_port`` or else ``GRADIO_SERVER_PORT`` asks for; ``None`` where neither does.

    Raises:
        PortError: the variable holds no port.
    """
    if overrides.get("server_port") is not None:
        return int(overrides["server_port"])
    text = os.environ.get("GRADIO_SERVER_PORT", "").strip()
    if not text:
        return None
    if not text.isdecimal() or int(text) > 65535:
        raise PortError(f"GRADIO_SERVER_PORT must be a port from 0 to 65535, got {text!r}.")
    return int(text)


def launched(launch: Callable[..., tuple[Any, str, str]], overrides: Mapping[str, Any]) -> tuple[Any, str, str]:
    """What ``gradio.Blocks.launch`` answers, on the port that was asked for, or on the first free one from 7860 on.

    Raises:
        PortError: the port that was asked for cannot be had.
    """
    port = asked_port(overrides)
    try:
        served = launch(**{**overrides, "server_port": port})
    except OSError as error:
        if port is None or "Cannot find empty port" not in str(error):
            raise
        raise PortError(
            f"The port {port} is taken: end what is served there, or set GRADIO_SERVER_PORT to another one."
        ) from error
    if port is None and f":{USUAL}" not in served[1]:
        print(f"The port {USUAL} is taken: the next free one is used.", flush=True)
    return served
