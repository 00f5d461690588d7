"""Where studies are: folders below ``$COLORHUB_STUDIES``, by default ``studies`` in the working folder."""

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from colorhub._text import nearest
from colorhub.study.design.manifest import NAME, Manifest, read_manifest
from colorhub.study.errors import ManifestError, StudyError
from colorhub.study.stimuli import files

STIMULI = "stimuli"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_STIMULUS = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Study:
    """A study on this machine: its folder and its verified manifest."""

    folder: Path
    manifest: Manifest

    def picture(self, stimulus: str) -> bytes:
        """The file of a stimulus or plate, with fresh random padding: the same picture never has the same hash twice.

        Raises:
            StudyError: no such stimulus, or its file is gone.
        """
        if not _STIMULUS.fullmatch(stimulus):
            raise StudyError("A stimulus is named by 32 hexadecimal digits.")
        try:
            content = (self.folder / STIMULI / f"{stimulus}{files.SUFFIX}").read_bytes()
        except OSError as error:
            raise StudyError(f"The picture {stimulus} cannot be read: {error.strerror}.") from None
        return files.padded(content, len(content))


def studies_root() -> Path:
    """The folder that holds studies."""
    return Path(os.environ.get("COLORHUB_STUDIES") or "studies")


def check_name(name: str) -> str:
    """The name, if a study can be called so. Raises :class:`StudyError`."""
    if not _NAME.fullmatch(name):
        raise StudyError(f"A study's name has small letters, digits and hyphens, at most 63; got {name[:80]!r}.")
    return name


def study_names(root: Path | None = None) -> list[str]:
    """Names of the studies there are."""
    root = root or studies_root()
    return sorted(folder.name for folder in root.iterdir() if (folder / NAME).is_file()) if root.is_dir() else []


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder beside ``target`` that becomes it at the end; after any error it is gone. Raises :class:`StudyError`."""
    root = target.parent
    folder = root / f".{target.name}.{secrets.token_hex(4)}.tmp"
    new_root = not root.exists()
    try:
        folder.mkdir(parents=True)
        yield folder
        folder.rename(target)
    except OSError as error:
        if target.exists():
            raise StudyError(f"The name {target.name} was taken meanwhile: choose another name.") from None
        raise StudyError(f"The study cannot be written to {root}: {error.strerror or error}.") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if new_root and root.is_dir() and not any(root.iterdir()):
            root.rmdir()


def open_study(name: str, root: Path | None = None) -> Study:
    """Open a study by name.

    Raises:
        StudyError: there is none of that name (the nearest is named).
        ManifestError: its manifest is corrupted or of a newer version.
    """
    root = root or studies_root()
    names = study_names(root)
    if name not in names:
        raise StudyError(f"No study {name[:80]!r} in {root} ({nearest(name, names)}).")
    manifest = read_manifest(root / name)
    if manifest.name != name:
        raise ManifestError(f"{root / name} holds the manifest of the study {manifest.name!r}: rename the folder back.")
    return Study(root / name, manifest)
