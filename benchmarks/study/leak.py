"""Can the truth be found out from outside? ``python benchmarks/study/leak.py [--raters 60] [--trials 40]``

Raters take part over HTTP in a study on ``python app.py``. All that reaches them before a vote is written down, but for
what the picture looks like: addresses, status, headers and their order, lengths, bytes around the picture, hashes, how
long the first and the second fetch took, progress and public counts. Two small classifiers are trained on half of the
raters and guess for the other half, and the other way round: real or fake?

Printed: their accuracy with its 95 % interval, beside the accuracy of the same classifiers when they are also given the
size of the compressed picture, which a look at the picture tells as well: so that it is seen that they can learn.
Then: how often a known original was recognized by the hash of its file, how often a second account got at a picture of
the first, and whether anything public while the study is open holds a name, a hash or a key from inside.
Exit code 1 if a classifier beats chance by more than three standard errors, or any of the rest is not 0.
"""

import argparse
import asyncio
import hashlib
import json
import shutil
import struct
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.study.connection import Connection, Reply
from benchmarks.study.servers import NAME, apps, make_study, snapshot

ROUNDS = 30
_SIZE = "compressed size"  # of the picture inside the file: what it looks like, kept for comparison only


@dataclass(frozen=True)
class Seen:
    """One trial: whose, which, and what was seen of it before the vote. ``file``: the hash of the picture's file;
    ``picture``: of the picture inside."""

    rater: str
    position: int
    features: dict[str, float]
    file: str
    picture: str


@dataclass(frozen=True)
class Study:
    """What only its organizer knows."""

    folder: Path
    manifest: dict[str, Any]
    numbers: dict[str, int]  # sequences by rater

    @classmethod
    def read(cls, folder: Path, database: str = "") -> "Study":
        """From its files and its database."""
        manifest = json.loads((folder / "studies" / NAME / "manifest.json").read_bytes())
        return cls(folder, manifest, {row[0]: row[2] for row in snapshot(folder, database)["raters"]})

    def item(self, seen: Seen) -> dict[str, Any]:
        """The item that was seen."""
        return self.manifest["sequences"][self.numbers[seen.rater]][seen.position]

    def is_real(self, seen: Seen) -> bool:
        """Whether an original was shown."""
        return self.manifest["stimuli"][self.item(seen)["stimuli"][0]]["shown"] == "original"

    def file(self, stimulus: str) -> bytes:
        """The file of a stimulus."""
        return (self.folder / "studies" / NAME / "stimuli" / f"{stimulus}.webp").read_bytes()


async def watch(port: int, raters: int, together: int = 2) -> list[Seen]:
    """Whole sessions of so many raters, some at a time; everything that each saw before each vote."""
    places = asyncio.Semaphore(together)

    async def one(number: int) -> list[Seen]:
        async with places:
            return await _session(Connection(port, f"127.4.{number % 250}.1"))

    return [seen for session in await asyncio.gather(*map(one, range(raters))) for seen in session]


async def _session(connection: Connection) -> list[Seen]:
    begun = (await connection.post(f"/study/api/studies/{NAME}/begin", {})).json()
    token, acknowledged, seen = begun["token"], 0.0, []
    for position in range(begun["progress"]["total"]):
        progress = await _get(connection, "/study/api/progress", token)
        public = await _get(connection, f"/study/api/studies/{NAME}")
        first = await _get(connection, f"/study/api/pictures/{position}/0", token)
        again = await _get(connection, f"/study/api/pictures/{position}/0", token)
        features = _features(position, progress, public, first, again) | {"last vote": acknowledged}
        content = picture_of(first.body)
        features[_SIZE] = len(content)
        hashes = (hashlib.sha256(part).hexdigest() for part in (first.body, content))
        seen.append(Seen(token.split(".")[0], position, features, *hashes))
        answer = "real" if hashlib.sha256(first.body).digest()[0] % 2 else "fake"
        values = {"position": position, "answer": answer, "rt_ms": 900}
        while (reply := await connection.post("/study/api/votes", values, token)).status == 429:
            await asyncio.sleep(1)
        acknowledged = reply.seconds
    connection.close()
    return seen


async def _get(connection: Connection, path: str, token: str = "") -> Reply:
    """A GET request; who asks too often waits."""
    while (reply := await connection.get(path, token)).status == 429:
        await asyncio.sleep(1)
    return reply


def _features(position: int, progress: Reply, public: Reply, first: Reply, again: Reply) -> dict[str, float]:
    head = b"\r\n".join(line for line in first.head.split(b"\r\n") if not line.lower().startswith(b"date:"))
    counts = public.json()["counts"]
    around = first.body[:30] + first.body[-8:]
    digest, heads = hashlib.sha256(first.body).digest(), hashlib.sha256(head).digest()
    return {
        "position": position,
        "odd position": position % 2,
        "status": first.status,
        "headers": len(head),
        "length": len(first.body),
        "length again": len(again.body),
        "progress": len(progress.body),
        "public": len(public.body),
        "trials": counts["trials"],
        "flagged": sum(counts["flagged"].values()),
        "seconds": first.seconds,
        "seconds again": again.seconds,
        "seconds more": first.seconds - again.seconds,
        "log seconds": float(np.log(first.seconds)),
        "progress seconds": progress.seconds,
        "clock": time.time() % 1,
        **{f"hash {bit}": digest[0] >> bit & 1 for bit in range(8)},
        **{f"heads {bit}": heads[0] >> bit & 1 for bit in range(8)},
        **{f"byte {at}": byte for at, byte in enumerate(around)},
    }


def picture_of(body: bytes) -> bytes:
    """The compressed picture inside a WebP file."""
    at = 12
    while at + 8 <= len(body):
        (size,) = struct.unpack_from("<I", body, at + 4)
        if body[at : at + 4] == b"VP8 ":
            return body[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    raise ValueError("no picture in this file")


def accuracies(seen: Sequence[Seen], real: np.ndarray, with_size: bool = False) -> dict[str, float]:
    """How often two classifiers guess right for raters they were not trained on."""
    names = [name for name in seen[0].features if with_size or name != _SIZE]
    table = np.array([[one.features[name] for name in names] for one in seen], dtype=float)
    people = sorted({one.rater for one in seen})
    half = np.array([people.index(one.rater) % 2 for one in seen], dtype=bool)
    right: dict[str, list[bool]] = {"logistic regression": [], "boosted thresholds": []}
    for test in (half, ~half):
        train = ~test
        spread = table[train].std(axis=0)
        useful = spread > 0
        scaled = (table[:, useful] - table[train][:, useful].mean(axis=0)) / spread[useful]
        scaled = np.clip(np.nan_to_num(scaled), -5, 5)
        for name, guess in (("logistic regression", _logistic), ("boosted thresholds", _boosted)):
            right[name] += list(guess(scaled[train], real[train], scaled[test]) == real[test])
    return {name: float(np.mean(values)) for name, values in right.items()}


def _logistic(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Ridge logistic regression on features and their squares, by Newton's method."""
    x, new = (np.hstack([np.ones((len(one), 1)), one, one**2]) for one in (x, new))
    weights = np.zeros(x.shape[1])
    for _ in range(15):
        chance = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        slope = x.T @ (y - chance) - weights
        curve = (x * (chance * (1 - chance))[:, None]).T @ x + np.eye(len(weights))
        weights = weights + np.linalg.solve(curve, slope)
    return new @ weights > 0


def _boosted(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """AdaBoost of thresholds on single features."""
    cuts = np.quantile(x, np.linspace(0.1, 0.9, 9), axis=0)
    stumps, on_new = (np.where(one[:, None] > cuts, 1.0, -1.0).reshape(len(one), -1) for one in (x, new))
    wanted, weights, score = np.where(y, 1.0, -1.0), np.full(len(x), 1 / len(x)), np.zeros(len(new))
    for _ in range(ROUNDS):
        agreement = np.clip((weights * wanted) @ stumps, -0.999, 0.999)
        best = int(np.abs(agreement).argmax())
        trust = 0.5 * np.log((1 + agreement[best]) / (1 - agreement[best]))
        score += trust * on_new[:, best]
        weights = weights * np.exp(-trust * wanted * stumps[:, best])
        weights /= weights.sum()
    return score > 0


def recognized(seen: Sequence[Seen], study: Study) -> int:
    """How many pictures have the hash of a file that somebody with the original, or with the whole folder, has."""
    known = {hashlib.sha256(study.file(stimulus)).hexdigest() for stimulus in study.manifest["stimuli"]}
    known |= {entry["sha256"] for entry in study.manifest["stimuli"].values()}
    return sum(one.file in known for one in seen) + len(seen) - len({one.file for one in seen})


async def stolen(port: int, folder: Path) -> tuple[int, int]:
    """Tries of a second account (and of one without any) to get at a first one's pictures, and how many succeeded."""
    connection, tokens = Connection(port), []
    for _ in range(2):
        tokens.append((await connection.post(f"/study/api/studies/{NAME}/begin", {})).json()["token"])
    study = Study.read(folder)
    mine = study.manifest["sequences"][study.numbers[tokens[0].split(".")[0]]]
    theirs = study.manifest["sequences"][study.numbers[tokens[1].split(".")[0]]]
    own = {hashlib.sha256(picture_of(study.file(item["stimuli"][0]))).digest() for item in theirs[:2]}
    replies = []
    for position, item in enumerate(mine):
        paths = [f"/study/api/pictures/{position}/{number}" for number in (0, 1)]
        [name] = item["stimuli"]
        outside = [f"/study/{name}.webp", f"/study/files/{name}.webp", f"/study/api/pictures/{name}"]
        file = folder / "studies" / NAME / "stimuli" / f"{name}.webp"
        outside += [f"/gradio_api/file={file}", f"/file={file}", f"/gradio_api/file=studies/{NAME}/stimuli/{name}.webp"]
        for token in (tokens[1], "", f"{tokens[0].split('.')[0]}.{tokens[1].split('.')[1]}"):
            replies += [await connection.get(path, token) for path in (*paths, *outside)]
    found = [hashlib.sha256(picture_of(reply.body)).digest() for reply in replies if reply.body[:4] == b"RIFF"]
    connection.close()
    return len(replies), sum(one not in own for one in found)


async def told(port: int, folder: Path) -> list[str]:
    """Names, hashes and keys from inside that are in something public while the study is open."""
    study = Study.read(folder)
    secrets = [study.manifest["salt"], *study.manifest["stimuli"]]
    secrets += [entry["sha256"] for entry in study.manifest["stimuli"].values()]
    secrets += [Path(name).name for name in study.manifest["photos"]["drawn"]]
    secrets.append((folder / "studies" / "votes.secret").read_text(encoding="ascii").strip())
    files = [folder / "studies" / name for name in ("votes.sqlite", "votes.secret", f"{NAME}/manifest.json")]
    paths = ["/", "/config", "/study/", "/study/api/studies", f"/study/api/studies/{NAME}", "/gradio_api/info"]
    paths += [f"/study/api/studies/{NAME}/{what}" for what in ("report", "trials.csv", "manifest.json", "votes")]
    paths += [f"{start}{file}" for start in ("/gradio_api/file=", "/file=") for file in files]
    connection, found = Connection(port), []
    for path in paths:
        reply = await connection.get(path)
        text = reply.head + reply.body
        found += [f"{path} holds {secret[:12]}..." for secret in secrets if secret.encode() in text]
        if reply.status == 200 and path.endswith(("report", ".csv", "manifest.json", ".sqlite", ".secret", "votes")):
            found.append(f"{path} is public")
    connection.close()
    return found


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raters", type=int, default=60)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--together", type=int, default=2, help="raters at a time")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="colorhub-leak-"))
    try:
        make_study(folder, raters=given.raters + 10, per_rater=given.trials)
        with apps(folder) as [app]:
            seen = asyncio.run(watch(app.port, given.raters, given.together))
            tries, thefts = asyncio.run(stolen(app.port, folder))
            leaks = asyncio.run(told(app.port, folder))
        return 0 if report(seen, Study.read(folder), tries, thefts, leaks) else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def report(seen: Sequence[Seen], study: Study, tries: int, thefts: int, leaks: Sequence[str]) -> bool:
    """Print all figures; whether all is well."""
    trials = [one for one in seen if study.item(one)["kind"] == "trial"]
    real = np.array([study.is_real(one) for one in trials])
    error = np.sqrt(0.25 / len(trials))
    print(f"{len(trials)} trials of {len({one.rater for one in trials})} raters, {real.mean():.1%} originals")
    guesses = accuracies(trials, real)
    for name, share in guesses.items():
        low, high = share - 1.96 * error, share + 1.96 * error
        print(f"  {name}: {share:.1%} right, 95 % interval {low:.1%} to {high:.1%}; chance is 50 %")
    control = ", ".join(f"{name} {share:.1%}" for name, share in accuracies(trials, real, with_size=True).items())
    print(f"  for comparison, told the compressed size of what is seen anyway: {control}")
    lengths = {one.features["length"] for one in seen}
    print(f"  pictures have {len(lengths)} length; known files recognized by hash: {recognized(seen, study)}")
    print(f"  {tries} tries of others to fetch a rater's pictures: {thefts} succeeded")
    print(f"  names, hashes and keys found in what is public: {len(leaks)} {' '.join(leaks)}")
    fair = all(share <= 0.5 + 3 * error for share in guesses.values())
    return fair and len(lengths) == 1 and not recognized(seen, study) and not thefts and not leaks


if __name__ == "__main__":
    sys.exit(main())
