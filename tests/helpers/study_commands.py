"""``colorhub study`` typed on machines that tests make: each a folder of studies, and a Hub on loopback."""

import re
from pathlib import Path

import pytest
from commands import typed
from study_parts import Clock, decided
from typer.testing import Result

from colorhub.study.store.database import Database
from colorhub.study.store.store import Store
from colorhub.study.studies import Study


def move_to(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another machine: its folder of studies, on which nothing else is set."""
    for name in ("COLORHUB_DATABASE_URL", "COLORHUB_STUDY_SECRET", "COLORHUB_STUDY_BACKUP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
    monkeypatch.setenv("COLORHUB_STUDIES", str(root))
    return root


def run(*arguments: str, code: int = 0) -> Result:
    """A command's result, which has this exit code."""
    return typed("study", *arguments, code=code)


def refused(words: str, *arguments: str) -> None:
    """The command says one sentence, of these words."""
    said = run(*arguments, code=1).stderr.splitlines()
    assert len(said) == 1, said
    assert re.search(words, said[0]), said[0]


def opened(study: Study, clock: Clock | None = None) -> Store:
    """A study in this machine's database."""
    store = Store(Database(), clock or Clock())
    store.add(study.manifest)
    return store


def answer(store: Store, token: str, start: int = 0, stop: int | None = None) -> None:
    """Simulated answers from a position on."""
    for position in range(start, store.progress(token).total if stop is None else stop):
        store.vote(token, position, decided(store, token, position))
