"""Backups of open studies in a private dataset on the Hub: everything that another machine needs to go on.

One dataset holds the studies of one database, each in a folder: its frozen manifest, which is the truth, its pictures,
and its rows with the sequences that raters hold and the keyed hashes of panel ids. Beside them lies the key that signs
tokens, unless it comes from ``$COLORHUB_STUDY_SECRET``. The dataset keeps no history: who has withdrawn, and the panel
ids of a closed study, are in no older commit either.
"""

import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorhub.hub import Content, Hub, Plan, State, carry_out, make_plan
from colorhub.study.design.manifest import NAME as MANIFEST
from colorhub.study.design.manifest import canonical
from colorhub.study.errors import StudyError
from colorhub.study.sharing import remotes
from colorhub.study.stimuli import files
from colorhub.study.store.database import Database
from colorhub.study.store.snapshot import STATE, Snapshot, take
from colorhub.study.store.tokens import Keys
from colorhub.study.studies import STIMULI, Study

SCHEMA = 1
INDEX, PICTURES, CARD = "backup.json", "stimuli.zip", "README.md"
KIND = "backup of colorhub studies"
_OWNED = (CARD, INDEX)
_CARD = """---
viewer: false
tags:
- colorhub-study-backup
---

# Backup of colorhub studies

Written by `colorhub study publish`; `colorhub study restore` reads it on another machine. **Keep this dataset
private**: it says which pictures are real, and holds the answers as they come in, hashes of panel ids, and the key that
signs the raters' sessions. It has no history: what was deleted from a study is gone from here with the next backup.
"""


@dataclass(frozen=True)
class Saved:
    """A backup that is on the Hub. ``changed``: whether it needed a commit."""

    plan: Plan
    commit: str
    snapshot: Snapshot

    @property
    def changed(self) -> bool:
        return not self.plan.nothing_to_do


def back_up(hub: Hub, database: Database, study: Study, repo_id: str, pictures: Path | None = None) -> Saved:
    """Bring a study's backup up to date, in one commit, where anything has changed.

    Args:
        hub: with a token that may write.
        database: that holds the study.
        study: with its folder.
        repo_id: of a private dataset; it is made where there is none.
        pictures: what :func:`pack` has written, to spare packing for every one of many backups.

    Raises:
        PublishError: the repository is public, somebody else's or of another database; or the connection failed, and
            then it holds the old backup or the new one.
        StudyError: the database holds less than the backup.
    """
    if pictures is None:
        with packed(study) as made:
            return back_up(hub, database, study, repo_id, made)
    snapshot = take(database, study.manifest.name)
    plan = plan_backup(hub, database, study, repo_id, snapshot, pictures)
    commit = carry_out(hub, plan)
    hub.forget_history(repo_id, "dataset")
    remotes.remember(study.folder, backup=repo_id)
    return Saved(plan, commit, snapshot)


def plan_backup(hub: Hub, database: Database, study: Study, repo_id: str, snapshot: Snapshot, pictures: Path) -> Plan:
    """What a backup would change. Raises as :func:`back_up`."""
    name = study.manifest.name
    own: dict[str, Content] = {MANIFEST: canonical(study.manifest.data), PICTURES: pictures, **snapshot.files()}
    wanted = {
        CARD: _CARD.encode(),
        INDEX: _index(database),
        **{f"{name}/{path}": content for path, content in own.items()},
    }
    plan = make_plan(
        hub,
        repo_id,
        "dataset",
        wanted,
        owned=(*_OWNED, f"{name}/*"),
        is_ours=lambda state: _why_not(hub, repo_id, state, database.keys),
        private=True,
        title="Backup of colorhub studies",
    )
    if plan.state is not None and plan.changed:
        _refuse_less(hub, plan.state, repo_id, name, snapshot)
    return plan


def holds_backups(hub: Hub, repo_id: str) -> bool:
    """Whether a repository is a dataset of backups."""
    state = hub.state(repo_id, "dataset")
    return state is not None and INDEX in state.digests


@contextmanager
def packed(study: Study) -> Iterator[Path]:
    """A study's pictures in one temporary file."""
    with tempfile.TemporaryDirectory() as folder:
        yield pack(study, Path(folder) / PICTURES)


def pack(study: Study, path: Path) -> Path:
    """Write all pictures of a study into one file, the same bytes every time. Raises :class:`StudyError`."""
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for at in sorted(digests_of(study.manifest.data)):
                content = (study.folder / STIMULI / f"{at}{files.SUFFIX}").read_bytes()
                archive.writestr(zipfile.ZipInfo(f"{at}{files.SUFFIX}"), content)  # of no date
    except OSError as error:
        raise StudyError(f"The pictures of {study.manifest.name} cannot be read: {error.strerror}.") from None
    return path


def digests_of(manifest: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 of every picture by its random name, plates too."""
    found = {at: one["sha256"] for at, one in manifest["stimuli"].items()}
    return found | {plate["stimulus"]: plate["sha256"] for plate in manifest["plates"]}


def _index(database: Database) -> bytes:
    """The key is left out where its owner keeps it in the environment."""
    keys = database.keys
    key = None if database.key_is_given else keys.secret.hex()
    return json.dumps({"kind": KIND, "schema": SCHEMA, "key": key, "fingerprint": keys.fingerprint()}).encode()


def _why_not(hub: Hub, repo_id: str, state: State, keys: Keys) -> str | None:
    if INDEX not in state.digests:
        return None if set(state.digests) <= {CARD, "LICENSE"} else "holds no backup of colorhub studies"
    index = hub.read_json(repo_id, INDEX, state.commit, "dataset")
    if index.get("kind") != KIND:
        return "holds no backup of colorhub studies"
    return None if index.get("fingerprint") == keys.fingerprint() else "holds the backup of another database"


def _refuse_less(hub: Hub, state: State, repo_id: str, name: str, snapshot: Snapshot) -> None:
    """Never write an emptied database over a backup. Who withdraws is counted, so these sums only grow."""
    old = hub.read_json(repo_id, f"{name}/{STATE}", state.commit, "dataset")
    if not old:
        return
    withdrawn = snapshot.study()["withdrawn"]
    fewer = snapshot.count("raters") + withdrawn < old.get("raters", 0) + old.get("withdrawn", 0)
    if fewer or (withdrawn == old.get("withdrawn", 0) and snapshot.count("votes") < old.get("votes", 0)):
        raise StudyError(
            f"The backup {repo_id} has {old.get('votes')} answers of {old.get('raters')} raters in {name}, and this "
            f"database only {snapshot.count('votes')} of {snapshot.count('raters')}: restore it with colorhub study "
            f"restore {repo_id}, or back up under another name."
        )
