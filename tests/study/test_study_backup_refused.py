"""What ``colorhub study publish`` and ``restore`` refuse of a backup: one sentence, and nothing is changed."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from local_hub import Fault, LocalHub
from study_commands import answer, move_to, opened, refused, run
from study_parts import small_config, stored_study

from colorhub.study.design.config import Panel
from colorhub.study.store.store import Store
from colorhub.study.studies import Study, open_study

REPO = "owner/kept"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub: LocalHub) -> Study:
    return stored_study(move_to(tmp_path / "first", monkeypatch), config=small_config(panel=Panel("PID")))


@pytest.fixture
def store(study: Study) -> Iterator[Store]:
    made = opened(study)
    yield made
    made.database.close()


def backup(hub: LocalHub) -> dict[str, bytes]:
    return hub.files(REPO, "dataset")


def test_never_to_where_others_can_read(hub: LocalHub, study: Study, store: Store) -> None:
    hub.add(REPO, {}, kind="dataset", private=False)
    refused(f"{REPO} exists already and is public: make it private there", "publish", "small", "--to", REPO)
    hub.repositories["dataset", REPO].private = True
    run("publish", "small", "--to", REPO)
    hub.repositories["dataset", REPO].private = False
    store.begin("small")
    refused(f"{REPO} exists already and is public", "publish", "small", "--to", REPO)


@pytest.mark.parametrize(
    ("token", "repo_id", "words"),
    [
        ("hf_wrong", REPO, "The Hub refused the token"),
        ("", REPO, "There is no token to publish with"),
        ("hf_reader", REPO, "The token of owner may only read"),
        ("hf_stranger", REPO, "You cannot publish under owner: the token belongs to stranger"),
        ("hf_owner", "kept", "'kept' cannot be the name of a repository: owner/name is expected"),
        ("hf_owner", "owner/no such", "'owner/no such' cannot be the name of a repository"),
        ("hf_owner", "owner/theirs", "owner/theirs exists already and holds no backup of colorhub studies"),
        ("hf_owner", "owner/else", "owner/else exists already and holds the backup of another database"),
    ],
)
def test_who_may_not_back_up_is_told(
    hub: LocalHub, study: Study, store: Store, monkeypatch, token: str, repo_id: str, words: str
) -> None:
    hub.add("owner/theirs", {"data.csv": b"1,2"}, kind="dataset", private=True)
    index = {"kind": "backup of colorhub studies", "schema": 1, "key": "00", "fingerprint": "other"}
    hub.add("owner/else", {"backup.json": json.dumps(index).encode()}, kind="dataset", private=True)
    monkeypatch.setenv("HF_TOKEN", token)
    refused(words, "publish", "small", "--to", repo_id)
    assert hub.writes() == []


@pytest.mark.parametrize(
    ("token", "repo_id", "words"),
    [
        ("hf_owner", "owner/missing", "There is no dataset owner/missing on the Hub, or your token may not see it"),
        ("hf_stranger", REPO, f"There is no dataset {REPO} on the Hub, or your token may not see it"),
        ("hf_wrong", REPO, "The Hub refused the token"),
        ("hf_owner", "owner/theirs", "owner/theirs holds no backup"),
        ("hf_owner", "no name", "'no name' cannot be the name of a repository"),
    ],
)
def test_who_may_not_restore_is_told(
    hub: LocalHub, study: Study, store: Store, tmp_path: Path, monkeypatch, token: str, repo_id: str, words: str
) -> None:
    hub.add("owner/theirs", {"data.csv": b"1,2"}, kind="dataset")
    run("publish", "small", "--to", REPO)
    root = move_to(tmp_path / "second", monkeypatch)
    monkeypatch.setenv("HF_TOKEN", token)
    refused(words, "restore", repo_id)
    assert not root.exists()


def newer_schema(files: dict[str, bytes]) -> None:
    files["backup.json"] = files["backup.json"].replace(b'"schema": 1', b'"schema": 9')


def newer_database(files: dict[str, bytes]) -> None:
    files["small/state.json"] = files["small/state.json"].replace(b'"database_schema": 1', b'"database_schema": 9')


def newer_manifest(files: dict[str, bytes]) -> None:
    files["small/manifest.json"] = files["small/manifest.json"].replace(b'"schema":1', b'"schema":9')


def other_seed(files: dict[str, bytes]) -> None:
    files["small/manifest.json"] = files["small/manifest.json"].replace(b'"seed":1', b'"seed":2')


def changed(name: str, content: bytes) -> Callable[[dict[str, bytes]], None]:
    return lambda files: files.update({name: content})


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (newer_schema, "schema 9, and this colorhub knows 1: install a newer"),
        (newer_database, "database schema 9, and this colorhub knows 1: install a newer"),
        (newer_manifest, "schema 9, and this colorhub knows 1: install a newer"),
        (other_seed, "manifest.json was changed after it was frozen"),
        (changed("small/manifest.json", b"{"), "manifest.json is corrupted: it is no JSON"),
        (changed("small/stimuli.zip", b"PK"), "its pictures are not those of its manifest"),
        (changed("small/votes-000.jsonl", b"[1]\n"), "its rows are not what its state.json says"),
        (changed("small/state.json", b"[]"), "its rows are not what its state.json says"),
        (changed("backup.json", b'{"schema": "x"}'), "its backup.json cannot be read"),
        (lambda files: files.pop("small/stimuli.zip"), "stimuli.zip is missing"),
    ],
)
def test_a_damaged_or_newer_backup_leaves_nothing_behind(
    hub: LocalHub, study: Study, store: Store, tmp_path: Path, monkeypatch, damage, words: str
) -> None:
    run("publish", "small", "--to", REPO)
    files = backup(hub)
    damage(files)
    hub.push(REPO, files, kind="dataset")
    root = move_to(tmp_path / "second", monkeypatch)
    refused(words, "restore", REPO)
    assert not root.exists()


def test_a_cut_connection_leaves_the_old_backup_or_no_study(
    hub: LocalHub, study: Study, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("publish", "small", "--to", REPO)
    old = backup(hub)
    store.begin("small")
    hub.faults = [Fault("POST /api/datasets/.*/commit/", cut_after=100)]
    refused("connection to the Hub .* failed", "publish", "small", "--to", REPO)
    assert backup(hub) == old
    root = move_to(tmp_path / "second", monkeypatch)
    hub.faults = [Fault("GET /lfs/", cut_after=1000)]
    refused("connection to the Hub .* failed|came back damaged", "restore", REPO)
    assert not root.exists()


def test_an_emptied_database_never_replaces_a_backup(
    hub: LocalHub, study: Study, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(store, store.begin("small").token)
    run("publish", "small", "--to", REPO)
    old = backup(hub)
    store.database.close()
    for path in study.folder.parent.glob("votes.sqlite*"):
        path.unlink()
    opened(study)
    refused(
        "12 answers of 1 raters in small, and this database only 0 of 0: restore it", "publish", "small", "--to", REPO
    )
    assert backup(hub) == old
    assert run("restore", REPO).stdout == "small: restored; 1 raters, 12 answers.\n"
    assert len(opened(study).rows("small")) == 12


def test_restoring_again_and_over_other_votes(hub: LocalHub, study: Study, store: Store) -> None:
    token = store.begin("small").token
    answer(store, token, 0, 5)
    run("publish", "small", "--to", REPO)
    answer(store, token, 5, 7)
    store.database.close()
    assert run("restore", REPO).stdout == "small: here already; 1 raters, 7 answers.\n"  # newer than the backup: kept
    shutil.rmtree(study.folder)  # a disk lost beside a database that was not
    assert run("restore", REPO).stdout == "small: here already; 1 raters, 7 answers.\n"
    other = opened(open_study("small"))
    other.withdraw(other.database.keys.withdrawal_code(token.split(".")[0]))
    answer(other, other.begin("small").token, 0, 2)
    hub.push(REPO, {**backup(hub)}, kind="dataset")
    assert "1 raters, 2 answers" in run("restore", REPO).stdout  # who has withdrawn since does not come back


def test_another_study_of_that_name_is_left_alone(
    hub: LocalHub, study: Study, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("publish", "small", "--to", REPO)
    other = stored_study(move_to(tmp_path / "second", monkeypatch), seed=1)
    refused("Another study called small is in", "restore", REPO)
    assert open_study("small").manifest == other.manifest
    shutil.rmtree(other.folder)
    elsewhere = stored_study(tmp_path / "second", "elsewhere", seed=2)
    opened(elsewhere).begin("elsewhere")
    refused("This database has raters, whose sessions hang on its key: restore into another", "restore", REPO)
    assert not (tmp_path / "second" / "small").exists()
