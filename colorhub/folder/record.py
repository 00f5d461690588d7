"""What a result's own record (XMP) says of how it was made, and where that is not what is asked for now."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorhub.photo.decoding import read_header
from colorhub.photo.metadata.xmp import recorded
from colorhub.settings import Settings

if TYPE_CHECKING:
    from colorhub.hints import Hint

_COMPARED = ("views", "restore", "vividness", "temperature")  # the record has the size in effect, not that asked for


def record_of(result: Path) -> dict[str, str]:
    """The facts of a result's record by name, such as ``Model`` and ``Settings``; none where it has none. Of the file
    only the head is read, no pixels are decoded."""
    try:
        with result.open("rb") as file:
            packet = read_header(file, result.name).metadata.xmp
    except Exception:  # whatever is wrong with it: it is no file of ours, or no picture
        return {}
    return recorded(packet)


def made_otherwise(record: Mapping[str, str], settings: Settings, hints: Sequence["Hint"] = ()) -> str:
    """How a result was made, in so far as it would be made otherwise now; empty where nothing differs, and where the
    record does not tell.

    Args:
        record: of :func:`record_of`.
        settings: those of now.
        hints: those of now.
    """
    if "Model" not in record:
        return ""
    made: dict[str, Any] = {}
    with suppress(ValueError):
        made = json.loads(record.get("Settings", "{}"))
    if not isinstance(made, dict):
        return ""
    wanted = settings.to_dict()
    found = [f"by the model {record['Model']}"] if record["Model"] != Path(wanted["model"]).name else []
    now = [[hint.x, hint.y, hint.color] for hint in hints]
    if (before := made.get("hints", [])) != now:
        found.append("without hints" if not before else "with other hints" if now else "with hints")
    others = [name for name in _COMPARED if name in made and made[name] != wanted[name]]
    found += [f"with {name} {made[name]}" for name in others]
    return ", ".join(found)
