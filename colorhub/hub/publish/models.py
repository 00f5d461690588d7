"""Publish model folders: each is checked first, then one repository each, one commit, loaded back and compared."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import torch
from huggingface_hub import ModelCard
from huggingface_hub.constants import CONFIG_NAME, SAFETENSORS_SINGLE_FILE
from torch import Tensor

from colorhub.hub.cards import CardError, stale_documents
from colorhub.hub.cards.folder import read_folder
from colorhub.hub.loading import load, model_folder, words_of
from colorhub.hub.published import Published
from colorhub.hub.remote import Hub, Plan, PublishError, State, carry_out, make_plan
from colorhub.models import Colorizer, ModelNotFoundError, WeightsError
from colorhub.models.repository import PICKLED

CARD = "README.md"
REQUIRED = (CARD, CONFIG_NAME, SAFETENSORS_SINGLE_FILE)
KNOWN = (
    *REQUIRED,
    "scores.json",
    "recipe.toml",
    "training.json",
    "card.toml",
    "LICENSE*",
    "NOTICE*",
    "*.webp",
    "*.png",
    "*.jpg",
    ".eval_results/*.yaml",
)
MAX_WEIGHTS = 5_000_000_000  # bytes; what the Hub takes in one piece
MAX_FILE = 10_000_000  # of any other file
_PICKLE_STARTS = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))  # protocol 2 or later


@dataclass(frozen=True)
class ModelFolder:
    """A model folder that passed every check.

    ``answer``: what the model says to fixed lightness, to compare with what the Hub's copy says.

    Example:
        >>> from colorhub.hub.publish import check_folder
        >>> folder = check_folder("chroma-regressor")
        >>> folder.name, "model.safetensors" in folder.files
        ('chroma-regressor', True)
    """

    name: str
    folder: Path
    files: dict[str, Path]  # path in the repository -> file
    left_out: tuple[str, ...]
    architecture: str
    answer: tuple[Tensor, ...]


def check_folder(name: str) -> ModelFolder:
    """Check the weights that a name or a folder means, without asking the Hub.

    Raises:
        PublishError: something is missing, too large, pickled or out of date, or the weights do not load.

    Example:
        >>> from colorhub.hub.publish import check_folder
        >>> check_folder("chroma-regressor").architecture
        'chroma-regressor'
        >>> check_folder("missing")
        Traceback (most recent call last):
            ...
        colorhub.hub.remote.PublishError: No model 'missing'. ...
    """
    try:
        folder = model_folder(name)
    except ModelNotFoundError as error:
        raise PublishError(str(error)) from error
    present = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    for needed in REQUIRED:
        if needed not in present:
            hint = f"; colorhub card {folder} writes it" if needed == CARD else ""
            raise PublishError(
                f"The folder {folder} has no {needed}: a published model has {', '.join(REQUIRED)}{hint}."
            )
    _check_contents(folder, present)
    files = {path: file for path, file in present.items() if any(fnmatch(path, known) for known in KNOWN)}
    published_as = _check_card(folder)
    try:
        model = load(folder)
    except (WeightsError, ValueError, LookupError) as error:
        raise PublishError(f"The model in {folder} cannot be published: {error}") from error
    answer = answer_of(model)
    if not all(part.isfinite().all() for part in answer):
        raise PublishError(f"The model in {folder} cannot be published: its answer is not finite.")
    left_out = tuple(path for path in present if path not in files)
    return ModelFolder(published_as, folder, files, left_out, model.architecture, answer)


def _check_card(folder: Path) -> str:
    """The model's name, as its card has it."""
    try:
        stale, name = stale_documents(folder), read_folder(folder).name
    except CardError as error:
        raise PublishError(str(error)) from error
    if stale:
        names = " and ".join(path.relative_to(folder).as_posix() for path in stale)
        raise PublishError(f"{names} of {folder} is not up to date: write it with colorhub card {folder}")
    return name


def answer_of(model: Colorizer) -> tuple[Tensor, ...]:
    """What a model says to two fixed lightnesses, one at its working size and one at odd sides."""
    random = torch.Generator().manual_seed(0)
    side = model.working_size
    parts: list[Tensor] = []
    with torch.inference_mode():
        for size in ((side, side), (37, 53)):
            prediction = model(torch.rand(1, 1, *size, generator=random) * 100)
            parts += [part for part in prediction if part is not None]
    return tuple(parts)


def _check_contents(folder: Path, present: dict[str, Path]) -> None:
    for path, file in present.items():
        if _is_pickled(path, file):
            raise PublishError(f"The folder {folder} holds {path}, which is pickled: only safetensors is published.")
        size = file.stat().st_size
        limit = MAX_WEIGHTS if path == SAFETENSORS_SINGLE_FILE else MAX_FILE
        if size > limit and any(fnmatch(path, known) for known in KNOWN):
            raise PublishError(f"The file {folder / path} is too large: {size:,} bytes, and at most {limit:,} can go.")
        if size == 0 and path in REQUIRED:
            raise PublishError(f"The file {folder / path} is empty.")


def _is_pickled(path: str, file: Path) -> bool:
    if path.endswith(PICKLED):
        return True
    with file.open("rb") as opened:
        start = opened.read(4096)
    return start.startswith(_PICKLE_STARTS) or (start.startswith(b"PK") and re.search(rb"data\.pkl", start) is not None)


@dataclass(frozen=True)
class Outcome:
    """``entry``: the model as ``colorhub.hub.published`` lists it.

    Example:
        >>> from colorhub.hub.publish import Outcome, Plan, Published
        >>> plan = Plan("me/unet", "model", {}, state=None, changed=(), gone=())
        >>> outcome = Outcome(plan, "0f1e2d", Published("me/unet", "0f1e2d", "unet", "apache-2.0"))
        >>> outcome.entry.revision
        '0f1e2d'
    """

    plan: Plan
    commit: str
    entry: Published


def plan_models(
    hub: Hub, folders: Sequence[ModelFolder], owner: str, *, private: bool = False, create_pr: bool = False
) -> list[Plan]:
    """What publishing these folders under ``owner`` would change. Nothing is changed yet.

    Raises:
        PublishError: for any of them, before the first is touched.

    Example:
        >>> from colorhub.hub.publish import Hub, check_folder, plan_models
        >>> class EmptyHub(Hub):  # one without repositories, which needs no network
        ...     def state(self, repo_id, kind, revision=None):
        ...         return None
        >>> (plan,) = plan_models(EmptyHub(), [check_folder("chroma-regressor")], "me")
        >>> plan.repo_id, "model.safetensors" in plan.changed
        ('me/chroma-regressor', True)
    """
    names = [folder.name for folder in folders]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise PublishError(f"Two of the folders are called {twice}, and would be one repository: rename one.")
    return [_plan(hub, folder, f"{owner}/{folder.name}", private, create_pr) for folder in folders]


def _plan(hub: Hub, folder: ModelFolder, repo_id: str, private: bool, create_pr: bool) -> Plan:
    def is_ours(state: State) -> str | None:
        config = hub.read_json(repo_id, CONFIG_NAME, state.commit) if CONFIG_NAME in state.digests else {}
        if "architecture" in config and "colorhub_version" in config:
            return None
        return None if set(state.digests) <= {CARD, "LICENSE"} else "holds no model of colorhub"

    return make_plan(
        hub,
        repo_id,
        "model",
        folder.files,
        owned=KNOWN,
        is_ours=is_ours,
        private=private,
        create_pr=create_pr,
        title=f"{folder.name}: weights, card and scores",
    )


def publish_model(hub: Hub, folder: ModelFolder, plan: Plan) -> Outcome:
    """Upload what is missing in one commit, load the model back from the Hub and compare its answer bit for bit.

    Raises:
        PublishError: the upload failed, or what came back answers differently.

    Example:
        >>> from colorhub.hub.publish import Hub, check_folder, plan_models, publish_model
        >>> folder = check_folder("chroma-regressor")
        >>> (plan,) = plan_models(Hub(), [folder], "me")  # doctest: +SKIP
        >>> publish_model(Hub(), folder, plan).entry.repo_id  # doctest: +SKIP
        'me/chroma-regressor'
    """
    commit = carry_out(hub, plan)
    with tempfile.TemporaryDirectory() as cache:
        try:
            loaded = load(plan.repo_id, revision=commit, cache_dir=cache, token=hub.token)
        except (LookupError, ValueError) as error:
            raise PublishError(
                f"The model {plan.repo_id} was published as {commit}, but cannot be loaded back: {error}"
            ) from error
    found = answer_of(loaded)
    if len(found) != len(folder.answer) or not all(map(torch.equal, found, folder.answer)):
        raise PublishError(
            f"The model {plan.repo_id} at {commit} does not answer as {folder.folder} does: publish it again."
        )
    return Outcome(plan, commit, _entry(folder, plan.repo_id, commit))


def _entry(folder: ModelFolder, repo_id: str, commit: str) -> Published:
    license_name = ModelCard.load(folder.files[CARD]).data.license
    words = [words_of(folder.folder, key) for key in ("summary", "group", "label")]
    return Published(repo_id, commit, folder.architecture, str(license_name), *words)
