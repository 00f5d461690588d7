"""Names of weights: an existing folder, ``model_cards``, the lists of published weights and of releases, or the Hub."""

import json
import os
import tomllib
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from huggingface_hub.constants import CONFIG_NAME, SAFETENSORS_SINGLE_FILE

from colorhub._project import packaged, project_root
from colorhub._text import did_you_mean
from colorhub.hub.fetching import cached_release, fetch_release
from colorhub.hub.published import PUBLISHED
from colorhub.hub.releases import RELEASES, release_named
from colorhub.models.base import Colorizer
from colorhub.models.exported import SUFFIX, ExportedColorizer
from colorhub.models.registry import class_of, find_class
from colorhub.models.repository import (
    ModelNotFoundError,
    WeightsError,
    pinned,
    read_config,
    repository_file,
)

_DESCRIBES = (CONFIG_NAME, SAFETENSORS_SINGLE_FILE, "scores.json", "card.toml")
# The weights that a clone of the project holds; the package by itself has the default's alone.
IN_A_CLONE = (
    "chroma-regressor",
    "colorize-net",
    "eccv16",
    "eccv16-l2",
    "encoder-decoder",
    "koalarization",
    "natural",
    "unet",
    "unet-gan",
    "unet-gan-class",
)
COMPARED_AT = "27"  # colourfulness (Hasler and Suesstrunk 2003), among those at which protocols compare
_HUB = {"revision": None, "token": None, "cache_dir": None, "force_download": False, "local_files_only": False}


@dataclass(frozen=True)
class ModelInfo:
    """One line of ``list_models()``. From the model's ``scores.json``: ``gain``, mean PSNR above grey in dB, and
    ``kid``, the distance of its answers to photographs (``kid-lite1``) at a colourfulness of :data:`COMPARED_AT`;
    ``license`` and ``authors``: of weights that others released; ``has_distribution``: whether it has more than one
    answer for a photo, as far as its files say; ``group``: ``reports`` where it is shown for what a report says of
    it, not for what it makes of a photo (``group`` in its ``card.toml``), else empty; ``label``: what it is for in a
    few words (``label`` in its ``card.toml``).

    Example:
        >>> from colorhub import list_models
        >>> info = next(info for info in list_models() if info.name == "unet")
        >>> info.architecture, info.source, info.on_disk
        ('unet', 'bundled', True)
    """

    name: str
    architecture: str
    source: str  # "bundled", "folder", "hub", "cached" (a release that was fetched) or "network" (one that was not)
    location: str
    megabytes: float | None = None  # of 1,000,000 bytes
    gain: float | None = None
    summary: str = ""
    license: str = ""
    authors: str = ""
    has_distribution: bool = False
    kid: float | None = None
    group: str = ""
    label: str = ""

    @property
    def on_disk(self) -> bool:
        """Whether it can be loaded without network."""
        return self.source not in ("hub", "network")


def load(name: str | os.PathLike[str], *, device: str = "cpu", **hub: Any) -> Colorizer:
    """Load weights by name, folder or Hub id, in evaluation mode.

    Args:
        name: an exported file (``.onnx``, see :mod:`colorhub.export`); else looked up as an existing folder, then
            under ``$COLORHUB_MODELS`` and the bundled ``model_cards``, then among the published names, then among other
            authors' releases (:mod:`colorhub.hub.releases`, also by the ids of their repositories), then, when it
            contains a slash, on the Hub.
        device: where the weights go.
        hub: ``revision``, ``token``, ``cache_dir``, ``force_download``, ``local_files_only`` for weights from the Hub.

    Raises:
        ModelNotFoundError: no such weights, or not on disk and the Hub cannot be reached.
        WeightsError: weights that do not fit their config, or that are neither safetensors nor an exported file.

    Example:
        >>> import torch
        >>> import colorhub
        >>> model = colorhub.load("chroma-regressor")
        >>> model.architecture, model.training
        ('chroma-regressor', False)
        >>> model(torch.full((1, 1, 128, 128), 50.0)).ab.shape
        torch.Size([1, 2, 128, 128])
    """
    if unknown := set(hub) - set(_HUB):
        raise TypeError(f"load() has no keyword {sorted(unknown)[0]!r}: {', '.join(_HUB)} and device are there.")
    if Path(name).suffix == SUFFIX and not Path(name).is_dir():
        return _load_exported(Path(name)).to(device)
    place, settings = _locate(str(name), {**_HUB, **hub}, fetch=True)
    try:
        path = repository_file(place, CONFIG_NAME, settings)
        cls = class_of(place, read_config(path))
        return cls.from_pretrained(
            place, map_location=device, **{**settings, "revision": pinned(path, settings["revision"])}
        )
    except OSError as error:
        raise ModelNotFoundError(f"The files of {place} cannot be read: {error}.") from error


def _load_exported(path: Path) -> ExportedColorizer:
    if not path.is_file():
        raise ModelNotFoundError(f"There is no file {path}: colorhub export MODEL {path} writes one.")
    return ExportedColorizer(path).eval()


def model_folder(name: str | os.PathLike[str]) -> Path:
    """The folder on this machine that a name stands for. Raises :class:`ModelNotFoundError` when there is none."""
    place, _ = _locate(str(name), _HUB)
    if not Path(place).is_dir():
        raise ModelNotFoundError(f"The model {name!r} is not a folder on this machine.")
    return Path(place)


def weight_files(name: str | os.PathLike[str]) -> list[Path]:
    """The files on this machine that :func:`load` reads for a name, fetched where they are not here yet: what must be
    copied for another machine to load the same.

    Raises:
        ModelNotFoundError, WeightsError: as :func:`load`.

    Example:
        >>> from colorhub.hub.loading import weight_files
        >>> [path.name for path in weight_files("natural")]
        ['config.json', 'model.safetensors']
    """
    if Path(name).suffix == SUFFIX and not Path(name).is_dir():
        return [Path(name)]
    place, settings = _locate(str(name), _HUB, fetch=True)
    return [repository_file(place, file, settings) for file in (CONFIG_NAME, SAFETENSORS_SINGLE_FILE)]


def list_models() -> list[ModelInfo]:
    """All weights that :func:`load` knows by a short name: those on disk first, then the published ones.

    Their folders are read once, and again only when one of their files has changed.

    Example:
        >>> from colorhub import list_models
        >>> {"unet", "eccv16"} <= {info.name for info in list_models() if info.on_disk}
        True
        >>> [info.license for info in list_models() if info.name == "ddcolor"]
        ['apache-2.0']
    """
    found: dict[str, ModelInfo] = {}
    for root, source in _roots():
        for folder in sorted(root.iterdir()) if root.is_dir() else []:
            if state := _state(folder):
                found.setdefault(folder.name, _describe(folder, source, state))
    for name, entry in PUBLISHED.items():
        published = ModelInfo(name, entry.architecture, "hub", entry.repo_id, summary=entry.summary)
        found.setdefault(name, replace(published, group=entry.group, label=entry.label))
    for name, release in RELEASES.items():
        known = ModelInfo(name, release.architecture, "network", release.source)
        if (cached := cached_release(name)) and (state := _state(cached)):
            known = _describe(cached, "cached", state)
        work = release.work
        known = replace(known, name=name, summary=release.summary, license=work.license, authors=work.authors)
        found.setdefault(name, known)
    return list(found.values())


def with_distribution() -> list[str]:
    """Names of the weights on this machine whose models have more than one answer.

    Example:
        >>> from colorhub.hub import with_distribution
        >>> "eccv16" in with_distribution(), "unet" in with_distribution()
        (True, False)
    """
    return [info.name for info in list_models() if info.on_disk and info.has_distribution]


def _state(folder: Path) -> tuple[int, ...] | None:
    """When each of a model's files that are read was changed, and its bytes; ``None`` where there is no model."""
    found = []
    for name in _DESCRIBES:
        try:
            facts = (folder / name).stat()
            found += [facts.st_mtime_ns, facts.st_size]
        except OSError:
            if name in (CONFIG_NAME, SAFETENSORS_SINGLE_FILE):
                return None
            found += [0, 0]
    return tuple(found)


def _locate(name: str, hub: dict[str, Any], fetch: bool = False) -> tuple[str, dict[str, Any]]:
    """Where weights are, and the settings to get them with. Releases are fetched only if asked for."""
    if Path(name).is_dir():
        return name, hub
    for root, _ in _roots():
        if name and "/" not in name and (root / name / CONFIG_NAME).is_file():
            return str(root / name), hub
    if name in PUBLISHED:
        return PUBLISHED[name].repo_id, {**hub, "revision": hub["revision"] or PUBLISHED[name].revision}
    if release := release_named(name):
        folder = fetch_release(release, hub) if fetch else cached_release(release)
        return (str(folder), {**hub, "revision": None}) if folder else (release, hub)
    if name.count("/") == 1 and not name.startswith(("/", ".", "~")):
        return name, hub
    if name in IN_A_CLONE:
        raise ModelNotFoundError(
            f"The weights of {name!r} come with a clone of the project, not with the package: clone it and run "
            f"pip install -e . there, or name its folder model_cards in COLORHUB_MODELS. Here there are: {_names()}."
        )
    raise ModelNotFoundError(
        f"No model {name!r}. {did_you_mean(name, [info.name for info in list_models()])} A folder with config.json and "
        "model.safetensors or a Hub id such as owner/name works too."
    )


def _names() -> str:
    return ", ".join(sorted(info.name for info in list_models()))


def _roots() -> list[tuple[Path, str]]:
    chosen = [(Path(part), "folder") for part in os.environ.get("COLORHUB_MODELS", "").split(os.pathsep) if part]
    return [*chosen, *((root / "model_cards", "bundled") for root in (packaged("."), project_root()))]


@lru_cache(maxsize=1024)
def _describe(folder: Path, source: str, state: tuple[int, ...]) -> ModelInfo:
    try:
        config = read_config(folder / CONFIG_NAME)
    except WeightsError:
        config = {}
    architecture, scores = str(config.get("architecture", "?")), _scores(folder)
    size = (folder / SAFETENSORS_SINGLE_FILE).stat().st_size / 1e6
    return ModelInfo(
        folder.name,
        architecture,
        source,
        str(folder),
        size,
        _figure(scores, "metrics", "gain", "mean"),
        words_of(folder, "summary"),
        has_distribution=_has_distribution(architecture, config),
        kid=_figure(scores, "curve", "at_colorfulness", COMPARED_AT, "kid-lite1", "value"),
        group=words_of(folder, "group"),
        label=words_of(folder, "label"),
    )


def _has_distribution(architecture: str, config: dict[str, Any]) -> bool:
    with suppress(ValueError):  # a class that is not installed here
        return find_class(architecture).distribution_of(config)
    return False


def words_of(folder: Path, key: str) -> str:
    """A text of a folder's ``card.toml`` in one line, such as its ``summary``; empty where it has none."""
    try:
        words = tomllib.loads((folder / "card.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return " ".join(str(words.get(key, "")).split())


def _figure(scores: dict[str, Any], *keys: str) -> float | None:
    """``None`` where it was not computed, and where a file made elsewhere holds something else."""
    value: Any = scores
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return float(value) if isinstance(value, (int, float)) else None


def _scores(folder: Path) -> dict[str, Any]:
    try:
        scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return scores if isinstance(scores, dict) else {}
