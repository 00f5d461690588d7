"""Other authors' weights by name: fetched once, checked, converted once, and loaded like any folder from then on."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.constants import CONFIG_NAME, SAFETENSORS_SINGLE_FILE

from colorhub.hub.conversion import Origin, converted, sha256_of, write_folder
from colorhub.hub.downloading import download, offline, reachable
from colorhub.hub.releases import HUB_FILES, RELEASES, Release
from colorhub.models.base import WeightsError
from colorhub.models.repository import ModelNotFoundError, pinned, repository_file

_LEDGER = "first-downloads.json"


def cache_root(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """Where converted releases are: ``$COLORHUB_CACHE``, else beside the Hub's cache in ``$HF_HOME/colorhub``."""
    if cache_dir:
        return Path(cache_dir) / "colorhub"
    return Path(os.environ.get("COLORHUB_CACHE") or Path(constants.HF_HOME) / "colorhub").expanduser()


def cached_release(
    name: str, revision: str | None = None, cache_dir: str | os.PathLike[str] | None = None
) -> Path | None:
    """The folder of a release that has been converted on this machine; None where it has not been."""
    folder = cache_root(cache_dir) / (f"{name}@{revision.replace('/', '-')}" if revision else name)
    return folder if (folder / CONFIG_NAME).is_file() and (folder / SAFETENSORS_SINGLE_FILE).is_file() else None


def fetch_release(name: str, hub: dict[str, Any]) -> Path:
    """The folder of a release, which is downloaded and converted where it is not on this machine yet.

    Args:
        name: of :data:`colorhub.hub.releases.RELEASES`.
        hub: settings as of :func:`colorhub.load`. A URL has no revisions.

    Raises:
        ModelNotFoundError: it is not on disk and cannot be fetched.
        WeightsError: what was fetched is not what was released, or not what it was at the first download.
    """
    revision, cache_dir, force = hub.get("revision"), hub.get("cache_dir"), hub.get("force_download")
    if not force and (folder := cached_release(name, revision, cache_dir)):
        return folder
    release, root = RELEASES[name], cache_root(cache_dir)
    ledger = _Ledger(root / _LEDGER, f"{release.source}@{revision}" if revision else release.source)
    get = _from_hub if release.on_hub else _from_url
    path, origin = get(name, release, hub, ledger)
    ledger.check(origin)
    folder = root / (f"{name}@{revision.replace('/', '-')}" if revision else name)
    fresh = root / f".{folder.name}-{os.getpid()}"
    try:
        config = _config(release, hub, origin) if release.on_hub else None
        write_folder(converted(path, release.architecture, config=config), fresh, origin, release)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    except OSError as error:
        raise ModelNotFoundError(
            f"The model {name!r} was fetched, but cannot be written to {folder}: {error.strerror or error}; "
            "COLORHUB_CACHE names another place."
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    ledger.write(origin)
    if not release.on_hub:
        path.unlink(missing_ok=True)
    return folder


def _from_hub(name: str, release: Release, hub: dict[str, Any], ledger: "_Ledger") -> tuple[Path, Origin]:
    revision = hub.get("revision") or ledger.revision or release.revision
    place = {"cache_dir": hub.get("cache_dir"), "revision": revision}
    for file in HUB_FILES if not hub.get("force_download") else ():
        found = try_to_load_from_cache(release.source, file, **place)
        if isinstance(found, str):
            return _hub_origin(release, file, Path(found), revision)
    _expect_network(name, release, constants.ENDPOINT, bool(hub.get("local_files_only")))
    missing: WeightsError | None = None
    for file in HUB_FILES:
        try:
            path = repository_file(release.source, file, {**hub, "revision": revision})
        except WeightsError as error:  # the repository has no such file
            missing = error
            continue
        return _hub_origin(release, file, path, revision)
    raise WeightsError(f"{release.source} has none of {', '.join(HUB_FILES)} on the Hub any more.") from missing


def _hub_origin(release: Release, file: str, path: Path, revision: str | None) -> tuple[Path, Origin]:
    return path, Origin(release.source, file, sha256_of(path), pinned(path, revision))


def _config(release: Release, hub: dict[str, Any], origin: Origin) -> Path | None:
    """The authors' ``config.json`` of the same commit; None where there is none to be had."""
    place = {"cache_dir": hub.get("cache_dir"), "revision": origin.revision}
    found = try_to_load_from_cache(release.source, CONFIG_NAME, **place)
    if isinstance(found, str):
        return Path(found)
    try:
        return Path(hf_hub_download(release.source, CONFIG_NAME, token=hub.get("token"), **place))
    except OSError:
        return None  # it only says what the tensors say as well


def _from_url(name: str, release: Release, hub: dict[str, Any], ledger: "_Ledger") -> tuple[Path, Origin]:
    if hub.get("revision"):
        raise ModelNotFoundError(
            f"The model {name!r} is a file at {release.source}, which has no revisions: leave it out."
        )
    path = cache_root(hub.get("cache_dir")) / "downloads" / Path(release.source).name
    _expect_network(name, release, release.source, bool(hub.get("local_files_only")))
    download(release.source, path)
    origin = Origin(release.source, path.name, sha256_of(path))
    if not origin.sha256.startswith(release.sha256_prefix):
        path.unlink()
        raise WeightsError(
            f"What {release.source} gave is not the authors' file: its SHA-256 begins with {origin.sha256[:8]}, and by "
            f"its name with {release.sha256_prefix}; it was deleted, so call again, or look at {release.work.page}."
        )
    return path, origin


def _expect_network(name: str, release: Release, url: str, refused: bool) -> None:
    if not refused and not offline() and reachable(url):
        return
    where = f"{release.source} on the Hub" if release.on_hub else release.source
    why = "no network was allowed" if refused or offline() else "the network cannot be reached"
    raise ModelNotFoundError(
        f"The model {name!r} is not on disk, and {why}: load it once with network, or fetch the file of {where} "
        f"elsewhere and run `colorhub convert FILE --arch {release.architecture} -o {name}`."
    )


class _Ledger:
    """What each source gave at the first download, so that a later difference is noticed."""

    def __init__(self, path: Path, source: str) -> None:
        self.path = path
        self.source = source
        self._all = self._read()

    @property
    def revision(self) -> str | None:
        """The commit of the first download."""
        return (self._all.get(self.source) or {}).get("revision")

    def check(self, origin: Origin) -> None:
        """Raises :class:`WeightsError` where a file is not what it was."""
        known = self._all.get(self.source)
        if known and known.get("file") == origin.file and known.get("sha256") != origin.sha256:
            raise WeightsError(
                f"{origin.file} of {self.source} is not what it was when it was first downloaded (SHA-256 "
                f"{origin.sha256[:12]}... now, {str(known.get('sha256'))[:12]}... then), so it is not loaded: if you "
                f"trust the new file, delete the entry in {self.path}."
            )

    def write(self, origin: Origin) -> None:
        """Note a first download; later ones change nothing."""
        known = self._read()
        if self.source not in known:
            known[self.source] = {"file": origin.file, "revision": origin.revision, "sha256": origin.sha256}
            fresh = self.path.with_name(f".{self.path.name}-{os.getpid()}")
            fresh.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
            fresh.replace(self.path)

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise WeightsError(
                f"{self.path} cannot be read ({error}): delete it, and downloads are noted anew."
            ) from error
        return found if isinstance(found, dict) else {}
