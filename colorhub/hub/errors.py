"""What cannot be published, in one sentence; and the Hub's errors put into such sentences."""

from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub import constants
from huggingface_hub.errors import (
    HfHubHTTPError,
    HTTPError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

from colorhub._text import one_line


class PublishError(ValueError):
    """Why something is not published: what was wrong, what is expected, what to do."""


@contextmanager
def hub_errors(repo_id: str) -> Iterator[None]:
    """Raise :class:`PublishError` for whatever goes wrong in talking to the Hub about a repository."""
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
        raise PublishError(_answer(repo_id, error)) from error
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


def _answer(repo_id: str, error: HfHubHTTPError) -> str:
    status = getattr(error.response, "status_code", None)
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
