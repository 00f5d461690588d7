"""The manifest: everything that was decided before the first vote, frozen and hashed."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from colorhub.study.design.config import Config, config_of
from colorhub.study.errors import ManifestError, StudyError

SCHEMA = 1
NAME = "manifest.json"
_KEYS: dict[type, tuple[str, ...]] = {
    int: ("schema", "seed", "size", "file_bytes"),
    str: ("name", "created", "colorhub_version", "protocol", "salt", "sha256"),
    bool: ("demonstration",),
    list: ("models", "plates", "sequences"),
    dict: ("photos", "stimuli", "primary", "exclusions", "stopping", "config"),
}


@dataclass(frozen=True)
class Manifest:
    """A frozen manifest. ``data``: the whole JSON object; nothing in it is ever changed."""

    data: dict[str, Any]

    @property
    def name(self) -> str:
        """The study's name."""
        return self.data["name"]

    @property
    def sha256(self) -> str:
        """The hash that a preregistration names."""
        return self.data["sha256"]

    @property
    def protocol(self) -> str:
        """``realfake``: one picture, real or fake? ``2afc``: which of two is real?"""
        return self.data["protocol"]

    @property
    def demonstration(self) -> bool:
        """Whether its results are no evidence."""
        return self.data["demonstration"]

    @property
    def sequences(self) -> list[list[dict[str, Any]]]:
        """All raters' sequences: ``{"kind", "stimuli"}`` a position."""
        return self.data["sequences"]

    @property
    def stimuli(self) -> dict[str, dict[str, Any]]:
        """By random name: ``{"image", "shown", "kind", "sha256"}``. Nobody outside may see this."""
        return self.data["stimuli"]

    @property
    def models(self) -> list[str]:
        """Names of the models."""
        return [model["name"] for model in self.data["models"]]

    @cached_property
    def config(self) -> Config:
        """The resolved ``study.toml``."""
        return config_of(self.data["config"], f"The manifest of {self.name}")


def freeze(content: dict[str, Any]) -> Manifest:
    """The manifest of this content, with its hash."""
    return Manifest({**content, "sha256": content_hash(content)})


def content_hash(content: dict[str, Any]) -> str:
    """SHA-256 of everything but ``sha256`` as canonical JSON: sorted keys, no spaces, UTF-8."""
    kept = {key: value for key, value in content.items() if key != "sha256"}
    return hashlib.sha256(canonical(kept)).hexdigest()


def canonical(content: dict[str, Any]) -> bytes:
    """Canonical JSON of a dictionary. Raises ``ValueError`` for numbers that JSON does not have."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write ``manifest.json`` into a study's folder."""
    (folder / NAME).write_bytes(canonical(manifest.data))


def read_manifest(folder: Path) -> Manifest:
    """Read and verify a study's manifest.

    Raises:
        ManifestError: it is missing, no JSON, of a newer schema, incomplete, or was changed after it was frozen.
    """
    path = folder / NAME
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise ManifestError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise ManifestError(f"{path} is corrupted: it is no JSON; restore it from a backup.") from None
    return verified(data, str(path))


def verified(data: Any, origin: str) -> Manifest:
    """A manifest from parsed JSON, checked. Raises :class:`ManifestError`."""
    if not isinstance(data, dict) or not isinstance(data.get("schema"), int):
        raise ManifestError(f"{origin} is no manifest of a study: it names no schema.")
    if data["schema"] > SCHEMA:
        raise ManifestError(
            f"{origin} has schema {data['schema']}, and this colorhub knows {SCHEMA}: install a newer colorhub."
        )
    for kind, keys in _KEYS.items():
        if wrong := [key for key in keys if not isinstance(data.get(key), kind)]:
            raise ManifestError(
                f"{origin} is corrupted: {wrong[0]!r} is missing or of a wrong type; restore it from a backup."
            )
    try:
        found = content_hash(data)
    except (ValueError, UnicodeEncodeError):
        found = ""
    if found != data["sha256"]:
        raise ManifestError(
            f"{origin} was changed after it was frozen: its hash is {found[:12]}..., it says {data['sha256'][:12]}...; "
            "restore it from a backup."
        )
    manifest = Manifest(data)
    try:
        _ = manifest.config
    except StudyError as error:
        raise ManifestError(str(error)) from None
    return manifest
