"""Two hundred raters at once, servers and databases killed under them:

    python benchmarks/study/load.py [--only sqlite|postgresql] [--raters 200] [--interval 4] [--seconds 120]
                                    [--kills 20 5 5] [--skip load,highest,kills] [--quick]

Every rater speaks HTTP to ``python app.py`` (one process on SQLite, two on one PostgreSQL, which is started on
loopback): begins a session, fetches each picture, votes every so many seconds and sends a vote again until it is
acknowledged. The raters are all in this process, on the same machine as what they load.

1. load: votes a second, how long a vote took (p50, p95, p99), errors, votes lost or doubled.
2. highest: shorter and shorter intervals while p95 stays below 100 ms and the servers keep up.
3. kills: SIGKILL of the app at random moments, so many times on SQLite and on PostgreSQL, and of PostgreSQL itself.

At the end of each, every acknowledged vote must be in the database exactly once, with its answer, and no other vote.
Exit code 1 if one is not, or if the first load's p95 is above 100 ms.
"""

import argparse
import asyncio
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.study.raters import Load, Record
from benchmarks.study.servers import App, Server, apps, crash, make_study, postgres, votes_in

LIMIT_MS = 100
SETTLE = 10.0  # seconds until all raters have begun, not counted
_INTERVALS = (3.0, 2.0, 1.5, 1.0, 0.75, 0.5, 0.4, 0.3)


@contextmanager
def place(kind: str) -> Iterator[tuple[Path, list[App], str, Server | None]]:
    """A new study, the servers on it, their database's address, and the PostgreSQL server."""
    folder = Path(tempfile.mkdtemp(prefix="colorhub-load-"))
    try:
        make_study(folder)
        if kind == "sqlite":
            with apps(folder) as running:
                yield folder, running, "", None
        else:
            cluster = Path(tempfile.gettempdir()) / f"{folder.name}-database"  # its user must be able to enter
            with postgres(cluster) as server, apps(folder, 2, server.url) as running:
                yield folder, running, server.url, server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check(title: str, record: Record, folder: Path, database: str) -> bool:
    """Print and say whether what was acknowledged is what is in the database, each vote once."""
    stored, acknowledged = votes_in(folder, database), record.acknowledged
    lost = Counter(acknowledged) - Counter(stored)
    surplus = Counter(stored) - Counter(acknowledged)
    doubled = len(stored) - len({vote[:2] for vote in stored})
    print(
        f"  {title}: {len(acknowledged)} votes acknowledged, {len(stored)} in the database; "
        f"lost {sum(lost.values())}, never sent {sum(surplus.values())}, doubled {doubled}"
    )
    return not lost and not surplus and not doubled


def row(title: str, record: Record, seconds: float) -> float:
    """Print a line of the table; p95 of a vote in milliseconds."""
    times, pictures = 1000 * np.array(record.votes or [np.nan]), 1000 * np.array(record.pictures or [np.nan])
    p50, p95, p99 = np.percentile(times, [50, 95, 99])
    half, most = np.percentile(pictures, [50, 95])
    errors = ", ".join(f"{count} x {error}" for error, count in record.errors.most_common(4)) or "none"
    print(
        f"  {title}: {len(record.votes) / seconds:6.1f} votes/s, {len(record.pictures) / seconds:6.1f} pictures/s; "
        f"a vote p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms, longest {times.max():.0f} ms; "
        f"a picture p50 {half:.0f} ms, p95 {most:.0f} ms; errors: {errors}"
    )
    return float(p95)


async def steady(load: Load, title: str, seconds: float) -> tuple[float, float]:
    """Measure for a while; votes a second and p95."""
    load.fresh()
    start = time.perf_counter()
    await asyncio.sleep(seconds)
    took = time.perf_counter() - start
    record = load.fresh()
    return len(record.votes) / took, row(title, record, took)


async def run_load(running: list[App], raters: int, interval: float, seconds: float) -> tuple[Load, float]:
    """The promised load, all raters behind one address."""
    async with Load(running, raters, interval) as load:
        await asyncio.sleep(SETTLE)
        _, p95 = await steady(load, f"{raters} raters, a vote every {interval:g} s each", seconds)
    return load, p95


async def run_highest(running: list[App], raters: int, seconds: float) -> Load:
    """Faster and faster, until it does not hold."""
    best = "none of those tried"
    async with Load(running, raters, _INTERVALS[0], one_address=False) as load:
        for interval in _INTERVALS:
            load.interval = interval
            await asyncio.sleep(max(SETTLE, 2 * interval))
            whole = interval * np.ceil(seconds / interval)  # each rater votes equally often in it
            rate, p95 = await steady(load, f"{raters / interval:.0f} votes/s wanted", whole)
            if p95 > LIMIT_MS or rate < 0.97 * raters / interval:
                break
            best = f"{rate:.0f} votes/s"
    print(f"  the highest rate that held (p95 <= {LIMIT_MS} ms, at least 97 % of what was wanted): {best}")
    return load


async def run_kills(
    running: list[App], raters: int, interval: float, kills: int, strike: Callable[[int], Awaitable[float]]
) -> Load:
    """Strike at random moments while raters vote; ``strike`` brings back what it killed and says how long it took."""
    chance, down = random.Random(1), []
    async with Load(running, raters, interval) as load:
        await asyncio.sleep(SETTLE)
        load.fresh()
        start = time.perf_counter()
        for kill in range(kills):
            await asyncio.sleep(chance.uniform(1, 2 + interval))
            down.append(await strike(kill))
        goal = len(load.record.acknowledged) + raters
        while len(load.record.acknowledged) < goal:  # the raters go on
            await asyncio.sleep(0.1)
        record, took = load.fresh(), time.perf_counter() - start
    row("meanwhile", record, took)
    print(
        f"  {kills} kills; {np.median(down):.1f} s (median) until it answered again; {record.again} votes sent again, "
        f"the longest wait {record.longest_wait:.1f} s"
    )
    return load


def app_killer(running: list[App]) -> Callable[[int], Awaitable[float]]:
    """Kills one app after the other."""

    async def strike(kill: int) -> float:
        app = running[kill % len(running)]
        app.kill()
        app.start()
        return await asyncio.to_thread(app.wait)

    return strike


def database_killer(server: Server, running: list[App]) -> Callable[[int], Awaitable[float]]:
    """Kills PostgreSQL."""

    async def strike(kill: int) -> float:
        crash(server)
        start = time.monotonic()
        await asyncio.to_thread(restart, server)
        return time.monotonic() - start

    return strike


def restart(server: Server) -> None:
    """Start PostgreSQL, again and again while the last of the killed still holds its memory."""
    for _ in range(20):
        try:
            return server.start()
        except Exception:
            time.sleep(0.5)
    raise RuntimeError("PostgreSQL does not start again.")


def measure(kind: str, given: argparse.Namespace) -> tuple[bool, float]:
    """All parts on one kind of database; whether every vote was kept once, and the load's p95 in milliseconds."""
    kept, p95, skip = True, 0.0, given.skip.split(",")
    with place(kind) as (folder, running, database, server):
        print(f"{kind}, {len(running)} server process{'es' * (len(running) > 1)}")
        acknowledged: list = []

        def settle(title: str, load: Load) -> bool:
            acknowledged.extend(load.record.acknowledged)
            return check(title, Record(acknowledged=acknowledged), folder, database)

        if "load" not in skip:
            load, p95 = asyncio.run(run_load(running, given.raters, given.interval, given.seconds))
            kept &= settle("load", load)
        if "highest" not in skip:
            kept &= settle("highest", asyncio.run(run_highest(running, given.raters, given.seconds / 6)))
        if "kills" not in skip:
            times = given.kills[0] if kind == "sqlite" else given.kills[1]
            strikes = [(f"{times} x SIGKILL of the app", times, app_killer(running))]
            if server:
                title = f"{given.kills[2]} x SIGKILL of PostgreSQL"
                strikes.append((title, given.kills[2], database_killer(server, running)))
            for title, number, strike in strikes:
                kept &= settle(title, asyncio.run(run_kills(running, given.raters, given.interval, number, strike)))
    return kept, p95


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--raters", type=int, default=200)
    parser.add_argument("--interval", type=float, default=4.0)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--kills", type=int, nargs=3, default=(20, 5, 5))
    parser.add_argument("--skip", default="")
    parser.add_argument("--quick", action="store_true", help="20 raters, some seconds, two kills of each kind")
    given = parser.parse_args()
    if given.quick:
        given.raters, given.interval, given.seconds, given.kills = 20, 1.0, 10.0, (2, 2, 2)
    cores, load = os.cpu_count(), os.getloadavg()[0]
    print(f"{platform.machine()}, {cores} cores, load before {load:.1f}; the raters run on the same machine")
    kept = [measure(kind, given) for kind in ("sqlite", "postgresql") if given.only in (None, kind)]
    good = all(safe and p95 <= LIMIT_MS for safe, p95 in kept)
    print("All promises kept." if good else "A promise was NOT kept.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
