"""Ten thousand hostile requests: ``python benchmarks/study/hostile.py [--requests 10000] [--database postgresql]``

Forged, tampered and foreign tokens, replayed and changed votes, pictures of others, bodies that are too large, too slow
or no JSON, absurd times, SQL and script in every text field, broken HTTP: sent over plain sockets to ``python app.py``,
from many addresses, while an honest rater votes now and then.

Every request must be refused with a status below 500 (or cut off, where it is no HTTP), the database must be the same
before and after, and the process must be alive and take an honest vote. Exit code 1 otherwise.
"""

import argparse
import asyncio
import base64
import json
import random
import secrets
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.study.connection import BrokenError, Connection
from benchmarks.study.servers import NAME, apps, make_study, postgres, snapshot

TEXTS = (
    "'; DROP TABLE votes; --",
    "' OR '1'='1",
    "real' UNION SELECT value FROM about --",
    "<script>alert(document.cookie)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}${7*7}",
    "../../votes.sqlite",
    "\u0000",
    "\ud800",
    "‮real",
    "🂡" * 300,
    "%00%0d%0aX-Study-Token: x",
    "",
    "A" * 5000,
)
VALUES = (None, True, -1, 0, 1, 10**30, 1e308, -1e308, 0.5, [], {}, ["real"], {"$ne": 1}, [[[[[]]]]], *TEXTS)
_GOOD = {"answer": "real", "rt_ms": 700}
_FIELDS = ("answer", "rt_ms", "exposure_ms", "frames", "focus_lost", "refresh_hz", "pixel_ratio", "viewport")
CUT_OFF = ("broken http", "oversized", "bad method")  # these may get no answer
_TIMES = (-1, -0.001, 3_600_001, 1e300, "700", True, None, [], "1e3", 2**63, 10**400)
_METHODS = ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "VOTE", "HEAD")
_NO_JSON = (
    b"",
    b"{",
    b"[]",
    b"null",
    b'"vote"',
    b"position=0&answer=real",
    b"\xff\xfe\x00",
    b'{"position": NaN, "answer": "real", "rt_ms": Infinity}',
    b'{"position": 0, "answer": "real", "rt_ms": 1e999}',
    b"[" * 8000,
    b'{"a":' * 2500,
    b'{"position": ' + b"9" * 9000 + b"}",
    b"<vote><position>0</position></vote>",
    b'{"answer": "\\ud800", "position": 0, "rt_ms": 5}',
)


class Attacker:
    """Makes requests that must all be refused. ``tokens``: of raters who have answered ``answered`` items, the first
    with ``first_answers``; knowing them is the best that an attacker can hope for."""

    def __init__(self, tokens: list[str], answered: int, first_answers: list[str], seed: int = 0) -> None:
        self.tokens, self.answered, self.first_answers = tokens, answered, first_answers
        self.random = random.Random(seed)
        self.kinds: tuple[Callable[[], bytes], ...] = (
            self.forged,
            self.tampered,
            self.changed,
            self.out_of_order,
            self.foreign_picture,
            self.oversized,
            self.no_json,
            self.wrong_type,
            self.absurd_time,
            self.bad_field,
            self.unknown_key,
            self.bad_begin,
            self.bad_withdrawal,
            self.bad_plates,
            self.bad_address,
            self.bad_method,
            self.broken_http,
        )

    def requests(self, count: int) -> Iterator[tuple[str, bytes]]:
        """So many, of all kinds in turn."""
        for number in range(count):
            make = self.kinds[number % len(self.kinds)]
            yield make.__name__.replace("_", " "), make()

    def forged(self) -> bytes:
        """A vote with a token that was not signed here."""
        mac = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
        rater, _, signature = self.token().partition(".")
        token = self.random.choice(
            (
                f"{secrets.token_hex(16)}.{mac}",
                f"{rater}.{mac}",
                f"{secrets.token_hex(16)}.{signature}",
                rater,
                "",
                ".",
                "A" * 6000,
                f"{rater}.{signature}.{signature}",
                "null",
                json.dumps({"rater": rater}),
                "' OR 1=1 --",
            )
        )
        return self.vote({"position": self.answered, **_GOOD}, token)

    def tampered(self) -> bytes:
        """A vote or a look with one character of a real token changed."""
        token = list(self.token())
        at = self.random.randrange(len(token) - 1)  # the last character's lowest bits say nothing
        token[at] = "0" if token[at] != "0" else "1"
        if self.random.random() < 0.5:
            return _request("GET", self.random.choice(("progress", "result", "pictures/0/0")), "".join(token))
        return self.vote({"position": self.answered, **_GOOD}, "".join(token))

    def changed(self) -> bytes:
        """Another answer to a trial that has one."""
        position = self.random.randrange(self.answered)
        other = {"real": "fake", "fake": "real"}[self.first_answers[position]]
        return self.vote({"position": position, **_GOOD, "answer": other}, self.tokens[0])

    def out_of_order(self) -> bytes:
        """A vote for an item that is not the next one."""
        position = self.random.choice((self.answered + 1, 45, 46, 9999, 10**9, -1, 2**31, 2**63, "0", None, True, 0.0))
        return self.vote({"position": position, **_GOOD})

    def foreign_picture(self) -> bytes:
        """A picture that the rater may not see now."""
        position = self.random.choice((0, self.answered - 1, self.answered + 2, 45, 10**6, "-1", "0x1", "٣", "1e1"))
        number = self.random.choice((0, 1, 2, "-1", "9" * 5000)) if self.random.random() < 0.3 else 0
        return _request("GET", f"pictures/{position}/{number}", self.token())

    def oversized(self) -> bytes:
        """Too much, said or unsaid."""
        size = self.random.choice((16_385, 20_000, 100_000))
        body = json.dumps({"position": self.answered, **_GOOD, "more": "A" * size}).encode()
        kind = self.random.randrange(4)
        if kind == 0:  # says ten megabytes and sends none of them
            return _request("POST", "votes", self.token(), b"", {"Content-Length": str(10 * 2**20)})
        if kind == 1:
            chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:4000], body[4000:])) + b"0\r\n\r\n"
            return _request("POST", "votes", self.token(), chunks, {"Transfer-Encoding": "chunked"})
        if kind == 2:
            return self.vote({**_GOOD, "position": self.answered, "viewport": "A" * 10_000})
        return _request("POST", "votes", self.token(), body)

    def no_json(self) -> bytes:
        """A body that is no JSON object, or a stretched one."""
        address = self.random.choice(("votes", "plates", "withdraw", f"studies/{NAME}/begin"))
        body = self.random.choice(_NO_JSON[:-1] if address != "votes" else _NO_JSON)
        return _request("POST", address, self.token(), body)

    def wrong_type(self) -> bytes:
        """A good vote under another media type."""
        kind = self.random.choice(
            (
                "text/plain",
                "application/x-www-form-urlencoded",
                "multipart/form-data; boundary=x",
                "",
                "application/xml",
            )
        )
        body = json.dumps({"position": self.answered, **_GOOD}).encode()
        return _request("POST", "votes", self.token(), body, {"Content-Type": kind})

    def absurd_time(self) -> bytes:
        """Times that cannot be."""
        field = self.random.choice(("rt_ms", "exposure_ms", "frames"))
        choices = [value for value in _TIMES if value is not None or field == "rt_ms"]
        return self.vote({"position": self.answered, **_GOOD, field: self.random.choice(choices)})

    def bad_field(self) -> bytes:
        """Anything at all in one field."""
        field, value = self.random.choice(_FIELDS), self.random.choice(VALUES)
        if _may_be(field, value):
            field, value = "answer", self.random.choice(TEXTS)
        return self.vote({"position": self.answered, **_GOOD, field: value})

    def unknown_key(self) -> bytes:
        """More than an answer has."""
        key = self.random.choice(("correct", "kind", "rater", "study", "__proto__", "day", *TEXTS[:6]))
        return self.vote({"position": self.answered, **_GOOD, key: self.random.choice((1, "x"))})

    def bad_begin(self) -> bytes:
        """A session in a language or of a study that is not there."""
        if self.random.random() < 0.4:
            name = self.random.choice(("none", "..", "%2e%2e%2f", "%00", "a'--", "%3Cscript%3E", "x" * 3000, "%ff%fe"))
            return _request("POST", f"studies/{name}/begin", "", b"{}")
        values = {self.random.choice(("language", "panel_id")): self.random.choice((1, True, [], {}, "A" * 300))}
        if self.random.random() < 0.4:
            values = {"language": self.random.choice([text for text in TEXTS if text])}
        return _request("POST", f"studies/{NAME}/begin", "", _json(values))

    def bad_withdrawal(self) -> bytes:
        """A withdrawal code by guessing."""
        guess = "".join(self.random.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=16))
        code = self.random.choice((guess, f"{guess[:4]}-{guess[4:]}", *VALUES, "%" * 16, "_" * 16, "0" * 16))
        return _request("POST", "withdraw", "", _json({"code": code}))

    def bad_plates(self) -> bytes:
        """Readings of plates that are none."""
        readings = self.random.choice(("12345", None, {}, 5, [1] * 5000, ["A" * 3000], ["5"] * 99))
        return _request("POST", "plates", self.token(), _json({"readings": readings}))

    def bad_address(self) -> bytes:
        """Looking around."""
        path = self.random.choice(
            (
                "../api/../../votes.sqlite",
                "..%2f..%2fvotes.sqlite",
                f"studies/{NAME}/manifest.json",
                f"studies/{NAME}/report",
                f"studies/{NAME}/trials.csv",
                "studies/%2e%2e/%2e%2e",
                "pictures",
                "pictures/0",
                "pictures/0/0/0",
                "plates/0x0",
                "plates/-1",
                "votes/1",
                "x" * 8000,
                "\\..\\..\\votes.sqlite",
            )
        )
        start = self.random.choice(("api/", "api/", "files/", "files/..%2f"))
        return _request("GET", path, self.token(), start=start if path[0] == "." else "api/")

    def bad_method(self) -> bytes:
        """A method that no address takes."""
        method = self.random.choice(_METHODS)
        path = self.random.choice(("votes", "withdraw", "plates") if method == "HEAD" else ("votes", "progress"))
        return _request(method, path, self.token(), _json({"position": self.answered, **_GOOD}))

    def broken_http(self) -> bytes:
        """What is no HTTP at all, or stops in the middle."""
        good = self.vote({"position": self.answered, **_GOOD})
        return self.random.choice(
            (
                secrets.token_bytes(200) + b"\r\n\r\n",
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
                b"GET\r\n\r\n",
                b"POST /study/api/votes HTTP/9.9\r\n\r\n",
                good.replace(b"HTTP/1.1", b"HTTP/1.1\r\nContent-Length: -5"),
                good.replace(b"Content-Length: ", b"Content-Length: 1"),
                good.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"),
                self.forged().replace(b"\r\n\r\n", b"\r\nX-Large: " + b"A" * 70_000 + b"\r\n\r\n"),
                good[: -self.random.randrange(5, 20)],
            )
        )

    def token(self) -> str:
        """A real rater's."""
        return self.random.choice(self.tokens)

    def vote(self, values: object, token: str | None = None) -> bytes:
        """A vote as bytes."""
        return _request("POST", "votes", self.token() if token is None else token, _json(values))


def _may_be(field: str, value: object) -> bool:
    """Whether a good vote could hold this."""
    if field == "answer":
        return False
    if field in ("focus_lost", "seen_before"):
        return isinstance(value, bool)
    if field == "viewport":
        return value == ""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return (number and 0 <= value <= 3_600_000) or (value is None and field != "rt_ms")


def _json(values: object) -> bytes:
    return json.dumps(values).encode()


def _request(
    method: str,
    path: str,
    token: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    start: str = "api/",
) -> bytes:
    lines = {"Host": "127.0.0.1", "Content-Type": "application/json"}
    if token:
        lines["X-Study-Token"] = token
    if body is not None:
        lines["Content-Length"] = str(len(body))
    lines |= headers or {}
    if "Transfer-Encoding" in lines:
        del lines["Content-Length"]
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} /study/{start}{path} HTTP/1.1\r\n{head}\r\n".encode("utf-8", "surrogateescape") + (body or b"")


async def attack(port: int, attacker: Attacker, count: int, seconds: float = 5.0) -> Counter[tuple[str, int]]:
    """Send so many requests, forty at a time; how often which kind was answered with which status (0: cut off, or no
    answer: within ``seconds`` to what is no whole request)."""
    seen: Counter[tuple[str, int]] = Counter()
    waiting = asyncio.Semaphore(40)

    async def one(number: int, kind: str, request: bytes) -> None:
        async with waiting:
            connection = Connection(port, f"127.2.{number % 200}.{number % 250 + 1}")
            try:
                patience = seconds if kind in CUT_OFF else 300
                status = (await asyncio.wait_for(connection.send(request), patience)).status
            except (BrokenError, TimeoutError):
                status = 0
            connection.close()
            seen[kind, status] += 1

    requests = enumerate(attacker.requests(count))
    await asyncio.gather(*(one(number, kind, request) for number, (kind, request) in requests))
    return seen


async def prepare(port: int, raters: int = 40, answered: int = 3) -> Attacker:
    """Some honest raters with some votes each, whose tokens the attacker has."""
    tokens, answers = [], []
    for number in range(raters):
        connection = Connection(port, f"127.3.{number % 200}.1")
        token = (await connection.post(f"/study/api/studies/{NAME}/begin", {})).json()["token"]
        for position in range(answered):
            answer = secrets.choice(("real", "fake"))
            await connection.post("/study/api/votes", {**_GOOD, "position": position, "answer": answer}, token)
            if number == 0:
                answers.append(answer)
        tokens.append(token)
        connection.close()
    return Attacker(tokens, answered, answers)


def verdict(seen: Counter[tuple[str, int]]) -> list[str]:
    """What was not refused as it should be: a request that was accepted, an error of the server, or no answer at all
    to what was proper HTTP."""
    return [
        f"{count} x {kind}: {status or 'no answer'}"
        for (kind, status), count in sorted(seen.items())
        if not (400 <= status < 500 or (status == 0 and kind in CUT_OFF))
    ]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="colorhub-hostile-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        make_study(folder, raters=200, size=64)
        url = stack.enter_context(postgres(Path(f"{folder}-db"))).url if given.database == "postgresql" else ""
        [app] = stack.enter_context(apps(folder, 1, url))
        attacker = asyncio.run(prepare(app.port))
        before = snapshot(folder, url)
        seen = asyncio.run(attack(app.port, attacker, given.requests))
        same, alive = snapshot(folder, url) == before, app.process is not None and app.process.poll() is None
        wrong = verdict(seen)
        statuses = Counter(status for _, status in seen.elements())
        print(f"{sum(seen.values())} hostile requests of {len(attacker.kinds)} kinds, {given.database}")
        print(
            "  answers: " + ", ".join(f"{count} x {status or 'cut off'}" for status, count in sorted(statuses.items()))
        )
        print(f"  database {'identical' if same else 'CHANGED'}; process {'alive' if alive else 'DEAD'}")
        honest = asyncio.run(honest_vote(app.port, attacker))
        print(f"  an honest vote afterwards: {honest}")
        for line in wrong:
            print(f"  NOT REFUSED {line}")
    return 0 if same and alive and honest == 200 and not wrong else 1


async def honest_vote(port: int, attacker: Attacker) -> int:
    values = {"position": attacker.answered, **_GOOD}
    return (await Connection(port).post("/study/api/votes", values, attacker.tokens[-1])).status


if __name__ == "__main__":
    sys.exit(main())
