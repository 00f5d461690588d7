"""A backup from the Hub onto an empty machine: verified first, then all of it, or nothing is left behind."""

import contextlib
import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorhub.hub import Hub, check_repo_id
from colorhub.study.design.manifest import NAME as MANIFEST
from colorhub.study.design.manifest import Manifest, verified, write_manifest
from colorhub.study.errors import DatabaseError, ManifestError, StudyError
from colorhub.study.sharing import backup, remotes
from colorhub.study.stimuli import files
from colorhub.study.store.database import Database
from colorhub.study.store.snapshot import STATE, Snapshot, put, read, take
from colorhub.study.studies import STIMULI, check_name, new_folder, open_study, study_names


@dataclass(frozen=True)
class Restored:
    """A study that was brought back. ``new``: its votes were not in the database already."""

    name: str
    raters: int
    votes: int
    new: bool


@dataclass(frozen=True)
class _Found:
    """A verified study of a backup."""

    manifest: Manifest
    snapshot: Snapshot
    pictures: Path


def restore(hub: Hub, repo_id: str, root: Path) -> list[Restored]:
    """Restore all studies of a backup; the database is opened once it has been verified, and takes over its key.

    Args:
        hub: with a token that may read.
        repo_id: of the backup.
        root: where studies are.

    Raises:
        PublishError: there is no such dataset, or the connection failed.
        ManifestError, DatabaseError: it is damaged, or written by a newer version.
        StudyError: another study of that name is here, or other votes of it.
    """
    check_repo_id(repo_id)
    state = hub.state(repo_id, "dataset")
    if state is None:
        raise StudyError(f"There is no dataset {repo_id} on the Hub, or your token may not see it.")
    if backup.INDEX not in state.digests:
        raise StudyError(
            f"The dataset {repo_id} holds no backup: name the private one that colorhub study publish NAME --to wrote "
            "while the study was open."
        )
    with tempfile.TemporaryDirectory() as folder:
        paths = hub.download(repo_id, "dataset", state, Path(folder))
        index = _index(paths[backup.INDEX], repo_id)
        names = sorted(path.rpartition("/")[0] for path in paths if path.endswith(f"/{STATE}"))
        found = [_verified(paths, name, f"{repo_id}/{name}") for name in names]
        for one in found:
            _check_place(root, one.manifest)
        with closing(Database()) as database:
            _take_key(database, index)
            return [_bring(one, root, database, repo_id) for one in found]


def _index(path: Path, repo_id: str) -> Mapping[str, Any]:
    try:
        index = json.loads(path.read_bytes())
        schema, _, key = index["schema"], index["fingerprint"], bytes.fromhex(index["key"] or "")
        if schema <= backup.SCHEMA and (key or index["key"] is None):
            return index
    except (ValueError, KeyError, TypeError):
        raise ManifestError(f"{repo_id} is corrupted: its {backup.INDEX} cannot be read.") from None
    raise ManifestError(
        f"{repo_id} is a backup of schema {schema}, and this colorhub knows {backup.SCHEMA}: install a newer colorhub."
    )


def _verified(paths: Mapping[str, Path], name: str, origin: str) -> _Found:
    check_name(name)
    own = {path.removeprefix(f"{name}/"): file for path, file in paths.items() if path.startswith(f"{name}/")}
    if missing := {MANIFEST, backup.PICTURES} - set(own):
        raise ManifestError(f"{origin} is corrupted: {missing.pop()} is missing.")
    try:
        manifest = verified(json.loads(own[MANIFEST].read_bytes()), f"{origin}/{MANIFEST}")
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise ManifestError(f"{origin}/{MANIFEST} is corrupted: it is no JSON.") from None
    snapshot = read({path: file.read_bytes() for path, file in own.items() if path.endswith((".jsonl", STATE))}, origin)
    row = snapshot.study()
    if (manifest.name, row["name"], row["sha256"]) != (name, name, manifest.sha256):
        raise ManifestError(f"{origin} is corrupted: its manifest, its rows and its name are of different studies.")
    _check_pictures(own[backup.PICTURES], manifest, origin)
    return _Found(manifest, snapshot, own[backup.PICTURES])


def _check_pictures(path: Path, manifest: Manifest, origin: str) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            for at, digest in backup.digests_of(manifest.data).items():
                if hashlib.sha256(archive.read(f"{at}{files.SUFFIX}")).hexdigest() != digest:
                    raise ValueError(at)
    except (zipfile.BadZipFile, KeyError, ValueError):
        raise ManifestError(f"{origin} is corrupted: its pictures are not those of its manifest.") from None


def _check_place(root: Path, manifest: Manifest) -> None:
    name = manifest.name
    if name not in study_names(root):
        if (root / name).exists():
            raise StudyError(f"{root / name} is in the way and is no study: move it away.")
    elif open_study(name, root).manifest.sha256 != manifest.sha256:
        raise StudyError(f"Another study called {name} is in {root}: set COLORHUB_STUDIES to another folder.")


def _take_key(database: Database, index: Mapping[str, Any]) -> None:
    if index["key"] is not None:
        database.adopt(bytes.fromhex(index["key"]))
    if database.keys.fingerprint() != index["fingerprint"]:
        raise DatabaseError(
            "The backup was made with COLORHUB_STUDY_SECRET: set it to the same secret, or raters' sessions are lost."
        )


def _bring(found: _Found, root: Path, database: Database, repo_id: str) -> Restored:
    name, snapshot = found.manifest.name, found.snapshot
    held, missing = _held(database, found), not (root / name).exists()
    try:
        with (
            database.writing() if held is None else nullcontext() as connection,
            new_folder(root / name) if missing else nullcontext() as folder,
        ):
            if folder is not None:
                _write(found, folder)
            if connection is not None:
                put(connection, snapshot)
    except BaseException:  # also where its rows could not be committed
        if missing:
            shutil.rmtree(root / name, ignore_errors=True)
        raise
    remotes.remember(root / name, backup=repo_id)
    now = held or snapshot
    return Restored(name, now.count("raters"), now.count("votes"), new=held is None)


def _held(database: Database, found: _Found) -> Snapshot | None:
    """What the database has of the study, where that is all of the backup: a disk was lost, the database was not."""
    with contextlib.suppress(StudyError):
        held = take(database, found.manifest.name)
        if held.study()["sha256"] == found.manifest.sha256 and held.count("raters") and held.covers(found.snapshot):
            return held
    return None


def _write(found: _Found, folder: Path) -> None:
    (folder / STIMULI).mkdir()
    with zipfile.ZipFile(found.pictures) as archive:
        for at in backup.digests_of(found.manifest.data):  # these names alone, whatever else is in it
            (folder / STIMULI / f"{at}{files.SUFFIX}").write_bytes(archive.read(f"{at}{files.SUFFIX}"))
    write_manifest(found.manifest, folder)
