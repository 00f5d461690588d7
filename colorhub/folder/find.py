"""Find the photos that arguments mean: files, folders and patterns."""

import glob
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cache
from itertools import groupby
from pathlib import Path

from colorhub.photo.formats import SUFFIXES

MARK = ".color"  # a result that stands beside its photo is called name.color.jpg
_DEAD = "a link to a file that does not exist"
_PICTURES = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)


@dataclass(frozen=True)
class Problem:
    """Something that cannot be coloured, and why, in one sentence."""

    path: Path
    reason: str


@dataclass
class Found:
    """What was found. ``roots`` are the folders below which the structure is to be kept."""

    files: list[Path] = field(default_factory=list)
    roots: list[Path] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    results: int = 0  # files of an earlier run (name.color.jpg), left alone
    others: list[Path] = field(default_factory=list)  # no pictures by their names
    linked: int = 0  # photos that a link leads to as well, beside their own folder


def find_photos(
    arguments: Iterable[str | os.PathLike[str]], recursive: bool = False, leave_out: Path | None = None
) -> Found:
    """Find photos.

    Args:
        arguments: files (taken whatever they are called), folders (their pictures), patterns such as ``scans/*.tif`` or
            ``scans/**/*.tif`` (the pictures among what matches).
        recursive: also the folders inside folders, and those that links in them lead to, each once.
        leave_out: a folder not to look into unless it was asked for by name: where the results go.
    """
    found = Found()
    for given in arguments:
        argument = os.fspath(given)
        if _is_folder(argument):
            _add_folder(found, argument, recursive, leave_out)
        elif os.path.lexists(argument):
            found.roots.append(Path(argument).parent)
            _add_file(found, Path(argument))
        elif glob.has_magic(argument):
            _add_pattern(found, argument, recursive, leave_out)
        else:
            found.problems.append(Problem(Path(argument), "no such file or folder"))
    found.files = _each_once(found)
    return found


def searched_with(arguments: Iterable[str | os.PathLike[str]], folder: Path) -> str | None:
    """The folder or pattern among the arguments that is searched for photos and has ``folder`` in it, or is it."""
    for given in arguments:
        argument = os.fspath(given)
        is_pattern = glob.has_magic(argument) and not os.path.lexists(argument)
        start = _fixed_part(argument) if is_pattern else argument
        if (is_pattern or _is_folder(argument)) and Path(os.path.realpath(folder)).is_relative_to(
            os.path.realpath(start)
        ):
            return argument
    return None


def folders_of(folder: Path, recursive: bool, leave_out: Path | None = None) -> Iterator[tuple[Path, Found]]:
    """The folders that photos of a folder are in, one after the other, each with what is in itself, a few files at a
    time: those whose names begin alike, up to the first dot, so that the results of two parts never want one name. What
    is found is what :func:`find_photos` finds, but of all other files only names are in memory, and those of one folder
    at once."""
    walked = Found()
    together = groupby(_walk(walked, os.fspath(folder), recursive, leave_out), key=_together)
    for (parent, _), paths in together:
        found = Found(roots=[parent], problems=walked.problems)
        walked.problems = []  # those before this part's: what comes next was not asked for yet
        for path in paths:
            _sort_in(found, path)
        yield parent, found
    if walked.problems:
        yield folder, Found(roots=[folder], problems=walked.problems)


def _together(path: Path) -> tuple[Path, str]:
    return path.parent, path.name.partition(".")[0]


def nothing_in(folder: Path, recursive: bool, leave_out: Path | None) -> Problem:
    """What is said of a folder without any photos."""
    return Problem(folder, _nothing_in(os.fspath(folder), recursive, leave_out))


def is_picture(name: str) -> bool:
    """Whether a file in a folder is taken for a picture, by its name. Hidden files (``._scan.jpg``) are not."""
    return Path(name).suffix.lower() in _PICTURES and not name.startswith(".")


def is_result(name: str) -> bool:
    """Whether a file is named like a result of an earlier run."""
    return Path(name).stem.endswith(MARK)


def _each_once(found: Found) -> list[Path]:
    """The files, each once, in their order: where several ways lead into one folder, by the way without links. Links to
    files stay what they are, photos beside others."""
    named = {absolute(path): path for path in found.files}
    real = cache(os.path.realpath)  # of few folders with many files
    own: dict[str, str] = {}  # the file in its real folder -> how it is reached
    for name in named:
        place = str(Path(real(Path(name).parent), Path(name).name))
        if place not in own or name == place:
            own[place] = name
    kept = set(own.values())
    found.linked = len(named) - len(kept)
    return [path for name, path in named.items() if name in kept]


def _add_file(found: Found, path: Path) -> None:
    if _is_file(path):
        found.files.append(path)
    elif _is_dead(path):
        found.problems.append(Problem(path, _DEAD))
    else:
        found.problems.append(Problem(path, "neither a file nor a folder"))


def _add_folder(found: Found, folder: str, recursive: bool, leave_out: Path | None) -> None:
    found.roots.append(Path(folder))
    before = len(found.files), found.results, len(found.problems)
    for path in _walk(found, folder, recursive, leave_out):
        _sort_in(found, path)
    if (len(found.files), found.results, len(found.problems)) == before:
        found.problems.append(nothing_in(Path(folder), recursive, leave_out))


def _add_pattern(found: Found, pattern: str, recursive: bool, leave_out: Path | None) -> None:
    found.roots.append(_fixed_part(pattern))
    before = len(found.files), found.results, len(found.problems)
    for match in _matching(found, pattern, leave_out):
        if leave_out and _is_inside(match, leave_out) and not _is_inside(_fixed_part(pattern), leave_out):
            continue
        if _is_file(match) or _is_dead(match):
            _sort_in(found, match)
        elif _is_folder(match) and recursive:
            for path in _walk(found, str(match), recursive, leave_out):
                _sort_in(found, path)
    if (len(found.files), found.results, len(found.problems)) == before:
        found.problems.append(Problem(Path(pattern), "the pattern matches no pictures"))


def _matching(found: Found, pattern: str, leave_out: Path | None) -> Iterator[Path]:
    """What a pattern matches. ``**`` is walked as a folder is: ``glob`` would follow a link upwards for ever."""
    parts, fixed = Path(pattern).parts, _fixed_part(pattern)
    if "**" not in parts:
        yield from map(Path, sorted(glob.glob(pattern)))  # noqa: PTH207 Path.glob needs a folder to start in
        return
    for path in _walk(found, str(fixed), True, leave_out):
        if _matches(path.relative_to(fixed).parts, parts[len(fixed.parts) :]):
            yield path


def _matches(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether the parts of a path are those of a pattern, in which ``**`` stands for any number of them."""
    if not wanted:
        return not parts
    if wanted[0] == "**":
        return any(_matches(parts[start:], wanted[1:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatch(parts[0], wanted[0]) and _matches(parts[1:], wanted[1:])


def _sort_in(found: Found, path: Path) -> None:
    if _is_dead(path) and (is_picture(path.name) or not path.suffix):  # without a suffix it may have been an album
        found.problems.append(Problem(path, _DEAD))
    elif not is_picture(path.name):
        found.others.append(path)
    elif is_result(path.name):
        found.results += 1
    else:
        found.files.append(path)


def walk_folders(
    folder: str, enters: Callable[[Path], bool], refused: Callable[[OSError], None] | None = None
) -> Iterator[tuple[Path, list[str]]]:
    """A folder and those below it, each once and with the sorted names of what is no folder in it. One that links lead
    to is entered after those that are really here, and only where it is none of them: so a link upwards is no loop, and
    what is here keeps its own name.

    Args:
        folder: to start in.
        enters: whether to look into one.
        refused: called where one cannot be read.
    """
    to_enter, entered = deque([folder]), set[str]()
    while to_enter:
        start = to_enter.popleft()
        if os.path.realpath(start) in entered:
            continue
        for parent, folders, names in os.walk(start, onerror=refused):
            here = Path(parent)
            entered.add(os.path.realpath(here))
            inside = [name for name in sorted(folders) if enters(here / name)]
            to_enter += [str(here / name) for name in inside if (here / name).is_symlink()]
            folders[:] = [name for name in inside if os.path.realpath(here / name) not in entered]
            yield here, sorted(names)


def _walk(found: Found, folder: str, recursive: bool, leave_out: Path | None) -> Iterator[Path]:
    """Files and dead links in a folder."""

    def refused(error: OSError) -> None:
        found.problems.append(Problem(Path(error.filename or folder), f"the folder cannot be read ({error.strerror})"))

    def enters(path: Path) -> bool:
        return recursive and path.name[0] != "." and not _is_left_out(path, leave_out)

    for here, names in walk_folders(folder, enters, refused):
        for name in names:
            if _is_file(here / name) or (name[0] != "." and _is_dead(here / name)):
                yield here / name


def _nothing_in(folder: str, recursive: bool, leave_out: Path | None) -> str:
    if not recursive:
        inside = _walk(Found(), folder, True, leave_out)
        if any(is_picture(path.name) and not is_result(path.name) for path in inside):
            return "the folder itself holds no pictures, but its folders do: add --recursive"
    return f"the folder holds no pictures ({', '.join(sorted(suffix[1:] for suffix in _PICTURES))})"


def _fixed_part(pattern: str) -> Path:
    """The folder a pattern starts from: ``scans`` of ``scans/19*/*.tif``."""
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:fixed])


def absolute(path: str | os.PathLike[str]) -> str:
    """The absolute path without ``..``; unlike ``Path.resolve`` it leaves links as they are."""
    return os.path.normpath(Path(path).absolute())


def _is_inside(path: Path, folder: Path) -> bool:
    return Path(absolute(path)).is_relative_to(absolute(folder))


def _is_left_out(path: Path, leave_out: Path | None) -> bool:
    """Whether a folder is the one that is not to be looked into, or a link that leads into it."""
    if leave_out is None:
        return False
    real, unwanted = Path(os.path.realpath(path)), os.path.realpath(leave_out)
    return real == Path(unwanted) or (path.is_symlink() and real.is_relative_to(unwanted))


def _is_dead(path: Path) -> bool:
    return path.is_symlink() and not (_is_file(path) or _is_folder(path))


# Path's own raise where a name is too long or the way to it may not be taken: these answer no.
def _is_file(path: str | Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113


def _is_folder(path: str | Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112
