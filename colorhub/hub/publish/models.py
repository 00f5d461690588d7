"""Publish model folders: one repository each, one commit, loaded back and compared bit for bit."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from huggingface_hub import ModelCard
from huggingface_hub.constants import CONFIG_NAME

from colorhub.hub.errors import PublishError
from colorhub.hub.loading import load, summary_of
from colorhub.hub.plan import Plan, carry_out, make_plan
from colorhub.hub.publish.folder import CARD, KNOWN, ModelFolder, answer_of
from colorhub.hub.published import Published
from colorhub.hub.remote import Hub, State


@dataclass(frozen=True)
class Outcome:
    """``entry``: the model as ``colorhub.hub.published`` lists it."""

    plan: Plan
    commit: str
    entry: Published


def plan_models(
    hub: Hub, folders: Sequence[ModelFolder], owner: str, *, private: bool = False, create_pr: bool = False
) -> list[Plan]:
    """What publishing these folders under ``owner`` would change. Nothing is changed yet.

    Raises:
        PublishError: for any of them, before the first is touched.
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
    return Published(repo_id, commit, folder.architecture, str(license_name), summary_of(folder.folder))
