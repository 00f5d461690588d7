"""Other authors' weights by name: fetched once, checked, converted once, and loaded like any folder from then on."""

import json
import os
import shutil
import socket
import threading
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.constants import CONFIG_NAME, SAFETENSORS_SINGLE_FILE
from huggingface_hub.errors import HfHubHTTPError, HTTPError
from huggingface_hub.file_download import http_get

from colorhub._files import replacing
from colorhub._text import first_line
from colorhub.hub.conversion import Origin, converted, sha256_of, write_folder
from colorhub.hub.releases import HUB_FILES, RELEASES, Release
from colorhub.models.base import WeightsError
from colorhub.models.repository import ModelNotFoundError, pinned, repository_file, why_offline

_LEDGER = "first-downloads.json"  # what each source gave at the first download: file, commit, SHA-256
_PATIENCE = 0.8  # seconds for a connection: with a network it takes a tenth of that


def cache_root(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """Where converted releases are: ``$COLORHUB_CACHE``, else beside the Hub's cache in ``$HF_HOME/colorhub``."""
    if cache_dir:
        return Path(cache_dir) / "colorhub"
    return Path(os.environ.get("COLORHUB_CACHE") or Path(constants.HF_HOME) / "colorhub").expanduser()


def cached_release(
    name: str, revision: str | None = None, cache_dir: str | os.PathLike[str] | None = None
) -> Path | None:
    """The folder of a release that has been converted on this machine; None where it has not been."""
    folder = _folder(name, revision, cache_dir)
    return folder if (folder / CONFIG_NAME).is_file() and (folder / SAFETENSORS_SINGLE_FILE).is_file() else None


def _folder(name: str, revision: str | None, cache_dir: str | os.PathLike[str] | None) -> Path:
    return cache_root(cache_dir) / (f"{name}@{revision.replace('/', '-')}" if revision else name)


def fetch_release(name: str, hub: dict[str, Any]) -> Path:
    """The folder of a release, which is downloaded and converted where it is not on this machine yet.

    Args:
        name: of :data:`colorhub.hub.releases.RELEASES`.
        hub: settings as of :func:`colorhub.load`. A URL has no revisions.

    Raises:
        ModelNotFoundError: it is not on disk and cannot be fetched.
        WeightsError: what was fetched is not what was released, or not what it was at the first download.
    """
    revision, cache_dir = hub.get("revision"), hub.get("cache_dir")
    if not hub.get("force_download") and (cached := cached_release(name, revision, cache_dir)):
        return cached
    release, folder = RELEASES[name], _folder(name, revision, cache_dir)
    ledger, source = cache_root(cache_dir) / _LEDGER, f"{release.source}@{revision}" if revision else release.source
    first = _read_ledger(ledger).get(source) or {}
    if release.on_hub:
        path, origin = _from_hub(name, release, {**hub, "revision": revision or first.get("revision")})
    else:
        path, origin = _from_url(name, release, hub)
    if first.get("file") == origin.file and first.get("sha256") != origin.sha256:
        raise WeightsError(
            f"{origin.file} of {source} is not what it was when it was first downloaded (SHA-256 "
            f"{origin.sha256[:12]}... now, {str(first.get('sha256'))[:12]}... then), so it is not loaded: if you "
            f"trust the new file, delete the entry in {ledger}."
        )
    fresh = folder.with_name(f".{folder.name}-{os.getpid()}")
    try:
        config = _authors_config(release, hub, origin) if release.on_hub else None
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
    if not first:
        entry = {"file": origin.file, "revision": origin.revision, "sha256": origin.sha256}
        with replacing(ledger) as aside:
            aside.write_text(json.dumps({source: entry} | _read_ledger(ledger), indent=2) + "\n", encoding="utf-8")
    if not release.on_hub:
        path.unlink(missing_ok=True)
    return folder


def _read_ledger(path: Path) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read ({error}): delete it, and downloads are noted anew.") from error
    return found if isinstance(found, dict) else {}


def _from_hub(name: str, release: Release, hub: dict[str, Any]) -> tuple[Path, Origin]:
    revision = hub["revision"] or release.revision
    for file in HUB_FILES if not hub.get("force_download") else ():
        found = try_to_load_from_cache(release.source, file, cache_dir=hub.get("cache_dir"), revision=revision)
        if isinstance(found, str):
            return _hub_origin(release, file, Path(found), revision)
    _expect_network(name, release, constants.ENDPOINT, hub)
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


def _authors_config(release: Release, hub: dict[str, Any], origin: Origin) -> Path | None:
    """The authors' ``config.json`` of the same commit; None where there is none to be had."""
    cache_dir, token = hub.get("cache_dir"), hub.get("token")
    found = try_to_load_from_cache(release.source, CONFIG_NAME, cache_dir=cache_dir, revision=origin.revision)
    if isinstance(found, str):
        return Path(found)
    with suppress(OSError):  # it only says what the tensors say as well
        return Path(
            hf_hub_download(release.source, CONFIG_NAME, revision=origin.revision, cache_dir=cache_dir, token=token)
        )
    return None


def _from_url(name: str, release: Release, hub: dict[str, Any]) -> tuple[Path, Origin]:
    if hub.get("revision"):
        raise ModelNotFoundError(
            f"The model {name!r} is a file at {release.source}, which has no revisions: leave it out."
        )
    path = cache_root(hub.get("cache_dir")) / "downloads" / Path(release.source).name
    _expect_network(name, release, release.source, hub)
    _download(release.source, path)
    origin = Origin(release.source, path.name, sha256_of(path))
    if not origin.sha256.startswith(release.sha256_prefix):
        path.unlink()
        raise WeightsError(
            f"What {release.source} gave is not the authors' file: its SHA-256 begins with {origin.sha256[:8]}, and by "
            f"its name with {release.sha256_prefix}; it was deleted, so call again, or look at {release.work.page}."
        )
    return path, origin


def _download(url: str, target: Path) -> None:
    """Fetch a URL into a file, with a progress bar. What is there of an interrupted download is kept and continued.

    Raises:
        ModelNotFoundError: the server does not have it, or the connection was lost again and again.
    """
    part = target.with_name(f"{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("ab") as file:
            http_get(url, file, resume_size=file.tell(), displayed_filename=target.name)
    except (HTTPError, OSError) as error:
        status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
        if status == 416:  # what is there is no beginning of what the server has
            part.unlink()
        elif status and status < 500:
            raise ModelNotFoundError(f"{url} cannot be fetched: the server answers {status}.") from error
        reason = f"the server answers {status}" if status else first_line(error)
        size = part.stat().st_size if part.is_file() else 0
        raise ModelNotFoundError(
            f"The download of {url} broke off after {size / 1e6:.1f} MB ({reason}): call again, and it goes on from "
            "there."
        ) from error
    part.replace(target)


def _reachable(url: str) -> bool:
    """Whether the host of a URL, or the proxy for it, takes connections within a second.

    Looking a name up can take far longer and cannot be interrupted, so a thread is left with it.
    ``HF_HUB_ETAG_TIMEOUT`` sets another patience in seconds.
    """
    parts = urlsplit(url)
    proxy = None
    if not urllib.request.proxy_bypass(parts.hostname or ""):
        proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    address = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    patience = float(constants.HF_HUB_ETAG_TIMEOUT) if "HF_HUB_ETAG_TIMEOUT" in os.environ else _PATIENCE
    answered = threading.Event()

    def connect() -> None:
        with suppress(OSError), socket.create_connection(address, timeout=patience):
            answered.set()

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(patience)
    return answered.is_set()


def _expect_network(name: str, release: Release, url: str, hub: Mapping[str, Any]) -> None:
    refusal = why_offline(hub)
    if not refusal and _reachable(url):
        return
    where = f"{release.source} on the Hub" if release.on_hub else release.source
    reason = f"{refusal}, so nothing is fetched" if refusal else "The network cannot be reached"
    raise ModelNotFoundError(
        f"{reason}, and the model {name!r} is not on disk: load it once with network, or fetch the file of {where} "
        f"elsewhere and run `colorhub convert FILE --arch {release.architecture} -o {name}`."
    )
