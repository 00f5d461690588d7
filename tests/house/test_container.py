"""The Dockerfile without docker: its steps are carried out in a clean folder and environment, its page is started and
asked what the health check asks."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest
import yaml
from gradio_client import Client, handle_file
from photos import grey_photo
from PIL import Image
from space_server import free_port

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LINES = [line for line in re.sub(r"\\\n\s*", "", TEXT).splitlines() if line and not line.startswith("#")]
STEPS = [tuple(line.split(" ", 1)) for line in LINES]
AS_ROOT = "useradd "


def arguments(instruction: str) -> list[str]:
    return [rest for name, rest in STEPS if name == instruction]


def variables() -> dict[str, str]:
    return dict(word.split("=", 1) for line in arguments("ENV") for word in line.split())


def test_the_last_user_is_not_root_and_nothing_is_installed_after_it() -> None:
    names = [name for name, _ in STEPS]
    assert arguments("USER") == ["10001"] and "--uid 10001" in arguments("RUN")[0]
    assert "RUN" not in names[names.index("USER") :]
    assert names.count("CMD") == names.count("ENTRYPOINT") + 1 == 1
    assert names[0] == "FROM" and not arguments("FROM")[0].endswith(":latest")


def test_what_is_copied_is_not_ignored() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {word for line in arguments("COPY") for word in line.split()[:-1]}
    assert copied == let_through
    assert all((ROOT / name).exists() for name in copied)


def test_the_study_of_the_compose_file_lasts() -> None:
    found = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    app, database = found["services"]["app"], found["services"]["database"]
    places = [volume.split(":") for volume in (*app["volumes"], *database["volumes"])]
    assert {name for name, _ in places} == set(found["volumes"])
    assert Path(variables()["COLORHUB_STUDIES"]).is_relative_to(places[0][1])
    assert app["read_only"] and app["tmpfs"] == ["/tmp"]
    assert app["environment"]["COLORHUB_DATABASE_URL"].endswith("@database/colorhub")


@pytest.mark.slow
def test_its_steps_give_a_page_that_is_well(tmp_path: Path) -> None:
    place, home = tmp_path / "app", tmp_path / "data"
    place.mkdir()
    venv.create(tmp_path / "venv", with_pip=True)
    hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "COLORHUB_MODELS", "COLORHUB_CACHE")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment["PATH"] = f"{tmp_path / 'venv/bin'}:{os.environ['PATH']}"
    pip = subprocess.run([sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True)
    environment["TORCH_INDEX"] = pip.stdout.decode().strip() or "https://pypi.org/simple"
    for name, rest in STEPS:
        if name == "COPY":
            *sources, target = rest.split()
            for source in sources:
                copy(ROOT / source, place / target / ("" if target.endswith("/") else "."))
        elif name == "RUN" and not rest.startswith(AS_ROOT):
            subprocess.run(["sh", "-c", rest], cwd=place, env=environment, check=True, timeout=1200)
    for path in (place, *place.rglob("*")):  # the root may be read-only
        path.chmod(0o555)
    home.mkdir()
    environment |= {name: value.replace("/data", str(home)) for name, value in variables().items()}
    environment |= {"GRADIO_SERVER_PORT": str(free_port()), "TMPDIR": str(home), "HOME": str(home)}
    before = sorted(place.rglob("*"))
    refused = subprocess.run(
        ["colorhub", "study", "create", "faces", "--photos", "packaged", "--models", "unet"],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        executable=tmp_path / "venv/bin/colorhub",
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: The studies in ") and "as no volume is mounted there" in refused.stderr
    [command], [health] = arguments("CMD"), arguments("HEALTHCHECK")
    check = json.loads(health[health.index("CMD ") + 4 :])
    python = tmp_path / "venv/bin/python"
    served = subprocess.Popen(json.loads(command), executable=python, cwd=place, env=environment)
    try:
        assert healthy(check, python, environment)
        grey_photo().save(home / "cat.png")
        client = Client(f"http://127.0.0.1:{environment['GRADIO_SERVER_PORT']}", verbose=False)
        with Image.open(client.predict(handle_file(home / "cat.png"), api_name="/colorize")) as colored:
            red, _, blue = colored.convert("RGB").split()
            assert red.tobytes() != blue.tobytes()
    finally:
        served.send_signal(signal.SIGTERM)
        served.wait(timeout=30)
    assert sorted(place.rglob("*")) == before


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


def healthy(check: list[str], python: Path, environment: dict[str, str], seconds: float = 180) -> bool:
    """Whether the health check passes in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if subprocess.run(check, executable=python, env=environment, capture_output=True).returncode == 0:
            return True
        time.sleep(1)
    return False
