"""The page's port: the one that was asked for and no other; without one the next free one, and it is said."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from space_server import ROOT

from colorhub.space.shared.port import PortError, asked_port, launched


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def environment(folder: Path, **variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "GRADIO_SERVER_PORT"}
    here = {"COLORHUB_STUDIES": str(folder / "studies"), "GRADIO_TEMP_DIR": str(folder / "uploads")}
    return {**kept, **here, "HF_HUB_OFFLINE": "1", **variables}


def test_a_port_that_was_asked_for_and_is_taken_is_one_sentence(taken: int, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "app.py")]
    variables = environment(tmp_path, GRADIO_SERVER_PORT=str(taken))
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr == (
        f"The port {taken} is taken: end what is served there, or set GRADIO_SERVER_PORT to another one.\n"
    )
    assert "is served at" not in done.stdout


def test_without_a_port_the_next_free_one_is_used_and_said(tmp_path: Path) -> None:
    with socket.socket() as listening, (tmp_path / "log").open("w", encoding="utf-8") as log:
        with suppress(OSError):  # somebody listens there already: as good
            listening.bind(("127.0.0.1", 7860))
            listening.listen()
        command = [sys.executable, str(ROOT / "app.py")]
        process = subprocess.Popen(command, cwd=ROOT, env=environment(tmp_path), stdout=log, stderr=log)
        try:
            end = time.monotonic() + 120
            while (
                process.poll() is None and time.monotonic() < end and "served at" not in (tmp_path / "log").read_text()
            ):
                time.sleep(0.1)
        finally:
            process.terminate()
            process.wait(timeout=20)
    said = (tmp_path / "log").read_text(encoding="utf-8")
    assert "The port 7860 is taken: the next free one is used.\n" in said
    assert int(re.search(r"served at http://127.0.0.1:(\d+)", said)[1]) > 7860  # type: ignore[index]


def test_the_keyword_wins_over_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRADIO_SERVER_PORT", raising=False)
    assert asked_port({}) is None
    monkeypatch.setenv("GRADIO_SERVER_PORT", "8123")
    assert (asked_port({}), asked_port({"server_port": 8124})) == (8123, 8124)
    monkeypatch.setenv("GRADIO_SERVER_PORT", "80000")
    with pytest.raises(PortError, match="from 1 to 65535, or 0 for any that is free, got '80000'"):
        asked_port({})


def test_any_free_port_is_none_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_SERVER_PORT", "0")
    asked: list[int] = []

    def launch(**keywords: int) -> tuple[None, str, str]:
        asked.append(keywords["server_port"])
        return None, f"http://127.0.0.1:{asked[0]}/", ""

    launched(launch, {})
    with socket.create_server(("127.0.0.1", asked[0])):
        assert asked[0] > 1023


def test_without_a_free_port_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRADIO_SERVER_PORT", raising=False)

    def launch(**keywords: int) -> tuple[None, str, str]:
        raise OSError("Cannot find empty port in range: 7860-7959. You can ...")

    with pytest.raises(PortError, match=r"^All ports that were tried, 7860 and above, are taken: end what"):
        launched(launch, {})


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "http"])
def test_a_variable_that_is_no_number_does_not_stop_the_import(text: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import colorhub.space, os; print([os.environ['GRADIO_SERVER_PORT']])"]
    variables = environment(tmp_path, GRADIO_SERVER_PORT=text)
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120)
    assert done.stdout == f"{[text]}\n", done.stderr
