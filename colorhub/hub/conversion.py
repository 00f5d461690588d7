"""Authors' files of weights, read as tensors alone and written as a folder of ours."""

import hashlib
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from huggingface_hub.constants import CONFIG_NAME
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from colorhub._text import did_you_mean, one_line
from colorhub.hub.releases import RELEASES, Release, sha256_prefix
from colorhub.models.base import Colorizer, WeightsError
from colorhub.models.registry import MODELS
from colorhub.models.repository import read_config

_LEVELS = ("params", "params_ema", "state_dict", "model")  # under which training programs keep the weights


class Origin(NamedTuple):
    """Where a converted file came from. ``source``: a repository, a URL or words; ``revision``: a commit."""

    source: str
    file: str
    sha256: str
    revision: str | None = None


def convertible() -> list[str]:
    """Architectures whose authors' files can be converted."""
    return [name for name, cls in MODELS.items() if hasattr(cls, "from_release")]


def read_release(path: Path) -> dict[str, Tensor]:
    """The tensors of an authors' file: safetensors, or a pickled state dict with or without a level ``params``.

    Of a pickled file only tensors are read: no code in it is run.

    Raises:
        WeightsError: the file is not there, cut off, or holds something else.
    """
    try:
        if path.suffix == ".safetensors":
            found: Any = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise WeightsError(f"There is no file {path}.") from error
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} is no file of weights, or holds more than tensors: only a state dict of tensors is read, no code."
        ) from error
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        reason = one_line(error, 120)
        raise WeightsError(f"{path} cannot be read as weights, perhaps it is cut off: {reason}.") from error
    return _state_dict(path, found)


def _state_dict(path: Path, found: Any) -> dict[str, Tensor]:
    level = next(
        (name for name in _LEVELS if isinstance(found, Mapping) and isinstance(found.get(name), Mapping)), None
    )
    weights = found[level] if level else found
    if not isinstance(weights, Mapping) or not all(isinstance(tensor, Tensor) for tensor in weights.values()):
        raise WeightsError(f"{path} holds no state dict: names with their tensors, by themselves or under 'params'.")
    return {str(name).removeprefix("module."): tensor for name, tensor in weights.items()}


def sha256_of(path: Path) -> str:
    """SHA-256 of a file. Raises :class:`WeightsError` where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise WeightsError(f"There is no file {path}.") from error
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}.") from error


def release_of(path: Path, architecture: str) -> Release | None:
    """The release that a file is of, by its name or its folder's; None where neither says so."""
    names = {path.stem, path.resolve().parent.name}
    known = [release for release in RELEASES.values() if release.architecture == architecture]
    return next((release for release in known if release.stem in names), None)


def expect_named_hash(name: str, sha256: str) -> None:
    """Raises :class:`WeightsError` where a file's name carries another beginning of a SHA-256 than the file has."""
    if not sha256.startswith(prefix := sha256_prefix(name)):
        raise WeightsError(
            f"{name} is not the file its name says: its SHA-256 begins with {sha256[: len(prefix)]}, so it is damaged "
            "or another one: get it again from its authors."
        )


def converted(
    path: Path, architecture: str, settings: Mapping[str, Any] | None = None, config: Path | None = None
) -> Colorizer:
    """A model with the weights of an authors' file, in evaluation mode.

    Args:
        path: the file.
        architecture: a name of :func:`convertible`.
        settings: keywords of the constructor that the tensors do not tell.
        config: the authors' ``config.json``; the one beside the file when not given.

    Raises:
        ValueError: another architecture, or settings that it does not have.
        WeightsError: the file cannot be read, or its tensors are not that architecture's.
    """
    if architecture not in convertible():
        raise ValueError(
            f"No authors' files of {architecture!r} can be converted. {did_you_mean(architecture, convertible())}"
        )
    weights = read_release(path)
    beside = config or path.parent / CONFIG_NAME
    try:
        cls: Any = MODELS[architecture]
        return cls.from_release(weights, read_config(beside) if beside.is_file() else None, **(settings or {}))
    except TypeError as error:
        raise ValueError(f"{architecture} cannot be built with {dict(settings or {})}: {error}") from error


def write_folder(model: Colorizer, folder: Path, origin: Origin, release: Release | None) -> None:
    """Write a converted model: config, safetensors, and ``card.toml`` with its authors, its licence and its source."""
    model.save_pretrained(folder)
    (folder / "README.md").unlink()  # the card is written from card.toml
    facts = origin._asdict() | {"license": release.work.license if release else None}
    (folder / "source.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    words = _words(model.architecture, origin, release)
    (folder / "card.toml").write_text("".join(f"{key} = {_toml(text)}\n" for key, text in words.items()), "utf-8")


def _words(architecture: str, origin: Origin, release: Release | None) -> dict[str, str]:
    at = f" at {origin.revision}" if origin.revision else ""
    converted = (
        f"Converted from `{origin.file}` of {origin.source}{at} (SHA-256 `{origin.sha256}`): the same numbers, under "
        "other names."
    )
    if release is None:
        work = next(known.work for known in RELEASES.values() if known.architecture == architecture)
        return {
            "about": f"The network of {work.authors}: *{work.title}* ({work.page}), with weights of unknown origin.",
            "training": converted,
            "license": "unknown",
            "citation": work.citation,
        }
    work = release.work
    return {
        "summary": release.summary,
        "about": f"{release.summary}.\n\nBy {work.authors}: *{work.title}* ({work.page}). The weights are theirs, "
        f"published under the licence {work.license}.",
        "training": f"By its authors. {converted}",
        "data": release.data,
        "license": work.license,
        "citation": work.citation,
    }


def _toml(text: str) -> str:
    if "\n" not in text:
        return json.dumps(text, ensure_ascii=False)
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'"""\n{escaped.strip()}\n"""'
