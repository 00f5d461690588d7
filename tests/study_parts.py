"""Studies for tests without a picture: real designs and manifests, and a database to vote into."""

import secrets
from dataclasses import asdict, replace
from typing import Any

from colorhub.study.config import Config, Stopping, checked
from colorhub.study.create import plan_of
from colorhub.study.design import make_sequences
from colorhub.study.manifest import SCHEMA, Manifest, freeze
from colorhub.study.store import Store


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


def truth(store: Store, token: str, position: int) -> str:
    """The right answer at a position: what nobody outside can know."""
    with store.database.reading() as connection:
        rater = store._rater(connection, token)
    item = store._sequence(rater)[position]
    shown = [store.manifest(rater["study"]).stimuli[stimulus]["shown"] for stimulus in item["stimuli"]]
    if len(shown) == 2:
        return "left" if shown[0] == "original" else "right"
    return "real" if shown[0] == "original" else "fake"


def vote_all(store: Store, token: str, start: int = 0, stop: int | None = None, **more: Any) -> None:
    """Answer positions from ``start`` on; rightly, if no ``answer`` is given."""
    for position in range(start, store.progress(token).total if stop is None else stop):
        answer = {"answer": truth(store, token, position), "rt_ms": 800, **more}
        store.vote(token, position, answer)
