"""The command line as tests call it: in this process, with a tiny model."""

from collections.abc import Callable
from pathlib import Path

import pytest
from commands import typed
from typer.testing import Result


@pytest.fixture
def run(model: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs ``colorhub`` with the tiny model."""
    for name in ("RANK", "WORLD_SIZE", "COLORHUB_MODELS"):
        monkeypatch.delenv(name, raising=False)

    def colorhub(*arguments: object, with_model: bool = True) -> Result:
        given = [str(argument) for argument in arguments]
        if given[0] == "colorize" and with_model:
            given += ["--model", str(model)]
        return typed(*given)

    return colorhub
