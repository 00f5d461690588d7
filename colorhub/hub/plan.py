"""What would change in a repository, worked out without changing anything, and the one commit that does it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from colorhub.hub.remote import Content, Hub, PublishError, State


@dataclass(frozen=True)
class Plan:
    """One repository: what it should hold, and what is missing for that.

    ``changed``: files to add or replace; ``gone``: files to delete; ``state``: None for a repository to be created.
    """

    repo_id: str
    kind: str  # "model", "dataset" or "space"
    files: Mapping[str, Content]
    state: State | None
    changed: tuple[str, ...]
    gone: tuple[str, ...]
    private: bool = False
    create_pr: bool = False
    title: str = ""

    @property
    def nothing_to_do(self) -> bool:
        return self.state is not None and not self.changed and not self.gone


def check_repo_id(repo_id: str) -> None:
    """Raises :class:`PublishError` where the Hub could not have a repository of that name."""
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise PublishError(f"{repo_id!r} cannot be the name of a repository: {reason}.") from error
    if repo_id.count("/") != 1:
        raise PublishError(f"{repo_id!r} cannot be the name of a repository: owner/name is expected.")


def make_plan(
    hub: Hub,
    repo_id: str,
    kind: str,
    files: Mapping[str, Content],
    *,
    owned: tuple[str, ...],
    is_ours: Callable[[State], str | None],
    private: bool = False,
    create_pr: bool = False,
    title: str = "",
) -> Plan:
    """Compare what should be there with what is.

    Args:
        owned: patterns of the files that publishing decides about: those that are no longer wanted are deleted.
        is_ours: given an existing repository that is not empty, why it may not be written to; else None.

    Raises:
        PublishError: the repository is someone's else, of another kind, or more visible than it should be.
    """
    check_repo_id(repo_id)
    state = hub.state(repo_id, kind)
    if state is None:
        if create_pr:
            raise PublishError(
                f"The repository {repo_id} does not exist yet: a pull request needs one; publish without it first."
            )
        return Plan(repo_id, kind, files, None, tuple(files), (), private, False, title)
    if state.digests and (reason := is_ours(state)):
        raise PublishError(
            f"The repository {repo_id} exists already and {reason}: nothing was published; choose another name."
        )
    if private and not state.private:
        raise PublishError(
            f"The repository {repo_id} exists already and is public: make it private there, or choose another name."
        )
    changed = tuple(path for path, content in files.items() if not state.holds(path, content))
    gone = tuple(path for path in state.digests if path not in files and any(fnmatch(path, p) for p in owned))
    return Plan(repo_id, kind, files, state, changed, gone, state.private, create_pr, title)


def carry_out(hub: Hub, plan: Plan) -> str:
    """Make the plan's one commit, where it is needed, and give the commit that now holds the files.

    A repository is never half changed: what the Hub holds moves from the old commit to the new one in one step.

    Raises:
        PublishError: also where the Hub then holds something else than was sent.
    """
    if plan.nothing_to_do and plan.state:
        return plan.state.commit
    if plan.create_pr and (found := _open_request(hub, plan)):
        return found
    state = plan.state
    if state is None:
        hub.create(plan.repo_id, plan.kind, plan.private)
        state = hub.state(plan.repo_id, plan.kind)
    parent = state.commit if state else None
    wanted = {path: plan.files[path] for path in plan.changed}
    commit = hub.commit(
        plan.repo_id, plan.kind, wanted, list(plan.gone), title=plan.title, parent=parent, create_pr=plan.create_pr
    )
    if not _holds_all(hub.state(plan.repo_id, plan.kind, commit), plan):
        raise PublishError(f"The repository {plan.repo_id} does not hold at {commit} what was sent: publish it again.")
    return commit


def _open_request(hub: Hub, plan: Plan) -> str | None:
    """The commit of an open pull request that asks for the very same files."""
    for ref in hub.pull_requests(plan.repo_id, plan.kind):
        state = hub.state(plan.repo_id, plan.kind, ref)
        if state and _holds_all(state, plan):
            return state.commit
    return None


def _holds_all(state: State | None, plan: Plan) -> bool:
    if state is None or any(path in state.digests for path in plan.gone):
        return False
    return all(state.holds(path, content) for path, content in plan.files.items())
