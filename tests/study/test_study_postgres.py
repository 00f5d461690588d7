"""The store on a real PostgreSQL: replicas beside each other, and a server that crashes in the middle."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from postgres_server import Server
from sqlalchemy import select
from study_parts import Clock, small_config, small_manifest, truth, vote_all

from colorhub.study import errors
from colorhub.study.design.config import Panel
from colorhub.study.store.database import Database
from colorhub.study.store.schema import sequences
from colorhub.study.store.store import Store

pytestmark = pytest.mark.slow
GOOD = {"answer": "real", "rt_ms": 700}


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLORHUB_STUDY_SECRET", raising=False)


def test_replicas_share_sequences_tokens_and_votes(server: Server) -> None:
    manifest = small_manifest("shared", small_config(raters=24))
    replicas = [Store(Database(server.url)) for _ in range(2)]
    for store in replicas:
        store.add(manifest)

    def session(number: int) -> str:
        token = replicas[number % 2].begin("shared").token
        for position in range(3):  # any replica answers any request
            store = replicas[(number + position) % 2]
            store.vote(token, position, {"answer": truth(store, token, position), "rt_ms": 800})
        assert replicas[number % 2].vote(token, 2, {"answer": truth(store, token, 2), "rt_ms": 800}).repeated
        return token

    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(session, range(24)))
    with replicas[0].database.reading() as connection:
        given = select(sequences.c.number, sequences.c.holder).where(sequences.c.study == "shared")
        holders = dict(connection.execute(given).all())
    taken = {number: holder for number, holder in holders.items() if holder}
    assert sorted(taken.values()) == sorted(token.split(".")[0] for token in tokens)
    assert sorted(taken) == list(range(24))
    assert len(replicas[1].rows("shared")) == 24 * 3


def test_what_is_sent_at_once_counts_once(server: Server) -> None:
    manifest = small_manifest("once", small_config(panel=Panel("PID")))
    stores = [Store(Database(server.url)) for _ in range(2)]
    for store in stores:
        store.add(manifest)
    with ThreadPoolExecutor(8) as pool:
        sessions = list(pool.map(lambda n: stores[n % 2].begin("once", panel_id="p"), range(8)))
        assert len({session.rater for session in sessions}) == 1
        receipts = list(pool.map(lambda n: stores[n % 2].vote(sessions[0].token, 0, GOOD), range(16)))
    assert Counter(receipt.repeated for receipt in receipts) == {False: 1, True: 15}
    assert len(stores[0].rows("once")) == 1


def test_the_life_of_a_study(server: Server) -> None:
    clock = Clock()
    store = Store(Database(server.url), clock)
    store.add(small_manifest("life", small_config(raters=2)))
    one, two, late = (store.begin("life") for _ in range(3))
    clock.now += 4000
    vote_all(store, one.token)
    assert store.begin("life").rater not in (one.rater, two.rater, late.rater)  # an abandoned sequence
    with pytest.raises(errors.ReplayedError):
        store.vote(one.token, 3, {"answer": {"real": "fake", "fake": "real"}[truth(store, one.token, 3)], "rt_ms": 9})
    assert store.withdraw(store.result(one.token)["withdrawal_code"])["votes"] == 12
    vote_all(store, two.token)
    assert store.counts("life")["finished"] == 1
    assert store.close("life", "enough")["closed_early"] is True
    with pytest.raises(errors.ClosedError):
        store.vote(late.token, 0, GOOD)


def test_a_crash_of_the_server_loses_nothing_acknowledged(server: Server) -> None:
    store = Store(Database(server.url))
    store.add(small_manifest("crash", small_config(raters=200)))
    acknowledged = []
    for _ in range(2):
        token = store.begin("crash").token
        for position in range(5):
            store.vote(token, position, GOOD)
            acknowledged.append((token.split(".")[0], position))
        server.stop("immediate")
        with pytest.raises(errors.UnavailableError, match="Try again"):
            store.vote(token, 5, GOOD)
        server.start()
        assert store.vote(token, 5, GOOD).position == 5
        acknowledged.append((token.split(".")[0], 5))
    rows = [(row["rater"], row["position"]) for row in store.rows("crash")]
    assert sorted(rows) == sorted(acknowledged)
