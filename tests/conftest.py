"""What all tests share: no Hub, no telemetry, where the real photographs are, and when a skip is a failure."""

import os
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import launched
from local_hub import LocalHub, serving

# Before anything imports huggingface_hub or gradio: an unreachable Hub costs 23 s a file when it is tried.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("COLORHUB_CACHE", os.devnull)  # no test sees what its user has fetched
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

if TYPE_CHECKING:
    import numpy as np

    from colorhub import ColorizationPipeline

_NEEDS_MORE_THAN_PIP = {"browser", "shared"}


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real photographs, ``$COLORHUB_DATA``."""
    folder = os.environ.get("COLORHUB_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip(f"COLORHUB_DATA is {folder!r}: not a folder with the real photographs")
    return Path(folder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With COLORHUB_REQUIRE set, as in .ci/run, a test that skips for want of a browser or of the photographs fails:
    the latter not with COLORHUB_WITHOUT_PHOTOGRAPHS."""
    report = yield
    needed = {"browser"} if os.environ.get("COLORHUB_WITHOUT_PHOTOGRAPHS") else _NEEDS_MORE_THAN_PIP
    if not hasattr(report, "wasxfail") and needed & {mark.name for mark in item.iter_markers()}:
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file that skips itself because a package is missing."""
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("COLORHUB_REQUIRE") and report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"COLORHUB_REQUIRE is set, so this may not be skipped. {reason}"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny untrained ``unet``."""
    from tiny import save_tiny

    return save_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def pipeline() -> "ColorizationPipeline":
    """A pipeline with a tiny untrained ``unet`` of clear colours."""
    from tiny import tiny_pipeline

    return tiny_pipeline()


@pytest.fixture(scope="session")
def grey() -> "np.ndarray":
    """A grey photo: the cup of coffee, ``(400, 600)`` uint8. Nobody may write to it."""
    import numpy as np
    from photos import grey_photo

    return np.asarray(grey_photo("coffee"))


@pytest.fixture(scope="module")
def playwright() -> Generator[Any, None, None]:
    """What drives browsers: one at a time in a process."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def chromium(playwright: Any) -> Generator[Any, None, None]:
    """A browser for the tests of one file."""
    with launched(playwright) as browser:
        yield browser


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[LocalHub, None, None]:
    """A Hub on loopback that this process and those it starts talk to, as its user ``owner``, with an empty cache."""
    from huggingface_hub import close_session, constants

    with serving() as local:
        settings = {
            "HF_ENDPOINT": local.url,
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",  # a protocol of its own, and a server of its own
            "HF_HOME": str(tmp_path / "hf"),
            "HF_TOKEN": "hf_owner",
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(constants, "ENDPOINT", local.url)
        template = f"{local.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "hf" / "token"))
        close_session()
        yield local
        close_session()
