"""What version 0.1 wrote is still read: ``tests/data/version-0.1``, written as ``how.md`` there says."""

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from study_commands import move_to
from study_parts import Clock

from colorhub import ColorizationPipeline, Hint, Photo, load, load_hints
from colorhub.study.report.report import finished_trials, make_report
from colorhub.study.store.database import Database
from colorhub.study.store.store import Store
from colorhub.study.studies import STIMULI, Study, open_study
from colorhub.study.trials import FILE, write_trials

OLD = Path(__file__).resolve().parents[1] / "data" / "version-0.1"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """The study, in a folder of studies with the database of its votes."""
    root = move_to(tmp_path / "studies", monkeypatch)
    shutil.copytree(OLD / "studies", root)
    with sqlite3.connect(root / "votes.sqlite") as connection:
        connection.executescript((root / "votes.sql").read_text(encoding="utf-8"))
    return open_study("old")


@pytest.fixture
def store(study: Study) -> Iterator[Store]:
    store = Store(Database(), Clock())
    store.add(study.manifest)
    yield store
    store.database.close()


def test_a_model_answers_as_it_did() -> None:
    ramp = torch.linspace(0, 100, 8 * 6).reshape(1, 1, 8, 6)
    expected = torch.tensor(json.loads((OLD / "answer.json").read_text())).reshape(1, 2, 8, 6)
    assert expected.abs().max() > 20
    torch.testing.assert_close(load(OLD / "unet")(ramp).ab, expected, rtol=0, atol=1e-3)


def test_hints_are_read_and_used() -> None:
    hints = load_hints(OLD / "hints.json", (8, 6))
    assert set(hints) == {Hint(3, 2, "#008080"), Hint(5, 1, "#a4523e")}
    pipeline = ColorizationPipeline(OLD / "unet", device="cpu")
    grey = Photo.open((torch.linspace(60, 200, 48).reshape(6, 8)).byte().numpy())
    picture = pipeline(grey, hints=hints).pixels.astype(int)
    assert picture[2, 3, 2] > picture[2, 3, 0]  # teal
    assert picture[1, 5, 0] > picture[1, 5, 2]  # brick


def test_a_study_is_verified_with_all_its_pictures(study: Study) -> None:
    manifest = study.manifest
    assert (manifest.name, manifest.models, manifest.config.design.size) == ("old", ["unet"], 64)
    for stimulus, facts in manifest.stimuli.items():
        content = (study.folder / STIMULI / f"{stimulus}.webp").read_bytes()
        assert hashlib.sha256(content).hexdigest() == facts["sha256"]
        assert len(study.picture(stimulus)) == len(content)


def test_its_votes_make_the_same_table(study: Study, store: Store) -> None:
    before = (study.folder / FILE).read_bytes()
    assert write_trials(study.folder, store.rows("old")).read_bytes() == before


def test_a_rater_goes_on_and_the_study_is_reported(study: Study, store: Store) -> None:
    finished, begun = json.loads((OLD / "studies" / "tokens.json").read_text())
    assert store.result(finished)["trials"] == 2
    assert store.progress(begun).position == 1
    store.vote(begun, 1, {"answer": "fake", "rt_ms": 900})
    assert store.state("old")["closed"] is not None  # both planned raters have finished
    table, ending = finished_trials(store, "old")
    report = make_report(study.manifest.data, table, ending, draws=100, mixed=False)
    assert report.kept.votes == len(table) == 4
    assert not ending.early
