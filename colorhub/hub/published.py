"""Names of weights that live on the Hub: name -> repository, revision, architecture, licence."""

from typing import NamedTuple


class Published(NamedTuple):
    """``revision`` is pinned, so that a name always means the same weights; ``group``: see :class:`ModelInfo`."""

    repo_id: str
    revision: str
    architecture: str
    license: str
    summary: str = ""
    group: str = ""


PUBLISHED: dict[str, Published] = {}
