"""The store: one sequence a rater, one vote a trial, nothing lost, nothing twice, nothing told before its time."""

import sqlite3
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from study_commands import move_to
from study_parts import Clock, small_config, small_manifest, truth, vote_all

from colorhub.study import errors
from colorhub.study.design.config import Panel, Stopping, Vision
from colorhub.study.design.manifest import Manifest
from colorhub.study.store.database import Database
from colorhub.study.store.schema import metadata, panel, sequences
from colorhub.study.store.store import Store
from colorhub.study.trials import COLUMNS, PUBLIC_COLUMNS, public_table

GOOD = {"answer": "real", "rt_ms": 700}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return move_to(tmp_path / "studies", monkeypatch) / "votes.sqlite"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(path: Path, clock: Clock) -> Iterator[Store]:
    made = opened(path, clock)
    yield made
    made.database.close()


def opened(path: Path, clock: Clock | None = None, manifest: Manifest | None = None) -> Store:
    store = Store(Database(f"sqlite:///{path}"), clock or Clock())
    store.add(manifest or small_manifest())
    return store


def content(path: Path) -> dict[str, list[Any]]:
    """Everything in the database, read without the store."""
    with sqlite3.connect(path) as connection:
        return {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in metadata.tables}


def test_a_whole_session(store: Store) -> None:
    session = store.begin("small", "de")
    start = store.progress(session.token)
    assert (start.position, start.total, start.kind, start.pictures, start.language) == (0, 12, "practice", 1, "de")
    practice = [store.vote(session.token, at, {"answer": "real", "rt_ms": 900}).correct for at in range(2)]
    assert Counter(practice) == {True: 1, False: 1}
    with pytest.raises(errors.OutOfOrderError):
        store.result(session.token)
    kinds = []
    for at in range(2, 12):
        kinds.append(store.progress(session.token).kind)
        receipt = store.vote(session.token, at, {"answer": truth(store, session.token, at), "rt_ms": 900})
        assert receipt.correct is None
        assert receipt.finished == (at == 11)
    assert set(kinds) == {"trial"}
    result = store.result(session.token)
    assert (result["trials"], result["correct"], result["fooled_at"], result["attention_failed"]) == (8, 8, [], False)
    rows = store.rows("small")
    assert Counter(row["kind"] for row in rows) == {"practice": 2, "trial": 8, "attention": 2}
    assert Counter(row["model"] for row in rows if row["kind"] == "trial") == {"original": 4, "one": 2, "two": 2}
    assert store.counts("small") == {"raters": 1, "finished": 1, "trials": 8, "flagged": {}}


def test_a_vote_is_on_disk_when_it_is_acknowledged(store: Store, path: Path) -> None:
    session = store.begin("small")
    store.vote(session.token, 0, {**GOOD, "exposure_ms": 1000.5, "frames": 60, "viewport": "small", "refresh_hz": 60})
    [vote] = content(path)["votes"]
    assert vote[:7] == (session.rater, 0, "real", 700.0, 1000.5, 60, 0)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with store.database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_the_same_vote_again_is_acknowledged_and_not_counted(store: Store, path: Path) -> None:
    token = store.begin("small").token
    first = store.vote(token, 0, GOOD)
    before = content(path)
    again = store.vote(token, 0, GOOD)
    assert (first.repeated, again.repeated, again.correct) == (False, True, first.correct)
    with pytest.raises(errors.ReplayedError):
        store.vote(token, 0, {**GOOD, "answer": "fake"})
    assert content(path) == before


@pytest.mark.parametrize(
    ("position", "values", "kind"),
    [
        (1, GOOD, errors.OutOfOrderError),
        (11, GOOD, errors.OutOfOrderError),
        (99, GOOD, errors.FinishedError),
        (-1, GOOD, errors.InvalidError),
        (10**30, GOOD, errors.InvalidError),
        (True, GOOD, errors.InvalidError),
        ("0", GOOD, errors.InvalidError),
        (0, None, errors.InvalidError),
        (0, [GOOD], errors.InvalidError),
        (0, {}, errors.InvalidError),
        (0, {"answer": "real"}, errors.InvalidError),
        (0, {**GOOD, "answer": "left"}, errors.InvalidError),
        (0, {**GOOD, "answer": ["real"]}, errors.InvalidError),
        (0, {**GOOD, "answer": "'; DROP TABLE votes; --"}, errors.InvalidError),
        (0, {**GOOD, "viewport": "<script>alert(1)</script>"}, errors.InvalidError),
        (0, {**GOOD, "viewport": []}, errors.InvalidError),
        (0, {**GOOD, "rt_ms": -1}, errors.InvalidError),
        (0, {**GOOD, "rt_ms": 3_600_001}, errors.InvalidError),
        (0, {**GOOD, "rt_ms": 10**400}, errors.InvalidError),
        (0, {**GOOD, "rt_ms": float("nan")}, errors.InvalidError),
        (0, {**GOOD, "rt_ms": "700"}, errors.InvalidError),
        (0, {**GOOD, "rt_ms": True}, errors.InvalidError),
        (0, {**GOOD, "seen_before": "no"}, errors.InvalidError),
        (0, {**GOOD, "frames": -3}, errors.InvalidError),
        (0, {**GOOD, "correct": True}, errors.InvalidError),
        (0, {**GOOD, "answer": "real" * 1_000_000}, errors.TooLargeError),
        (0, {f"key{n}": n for n in range(100)}, errors.TooLargeError),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    store: Store, path: Path, position: Any, values: Any, kind: type[errors.RefusedError]
) -> None:
    token = store.begin("small").token
    before = content(path)
    with pytest.raises(kind) as refused:
        store.vote(token, position, values)
    assert len(str(refused.value)) < 200
    assert content(path) == before


def test_tokens_are_not_forged_and_not_of_another_database(store: Store, path: Path, tmp_path: Path) -> None:
    one, two = store.begin("small"), store.begin("small")
    other = opened(tmp_path / "other" / "votes.sqlite")
    foreign = [other.begin("small").token, f"{two.rater}.{one.token.split('.')[1]}", one.rater, "", "x" * 10**6]
    before = content(path)
    for token in [*foreign, one.token[:-1], one.token + "=", None, 3, {"a": 1}, one.token.upper()]:
        with pytest.raises(errors.ForeignError):
            store.vote(token, 0, GOOD)
    assert content(path) == before
    assert stat.S_IMODE(path.with_suffix(".secret").stat().st_mode) == 0o600


def test_a_rater_sees_what_he_judges_and_the_next_and_no_more(store: Store) -> None:
    token = store.begin("small").token
    seen = [store.picture(token, 0), store.picture(token, 1)]
    assert len(set(seen)) == 2
    for position, number in [(2, 0), (11, 0), (-1, 0), (99, 0), (0, 1), (0, -1)]:
        with pytest.raises(errors.ForeignError):
            store.picture(token, position, number)
    store.vote(token, 0, GOOD)
    with pytest.raises(errors.ForeignError):
        store.picture(token, 0)
    assert store.picture(token, 2)
    vote_all(store, token, 1)
    assert store.picture(token, 0) == seen[0]


def test_abandoned_sequences_are_given_again(store: Store, clock: Clock) -> None:
    first, second = store.begin("small"), store.begin("small")
    clock.now += 3000
    store.vote(second.token, 0, GOOD)
    clock.now += 700
    third = store.begin("small")
    with store.database.reading() as connection:
        holders = dict(connection.execute(select(sequences.c.number, sequences.c.holder)).all())
    assert (holders[0], holders[1], holders[2]) == (third.rater, second.rater, None)
    store.vote(first.token, 0, GOOD)  # who comes back late is still heard
    assert store.counts("small")["raters"] == 3
    with store.database.reading() as connection:
        held = connection.execute(select(sequences.c.holder, sequences.c.finished).where(sequences.c.number == 0)).one()
    assert held == (third.rater, False)


def test_recruitment_ends_as_planned_and_who_has_begun_may_finish(path: Path, clock: Clock) -> None:
    store = opened(path, clock, small_manifest(config=small_config(raters=2)))
    sessions = [store.begin("small") for _ in range(3)]
    for session in sessions[:2]:
        vote_all(store, session.token)
    with pytest.raises(errors.FullError):
        store.begin("small")
    assert store.state("small")["closed"] is None
    vote_all(store, sessions[2].token)
    state = store.state("small")
    assert state["closed"] == store.today()
    assert (state["closed_early"], state["closed_why"]) == (False, "2 raters had finished, as planned")
    with pytest.raises(errors.ClosedError):
        store.begin("small")


def test_all_sequences_taken(path: Path, clock: Clock) -> None:
    store = opened(path, clock, small_manifest(config=small_config(raters=2)))
    for _ in range(3):  # two and the reserve
        store.begin("small")
    with pytest.raises(errors.FullError, match="hour"):
        store.begin("small")
    demonstration = opened(path, clock, small_manifest("demo", small_config(raters=2), demonstration=True))
    for _ in range(7):
        vote_all(demonstration, demonstration.begin("demo").token)
    with demonstration.database.reading() as connection:
        given = connection.execute(select(sequences.c.given).where(sequences.c.study == "demo")).scalars().all()
    assert sorted(given) == [2, 2, 3]


def test_the_last_day(path: Path, clock: Clock) -> None:
    last = Store(None, clock).today()
    config = small_config(raters=None)
    config = type(config)(**{**vars(config), "stopping": Stopping(raters=None, date=last)})
    store = opened(path, clock, small_manifest(config=config))
    session = store.begin("small")
    assert store.state("small")["closed"] is None
    clock.now += 86400
    with pytest.raises(errors.ClosedError):
        store.vote(session.token, 0, GOOD)
    with pytest.raises(errors.ClosedError):
        store.begin("small")
    assert store.state("small")["closed_early"] is False
    assert last in store.state("small")["closed_why"]


def test_closing_early_is_recorded_and_forgets_panel_ids(path: Path, clock: Clock) -> None:
    config = small_config(panel=Panel("PROLIFIC_PID"))
    store = opened(path, clock, small_manifest(config=config))
    session = store.begin("small", panel_id="5f1a2b3c")
    assert b"5f1a2b3c" not in path.read_bytes() + path.with_name("votes.sqlite-wal").read_bytes()
    again = store.begin("small", panel_id="5f1a2b3c")
    assert (again.rater, again.resumed) == (session.rater, True)
    assert store.begin("small", panel_id="another").rater != session.rater
    vote_all(store, session.token)
    with pytest.raises(errors.TookPartError):
        store.begin("small", panel_id="5f1a2b3c")
    with pytest.raises(errors.TooLargeError):
        store.begin("small", panel_id="x" * 10_000)
    with store.database.reading() as connection:
        assert len(connection.execute(select(panel)).all()) == 2
    state = store.close("small", "no money left")
    assert (state["closed_early"], state["closed_why"]) == (True, "no money left")
    with store.database.reading() as connection:
        assert connection.execute(select(panel)).all() == []
    with pytest.raises(errors.StudyError, match="closed already"):
        store.close("small")
    assert len(store.rows("small")) == 12


def test_withdrawal_leaves_nothing(store: Store, path: Path) -> None:
    stays, goes = store.begin("small", panel_id="a"), store.begin("small", panel_id="b")
    vote_all(store, stays.token)
    vote_all(store, goes.token)
    code = store.result(goes.token)["withdrawal_code"]
    with pytest.raises(errors.StudyError, match="No rater"):
        store.withdraw("0000-0000-0000-0000")
    with pytest.raises(errors.StudyError, match="16 letters"):
        store.withdraw("'; DROP TABLE votes; --")
    assert store.withdraw(f" {code.lower().replace('-', ' ')} ") == {"study": "small", "votes": 12, "closed": False}
    assert goes.rater not in repr(content(path))
    assert {row["rater"] for row in store.rows("small")} == {stays.rater}
    assert store.state("small")["withdrawn"] == 1
    with pytest.raises(errors.ForeignError):
        store.vote(goes.token, 0, GOOD)
    with pytest.raises(errors.StudyError):
        store.withdraw(code)
    assert store.begin("small", panel_id="b").resumed is False


def test_doubtful_raters_and_answers_are_flagged_and_kept(path: Path, clock: Clock) -> None:
    config = small_config(vision=Vision(check=True, plates=3, needed=2))
    config = config.with_design(per_rater=12)
    store = opened(path, clock, small_manifest(config=config))
    tokens = {name: store.begin("small").token for name in ("good", "blind", "hasty", "same", "plates", "seen")}
    assert store.record_plates(tokens["plates"], ["5", "", "7"]) == 1
    assert store.record_plates(tokens["good"], ["5", " 5 ", "7"]) == 2
    with pytest.raises(errors.OutOfOrderError):
        store.record_plates(tokens["good"], ["5", "5", "5"])
    for wrong in ([], "555", ["5"], None):
        with pytest.raises(errors.InvalidError):
            store.record_plates(tokens["hasty"], wrong)
    for name in ("good", "plates"):
        vote_all(store, tokens[name])
    vote_all(store, tokens["blind"], answer="real")  # misses the attention items as well
    vote_all(store, tokens["hasty"], rt_ms=150)
    vote_all(store, tokens["same"], answer="fake")
    vote_all(store, tokens["seen"], stop=10, seen_before=True)
    excluded: dict[str, set[str]] = {}
    for row in store.rows("small"):
        if row["kind"] == "trial":
            excluded.setdefault(store.rater_of(tokens_of(tokens, row["rater"])), set()).add(row["excluded"])
    found = {name: excluded[token.split(".")[0]] for name, token in tokens.items()}
    assert found == {
        "good": {""},
        "blind": {"attention"},
        "hasty": {"hasty"},
        "same": {"same answer"},
        "plates": {"colour vision"},
        "seen": {"seen before"},
    }
    assert store.counts("small")["flagged"]["attention"] == 12
    assert len(store.rows("small")) == 5 * 16 + 10


def tokens_of(tokens: dict[str, str], rater: str) -> str:
    return next(token for token in tokens.values() if token.startswith(rater))


def test_pairs(path: Path, clock: Clock) -> None:
    config = small_config().with_design(protocol="2afc")
    store = opened(path, clock, small_manifest(config=config))
    token = store.begin("small").token
    assert store.progress(token).pictures == 2
    assert store.picture(token, 0, 0) != store.picture(token, 0, 1)
    with pytest.raises(errors.InvalidError):
        store.vote(token, 0, GOOD)
    vote_all(store, token, answer="left")
    rows = [row for row in store.rows("small") if row["kind"] == "trial"]
    assert Counter(row["side"] for row in rows) == {"left": 4, "right": 4}
    assert all(row["correct"] == (row["side"] == "left") == (not row["fooled"]) for row in rows)
    assert {row["model"] for row in rows} == {"one", "two"}
    assert all(row["said_real"] is None for row in rows)


def test_the_trial_table_is_a_data_frame(store: Store) -> None:
    assert list(public_table(store.rows("small")).columns) == list(PUBLIC_COLUMNS)
    vote_all(store, store.begin("small").token)
    assert tuple(store.rows("small")[0]) == COLUMNS
    frame = public_table(store.rows("small"))
    assert len(frame) == 12
    assert frame["correct"].dtype == bool
    assert frame["said_real"].dtype == bool
    assert set(frame.loc[frame.kind == "trial", "image"]) < set(range(16))


def test_another_manifest_or_a_newer_schema_is_refused(store: Store, path: Path) -> None:
    store.add(store.manifest("small"))  # the same: goes on
    with pytest.raises(errors.ManifestError, match="another manifest"):
        store.add(small_manifest())
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE about SET value = '99' WHERE key = 'schema_version'")
    with pytest.raises(errors.DatabaseError, match="schema 99"):
        Database(f"sqlite:///{path}")


def test_a_database_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "votes.sqlite").write_bytes(b"this is no database, but long enough to be looked at" * 100)
    for url in (f"sqlite:///{tmp_path}/votes.sqlite", "sqlite:////proc/none/votes.sqlite", "nonsense", "martian://x"):
        with pytest.raises(errors.DatabaseError) as refused:
            Database(url)
        assert "\n" not in str(refused.value)
    with pytest.raises(errors.DatabaseError) as refused:
        Database("postgresql://user:hidden@127.0.0.1:9/none")
    assert "hidden" not in str(refused.value)


def test_threads_take_different_sequences_and_lose_no_vote(path: Path) -> None:
    store = opened(path, manifest=small_manifest(config=small_config(raters=24)))

    def session(_: int) -> str:
        token = store.begin("small").token
        vote_all(store, token, stop=4)
        store.vote(token, 3, {"answer": truth(store, token, 3), "rt_ms": 800})  # sent again
        return token

    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(session, range(24)))
    assert len(set(tokens)) == 24
    with store.database.reading() as connection:
        taken = connection.execute(select(sequences.c.holder).where(sequences.c.holder.is_not(None))).scalars().all()
    assert sorted(taken) == sorted(token.split(".")[0] for token in tokens)
    assert len(store.rows("small")) == 24 * 4


def test_the_same_vote_from_eight_threads_counts_once(store: Store) -> None:
    token = store.begin("small").token
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda _: store.vote(token, 0, GOOD), range(16)))
    assert Counter(receipt.repeated for receipt in receipts) == {False: 1, True: 15}
    assert len(store.rows("small")) == 1


def test_the_same_participant_twice_at_once_is_one_rater(store: Store) -> None:
    with ThreadPoolExecutor(6) as pool:
        sessions = list(pool.map(lambda _: store.begin("small", panel_id="p"), range(6)))
    assert len({session.rater for session in sessions}) == 1
    assert store.counts("small")["raters"] == 1


KILLED = """
import sys
sys.path[:0] = [{tests!r}]
from pathlib import Path
from study_parts import small_config, small_manifest
from colorhub.study.store.database import Database
from colorhub.study.design.manifest import Manifest
from colorhub.study.store.store import Store
import json
store = Store(Database("sqlite:///" + sys.argv[1]))
store.add(Manifest(json.loads(Path(sys.argv[2]).read_text())))
while True:
    session = store.begin("small")
    for position in range(12):
        store.vote(session.token, position, {{"answer": "real", "rt_ms": 700}})
        print(session.rater, position, flush=True)
"""


@pytest.mark.slow
def test_after_a_kill_every_acknowledged_vote_is_there_once(path: Path, tmp_path: Path) -> None:
    manifest = small_manifest(config=small_config(raters=2000))
    frozen = tmp_path / "manifest.json"
    frozen.write_text(__import__("json").dumps(manifest.data))
    opened(path, manifest=manifest).database.close()
    acknowledged: list[tuple[str, int]] = []
    for round_ in range(3):
        code = KILLED.format(tests=str(Path(__file__).parents[1] / "helpers"))
        command = [sys.executable, "-c", code, str(path), str(frozen)]
        processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        for process in processes:
            lines = [process.stdout.readline() for _ in range(20 + 7 * round_)]
            process.kill()
            lines += process.stdout.readlines()
            acknowledged += [(line.split()[0], int(line.split()[1])) for line in lines if line.endswith("\n")]
            process.wait()
    assert len(acknowledged) > 100
    rows = [(row["rater"], row["position"]) for row in opened(path, manifest=manifest).rows("small")]
    assert len(rows) == len(set(rows))
    assert set(acknowledged) <= set(rows)
    assert len(set(rows) - set(acknowledged)) <= 6
