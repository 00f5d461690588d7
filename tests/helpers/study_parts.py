"""Studies for tests without a picture: real designs and manifests, and a database to vote into."""

import copy
import hashlib
import secrets
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import RowMapping, select

from colorhub.study.create import plan_of
from colorhub.study.design.config import Config, Stopping, checked
from colorhub.study.design.manifest import SCHEMA, Manifest, freeze, write_manifest
from colorhub.study.design.sequences import make_sequences
from colorhub.study.store.answers import ANSWERS
from colorhub.study.store.schema import raters
from colorhub.study.store.store import Store
from colorhub.study.studies import STIMULI, Study


def small_config(**parts: Any) -> Config:
    """Sixteen images, eight a rater, two practice and two attention items; ``raters`` and sections can be given."""
    raters = parts.pop("raters", 6)
    config = replace(Config(), stopping=Stopping(raters=raters), **{"primary": Config().primary, **parts})
    return checked(config).with_design(images=16, per_rater=8, practice=2, attention=2, size=64)


def small_manifest(name: str = "small", config: Config | None = None, demonstration: bool = False) -> Manifest:
    """A manifest as ``create_study`` freezes it, of two models, without files."""
    config = config or small_config()
    sequences = make_sequences(plan_of(config, ["one", "two"]), 1, "salt")
    names: dict[tuple[str, int, str], str] = {}
    for sequence in sequences:
        for item in sequence:
            for shown in item.shown:
                names.setdefault((item.kind, item.image, shown), secrets.token_hex(16))
    content = {
        "schema": SCHEMA,
        "name": name,
        "created": "2030-01-01",
        "colorhub_version": "0",
        "demonstration": demonstration,
        "protocol": config.design.protocol,
        "seed": 1,
        "salt": "salt",
        "size": config.design.size,
        "exposure_ms": None,
        "file_bytes": 1024,
        "models": [{"name": model, "architecture": "unet", "weights_sha256": "0" * 64} for model in ("one", "two")],
        "photos": {"source": "none", "fingerprint": "0" * 64, "drawn": [], "passed_over": {}},
        "stimuli": {
            at: {"image": image, "shown": shown, "kind": kind, "sha256": "0" * 64}
            for (kind, image, shown), at in names.items()
        },
        "plates": [{"stimulus": secrets.token_hex(16), "answer": "5", "line": "deutan", "sha256": "0" * 64}] * 3,
        "sequences": [
            [
                {"kind": item.kind, "stimuli": [names[item.kind, item.image, shown] for shown in item.shown]}
                for item in sequence
            ]
            for sequence in sequences
        ],
        "primary": asdict(config.primary),
        "exclusions": asdict(config.exclusions),
        "stopping": asdict(config.stopping),
        "config": config.to_dict(),
    }
    return freeze(content)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = 1_900_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def rater_of(store: Store, token: str) -> RowMapping:
    """The row of the rater with this token."""
    with store.database.reading() as connection:
        return connection.execute(select(raters).where(raters.c.id == store.rater_of(token))).mappings().one()


def truth(store: Store, token: str, position: int) -> str:
    """The right answer at a position: what nobody outside can know."""
    rater = rater_of(store, token)
    item = store.manifest(rater["study"]).sequences[rater["number"]][position]
    shown = [store.manifest(rater["study"]).stimuli[stimulus]["shown"] for stimulus in item["stimuli"]]
    if len(shown) == 2:
        return "left" if shown[0] == "original" else "right"
    return "real" if shown[0] == "original" else "fake"


def vote_all(store: Store, token: str, start: int = 0, stop: int | None = None, **more: Any) -> None:
    """Answer positions from ``start`` on; rightly, if no ``answer`` is given."""
    for position in range(start, store.progress(token).total if stop is None else stop):
        answer = {"answer": truth(store, token, position), "rt_ms": 800, **more}
        store.vote(token, position, answer)


def stored_study(root: Path, name: str = "small", config: Config | None = None, seed: int = 0) -> Study:
    """A study's whole folder; its pictures are random bytes."""
    data = copy.deepcopy(small_manifest(name, config).data)
    folder, random = root / name, Random(seed)
    (folder / STIMULI).mkdir(parents=True)
    plates = [{**plate, "stimulus": secrets.token_hex(16)} for plate in data["plates"]]
    pictures = {**data["stimuli"], **{plate["stimulus"]: plate for plate in plates}}
    for at, facts in pictures.items():
        content = random.randbytes(64)
        facts["sha256"] = hashlib.sha256(content).hexdigest()
        (folder / STIMULI / f"{at}.webp").write_bytes(content)
    photos = {**data["photos"], "drawn": [f"photo-{n}.jpg" for n in range(20)]}
    manifest = freeze({**data, "plates": plates, "photos": photos})
    write_manifest(manifest, folder)
    return Study(folder, manifest)


def decided(store: Store, token: str, position: int) -> dict[str, Any]:
    """The answer of a simulated rater, which hangs on the sequence and the position alone: one in three is wrong, of
    attention items none, or a study of a few raters could lose all of them to the exclusions."""
    rater = rater_of(store, token)
    random = Random(f"{rater['number']}/{position}")
    careful = store.manifest(rater["study"]).sequences[rater["number"]][position]["kind"] == "attention"
    right = truth(store, token, position)
    wrong = next(word for word in ANSWERS[store.manifest(rater["study"]).protocol] if word != right)
    return {
        "answer": random.choices([right, wrong], [1, 0] if careful else [2, 1])[0],
        "rt_ms": round(random.lognormvariate(7, 0.5), 1),
        "exposure_ms": random.choice([None, 1000.25]),
        "frames": 60,
        "refresh_hz": 59.94,
        "pixel_ratio": 2.625,
        "viewport": "small",
        "seen_before": random.random() < 0.05,
    }
