"""Backups of a study on a Hub on loopback: a wiped machine goes on, and nothing is lost, doubled or shown to others."""

import itertools
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from local_hub import Fault, LocalHub
from postgres_server import binaries, serving
from study_commands import answer, move_to, opened, refused, run
from study_parts import Clock, small_config, stored_study

from colorhub.hub import Hub
from colorhub.study import errors, keeping, sessions
from colorhub.study.backup import back_up
from colorhub.study.config import Panel
from colorhub.study.place import Study, open_study
from colorhub.study.report import Ending, make_report
from colorhub.study.report_data import result_table
from colorhub.study.store import Store
from colorhub.study.table import trial_table

REPO = "owner/kept"


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub: LocalHub) -> Path:
    return move_to(tmp_path / "first", monkeypatch)


def backup(hub: LocalHub, repo_id: str = REPO) -> dict[str, bytes]:
    return hub.files(repo_id, "dataset")


# Wiped, restored, gone on with


def known_raters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raters' random ids are the same in every study, so that whole tables can be compared."""
    numbers = itertools.count()
    monkeypatch.setattr(sessions, "new_rater", lambda: f"{next(numbers):032x}")


def first_half(store: Store, clock: Clock) -> list[str]:
    """Some have finished, one is in the middle, one has just begun, one gave up more than an hour ago."""
    store.begin("small", panel_id="gone")
    clock.now += 4000
    tokens = [store.begin("small", "de", panel_id=f"p{n}").token for n in range(4)]
    for token, stop in zip(tokens, (None, None, 7, 0), strict=True):
        answer(store, token, 0, stop)
    return tokens


def second_half(store: Store, tokens: list[str]) -> dict[str, Any]:
    """The same tokens go on; a known panel id comes back to its session; new raters come; the study closes."""
    assert store.progress(tokens[2]).position == 7
    with pytest.raises(errors.TookPartError):
        store.begin("small", panel_id="p0")
    back = store.begin("small", panel_id="p3")
    assert (back.token, back.resumed) == (tokens[3], True)
    answer(store, tokens[2], 7)
    answer(store, tokens[3])
    for number in range(2):
        answer(store, store.begin("small", panel_id=f"late{number}").token)
    codes = [store.result(token)["withdrawal_code"] for token in tokens]
    store.withdraw(codes[1])
    state = store.state("small")
    rows = store.rows("small")
    report = make_report(store.manifest("small").data, trial_table(rows), Ending(state["closed"]), 200, mixed=False)
    return {
        "state": state,
        "rows": rows,
        "codes": codes,
        "figures": result_table({"kept": report.kept, "all": report.everything}).to_csv(),
    }


def interrupted_and_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a study finds whose machine was wiped in the middle, and what the same one finds that ran through."""
    config = small_config(raters=6, panel=Panel("PID"))
    clock = Clock()
    known_raters(monkeypatch)
    study = stored_study(tmp_path / "first", config=config)
    copied = shutil.copytree(study.folder, tmp_path / "through" / "small")

    store = opened(study, clock)
    tokens = first_half(store, clock)
    run("publish", "small", "--to", REPO)
    store.database.close()
    shutil.rmtree(tmp_path / "first")

    root = move_to(tmp_path / "second", monkeypatch)
    if url:
        monkeypatch.setenv("COLORHUB_DATABASE_URL", url)
    assert run("restore", REPO).stdout == "small: restored; 5 raters, 31 answers.\n"
    again = open_study("small", root)
    assert again.manifest == study.manifest
    picture = next(iter(again.manifest.stimuli))
    assert (again.folder / f"stimuli/{picture}.webp").read_bytes() == (copied / f"stimuli/{picture}.webp").read_bytes()
    found = second_half(opened(again, clock), tokens)

    move_to(tmp_path / "through", monkeypatch)
    clock = Clock()
    known_raters(monkeypatch)
    store = opened(open_study("small"), clock)
    return found, second_half(store, first_half(store, clock))


def same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found["state"] == expected["state"]
    assert found["state"]["closed_why"] == "6 raters had finished, as planned"
    assert found["rows"] == expected["rows"]
    assert len(found["rows"]) == 5 * 12
    assert found["figures"] == expected["figures"]
    # Withdrawal codes hang on the machine's key, which came along.
    assert len({*found["codes"], *expected["codes"]}) == 8


def test_a_wiped_machine_goes_on_as_if_nothing_had_been(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    same(*interrupted_and_not(tmp_path, monkeypatch))


@pytest.mark.slow
def test_from_sqlite_to_postgresql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if binaries() is None:
        if os.environ.get("COLORHUB_REQUIRE"):
            pytest.fail("no PostgreSQL is installed: apt-get install postgresql")
        pytest.skip("no PostgreSQL is installed")
    with serving(Path(tempfile.gettempdir()) / f"colorhub-postgres-{secrets.token_hex(4)}") as server:
        same(*interrupted_and_not(tmp_path, monkeypatch, server.url))
        # And from there onto a third machine; the study is closed by now.
        move_to(tmp_path / "second", monkeypatch)
        monkeypatch.setenv("COLORHUB_DATABASE_URL", server.url)
        run("publish", "small", "--to", REPO)
        rows = opened(open_study("small")).rows("small")
        root = move_to(tmp_path / "third", monkeypatch)
        run("restore", REPO)
        assert opened(open_study("small", root)).rows("small") == rows


# What is in a backup, and what is not


@pytest.fixture
def study(machine: Path) -> Study:
    return stored_study(machine, config=small_config(panel=Panel("PID")))


@pytest.fixture
def store(study: Study) -> Iterator[Store]:
    made = opened(study)
    yield made
    made.database.close()


def test_one_private_commit_and_none_where_nothing_changed(hub: LocalHub, study: Study, store: Store) -> None:
    token = store.begin("small", panel_id="5f1a2b3c").token
    answer(store, token, 0, 3)
    said = run("publish", "small", "--to", REPO).stdout
    assert re.fullmatch(rf"private dataset {REPO}: backup of small, 1 raters, 3 answers: published as .{{40}}\n", said)
    assert hub.repositories["dataset", REPO].private
    assert len(hub.commits(REPO, "dataset")) == 1
    files = backup(hub)
    assert files["small/manifest.json"] == (study.folder / "manifest.json").read_bytes()
    assert b"5f1a2b3c" not in b"".join(files.values())
    assert store.database.keys.secret.hex() in files["backup.json"].decode()
    before = len(hub.writes())
    assert "unchanged" in run("publish", "small", "--to", REPO).stdout
    assert hub.writes()[before:] == []
    answer(store, token, 3, 4)
    run("publish", "small", "--to", REPO)
    assert [line.split()[0] for line in hub.writes()[before:]] == ["POST", "POST"]  # the commit, and history forgotten
    assert len(hub.commits(REPO, "dataset")) == 1


def test_a_key_of_the_environment_stays_out(hub: LocalHub, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORHUB_STUDY_SECRET", "a long passphrase of the organizer")
    study = stored_study(machine)
    store = opened(study)
    token = store.begin("small").token
    run("publish", "small", "--to", REPO)
    content = b"".join(backup(hub).values())
    assert b"passphrase" not in content
    assert b"passphrase".hex().encode() not in content
    move_to(machine.parent / "second", monkeypatch)
    refused("COLORHUB_STUDY_SECRET: set it to the same secret, or raters' sessions are lost", "restore", REPO)
    assert not (machine.parent / "second" / "small").exists()
    monkeypatch.setenv("COLORHUB_STUDY_SECRET", "a long passphrase of the organizer")
    run("restore", REPO)
    assert opened(open_study("small")).progress(token).position == 0


def test_who_withdraws_is_in_no_older_commit_either(hub: LocalHub, study: Study, store: Store) -> None:
    stays, goes = store.begin("small").token, store.begin("small").token
    answer(store, stays)
    answer(store, goes)
    run("publish", "small", "--to", REPO)
    gone = goes.split(".")[0].encode()
    assert gone in backup(hub)["small/raters-000.jsonl"]
    said = run("withdraw", store.result(goes)["withdrawal_code"]).stdout
    assert "The private backup and its history are without the rater" in said
    assert "cannot be recalled" not in said  # nothing has been published
    kept = [content for commit in hub.commits(REPO, "dataset") for content in commit.files.values()]
    assert gone not in b"".join(kept)
    assert stays.split(".")[0].encode() in b"".join(kept)


def test_no_byte_of_who_withdraws_stays_on_disk(study: Study, store: Store) -> None:
    token = store.begin("small", panel_id="p").token
    answer(store, token)
    rater = token.split(".")[0]

    def on_disk() -> bytes:
        return b"".join(path.read_bytes() for path in study.folder.parent.glob("votes.sqlite*"))

    assert rater.encode() in on_disk()
    store.withdraw(store.database.keys.withdrawal_code(rater))  # while connections of the app are open
    assert rater.encode() not in on_disk()


def test_a_backup_that_cannot_be_reached_is_named_after_a_withdrawal(hub: LocalHub, study: Study, store: Store) -> None:
    token = store.begin("small").token
    answer(store, token)
    run("publish", "small", "--to", REPO)
    hub.faults = [Fault("POST /api/datasets/.*/commit/", status=500)]
    refused(f"still holds the rater: run colorhub study publish small --to {REPO}", "withdraw",
            store.result(token)["withdrawal_code"])  # fmt: skip
    assert store.rows("small") == []
    hub.faults = []
    run("publish", "small", "--to", REPO)
    assert token.split(".")[0].encode() not in b"".join(backup(hub).values())


def test_closing_takes_panel_ids_out_of_the_backup_too(hub: LocalHub, study: Study, store: Store) -> None:
    store.begin("small", panel_id="p")
    run("publish", "small", "--to", REPO)
    assert backup(hub)["small/panel-000.jsonl"]
    assert "without panel ids" in run("close", "small", "--yes").stdout
    assert "unchanged" in run("publish", "small", "--to", REPO).stdout
    commits = hub.commits(REPO, "dataset")
    assert {commit.files["small/panel-000.jsonl"] for commit in commits} == {b""}


def test_several_studies_share_a_backup(hub: LocalHub, study: Study, store: Store, machine: Path, monkeypatch) -> None:
    other = stored_study(machine, "other", seed=1)
    store.add(other.manifest)
    tokens = [store.begin(name).token for name in ("small", "other")]
    run("publish", "small", "--to", REPO)
    run("publish", "other", "--to", REPO)
    move_to(machine.parent / "second", monkeypatch)
    assert run("restore", REPO).stdout.splitlines() == [
        "other: restored; 1 raters, 0 answers.",
        "small: restored; 1 raters, 0 answers.",
    ]
    again = opened(open_study("small"))
    again.add(open_study("other").manifest)
    assert [again.progress(token).study for token in tokens] == ["small", "other"]


# Refused, in one sentence


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


# From the running app


def test_backups_go_on_by_themselves(
    hub: LocalHub, study: Study, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert keeping.start_backups(lambda: store.database, lambda: [study]) is None
    monkeypatch.setenv("COLORHUB_STUDY_BACKUP", REPO)
    hub.faults = [Fault("POST /api/repos/create", status=500, times=1)]
    token = store.begin("small").token
    backups = keeping.start_backups(lambda: store.database, lambda: [study], minutes=0.001)
    assert backups is not None
    answer(store, token, 0, 5)
    deadline = 600
    while b'"votes": 5' not in backup_or_nothing(hub) and deadline:
        deadline -= 1
        backups.join(0.05)
    answer(store, token, 5)
    backups.stop()
    assert not backups.is_alive()
    assert b'"votes": 12' in backup_or_nothing(hub)
    assert len(hub.commits(REPO, "dataset")) == 1
    assert [record.message for record in caplog.records if "no backup of small to owner/kept: " in record.message]


def test_an_app_that_starts_on_an_empty_disk_brings_its_studies_back(
    hub: LocalHub, study: Study, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = move_to(tmp_path / "second", monkeypatch)
    assert keeping.restore_at_start() == []
    monkeypatch.setenv("COLORHUB_STUDY_BACKUP", REPO)
    assert keeping.restore_at_start() == []  # nothing has been backed up yet
    token = store.begin("small").token
    answer(store, token, 0, 5)
    back_up(Hub(), store.database, study, REPO)
    hub.faults = [Fault("GET /api/datasets", status=500)]
    with pytest.raises(ValueError, match="The Hub answered 500"):
        keeping.restore_at_start()
    hub.faults = []
    assert [(one.name, one.votes, one.new) for one in keeping.restore_at_start()] == [("small", 5, True)]
    asked = len(hub.log)
    assert keeping.restore_at_start() == []  # it has its own now
    assert len(hub.log) == asked
    assert opened(open_study("small", root)).progress(token).position == 5


def backup_or_nothing(hub: LocalHub) -> bytes:
    known = ("dataset", REPO) in hub.repositories
    return backup(hub).get("small/state.json", b"") if known else b""
