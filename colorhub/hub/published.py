"""Names of weights that live on the Hub: name -> repository, revision, architecture, licence."""

from typing import NamedTuple


class Published(NamedTuple):
    """``revision`` is pinned, so that a name always means the same weights; ``group`` and ``label``: see
    :class:`ModelInfo`.

    Example:
        >>> from colorhub.hub.publish import Published
        >>> Published("me/unet", "0f1e2d", architecture="unet", license="apache-2.0").repo_id
        'me/unet'
    """

    repo_id: str
    revision: str
    architecture: str
    license: str
    summary: str = ""
    group: str = ""
    label: str = ""


PUBLISHED: dict[str, Published] = {}
