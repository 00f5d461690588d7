"""The Hub as publishing needs it: who writes, what a repository holds, what would change in it, and the one commit that
does it; what goes wrong is said in one sentence."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    SpaceHardware,
    constants,
    get_token,
    hf_hub_download,
)
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import validate_repo_id

from colorhub._text import one_line

Content = bytes | Path
_HUBS_OWN = (".gitattributes",)  # what the Hub puts into every repository


class PublishError(ValueError):
    """Why something is not published: what was wrong, what is expected, what to do.

    Example:
        >>> from colorhub.hub import PublishError, check_repo_id
        >>> try:
        ...     check_repo_id("unet")
        ... except PublishError as error:
        ...     print(error)
        'unet' cannot be the name of a repository: owner/name is expected.
    """


class RefusedError(PublishError):
    """The Hub answered, and refused. ``status``: of HTTP; 402 where the account's plan does not allow it."""

    def __init__(self, message: str, status: int | None) -> None:
        super().__init__(message)
        self.status = status


@contextmanager
def hub_errors(repo_id: str) -> Iterator[None]:
    """Raise :class:`PublishError` for whatever goes wrong in talking to the Hub about a repository.

    Example:
        >>> from colorhub.hub import hub_errors
        >>> with hub_errors("me/unet"):
        ...     raise ConnectionError("no route to host")
        Traceback (most recent call last):
            ...
        colorhub.hub.remote.PublishError: The connection to the Hub (...) failed at me/unet (no route to host): ...
    """
    try:
        yield
    except PublishError:
        raise
    except LocalTokenNotFoundError as error:
        raise PublishError(
            "There is no token to publish with: log in with `hf auth login`, or set HF_TOKEN to a token that may write."
        ) from error
    except OfflineModeIsEnabled as error:
        raise PublishError("HF_HUB_OFFLINE is set, so the Hub is not asked: unset it to publish.") from error
    except HfHubHTTPError as error:
        raise RefusedError(_answer(repo_id, error), _status(error)) from error
    except (HTTPError, OSError) as error:
        raise PublishError(_broken(repo_id, error)) from error
    except RuntimeError as error:  # how the client wraps what went wrong in uploading a large file
        cause = error.__cause__ or error
        known = _answer(repo_id, cause) if isinstance(cause, HfHubHTTPError) else _broken(repo_id, cause)
        raise PublishError(known) from error
    except ValueError as error:
        raise PublishError(
            f"The repository {repo_id} was refused before anything was uploaded: {one_line(error)}."
        ) from error


def _status(error: HfHubHTTPError) -> int | None:
    return getattr(error.response, "status_code", None)


def _answer(repo_id: str, error: HfHubHTTPError) -> str:
    status = _status(error)
    owner = repo_id.split("/")[0]
    if isinstance(error, RepositoryNotFoundError):
        return f"There is no repository {repo_id} on the Hub, or your token may not see it."
    if status == 401:
        return "The Hub refused the token: log in again with `hf auth login`, or set HF_TOKEN to a valid token."
    if status == 403:
        return f"Your token may not write to {repo_id}: use one with write access to {owner}."
    if status in (409, 412):
        return (
            f"The repository {repo_id} was changed by someone else meanwhile: nothing went up; run the command again."
        )
    detail = error.server_message or one_line(error)
    return f"The Hub answered {status} for {repo_id}: {detail}. Run the command again later."


def _broken(repo_id: str, error: BaseException) -> str:
    return (
        f"The connection to the Hub ({constants.ENDPOINT}) failed at {repo_id} ({one_line(error)}): the repository "
        "holds its old files or the new ones, never a mixture; run the command again."
    )


@dataclass(frozen=True)
class State:
    """What a repository holds at a commit: digests by path, of git blobs or, for large files, SHA-256.

    Example:
        >>> from colorhub.hub import State
        >>> empty = ("git", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")  # the id that git gives an empty file
        >>> state = State("0f1e2d", private=False, digests={"empty.txt": empty})
        >>> state.holds("empty.txt", b""), state.holds("empty.txt", b"more")
        (True, False)
    """

    commit: str
    private: bool
    digests: Mapping[str, tuple[str, str]]  # path -> ("git" or "sha256", digest)

    def holds(self, path: str, content: Content) -> bool:
        """Whether the file is there with this very content."""
        if path not in self.digests:
            return False
        kind, digest = self.digests[path]
        return digest == (git_digest(content) if kind == "git" else sha256_digest(content))


@dataclass(frozen=True)
class Plan:
    """One repository: what it should hold, and what is missing for that.

    ``changed``: files to add or replace; ``gone``: files to delete; ``state``: None for a repository to be created.

    Example:
        >>> from colorhub.hub import Plan
        >>> plan = Plan("me/unet", "model", {"config.json": b"{}"}, state=None, changed=("config.json",), gone=())
        >>> plan.nothing_to_do
        False
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


class Hub:
    """The Hub, with the token of whoever publishes (by default the one that is logged in).

    Example:
        >>> from colorhub.hub import Hub
        >>> hub = Hub()  # asks nothing yet
        >>> hub.check_owner("me")  # doctest: +SKIP
        >>> hub.state("me/unet", "model").commit  # doctest: +SKIP
        '0f1e2d3c4b5a69788796a5b4c3d2e1f001122334'
    """

    def __init__(self, token: str | None = None) -> None:
        self.token = token
        self._api = HfApi(token=token)

    @property
    def has_token(self) -> bool:
        """Whether there is a token, right or wrong: one that was given, that of ``HF_TOKEN`` or of whoever is logged
        in."""
        return (self.token or get_token()) is not None

    def check_owner(self, owner: str) -> None:
        """Raises :class:`PublishError` where the token is missing, wrong, read-only or of someone else."""
        with hub_errors(f"{owner}/..."):
            me = self._api.whoami()
        names = [me["name"], *(org["name"] for org in me.get("orgs", []))]
        if owner not in names:
            raise PublishError(f"You cannot publish under {owner}: the token belongs to {' and '.join(names)}.")
        if me.get("auth", {}).get("accessToken", {}).get("role") == "read":
            raise PublishError(
                f"The token of {me['name']} may only read: make one that may write, and set HF_TOKEN to it."
            )

    def state(self, repo_id: str, kind: str, revision: str | None = None) -> State | None:
        """What a repository holds; None when there is no such repository."""
        with hub_errors(repo_id):
            try:
                info: Any = self._api.repo_info(repo_id, repo_type=kind, revision=revision)
                tree = self._api.list_repo_tree(repo_id, recursive=True, repo_type=kind, revision=info.sha)
                files = [entry for entry in tree if isinstance(entry, RepoFile)]
            except (RepositoryNotFoundError, RevisionNotFoundError):
                return None
        digests = {f.path: ("sha256", f.lfs.sha256) if f.lfs else ("git", f.blob_id) for f in files}
        return State(info.sha, bool(info.private), {p: d for p, d in digests.items() if p not in _HUBS_OWN})

    def read_json(self, repo_id: str, path: str, revision: str, kind: str = "model") -> dict[str, Any]:
        """A JSON object of a repository; empty where there is none."""
        with hub_errors(repo_id), tempfile.TemporaryDirectory() as cache:
            try:
                file = self._download(repo_id, kind, path, revision, Path(cache))
                found = json.loads(file.read_text(encoding="utf-8"))
            except (RemoteEntryNotFoundError, ValueError):
                return {}
        return found if isinstance(found, dict) else {}

    def download(self, repo_id: str, kind: str, state: State, folder: Path) -> dict[str, Path]:
        """All files of a repository at a commit, below a folder, by path; each is what the commit says.

        Raises:
            PublishError: also where a file came back as something else.
        """
        with hub_errors(repo_id):
            files = {path: self._download(repo_id, kind, path, state.commit, folder) for path in state.digests}
        for path, file in files.items():
            if not state.holds(path, file):
                raise PublishError(f"The file {path} of {repo_id} came back damaged: run the command again.")
        return files

    def _download(self, repo_id: str, kind: str, path: str, revision: str, folder: Path) -> Path:
        file = hf_hub_download(repo_id, path, repo_type=kind, revision=revision, local_dir=folder, token=self.token)
        return Path(file)

    def forget_history(self, repo_id: str, kind: str) -> None:
        """Leave a repository its newest commit alone: what was deleted is then in no older one either."""
        with hub_errors(repo_id):
            commits = self._api.list_repo_commits(repo_id, repo_type=kind)
            if len(commits) > 1:
                self._api.super_squash_history(repo_id, repo_type=kind, commit_message=commits[0].title)

    def create(
        self, repo_id: str, kind: str, private: bool, hardware: SpaceHardware | None = None, sdk: str = "gradio"
    ) -> None:
        """Make an empty repository, a Space on some hardware. It may be there already."""
        space: dict[str, Any] = {"space_sdk": sdk, "space_hardware": hardware} if kind == "space" else {}
        with hub_errors(repo_id):
            self._api.create_repo(repo_id, repo_type=kind, private=private, exist_ok=True, **space)

    def pull_requests(self, repo_id: str, kind: str) -> list[str]:
        """The refs of a repository's open pull requests."""
        with hub_errors(repo_id):
            found = self._api.get_repo_discussions(
                repo_id, repo_type=kind, discussion_type="pull_request", discussion_status="open"
            )
            return [f"refs/pr/{entry.num}" for entry in found]

    def commit(self, plan: Plan, parent: str | None) -> str:
        """Make a plan's commit on top of ``parent``, and give its id."""
        operations: list[Any] = [CommitOperationAdd(path, plan.files[path]) for path in plan.changed]
        operations += [CommitOperationDelete(path) for path in plan.gone]
        with hub_errors(plan.repo_id):
            return self._api.create_commit(
                plan.repo_id,
                operations,
                commit_message=plan.title,
                repo_type=plan.kind,
                parent_commit=parent,
                create_pr=plan.create_pr,
            ).oid


def git_digest(content: Content) -> str:
    """The id that git gives a file."""
    data = content if isinstance(content, bytes) else content.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def sha256_digest(content: Content) -> str:
    """SHA-256 of bytes or of a file."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_repo_id(repo_id: str) -> None:
    """Raises :class:`PublishError` where the Hub could not have a repository of that name.

    Example:
        >>> from colorhub.hub import check_repo_id
        >>> check_repo_id("me/unet")
        >>> check_repo_id("me/u net")
        Traceback (most recent call last):
            ...
        colorhub.hub.remote.PublishError: 'me/u net' cannot be the name of a repository: ...
    """
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise PublishError(f"{repo_id!r} cannot be the name of a repository: {one_line(error, None)}.") from error
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

    Example:
        >>> from colorhub.hub import Hub, make_plan
        >>> class EmptyHub(Hub):  # one without repositories, which needs no network
        ...     def state(self, repo_id, kind, revision=None):
        ...         return None
        >>> files = {"config.json": b"{}"}
        >>> plan = make_plan(EmptyHub(), "me/unet", "model", files, owned=("*",), is_ours=lambda state: None)
        >>> plan.changed, plan.gone, plan.nothing_to_do
        (('config.json',), (), False)
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

    Example:
        >>> from colorhub.hub import Hub, Plan, State, carry_out
        >>> empty = ("git", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")  # the id that git gives an empty file
        >>> state = State("0f1e2d", private=False, digests={"empty.txt": empty})
        >>> plan = Plan("me/unet", "model", {"empty.txt": b""}, state, changed=(), gone=())
        >>> carry_out(Hub(), plan)  # nothing to do: the commit that is there
        '0f1e2d'
    """
    if plan.nothing_to_do and plan.state:
        return plan.state.commit
    for ref in hub.pull_requests(plan.repo_id, plan.kind) if plan.create_pr else ():
        asked = hub.state(plan.repo_id, plan.kind, ref)
        if asked and _holds_all(asked, plan):  # an open pull request asks for the very same files
            return asked.commit
    state = plan.state
    if state is None:
        hub.create(plan.repo_id, plan.kind, plan.private)
        state = hub.state(plan.repo_id, plan.kind)
    commit = hub.commit(plan, state.commit if state else None)
    if not _holds_all(hub.state(plan.repo_id, plan.kind, commit), plan):
        raise PublishError(f"The repository {plan.repo_id} does not hold at {commit} what was sent: publish it again.")
    return commit


def _holds_all(state: State | None, plan: Plan) -> bool:
    if state is None or any(path in state.digests for path in plan.gone):
        return False
    return all(state.holds(path, content) for path, content in plan.files.items())
