"""The voting API over real HTTP: what a rater gets, what strangers do not, and what nobody can find out."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from study_commands import move_to
from study_parts import small_config
from study_server import serving_api, write_study

from benchmarks.study import hostile, leak, servers
from benchmarks.study.servers import NAME
from colorhub.space.study.catalogue import Remembered, StudyCatalogue
from colorhub.space.study.handlers import Handlers
from colorhub.space.study.limits import FloodError, RateLimit
from colorhub.study.design.config import Links, Panel, Vision
from colorhub.study.design.manifest import read_manifest
from colorhub.study.store.database import Database
from colorhub.study.store.store import Store
from colorhub.study.studies import Study

GOOD = {"answer": "real", "rt_ms": 700}


@dataclass
class Place:
    """A served study. ``folder`` holds ``studies``."""

    folder: Path
    client: httpx.Client
    port: int

    def get(self, path: str, token: str = "") -> httpx.Response:
        return self.client.get(f"/study/api/{path}", headers={"X-Study-Token": token})

    def post(self, path: str, values: Any, token: str = "") -> httpx.Response:
        return self.client.post(f"/study/api/{path}", json=values, headers={"X-Study-Token": token})

    def begin(self, name: str = NAME, **values: Any) -> str:
        return self.post(f"studies/{name}/begin", values).json()["token"]

    def vote(self, token: str, position: int, **values: Any) -> httpx.Response:
        return self.post("votes", {"position": position, **GOOD, **values}, token)

    def truth(self, token: str, position: int) -> str:
        """The stimulus that a rater sees at a position, from the files that no rater has."""
        manifest = json.loads((self.folder / "studies" / NAME / "manifest.json").read_bytes())
        with closing(sqlite3.connect(self.folder / "studies" / "votes.sqlite")) as connection:
            [(number,)] = connection.execute("SELECT number FROM raters WHERE id = ?", [token.split(".")[0]])
        return manifest["sequences"][number][position]["stimuli"][0]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return move_to(tmp_path / "studies", monkeypatch)


@pytest.fixture
def place(root: Path) -> Iterator[Place]:
    vision = Vision(check=True, plates=3, needed=2)
    write_study(root, NAME, config=small_config(vision=vision, panel=Panel("PID"), links=Links("https://done.example")))
    with serving_api() as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        yield Place(root.parent, client, port)


def test_a_whole_session(place: Place) -> None:
    [listed] = place.get("studies").json()
    assert (listed["name"], listed["state"], listed["demonstration"]) == (NAME, "open", False)
    about = place.get("studies/load").json()
    assert about["languages"] == ["de", "en"] and "10 photographs" in about["texts"]["en"]["consent"]
    assert (about["plates"], about["panel"], about["protocol"]) == (3, {"parameter": "PID"}, "realfake")
    begun = place.post("studies/load/begin", {"language": "de", "panel_id": "somebody"}).json()
    token = begun["token"]
    assert begun["progress"] == {
        "study": NAME, "position": 0, "total": 12, "kind": "practice", "pictures": 1, "finished": False,
        "language": "de", "plates_read": None,
    }  # fmt: skip
    assert place.get("plates/0", token).content[:4] == b"RIFF"
    assert place.post("plates", {"readings": ["5", "5", "1"]}, token).json() == {"read": True}
    feedback = []
    for position in range(12):
        picture = place.get(f"pictures/{position}/0", token)
        assert (picture.headers["content-type"], picture.headers["cache-control"]) == ("image/webp", "no-store")
        answer = place.vote(token, position).json()
        assert (answer["position"], answer["progress"]["position"], answer["repeated"]) == (
            position,
            position + 1,
            False,
        )
        feedback.append(answer["feedback"])
    assert None not in feedback[:2] and set(feedback[2:]) == {None}
    again = place.post("studies/load/begin", {"panel_id": "somebody"})
    assert (again.status_code, again.json()["code"]) == (409, "took-part")
    result = place.get("result", token).json()
    assert (result["trials"], result["correct"], result["link"]) == (8, 4, "https://done.example")
    assert all(place.get(f"pictures/{position}/0", token).status_code == 200 for position in result["fooled_at"])
    assert place.post("withdraw", {"code": result["withdrawal_code"]}).json() == {"votes": 12, "closed": False}
    assert place.get("progress", token).status_code == 403


def test_a_vote_sent_twice_is_answered_twice_and_counted_once(place: Place) -> None:
    token = place.begin()
    first, second = place.vote(token, 0).json(), place.vote(token, 0).json()
    assert (first["repeated"], second["repeated"]) == (False, True)
    assert first["progress"] == second["progress"] == place.get("progress", token).json()
    assert place.vote(token, 0, answer="fake").json()["code"] == "replayed"
    assert len(servers.votes_in(place.folder)) == 1


def test_a_picture_is_served_to_its_rater_alone(place: Place) -> None:
    tries, thefts = asyncio.run(leak.stolen(place.port, place.folder))
    assert tries > 200 and thefts == 0
    assert place.get("pictures/0/0").status_code == 403
    one, two = place.begin(), place.begin()
    for token in (one, two):
        body = place.get("pictures/1/0", token).content
        own = (place.folder / "studies" / NAME / "stimuli" / f"{place.truth(token, 1)}.webp").read_bytes()
        assert leak.picture_of(body) == leak.picture_of(own)
    assert place.get("pictures/2/0", one).status_code == 403


def test_what_comes_before_a_vote_does_not_tell_the_truth(root: Path) -> None:
    write_study(root, NAME, small_config(raters=30))
    with serving_api() as port:
        seen = asyncio.run(leak.watch(port, 24, together=8))
        assert asyncio.run(leak.told(port, root.parent)) == []
    study = leak.Study.read(root.parent)
    trials = [one for one in seen if study.item(one)["kind"] == "trial"]
    real = np.array([study.is_real(one) for one in trials])
    assert real.mean() == 0.5 and len(trials) == 24 * 8
    bound = 0.5 + 4 * np.sqrt(0.25 / len(trials))
    assert max(leak.accuracies(trials, real).values()) < bound
    assert min(leak.accuracies(trials, real, with_size=True).values()) > bound  # they can learn
    assert leak.recognized(seen, study) == 0
    for name in ("status", "headers", "length", "length again", "heads 0"):
        assert len({one.features[name] for one in trials}) == 1


def test_a_picture_that_is_found_sooner_is_not_sent_sooner(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Study.picture

    def slowly(study: Study, stimulus: str) -> bytes:
        time.sleep(0.02 * (study.manifest.stimuli[stimulus]["shown"] == "original"))
        return read(study, stimulus)

    monkeypatch.setattr(Study, "picture", slowly)
    token = place.begin()
    for position in range(12):
        start = time.perf_counter()
        place.get(f"pictures/{position}/0", token)
        assert time.perf_counter() - start >= 0.03
        place.vote(token, position)


def test_hostile_requests_change_nothing(root: Path) -> None:
    write_study(root, NAME, small_config(raters=40))
    with serving_api() as port:
        attacker = asyncio.run(hostile.prepare(port, raters=20))
        before = servers.snapshot(root.parent)
        seen = asyncio.run(hostile.attack(port, attacker, 20 * len(attacker.kinds), seconds=2))
        assert servers.snapshot(root.parent) == before
        assert hostile.verdict(seen) == []
        assert seen.total() == 20 * len(attacker.kinds)
        assert asyncio.run(hostile.honest_vote(port, attacker)) == 200


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"{}", "text/plain", 415, "not-json"),
        (b" " * 16_385, "application/json", 413, "too-large"),
        (b"{", "application/json", 422, "invalid"),
        (b"[1]", "application/json; charset=utf-8", 422, "invalid"),
        (b'{"position": 0, "answer": "real", "rt_ms": NaN}', "application/json", 422, "invalid"),
        (b'{"position": 0, "answer": "\\u0000", "rt_ms": 1}', "application/json", 422, "invalid"),
    ],
)
def test_what_is_no_vote(place: Place, content: bytes, kind: str, status: int, code: str) -> None:
    headers = {"X-Study-Token": place.begin(), "Content-Type": kind}
    reply = place.client.post("/study/api/votes", content=content, headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (status, code)


def test_while_open_only_counts_are_public(place: Place) -> None:
    token = place.begin()
    for position in range(12):
        place.vote(token, position)
    for path in ("report", "trials.csv"):
        reply = place.get(f"studies/{NAME}/{path}")
        assert (reply.status_code, reply.json()["code"]) == (409, "out-of-order")
    counts = place.get("studies/load").json()["counts"]
    assert set(counts) == {"raters", "finished", "trials", "flagged"}


def test_when_closed_the_trials_are_public(place: Place) -> None:
    token = place.begin()
    for position in range(3):
        place.vote(token, position)
    store = Store(Database())
    store.add(read_manifest(place.folder / "studies" / NAME))
    store.close(NAME, "enough")
    store.database.close()
    assert place.vote(token, 3).json()["code"] == "closed"
    trials = place.get("studies/load/trials.csv").text.splitlines()
    assert len(trials) == 4 and trials[0].startswith("study,rater,position,kind,image,model,answer,correct")
    assert "Closed early" in place.get("studies/load/report").text


def test_studies_are_found_while_the_page_is_up(root: Path) -> None:
    handlers = Handlers(StudyCatalogue(look_seconds=0.0))
    with serving_api(handlers) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}/study/api") as client:
        assert client.get("/studies").json() == []
        assert not (root / "votes.sqlite").exists()
        write_study(root, "first", demonstration=True)
        write_study(root, "second")
        write_study(root, "broken")
        (root / "broken" / "manifest.json").write_text("{}", encoding="utf-8")
        assert [row["name"] for row in client.get("/studies").json()] == ["second", "first"]
        assert client.get("/studies/broken").json()["code"] == "unknown"


def test_a_database_that_cannot_be_reached(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORHUB_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    write_study(root, NAME)
    with serving_api() as port, httpx.Client(base_url=f"http://127.0.0.1:{port}/study/api") as client:
        for reply in (client.get("/studies"), client.post("/studies/load/begin", json={})):
            assert (reply.status_code, reply.json()["code"]) == (503, "unavailable")
            assert reply.headers["retry-after"] and "127.0.0.1" not in reply.text


def test_the_page_runs_nothing_of_others(place: Place) -> None:
    page = place.client.get("/study/")
    assert page.status_code == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    redirect = place.client.get("/study?PID=7")
    assert (redirect.status_code, redirect.headers["location"]) == (307, "study/?PID=7")
    for name in ("rater.html", "..%2froutes.py", "%00.js", "none.js"):
        assert place.client.get(f"/study/files/{name}").status_code == 404


def test_a_rate_limit_refills_and_forgets() -> None:
    now = [0.0]
    limit = RateLimit(rate=2, burst=3, clock=lambda: now[0])
    for _ in range(3):
        limit.take(b"one")
    with pytest.raises(FloodError):
        limit.take(b"one")
    limit.take(b"another")
    now[0] = 0.5
    limit.take(b"one")
    with pytest.raises(FloodError):
        limit.take(b"one")
    for number in range(50_000):
        limit.take(str(number).encode())
    assert limit.senders <= 20_000


def test_a_flood_of_one_rater_is_refused(root: Path) -> None:
    write_study(root, NAME)
    handlers = Handlers(StudyCatalogue(), rater_limit=RateLimit(rate=0.001, burst=5))
    with serving_api(handlers) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        place = Place(root.parent, client, port)
        token, other = place.begin(), place.begin()
        assert [place.get("progress", token).status_code for _ in range(7)] == [200] * 5 + [429] * 2
        assert place.vote(token, 0).json()["code"] == "too-many"
        assert place.vote(other, 0).status_code == 200
        assert [vote[0] for vote in servers.votes_in(place.folder)] == [other.split(".")[0]]


def test_remembered_asks_again_only_after_a_while() -> None:
    asked = []
    remembered = Remembered(lambda name: asked.append(name) or len(asked), seconds=0.2)
    assert [remembered("a"), remembered("a"), remembered("b")] == [1, 1, 2]
    time.sleep(0.3)
    assert remembered("a") == 3
