"""Find the photos that arguments mean: files, folders and patterns."""

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from colorhub.photo.formats import SUFFIXES

MARK = ".color"  # a result that stands beside its photo is called name.color.jpg
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
    others: int = 0  # files that are no pictures by their names


def find_photos(
    arguments: Iterable[str | os.PathLike[str]], recursive: bool = False, leave_out: Path | None = None
) -> Found:
    """Find photos.

    Args:
        arguments: files (taken whatever they are called), folders (their pictures), patterns such as ``scans/*.tif`` or
            ``scans/**/*.tif`` (the pictures among what matches).
        recursive: also the folders inside folders.
        leave_out: a folder not to look into unless it was asked for by name: where the results go.
    """
    found = Found()
    for given in arguments:
        argument = os.fspath(given)
        if Path(argument).is_dir():
            _add_folder(found, argument, recursive, leave_out)
        elif os.path.lexists(argument):
            found.roots.append(Path(argument).parent)
            _add_file(found, Path(argument))
        elif glob.has_magic(argument):
            _add_pattern(found, argument, recursive, leave_out)
        else:
            found.problems.append(Problem(Path(argument), "no such file or folder"))
    found.files = list({absolute(path): path for path in found.files}.values())
    return found


def is_picture(name: str) -> bool:
    """Whether a file in a folder is taken for a picture, by its name. Hidden files (``._scan.jpg``) are not."""
    return Path(name).suffix.lower() in _PICTURES and not name.startswith(".")


def is_result(name: str) -> bool:
    """Whether a file is named like a result of an earlier run."""
    return Path(name).stem.endswith(MARK)


def _add_file(found: Found, path: Path) -> None:
    if path.is_file():
        found.files.append(path)
    elif path.is_symlink() and not path.exists():
        found.problems.append(Problem(path, "a link to a file that does not exist"))
    else:
        found.problems.append(Problem(path, "neither a file nor a folder"))


def _add_folder(found: Found, folder: str, recursive: bool, leave_out: Path | None) -> None:
    found.roots.append(Path(folder))
    before = len(found.files), found.results, len(found.problems)
    for path in _walk(found, folder, recursive, leave_out):
        _sort_in(found, path)
    if (len(found.files), found.results, len(found.problems)) == before:
        found.problems.append(Problem(Path(folder), _nothing_in(folder, recursive, leave_out)))


def _add_pattern(found: Found, pattern: str, recursive: bool, leave_out: Path | None) -> None:
    found.roots.append(_fixed_part(pattern))
    before = len(found.files), found.results
    for match in map(Path, sorted(glob.glob(pattern, recursive=True))):  # noqa: PTH207 Path.glob needs a folder to start in
        if leave_out and _is_inside(match, leave_out) and not _is_inside(_fixed_part(pattern), leave_out):
            continue
        if match.is_file():
            _sort_in(found, match)
        elif match.is_dir() and recursive:
            for path in _walk(found, str(match), recursive, leave_out):
                _sort_in(found, path)
    if (len(found.files), found.results) == before:
        found.problems.append(Problem(Path(pattern), "the pattern matches no pictures"))


def _sort_in(found: Found, path: Path) -> None:
    if not is_picture(path.name):
        found.others += 1
    elif is_result(path.name):
        found.results += 1
    else:
        found.files.append(path)


def _walk(found: Found, folder: str, recursive: bool, leave_out: Path | None) -> Iterator[Path]:
    def refused(error: OSError) -> None:
        found.problems.append(Problem(Path(error.filename or folder), f"the folder cannot be read ({error.strerror})"))

    for parent, folders, names in os.walk(folder, onerror=refused):
        here = Path(parent)
        folders[:] = (
            sorted(name for name in folders if name[0] != "." and not _same(here / name, leave_out))
            if recursive
            else []
        )
        for name in sorted(names):
            if (here / name).is_file():
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


def _same(path: Path, other: Path | None) -> bool:
    return other is not None and os.path.realpath(path) == os.path.realpath(other)
