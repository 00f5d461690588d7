"""The demonstration study behind the page, and what the tabs tell: counts of open studies, reports of ended ones."""

import logging
from pathlib import Path

import pytest
from space_server import small_models
from study_commands import move_to
from study_parts import small_config, small_manifest, vote_all

from colorhub.space.study import demonstration, results, tab
from colorhub.space.study.catalogue import StudyCatalogue
from colorhub.study.design.config import Stopping
from colorhub.study.design.manifest import write_manifest
from colorhub.study.errors import OutOfOrderError
from colorhub.study.report import document
from colorhub.study.studies import open_study, study_names


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for studies, with votes in SQLite."""
    return move_to(tmp_path / "studies", monkeypatch)


@pytest.fixture
def catalogue(root: Path, monkeypatch: pytest.MonkeyPatch) -> StudyCatalogue:
    """A catalogue that the tabs use, with one study for two raters."""
    manifest = small_manifest(config=small_config(raters=2))
    (root / manifest.name).mkdir(parents=True)
    write_manifest(manifest, root / manifest.name)
    catalogue = StudyCatalogue()
    for module in (tab, results):
        monkeypatch.setattr(module, "STUDIES", catalogue)
    return catalogue


def test_it_is_made_once(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORHUB_MODELS", str(small_models(tmp_path / "models")))
    assert demonstration.prepare()
    manifest = open_study("demonstration").manifest
    assert manifest.demonstration
    assert manifest.config.stopping == Stopping(raters=None)  # it never ends
    assert len(manifest.models) == 2
    assert manifest.data["photos"]["source"] == "packaged"
    assert "demonstration" in manifest.config.spoken()["en"].consent
    assert "Vorführung" in manifest.config.spoken()["de"].consent
    assert not demonstration.prepare()


def test_it_is_not_made_beside_studies_of_an_organizer(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demonstration, "models_to_show", lambda: ["unet"])
    monkeypatch.setenv("COLORHUB_DATABASE_URL", "postgresql://127.0.0.1:1/none")
    assert not demonstration.prepare()
    monkeypatch.delenv("COLORHUB_DATABASE_URL")
    (root / "own").mkdir(parents=True)
    write_manifest(small_manifest("own"), root / "own")
    assert not demonstration.prepare()
    assert study_names() == ["own"]


def test_the_page_goes_on_without_it(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*words: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(demonstration, "models_to_show", lambda: ["unet"])
    monkeypatch.setattr("colorhub.study.create.colored_by", fail)
    with caplog.at_level(logging.WARNING):
        assert not demonstration.prepare()
    assert "There is no demonstration study: out of memory" in caplog.text
    assert not root.exists()  # nothing is left behind


def test_an_open_study_shows_counts_only(catalogue: StudyCatalogue) -> None:
    store = catalogue.store()
    vote_all(store, store.begin("small").token)
    told = tab.fill()
    assert "<dt>Raters</dt><dd>1</dd>" in told
    assert "<dt>Finished</dt><dd>1 of 2</dd>" in told
    assert "<dt>Trials</dt><dd>8</dd>" in told
    pick, meanwhile, still = results.fill()
    assert pick["choices"] == []
    assert "No study has ended yet" in meanwhile
    assert "<dd>8</dd>" in still
    assert not {"one", "two", "unet"} & set(still.replace(">", " ").replace("<", " ").split())  # no model is named
    with pytest.raises(OutOfOrderError, match="still open"):
        catalogue.report("small")
    with pytest.raises(OutOfOrderError, match="still open"):
        catalogue.trials("small")


def test_a_study_that_has_ended_shows_its_report(catalogue: StudyCatalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    store = catalogue.store()
    tokens = [store.begin("small").token for _ in range(2)]
    for token in tokens:
        vote_all(store, token)
    made = []
    monkeypatch.setattr(document, "to_fragment", lambda blocks: made.append("small") or "<p>figures</p>")
    pick, meanwhile, still = results.fill()
    assert pick["value"] == "small"
    assert "Working out" in meanwhile
    assert still == ""
    for _ in range(3):
        assert "<p>figures</p>" in results.report("small")
    assert made == ["small"]  # once
    assert catalogue.trials("small").count("\n") == 1 + 2 * 12
    store.withdraw(store.result(tokens[0])["withdrawal_code"])
    results.report("small")
    assert made == ["small"] * 2  # without the rater who withdrew
    assert catalogue.trials("small").count("\n") == 1 + 12


def test_a_database_that_cannot_be_reached_is_told_in_the_tabs(
    catalogue: StudyCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    from colorhub.study.errors import UnavailableError

    def fail(name: str) -> None:
        raise UnavailableError("no database")

    monkeypatch.setattr(catalogue, "state", fail)
    assert "cannot be reached just now" in tab.fill()
    assert "cannot be reached just now" in results.fill()[1]
