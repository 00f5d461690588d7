"""Raters who vote over HTTP, each one vote in so many seconds, and never give up on one."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from benchmarks.study.connection import BrokenError, Connection, Reply
from benchmarks.study.servers import NAME, App, Vote

_PAUSE, _LONGEST_PAUSE = 0.3, 3.0  # seconds before something is sent again: longer each time


@dataclass
class Record:
    """What the raters saw. ``votes``: seconds from sending a vote to its acknowledgement at the first try;
    ``again``: votes that had to be sent again."""

    acknowledged: list[Vote] = field(default_factory=list)
    votes: list[float] = field(default_factory=list)
    pictures: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    again: int = 0
    sessions: int = 0
    longest_wait: float = 0.0  # of a vote that had to be sent again
    since: float = field(default_factory=time.perf_counter)


@dataclass
class Load:
    """Raters, the seconds between two votes of each, and where they may turn to."""

    apps: list[App]
    raters: int
    interval: float
    one_address: bool = True
    record: Record = field(default_factory=Record)
    stopping: bool = False

    def fresh(self) -> Record:
        """Start counting anew, and go on acknowledging into the same list; the record until now."""
        old = self.record
        self.record = Record(acknowledged=old.acknowledged)
        return old

    async def __aenter__(self) -> "Load":
        self._tasks = [asyncio.create_task(_rater(self, number)) for number in range(self.raters)]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let every vote that was sent be acknowledged."""
        self.stopping = True
        await asyncio.gather(*self._tasks)


class _Rater:
    """One person in front of a browser."""

    def __init__(self, load: Load, number: int) -> None:
        self.load = load
        self.random = random.Random(number)
        self.address = "127.0.0.1" if load.one_address else f"127.1.{number // 250}.{number % 250 + 1}"
        self._turn_to(number)

    def _turn_to(self, number: int) -> None:
        self.app = number % len(self.load.apps)
        self.connection = Connection(self.load.apps[self.app].port, self.address)

    async def ask(self, what: str, path: str, values: object = None, token: str = "") -> Reply:
        """A request that is sent again, to the next replica, until it is answered."""
        pause = _PAUSE
        while True:
            try:
                if values is None:
                    reply = await self.connection.get(path, token)
                else:
                    reply = await self.connection.post(path, values, token)
            except BrokenError as error:
                self.load.record.errors[f"{what}: {error}"] += 1
                self._turn_to(self.app + 1)
            else:
                if reply.status == 200:
                    return reply
                self.load.record.errors[f"{what}: {reply.status} {reply.body[:60].decode(errors='replace')}"] += 1
                if reply.status not in (429, 500, 503):
                    raise RuntimeError(f"{what} {path}: {reply.status} {reply.body[:200]!r}")
            await asyncio.sleep(pause * self.random.uniform(0.5, 1.5))
            pause = min(_LONGEST_PAUSE, 1.5 * pause)

    async def picture(self, token: str, position: int) -> None:
        """Fetch the picture at a position."""
        reply = await self.ask("picture", f"/study/api/pictures/{position}/0", token=token)
        self.load.record.pictures.append(reply.seconds)
        if reply.body[:4] != b"RIFF":
            raise RuntimeError("No picture came.")

    async def vote(self, token: str, position: int) -> bool:
        """Vote once, whatever it takes; whether the session is over."""
        answer = self.random.choice(("real", "fake"))
        values = {"position": position, "answer": answer, "rt_ms": 900, "exposure_ms": 880.5, "frames": 53}
        start = time.perf_counter()
        reply = await self.ask("vote", "/study/api/votes", values, token)
        first_try = time.perf_counter() - start < reply.seconds + _PAUSE / 2
        self.load.record.acknowledged.append((token.split(".")[0], position, answer))
        if first_try:
            self.load.record.votes.append(reply.seconds)
        else:
            self.load.record.again += 1
            self.load.record.longest_wait = max(self.load.record.longest_wait, time.perf_counter() - start)
        return reply.json()["progress"]["finished"]


async def _rater(load: Load, number: int) -> None:
    rater = _Rater(load, number)
    await asyncio.sleep(rater.random.random() * load.interval)
    while not load.stopping:
        await rater.ask("study", f"/study/api/studies/{NAME}")
        begun = (await rater.ask("begin", f"/study/api/studies/{NAME}/begin", {})).json()
        load.record.sessions += 1
        token, total = begun["token"], begun["progress"]["total"]
        await rater.picture(token, 0)
        position, due, over = 0, time.perf_counter(), False
        while not over and not load.stopping:
            over = await rater.vote(token, position)
            position += 1
            if position < total:
                await rater.picture(token, position)
            due += load.interval
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            due = max(due, time.perf_counter() - load.interval)  # a rater who was held up does not hurry
    rater.connection.close()
