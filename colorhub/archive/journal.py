"""Write a manifest while a run colours, and know from it what earlier runs have done."""

import json
import os
import platform
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Condition, Lock, Thread
from typing import Protocol

import numpy as np

from colorhub import __version__
from colorhub.archive.lease import in_turn
from colorhub.archive.manifest import (
    PARQUET,
    PART,
    Digests,
    Header,
    has_ended,
    join,
    last_header,
    last_of_each,
    next_number,
    part_name,
    part_names,
    told,
)
from colorhub.archive.places import Place
from colorhub.archive.rows import HAS_OUTPUT, ManifestError, Row, digest, utc_now

_SEGMENT = 1 << 18  # bytes of a part's object
_PAUSE = 0.2  # seconds between two writings of it, for lines to gather
_SAID = [("started", np.bool_), ("made", np.bool_), ("now", np.bool_)]
_FACT = np.dtype([("source", np.uint64), *_SAID, ("sized", np.uint64)])


@dataclass(frozen=True)
class Known:
    """What the manifest tells at the start of a run. ``done``: sources that have their result, of these settings;
    ``sizes``: of these the result's size and the source, as :meth:`sized` has them; ``ours``: those whose result, if
    there is one, an earlier run made, or was about to when it was killed: it may be replaced."""

    done: Digests
    ours: Digests
    sizes: Digests

    @classmethod
    def of(cls, place: Place, settings: str) -> "Known":
        """Read it, anew where other shards join it meanwhile. Raises :class:`ManifestError`."""
        gone = ""
        while True:
            before, parts = place.changed(PARQUET), part_names(place)
            try:
                known = cls._read(place, settings)
                if place.changed(PARQUET) == before and set(parts) <= set(part_names(place)):
                    return known
            except FileNotFoundError as error:
                if str(error) == gone:  # and listed again
                    raise ManifestError(
                        f"a part of the manifest in {place.name} is a link to nothing ({error}): restore what it led "
                        "to; without that, remove the link, and what it told of is done again"
                    ) from None
                gone = str(error)

    @classmethod
    def _read(cls, place: Place, settings: str) -> "Known":
        facts = np.fromiter(_facts(place, settings), _FACT)
        latest = facts[last_of_each(facts["source"])]
        done = latest[latest["made"] & latest["now"]]
        ours = np.concatenate([facts["source"][facts["made"]], latest["source"][latest["started"]]])
        return cls(Digests(done["source"]), Digests(ours), Digests(done["sized"]))

    @staticmethod
    def sized(size: int | None, source: str) -> str:
        """A result's size and its source as one name."""
        return f"{size} {source}"


@dataclass(frozen=True)
class Run:
    """What is the same in all rows of a run. ``settings``: JSON; ``model``, ``model_sha256``: of the weights."""

    settings: str
    model: str = ""
    model_sha256: str = ""

    def signed(self, row: Row) -> Row:
        """A row of this machine and of now."""
        if row.status == "colored":
            row = replace(row, model=self.model, model_sha256=self.model_sha256)
        row = replace(row, settings=self.settings, seconds=round(row.seconds, 3), finished=utc_now())
        return replace(row, machine=platform.node(), version=__version__)


class Part(Protocol):
    """Where lines go."""

    def append(self, line: str, *, durable: bool) -> None:
        """Write a line; it is there when this returns, if ``durable`` even after a power cut."""

    def flush(self) -> None:
        """Wait until all lines are there."""

    def close(self) -> None:
        """Write what waits."""


class Journal:
    """The part of a manifest that one run writes.

    Args:
        place: the output.
        settings: of the run, as JSON.
        shard: which part of the files, ``(index, count)``.
    """

    def __init__(self, place: Place, settings: str, shard: tuple[int, int] = (0, 1)) -> None:
        self.place, self.settings, self.shard = place, settings, shard
        self.known = Known.of(place, settings)
        self._part: Part | None = None
        self.run = Run(settings)

    def begin(self, model: str, model_sha256: str) -> None:
        """Open the part, and say in it by which model photos will be coloured.

        Args:
            model: its name.
            model_sha256: of its weights; empty where nothing is left to colour, and it is not loaded.

        Raises:
            ManifestError: earlier rows are by other weights of this name.
        """
        before = last_header(self.place)
        same = before is not None and before.model == model
        if before and same and not model_sha256:
            model_sha256 = before.model_sha256
        if before and same and before.model_sha256 not in ("", model_sha256):
            raise ManifestError(
                f"the weights of {model} are others than those that the manifest in {self.place.name} tells of "
                f"({model_sha256[:12]}... now, {before.model_sha256[:12]}... then): choose another output folder"
            )
        self.run = Run(self.settings, model, model_sha256)
        index, count = self.shard
        header = Header(__version__, self.settings, model, model_sha256, f"{index}/{count}", platform.node(), utc_now())
        with in_turn(self.place, count):  # no other shard that joins all parts removes this one
            self._part = _open_part(self.place, self.shard)
            self._append(header.to_line(), durable=True)

    @property
    def is_joined(self) -> bool:
        """Whether all that was written is in the joined manifest."""
        return not part_names(self.place) and self.place.size(PARQUET) is not None

    def started(self, source: str, *, durable: bool = True) -> None:
        """Say that a result will appear, before it does: a killed run's is then known as ours. If it is not
        ``durable``, :meth:`flush` is called before it does."""
        self._append(json.dumps({"started": source}, ensure_ascii=False) + "\n", durable=durable)

    def flush(self) -> None:
        """Wait until all that was said is there."""
        part = self._part
        if part is not None:
            part.flush()

    def add(self, row: Row) -> None:
        """Write a row, with what is the same in all of this run."""
        self._append(self.run.signed(row).to_line(), durable=False)

    def finish(self) -> None:
        """Say that all was tried."""
        if self._part is not None:
            self._append(json.dumps({"ended": utc_now()}) + "\n", durable=True)

    def close(self) -> None:
        """End writing, whether or not all was tried."""
        part, self._part = self._part, None
        if part is not None:
            part.close()

    def _append(self, line: str, *, durable: bool) -> None:
        part = self._part
        if part is None:
            raise RuntimeError("a journal is begun before anything is written into it")
        part.append(line, durable=durable)


def expect_same_settings(place: Place, settings: str) -> None:
    """Refuse to go on with a manifest of other settings.

    Raises:
        ManifestError: one sentence that names what differs.
    """
    header = last_header(place)
    if header is None or header.settings == settings:
        return
    before, now = json.loads(header.settings or "{}"), json.loads(settings)
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    told = ", ".join(f"{name} {before.get(name)} then and {now.get(name)} now" for name in names)
    raise ManifestError(
        f"the results in {place.name} were made with other settings ({told}): use those, choose another output "
        "folder, or --overwrite to colour all anew"
    )


def join_if_complete(place: Place, shard: tuple[int, int] = (0, 1)) -> bool:
    """Join the parts, if every shard has come to its end. Returns whether they are joined now."""
    with in_turn(place, shard[1]):  # two at once would take the parts from each other
        return _join_if_complete(place, shard[1])


def _join_if_complete(place: Place, count: int) -> bool:
    by_index: dict[int, list[str]] = {}
    for name in part_names(place):
        if (match := PART.fullmatch(name)) and int(match[2]) == count:
            by_index.setdefault(int(match[1]), []).append(name)
    if not part_names(place):
        return place.size(PARQUET) is not None
    whole = place.size(PARQUET) is not None or len(by_index) == count
    if not whole or not all(has_ended(place, names) for names in by_index.values()):
        return False
    join(place)
    return True


def _facts(place: Place, settings: str) -> Iterator[tuple[int, bool, bool, bool, int]]:
    for source, row in told(place):
        if row is None:
            yield source, True, False, False, 0
        else:
            sized = digest(Known.sized(row.output_size, row.source))
            yield source, False, row.status in HAS_OUTPUT, row.settings == settings, sized


def _open_part(place: Place, shard: tuple[int, int]) -> Part:
    number = next_number(place)
    if place.is_local:
        return _LocalPart(Path(place.path(part_name(shard, number))))
    return _ObjectPart(place, shard, number)


class _ObjectPart:
    """Objects that are written anew with more lines, once a second: nothing can be added to one. A long one is left,
    and another is begun."""

    def __init__(self, place: Place, shard: tuple[int, int], number: int) -> None:
        self._place, self._shard, self._number = place, shard, number
        self._lines: list[bytes] = []
        self._count = self._written = 0  # lines
        self._changed, self._closing = Condition(), False
        self._error: Exception | None = None
        self._writer = Thread(target=self._write, name="manifest", daemon=True)
        self._writer.start()

    def append(self, line: str, *, durable: bool) -> None:
        """As :class:`Part` says."""
        with self._changed:
            self._lines.append(line.encode("utf-8"))
            self._count += 1
            mine = self._count
            self._changed.notify_all()
        if durable:
            self._wait(mine)

    def flush(self) -> None:
        """As :class:`Part` says."""
        self._wait()

    def _wait(self, count: int | None = None) -> None:
        with self._changed:
            wanted = self._count if count is None else count
            self._changed.wait_for(lambda: self._written >= wanted or self._error is not None)
            if self._error is not None:
                raise OSError(0, str(self._error)) from self._error

    def close(self) -> None:
        """As :class:`Part` says."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._writer.join()
        self._wait()

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._count > self._written)
                if self._count == self._written:
                    return
                content, lines, count = b"".join(self._lines), len(self._lines), self._count
            try:
                self._place.write(part_name(self._shard, self._number), content)
            except Exception as error:
                with self._changed:
                    self._error = error
                    self._changed.notify_all()
                return
            with self._changed:
                self._written = count
                if len(content) > _SEGMENT:
                    del self._lines[:lines]
                    self._number += 1
                self._changed.notify_all()
                if not self._closing:
                    self._changed.wait_for(lambda: self._closing, _PAUSE)


class _LocalPart:
    """A file that lines are added to."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = Lock()
        self._file = path.open("xb")

    def append(self, line: str, *, durable: bool) -> None:
        """As :class:`Part` says."""
        with self._lock:
            self._file.write(line.encode("utf-8"))
            self._file.flush()
        if durable:
            os.fsync(self._file.fileno())

    def flush(self) -> None:
        """As :class:`Part` says."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """As :class:`Part` says."""
        with closing(self._file):
            self._file.flush()
            os.fsync(self._file.fileno())
