"""Names of weights that live on the Hub: name -> repository, revision, architecture, licence."""

from typing import NamedTuple


class Published(NamedTuple):
    """``revision`` is pinned, so that a name always means the same weights."""

    repo_id: str
    revision: str
    architecture: str
    license: str
    summary: str = ""


PUBLISHED: dict[str, Published] = {}
