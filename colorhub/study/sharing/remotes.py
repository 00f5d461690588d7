"""Where copies of a study are on the Hub, noted beside its manifest: a withdrawal names them."""

import contextlib
import json
from pathlib import Path
from typing import Any

from colorhub.photo.saving import write_whole

NAME = "copies.json"


def known(folder: Path) -> dict[str, Any]:
    """``backup``: the private dataset; ``release``: the public one. Only what is known on this machine."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((folder / NAME).read_bytes())
        return found if isinstance(found, dict) else {}
    return {}


def remember(folder: Path, **where: str) -> None:
    """Note a copy."""
    old = known(folder)
    if old | where != old:
        write_whole(folder / NAME, json.dumps(old | where, indent=1).encode(), None, overwrite=True)
