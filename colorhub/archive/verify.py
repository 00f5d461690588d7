"""Whether an output is what its manifest says, to the byte, and what its sources are now: everything is hashed anew."""

import hashlib
import json
import random
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath

from colorhub.archive import row_files
from colorhub.archive.contents import damage_of_contents, damage_of_record
from colorhub.archive.files import is_ours, open_file, walk
from colorhub.archive.manifest import PREFIX, Digests, ManifestError, all_rows, last_header, part_names, read_rows
from colorhub.archive.places import Place
from colorhub.archive.rows import HAS_OUTPUT, Row, digest
from colorhub.folder.find import is_picture
from colorhub.folder.sidecars import by_stem, sidecars_of, turned_as_told
from colorhub.photo import Photo, PhotoError

_TOGETHER = 256  # rows in work at once


@dataclass(frozen=True)
class Finding:
    """Something that is wrong. ``kind``: one word, the same for the same damage; ``path``: below the output's root, or
    the source's where the kind begins with ``source``; ``reason``: one sentence."""

    kind: str
    path: str
    reason: str


@dataclass
class Verdict:
    """How much was looked at. ``failed``: rows of photos that could not be coloured, which is no damage."""

    rows: int = 0
    hashed: int = 0
    opened: int = 0
    failed: int = 0
    findings: int = 0
    kinds: dict[str, int] = field(default_factory=dict)


class Verification:
    """The findings in an output, one after the other; ``verdict`` counts meanwhile.

    Args:
        output: folder or address of the results.
        source: of the photos; without it nothing is said of them.
        sample: how many results are opened and compared, drawn anew each time; all when not given. All are hashed.
        workers: files in work side by side.

    Raises:
        ManifestError: there is no manifest, or it cannot be read.
    """

    def __init__(self, output: Place, source: Place | None = None, sample: int | None = None, workers: int = 1) -> None:
        self.output, self.source, self.workers = output, source, workers
        self.verdict = Verdict()
        if not output.names(PREFIX):
            raise ManifestError(f"{output.name} has no manifest: colorhub colorize --manifest writes one")
        self._unfinished = bool(part_names(output))
        header = last_header(output)
        self._model_sha256 = header.model_sha256 if header else ""
        self._contents = Digests.of(row.output_sha256 for row in self._rows() if row.output_sha256)
        outputs = [digest(row.output) for row in self._rows() if row.output]
        self._drawn = None if sample is None else set(random.sample(outputs, min(sample, len(outputs))))

    def findings(self) -> Iterator[Finding]:
        """What is wrong: first row by row, then what no row tells of."""
        for finding in self._all():
            self.verdict.findings += 1
            self.verdict.kinds[finding.kind] = self.verdict.kinds.get(finding.kind, 0) + 1
            yield finding

    def _rows(self) -> Iterator[Row]:
        """Of a run that has not ended a file may have several, of which the last counts."""
        return read_rows(self.output) if self._unfinished else all_rows(self.output)

    def _all(self) -> Iterator[Finding]:
        sources: set[int] = set()
        outputs: set[int] = set()
        rows = self._rows()
        with ThreadPoolExecutor(self.workers) as pool:
            while some := list(islice(rows, _TOGETHER)):
                for row in some:
                    yield from self._repeated(row, sources, outputs)
                for found in pool.map(self._of_row, some):
                    yield from found
        yield from self._unknown(self.output, outputs, "foreign", "no row of the manifest tells of it")
        if lost := row_files.without_row(self.output, sources):
            yield Finding("checkpoint", row_files.FOLDER, f"Ray's checkpoint has {lost} photos of which no row tells")
        if self.source:
            yield from self._unknown(self.source, sources, "source_without_row", "the manifest has no row of it")

    def _repeated(self, row: Row, sources: set[int], outputs: set[int]) -> Iterator[Finding]:
        self.verdict.rows += 1
        self.verdict.failed += row.status == "failed"
        if (key := digest(row.source)) in sources:
            yield Finding("two_rows", row.output or row.source, f"the manifest has two rows of its source {row.source}")
        elif row.output and digest(row.output) in outputs:
            yield Finding("two_rows", row.output, "the manifest has two rows with this result")
        sources.add(key)
        if row.output:
            outputs.add(digest(row.output))

    def _of_row(self, row: Row) -> list[Finding]:
        try:
            return list(self._of_readable(row))
        except OSError as error:
            return [Finding("unreadable", row.output or row.source, f"it cannot be read ({error.strerror or error})")]

    def _of_readable(self, row: Row) -> Iterator[Finding]:
        source, found = self._of_source(row)
        yield from found
        if row.status in HAS_OUTPUT and row.output:
            yield from (Finding(kind, row.output, reason) for kind, reason in self._of_output(row, row.output, source))

    def _of_source(self, row: Row) -> tuple[bytes | None, list[Finding]]:
        """The bytes of a source, where it is as it was."""
        if self.source is None:
            return None, []
        content = _read(self.source, row.source)
        if content is None:
            return None, [Finding("source_missing", row.source, "it is not among the sources any more")]
        if row.source_sha256 and _sha256(content) != row.source_sha256:
            return None, [Finding("source_changed", row.source, "it has changed since it was coloured")]
        return content, []

    def _of_output(self, row: Row, name: str, source: bytes | None) -> Iterator[tuple[str, str]]:
        content = _read(self.output, name)
        if content is None:
            yield "missing", "it is not there"
            return
        self.verdict.hashed += 1
        if row.status == "colored" and self._model_sha256 and row.model_sha256 != self._model_sha256:
            yield "model", "by the manifest it was coloured by other weights than the rest"
        if (found := _sha256(content)) != row.output_sha256:
            yield self._altered(row, found, len(content))
            return
        if row.status == "unchanged" and _suffix(name) == _suffix(row.source) and found != row.source_sha256:
            yield "altered", "it should be a copy of its source, and is none"
        if self._drawn is None or digest(name) in self._drawn:
            self.verdict.opened += 1
            yield from self._of_picture(row, name, content, source)

    def _of_picture(self, row: Row, name: str, content: bytes, source: bytes | None) -> Iterator[tuple[str, str]]:
        settings: Mapping[str, object] = json.loads(row.settings or "{}")
        try:
            result = Photo.open(content, name=name)
        except PhotoError as error:
            yield "unreadable", str(error)
            return
        yield from damage_of_record(row, result, wanted=settings.get("record") is not False)
        if source is None or row.status == "unchanged":
            return
        try:
            photo = Photo.open(source, name=row.source)
        except PhotoError as error:
            yield "source_changed", str(error)
            return
        chosen = settings.get("quality")
        quality = chosen if isinstance(chosen, int) else 95
        found = list(damage_of_contents(row, photo, result, quality))
        if found and (turned := self._turned(row, photo)):
            found = list(damage_of_contents(row, turned, result, quality))
        yield from found

    def _turned(self, row: Row, photo: Photo) -> Photo | None:
        """The photo as a sidecar of its source says, where there is one: a run with --sidecars turned it."""
        if self.source is None or not self.source.is_local:
            return None
        path = Path(self.source.path(row.source))
        sidecars = sidecars_of(path, by_stem(other.name for other in path.parent.iterdir()))
        return turned_as_told(photo, sidecars) if sidecars else None

    def _altered(self, row: Row, found: str, size: int) -> tuple[str, str]:
        if found in self._contents:
            return "swapped", "it holds what the manifest says of another result"
        if row.output_size is not None and size < row.output_size:
            return "truncated", f"it has {size} bytes of {row.output_size}"
        return "altered", "it has changed since it was written"

    def _unknown(self, place: Place, known: Iterable[int], kind: str, reason: str) -> Iterator[Finding]:
        """Files of which no row tells: pictures, and in the output anything that is not ours."""
        told, stems = Digests(known), self._stems() if place is self.output else Digests()
        for name in (entry.name for entry in walk(place)):
            if name in told or is_ours(name):
                continue
            if place is not self.output and not is_picture(name):
                continue
            if name.lower().endswith(".xmp") and (name[:-4] in told or name[:-4] in stems):
                continue  # a sidecar
            yield Finding(kind, name, reason)

    def _stems(self) -> Digests:
        return Digests.of(str(PurePosixPath(row.output).with_suffix("")) for row in self._rows() if row.output)


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read(place: Place, name: str) -> bytes | None:
    """A file's bytes; ``None`` where there is none."""
    try:
        with open_file(place, name) as file:
            return file.read()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
