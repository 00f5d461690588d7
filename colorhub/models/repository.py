"""Files of a model folder or of a Hub repository, and what is said where they cannot be had."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, hf_hub_download
from huggingface_hub.constants import CONFIG_NAME, SAFETENSORS_SINGLE_FILE
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from colorhub._text import one_line

PICKLED = (".bin", ".pth", ".pt", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz")
_ERRORS = (HFValidationError, HfHubHTTPError, HTTPError, OfflineModeIsEnabled, EntryNotFoundError, OSError)
HUB_SETTINGS = ("revision", "token", "cache_dir", "force_download", "local_files_only")


class WeightsError(ValueError):
    """Weights or a config that cannot be loaded: the message names the file or the tensor.

    Example:
        >>> from pathlib import Path
        >>> from colorhub import load
        >>> from colorhub.models import UNet, WeightsError
        >>> UNet(**UNet.tiny()).save_pretrained("mine")
        >>> _ = Path("mine/model.safetensors").write_bytes(b"cut short")
        >>> try:
        ...     load("mine")
        ... except WeightsError as error:
        ...     print(error)
        mine/model.safetensors is not a readable safetensors file: ...
    """


class ModelNotFoundError(LookupError):
    """No weights of that name: the message says where was looked, which names exist and how to get the model.

    Example:
        >>> from colorhub import load
        >>> from colorhub.models import ModelNotFoundError
        >>> try:
        ...     load("unett")
        ... except ModelNotFoundError as error:
        ...     print(error)
        No model 'unett'. ...'unet'...
    """


def repository_file(model_id: str, filename: str, hub: dict[str, Any]) -> Path:
    """A file of a model folder or of a Hub repository, downloaded where it is not cached.

    Args:
        model_id: a folder, or ``owner/name``.
        hub: the settings of ``huggingface_hub.hf_hub_download`` (:data:`HUB_SETTINGS`).

    Raises:
        WeightsError: the folder or the repository has no such file; pickled files are named, and never opened.
        ModelNotFoundError: there is no such repository or revision, or it cannot be reached or read.
    """
    folder = Path(model_id)
    if folder.is_dir():
        if not (folder / filename).is_file():
            names = [path.name for path in folder.iterdir()]
            raise WeightsError(f"{folder} has no {filename}{_pickle_note(names, filename)}.")
        return folder / filename
    try:
        return Path(hf_hub_download(repo_id=model_id, filename=filename, **hub))
    except RemoteEntryNotFoundError as error:
        note = _pickle_note(_names_on_hub(model_id, hub), filename)
        raise WeightsError(f"{model_id} has no {filename} on the Hub{note}.") from error
    except _ERRORS as error:
        raise ModelNotFoundError(_reason(model_id, error, hub)) from error


def pinned(config: Path, revision: str | None) -> str | None:
    """The commit that a downloaded file is of, so that further files come from the same one; else ``revision``."""
    commit = config.parent.name  # the Hub's cache keeps files under snapshots/COMMIT
    return commit if re.fullmatch("[0-9a-f]{40}", commit) and config.parent.parent.name == "snapshots" else revision


def read_config(path: Path) -> dict[str, Any]:
    """The ``config.json`` of a model folder. Raises :class:`WeightsError` when it is no JSON object."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise WeightsError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(config, dict):
        raise WeightsError(f"{path} must hold a JSON object, got {type(config).__name__}.")
    return config


def architecture_of(model_id: str, config: dict[str, Any]) -> str:
    """The architecture that a config names. Raises :class:`WeightsError` for models of other libraries."""
    found = config.get("architecture")
    if not isinstance(found, str) or not found:
        other = next((key for key in ("architectures", "model_type", "_class_name") if config.get(key)), None)
        says = f" ({other}: {str(config[other])[:80]})" if other else ""
        raise WeightsError(
            f"{model_id} is a model of another library{says}: its {CONFIG_NAME} names no colorhub architecture."
        )
    return found


def why_offline(hub: Mapping[str, Any]) -> str | None:
    """Who said that the network is not to be used, as the beginning of a sentence; ``None`` where nobody did."""
    if hub.get("local_files_only"):
        return "local_files_only was given"
    if not constants.HF_HUB_OFFLINE:
        return None
    names = [name for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE") if os.environ.get(name)]
    return f"{' and '.join(names) or 'HF_HUB_OFFLINE'} is set"


def _pickle_note(names: list[str], filename: str) -> str:
    pickles = sorted(name for name in names if name.endswith(PICKLED))
    found = f" ({', '.join(pickles[:5])} is pickled and was not opened)" if pickles else ""
    if filename != SAFETENSORS_SINGLE_FILE and not pickles:
        return ""
    return f"{found}; only safetensors weights are loaded"


def _names_on_hub(model_id: str, hub: dict[str, Any]) -> list[str]:
    try:
        return HfApi(token=hub.get("token")).list_repo_files(model_id, revision=hub.get("revision"))
    except _ERRORS:
        return []  # only for a better message


def _reason(model_id: str, error: Exception, hub: dict[str, Any]) -> str:
    revision = hub.get("revision")
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, HFValidationError):
        return (
            f"{model_id!r} cannot be the name of a repository on the Hub: owner/name, of letters, digits, - _ and dots."
        )
    if isinstance(error, RevisionNotFoundError):
        return f"{model_id} has no revision {revision!r} on the Hub."
    if isinstance(error, GatedRepoError):
        return f"{model_id} is gated: its owner must let your account in first, on its page on the Hub."
    if isinstance(error, RepositoryNotFoundError):
        return (
            f"There is no repository {model_id} on the Hub, or it is private and no token of yours may read it "
            "(`hf auth login`, HF_TOKEN or token=...)."
        )
    if isinstance(error, (OfflineModeIsEnabled, LocalEntryNotFoundError)) and (refusal := why_offline(hub)):
        return (
            f"{refusal}, so the Hub is not asked, and the model {model_id!r} is not on disk: load it once without "
            "that, or give the path of a model's folder."
        )
    if status == 401:
        return f"The Hub refused the token sent for {model_id}: log in again with `hf auth login`, or set HF_TOKEN."
    return f"The model {model_id!r} is not on disk and could not be fetched from the Hub: {one_line(error)}"
