"""Trial tables and whole studies for tests of the study's statistics and report, from simulated raters."""

from pathlib import Path

import numpy as np
import pandas as pd

from colorhub.study.design.config import Config
from colorhub.study.design.manifest import Manifest, freeze, write_manifest
from colorhub.study.statistics.simulated import Spread, simulate
from colorhub.study.statistics.table import ORIGINAL, Trials

MODELS = ["eccv16", "unet-<b>gan"]  # a name that must be escaped wherever it is written


def table_of(trials: Trials, names: list[str] | None = None, protocol: str = "realfake", seed: int = 0) -> pd.DataFrame:
    """The trial table of simulated votes, all kept."""
    random = np.random.default_rng(seed)
    votes = trials.real.size
    groups = [*(names or [name for name in trials.names if name != ORIGINAL]), ORIGINAL]
    table = pd.DataFrame(
        {
            "study": "demo",
            "rater": [f"r{rater:03}" for rater in trials.rater],
            "position": 0,
            "kind": "trial",
            "image": trials.image,
            "model": [groups[group] for group in trials.shown],
            "side": "" if protocol == "realfake" else random.choice(["left", "right"], votes),
            "rt_ms": np.exp(random.normal(7.3, 0.5, votes)).round().astype(int),
            "excluded": "",
        }
    )
    real = trials.real > 0
    if protocol == "realfake":
        return table.assign(answer=np.where(real, "real", "fake"))
    other = np.where(table["side"] == "left", "right", "left")
    return table.assign(answer=np.where(real, other, table["side"]))


def study_table(protocol: str = "realfake") -> pd.DataFrame:
    """40 raters with 30 trials each, some excluded by two rules, and practice and attention items among them."""
    realness = [0.45, 0.38, 0.66 if protocol == "realfake" else float("nan")]
    trials = simulate(np.random.default_rng(3), realness, 40, 60, 30, Spread())
    table = table_of(trials, MODELS, protocol)
    table.loc[table["rater"] == "r003", "excluded"] = "attention"
    table.loc[(table["rt_ms"] < 500) & (table["excluded"] == ""), "excluded"] = "too fast"
    practice, attention = table.iloc[::10].assign(kind="practice"), table.iloc[::15].assign(kind="attention")
    return pd.concat([table, practice, attention], ignore_index=True)


def manifest_of(protocol: str = "realfake", demonstration: bool = True, **primary: object) -> Manifest:
    """A manifest with everything that the report reads."""
    config = Config()
    chosen = {"first": MODELS[0], "second": MODELS[1], "effect": 8.0, "margin": 5.0, "alpha": 0.05, "power": 0.8}
    return freeze(
        {
            "schema": 1,
            "name": "demo",
            "created": "2030-01-01",
            "colorhub_version": "0",
            "demonstration": demonstration,
            "protocol": protocol,
            "seed": 7,
            "salt": "",
            "size": 256,
            "exposure_ms": 1000,
            "file_bytes": 1,
            "models": [{"name": name} for name in MODELS],
            "photos": {},
            "stimuli": {},
            "plates": [],
            "sequences": [],
            "primary": chosen | primary,
            "exclusions": {},
            "stopping": {},
            "config": config.to_dict(),
        }
    )


def make_study(root: Path, protocol: str = "realfake") -> Path:
    """A study's folder below ``root``: manifest and trials."""
    folder = root / "demo"
    folder.mkdir(parents=True)
    write_manifest(manifest_of(protocol), folder)
    study_table(protocol).to_csv(folder / "trials.csv", index=False)
    return folder
