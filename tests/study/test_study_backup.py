"""Backups of a study on a Hub on loopback: a wiped machine goes on, and nothing is lost, doubled or shown to others."""

import itertools
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_hub import Fault, LocalHub
from postgres_server import Server
from study_commands import answer, move_to, opened, refused, run
from study_parts import Clock, small_config, stored_study

from colorhub.hub import Hub
from colorhub.study import errors
from colorhub.study.design.config import Panel
from colorhub.study.report.data import result_table
from colorhub.study.report.report import Ending, make_report
from colorhub.study.sharing import auto_backup
from colorhub.study.sharing.backup import back_up
from colorhub.study.store import store as store_module
from colorhub.study.store.store import Store
from colorhub.study.studies import Study, open_study
from colorhub.study.trials import public_table

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
    monkeypatch.setattr(store_module, "new_rater", lambda: f"{next(numbers):032x}")


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
    report = make_report(store.manifest("small").data, public_table(rows), Ending(state["closed"]), 200, mixed=False)
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
def test_from_sqlite_to_postgresql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
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


@pytest.mark.slow
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


@pytest.mark.slow
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


# From the running app


def test_backups_go_on_by_themselves(
    hub: LocalHub, study: Study, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert auto_backup.start_backups(lambda: store.database, lambda: [study]) is None
    monkeypatch.setenv("COLORHUB_STUDY_BACKUP", REPO)
    hub.faults = [Fault("POST /api/repos/create", status=500, times=1)]
    token = store.begin("small").token
    backups = auto_backup.start_backups(lambda: store.database, lambda: [study], minutes=0.001)
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
    assert auto_backup.restore_at_start() == []
    monkeypatch.setenv("COLORHUB_STUDY_BACKUP", REPO)
    assert auto_backup.restore_at_start() == []  # nothing has been backed up yet
    token = store.begin("small").token
    answer(store, token, 0, 5)
    back_up(Hub(), store.database, study, REPO)
    hub.faults = [Fault("GET /api/datasets", status=500)]
    with pytest.raises(ValueError, match="The Hub answered 500"):
        auto_backup.restore_at_start()
    hub.faults = []
    assert [(one.name, one.votes, one.new) for one in auto_backup.restore_at_start()] == [("small", 5, True)]
    asked = len(hub.log)
    assert auto_backup.restore_at_start() == []  # it has its own now
    assert len(hub.log) == asked
    assert opened(open_study("small", root)).progress(token).position == 5


def backup_or_nothing(hub: LocalHub) -> bytes:
    known = ("dataset", REPO) in hub.repositories
    return backup(hub).get("small/state.json", b"") if known else b""
