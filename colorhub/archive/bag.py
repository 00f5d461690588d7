"""An output as a BagIt bag, version 1.0 (RFC 8493): results in ``data/``, and their digests beside it.

No result is copied or hashed again: the digests are those of the manifest, which is a part of the payload itself.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from colorhub import __version__
from colorhub.archive import lease
from colorhub.archive.files import open_file, walk
from colorhub.archive.folders import AGAIN
from colorhub.archive.manifest import Digests, ManifestError, part_names, read_rows
from colorhub.archive.places import Place
from colorhub.archive.rows import as_path, as_text, is_utf8

PAYLOAD = "data"
_DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


def write_bag(bag: Place) -> int:
    """Write the tag files of a bag whose payload is there, with its joined manifest. Returns how many files it holds.

    Args:
        bag: the folder or address above ``data``.

    Raises:
        ManifestError: a run on it has not ended, a result is missing or has another size, or a name that no bag can
            have.
    """
    payload = Place.of(f"{bag.name.rstrip('/')}/{PAYLOAD}")
    if part_names(payload):
        raise ManifestError(f"{payload.name} has a manifest in parts: a bag is made when all shards have ended")
    count = size = 0
    with tempfile.TemporaryDirectory(prefix="colorhub-") as folder:
        aside = Path(folder)
        with (aside / "manifest-sha256.txt").open("w", encoding="utf-8", newline="\n") as file:
            for name, digest, length in _files(payload):
                file.write(f"{digest}  {PAYLOAD}/{_encoded(name)}\n")
                count, size = count + 1, size + length
        _write(aside / "bagit.txt", _DECLARATION)
        _write(aside / "bag-info.txt", _info(count, size))
        tags = ("bagit.txt", "bag-info.txt", "manifest-sha256.txt")
        lines = [f"{hashlib.sha256((aside / name).read_bytes()).hexdigest()}  {name}\n" for name in tags]
        _write(aside / "tagmanifest-sha256.txt", "".join(lines))
        for name in (*tags, "tagmanifest-sha256.txt"):
            bag.put(aside / name, name)
    return count


def _files(payload: Place) -> Iterator[tuple[str, str, int]]:
    """Name, digest and bytes of all files: those of the manifest, then all others, which are hashed."""
    present = Digests.of(f"{entry.size} {entry.name}" for entry in walk(payload))
    for row in read_rows(payload):
        if row.output and row.output_sha256 and row.output_size is not None:
            if f"{row.output_size} {row.output}" not in present:
                again = AGAIN if payload.is_local else "--overwrite colours all anew"
                raise ManifestError(
                    f"the bag is not closed: {payload.name}/{row.output} is not there, or has another size than the "
                    f"manifest says: {again}"
                )
            yield row.output, row.output_sha256, row.output_size
    told = Digests.of(row.output for row in read_rows(payload) if row.output)
    for entry in walk(payload):
        if entry.name not in told and not entry.name.rpartition("/")[2].startswith(lease.PREFIX):
            with open_file(payload, entry.name) as file:
                yield entry.name, hashlib.file_digest(file, "sha256").hexdigest(), entry.size


def _encoded(name: str) -> str:
    """A path as RFC 8493 (2.1.3) writes it."""
    name = as_path(name)
    if not is_utf8(name):
        raise ManifestError(f"the name {as_text(name)} is no UTF-8, which a bag's names are: rename that photo")
    return name.replace("%", "%25").replace("\n", "%0A").replace("\r", "%0D")


def _info(count: int, size: int) -> str:
    facts = {
        "Bag-Software-Agent": f"colorhub {__version__}",
        "Bagging-Date": datetime.now(UTC).date().isoformat(),
        "External-Description": "Photographs whose colours were invented by a model; data/colorhub-manifest.parquet "
        "says which, and of what.",
        "Payload-Oxum": f"{size}.{count}",
    }
    return "".join(f"{name}: {value}\n" for name, value in facts.items())


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
