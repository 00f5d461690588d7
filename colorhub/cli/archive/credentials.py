"""``--c2pa``: what signs results, or a sentence why nothing can."""

from pathlib import Path
from typing import TYPE_CHECKING

from colorhub._extras import MissingExtraError, require
from colorhub.cli.console import FAILED, WRONG_USAGE, failing

if TYPE_CHECKING:
    from colorhub.folder.credentials import Credentials


def credentials_of(files: tuple[Path, Path] | None) -> "Credentials | None":
    """Of the files of certificates and of a key, if they were given."""
    if files is None:
        return None
    with failing(FAILED, MissingExtraError):
        require("c2pa")
    from colorhub.folder.credentials import Credentials, CredentialsError

    with failing(WRONG_USAGE, CredentialsError):
        return Credentials.load(*files)
