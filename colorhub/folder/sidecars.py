"""Sidecars: XMP files beside photos, in which programs keep captions, ratings and turns that they do not write into the
photos. They go along with the results, and say of them what is true."""

import filecmp
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from colorhub import __version__
from colorhub._files import fitting
from colorhub.folder.record import record_of
from colorhub.photo import Photo, PhotoError
from colorhub.photo.decoding import Header, read_header
from colorhub.photo.metadata import xmp as packets
from colorhub.photo.metadata.metadata import Metadata
from colorhub.photo.metadata.turning import Turn
from colorhub.photo.saving import write_whole

SUFFIX = ".xmp"
_WRITTEN_ANEW = ("Colors", "Software")
_MOST_BYTES = 1 << 24  # of a sidecar: with the edits of years they have a megabyte


class Taken(NamedTuple):
    """How many sidecars were taken along, and what must be said."""

    number: int
    notes: list[str]


@dataclass(frozen=True)
class Sidecar:
    """A photo's sidecar. ``after_suffix``: whether it is called after the whole name, ``scan.jpg.xmp``, as darktable
    and digiKam do, or as Adobe's programs do ``scan.xmp``."""

    path: Path
    after_suffix: bool

    def beside(self, result: Path) -> Path:
        """Where it goes with a photo's result."""
        return result.with_name(fitting(result.name if self.after_suffix else result.stem, self.path.suffix))


def by_stem(names: Iterable[str]) -> dict[str, list[str]]:
    """The names of sidecars among the files ``names`` of a folder, by what they have before ``.xmp``."""
    found: dict[str, list[str]] = {}
    for name in names:
        if name.lower().endswith(SUFFIX):
            found.setdefault(Path(name).stem, []).append(name)
    return found


def sidecars_of(photo: Path, sidecars: Mapping[str, Sequence[str]]) -> list[Sidecar]:
    """A photo's sidecars among those of its folder, which :func:`by_stem` sorts once for all its photos.

    Example:
        >>> from pathlib import Path
        >>> from colorhub.folder.sidecars import by_stem, sidecars_of
        >>> names = by_stem(["scan.XMP", "scan.jpg", "scan.jpg.xmp", "scan2.xmp"])
        >>> found = sidecars_of(Path("in/scan.jpg"), names)
        >>> [sidecar.beside(Path("out/scan.png")).name for sidecar in found]
        ['scan.XMP', 'scan.png.xmp']
    """
    stems = {photo.stem: False, photo.name: True}
    found = [(name, after_suffix) for stem, after_suffix in stems.items() for name in sidecars.get(stem, ())]
    return [Sidecar(photo.with_name(name), after_suffix) for name, after_suffix in sorted(found)]


def turned_as_told(photo: Photo, sidecars: Sequence[Sidecar]) -> Photo:
    """The photo upright where its file does not say how it is turned, but a sidecar does: the file's word counts first,
    as it does for the metadata in a file (Metadata Working Group, *Guidelines for handling image metadata*)."""
    header = _header(photo.path) if photo.path else None
    if header is None or header.orientation is not None:
        return photo
    told = [turn for sidecar in sidecars if (turn := _orientation(sidecar.path)) not in (None, 1)]
    return photo.turned(told[0]) if told else photo


def take_along(
    sidecars: Sequence[Sidecar],
    photo: Path,
    result: Path,
    record: Mapping[str, str] | None,
    *,
    same: bool = False,
    turned: bool = True,
    overwrite: bool = False,
) -> Taken:
    """Write a photo's sidecars beside its result, upright, and with what was done.

    Args:
        sidecars: of the photo.
        photo: the file they are of.
        result: need not be there yet.
        record: who invented the colours, or ``None``.
        same: the result is the photo's own file: nothing in its sidecars changes.
        turned: a turn that sidecars alone state was applied to the result; else they go on to state it.
        overwrite: replace those that are there.

    Raises:
        PhotoError: one cannot be written.
    """
    number = 0
    notes: list[str] = []
    header = _header(photo) if sidecars and not same else None
    for sidecar in sidecars:
        target = sidecar.beside(result)
        if target.exists() and not overwrite:
            notes += _of_another_run(target, record)
            continue
        try:
            content, times = _read(sidecar.path), sidecar.path.stat()
        except OSError as error:
            notes.append(f"its sidecar {sidecar.path.name} could not be read and stayed behind ({error.strerror})")
            continue
        if not same:
            content, more = _made_true(content, header, record, sidecar.path.name, turned=turned)
            notes += more
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, content, (times.st_atime_ns, times.st_mtime_ns), overwrite=overwrite)
        number += 1
    return Taken(number, notes)


def _of_another_run(target: Path, record: Mapping[str, str] | None) -> list[str]:
    """What is said of a sidecar that is there already; nothing where an earlier start of this run left it."""
    with suppress(OSError):
        found = packets.recorded(_read(target))
        if record is not None and packets.facts_of(record).items() <= found.items():
            return []
    return [already_there(target.name)]


def already_there(name: str) -> str:
    """What is said of a sidecar that is not written."""
    return f"the sidecar {name} was there already and was left as it is (--overwrite replaces it)"


def missing(sidecars: Sequence[Sidecar], result: Path, names_in: Callable[[Path], frozenset[str]]) -> list[Sidecar]:
    """Those that are not beside a result yet."""
    return [sidecar for sidecar in sidecars if sidecar.beside(result).name not in names_in(result.parent)]


def take_along_later(sidecars: Sequence[Sidecar], photo: Path, result: Path) -> Taken:
    """As :func:`take_along`, for a result that was made before: its own record says what was done."""
    try:
        same = filecmp.cmp(photo, result, shallow=False)
        facts = {} if same else record_of(result)
        record = {name: text for name, text in facts.items() if name not in _WRITTEN_ANEW} or None
    except OSError as error:
        raise PhotoError(f"{result} cannot be read ({error.strerror}).") from None
    return take_along(sidecars, photo, result, record, same=same, turned=_was_turned(sidecars, photo, result))


def _was_turned(sidecars: Sequence[Sidecar], photo: Path, result: Path) -> bool:
    """Whether a result has the turn that its photo's sidecars alone state. One that was made without them has not; its
    size tells of one that lost them later, unless the turn leaves the size as it is."""
    before, after = _header(photo), _header(result)
    if before is None or after is None or before.orientation is not None:
        return True
    told = next((turn for sidecar in sidecars if (turn := _orientation(sidecar.path)) not in (None, 1)), None)
    upright = Turn(told or 1, *before.size).size
    return told is None or (upright != before.size and after.size == upright)


def _made_true(
    content: bytes, photo: Header | None, record: Mapping[str, str] | None, name: str, *, turned: bool
) -> tuple[bytes, list[str]]:
    """A sidecar of a photo as one of its result; and what must be said."""
    notes, told = [], packets.orientation(content)
    stated, size = (photo.orientation, photo.size) if photo else (None, (0, 0))
    if stated is not None and told not in (None, 1, stated):
        notes.append(f"its sidecar {name} has it turned otherwise than the photo itself, which counts")
    turn = Turn(stated or (told if turned else None) or 1, *size)
    metadata, more = Metadata(xmp=content).after_reading(turn, converted=False)
    upright = metadata.xmp or content
    if stated is None and told is not None and not turned:
        upright = packets.with_orientation(upright, told)
    if record is not None:
        packet, kept = packets.record_provenance(upright, record, f"colorhub {__version__}")
        if not kept:
            return upright, [*notes, *more, f"its sidecar {name} is damaged and was copied without a record"]
        upright = packet
    return upright, [*notes, *more]


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise OSError(0, f"it has more than {_MOST_BYTES >> 20} MB")
    return content


def _orientation(sidecar: Path) -> int | None:
    try:
        return packets.orientation(_read(sidecar))
    except OSError:
        return None


def _header(path: Path) -> Header | None:
    """``None`` for what is no readable picture: what is wrong with it is said where it is opened in earnest."""
    try:
        with path.open("rb") as file:
            return read_header(file, path.name)
    except Exception:
        return None
