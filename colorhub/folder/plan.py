"""Decide before the first photo is opened what goes where, what is done already and what falls to this process."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from colorhub._files import LONGEST_NAME, fitting
from colorhub.folder.find import MARK, Found, Problem, absolute, find_photos, is_picture, is_result
from colorhub.folder.sidecars import SUFFIX, Sidecar, by_stem, missing, sidecars_of
from colorhub.photo import PhotoError
from colorhub.photo.formats import SUFFIXES, format_named, format_of_path, with_suffix, writable


class PlanError(ValueError):
    """Settings that cannot work: the message says which and what to do."""


@dataclass(frozen=True)
class Shard:
    """Part ``index`` (from 0) of ``count`` parts of the files."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read ``i/n``, counted from 0 as ``RANK`` and ``WORLD_SIZE`` are. Raises :class:`PlanError`."""
        index, slash, count = text.partition("/")
        if not slash or not index.strip().isdecimal() or not count.strip().isdecimal() or int(index) >= int(count):
            raise PlanError(f"a shard is i/n with i from 0 to n-1, such as 0/4, 1/4, 2/4 and 3/4; got {text!r}")
        return cls(int(index), int(count))

    @classmethod
    def from_environment(cls) -> "Shard | None":
        """The shard that a launcher (torchrun, accelerate) sets by ``RANK`` and ``WORLD_SIZE``, if any."""
        if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
            return None
        return cls.parse(f"{os.environ['RANK']}/{os.environ['WORLD_SIZE']}")

    def holds(self, relative: str) -> bool:
        """Whether a file is of this part: by a hash of its relative path, the same on every machine."""
        digest = hashlib.blake2b(relative.encode("utf-8", "surrogateescape"), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.count == self.index


@dataclass(frozen=True)
class Job:
    """One photo to colour. ``relative``: its path below the folder that holds all arguments, with forward slashes;
    ``replaces``: a result that is there is what a killed run left."""

    source: Path
    output: Path
    relative: str
    sidecars: tuple[Sidecar, ...] = ()  # that go along
    replaces: bool = False


@dataclass(frozen=True)
class FileResult:
    """What became of one photo. ``status``: ``colored``, ``passed_through``, ``skipped`` or ``failed``."""

    source: Path
    status: str
    output: Path | None = None
    reason: str = ""
    seconds: float = 0.0
    size: tuple[int, int] | None = None  # width, height
    hopeless: bool = False  # the run is stopped: further photos would fail alike
    unsure: bool = False  # coloured, though it may have been in colour already
    lost: tuple[str, ...] = ()  # what of the photo the result does not have, or what was wrong with it


@dataclass
class Some:
    """Some files that one thing is said of: how many, and which of them is named. That is the first, or the one of the
    least ``order``."""

    count: int = 0
    named: str = ""
    order: tuple[object, ...] = ()

    def add(self, named: str, order: tuple[object, ...] = (), count: int = 1) -> None:
        """Some more."""
        if count and (not self.count or order < self.order):
            self.named, self.order = named, order
        self.count += count


@dataclass
class Tally:
    """What is said of a plan, in numbers, so that those of its parts add up."""

    results: int = 0  # of an earlier run
    linked: int = 0
    others: int = 0
    renamed: Some = field(default_factory=Some)
    shortened: Some = field(default_factory=Some)
    left: Some = field(default_factory=Some)  # sidecars, without --sidecars
    behind: Some = field(default_factory=Some)  # sidecars that could not go along

    def add(self, other: "Tally") -> None:
        """Take in what is said of another part."""
        for name, value in vars(other).items():
            if isinstance(value, Some):
                getattr(self, name).add(value.named, value.order, value.count)
            else:
                setattr(self, name, getattr(self, name) + value)

    def sentences(self) -> list[str]:
        """For the user."""
        said = {
            f"{self.results} left alone: results of an earlier run (named *{MARK}.*)": self.results,
            f"{self.linked} are reached by a link as well: coloured once, under the name of their own folder": (
                self.linked
            ),
            f"{self.others} other files ignored: no pictures by their names": self.others,
            f"{self.renamed.count} with the same name as another but for the ending keep theirs inside the new name: "
            f"{self.renamed.named}": self.renamed.count,
            f"{self.shortened.count} get a shorter name, because file systems take {LONGEST_NAME} bytes: "
            f"{self.shortened.named}": self.shortened.count,
            f"{_stay(self.left)}: --sidecars takes them along": self.left.count,
            f"{_stay(self.behind)}: another goes along under the same name": self.behind.count,
        }
        return [sentence for sentence, count in said.items() if count]


def _stay(some: Some) -> str:
    count = "1 sidecar stays" if some.count == 1 else f"{some.count} sidecars stay"
    return f"{count} behind, such as {some.named}"


class Plan(Protocol):
    """What is to be done with photos: a :class:`FolderPlan`, or one that is made as it is read."""

    elsewhere: int
    base: str
    problems: list[Problem]

    @property
    def jobs(self) -> Collection[Job]:
        """To do."""

    @property
    def done(self) -> Collection[Job]:
        """That have their output already."""

    @property
    def notes(self) -> list[str]:
        """For the user."""

    def folders(self) -> set[Path]:
        """Where results go."""

    def decide(self, by: "Callable[[FolderPlan], list[FileResult]]") -> list[FileResult]:
        """Let something change the plan, or each part of it, and give what it gives."""


@dataclass
class FolderPlan:
    """``jobs`` are to do, ``done`` have their output already, ``problems`` cannot be done; ``tally``: what is said."""

    jobs: list[Job] = field(default_factory=list)
    done: list[Job] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    elsewhere: int = 0  # files that fall to other shards
    base: str = ""  # the folder that holds all arguments

    @property
    def notes(self) -> list[str]:
        """For the user."""
        return self.tally.sentences()

    def folders(self) -> set[Path]:
        """Where results go."""
        return {job.output.parent for job in self.jobs}

    def decide(self, by: "Callable[[FolderPlan], list[FileResult]]") -> list[FileResult]:
        """As :class:`Plan` says."""
        return by(self)


class Neighbours:
    """The names in the folders of photos and of results, each read once.

    Args:
        names_in: reads one.
        most: folders of which names are held; all when not given.
    """

    def __init__(self, names_in: Callable[[Path], frozenset[str]] | None = None, most: int | None = None) -> None:
        self.names = lru_cache(most)(names_in or _names_in)
        self.sidecars = lru_cache(most)(lambda folder: by_stem(self.names(folder)))
        self.pictures = lru_cache(most)(lambda folder: Counter(map(_stem, filter(is_picture, self.names(folder)))))


@dataclass(frozen=True)
class Choices:
    """How photos get their results: the arguments of :func:`make_plan`. ``wanted``: the format, as the hub names it;
    ``base``: the folder that photos' paths are told from."""

    base: str
    folder: Path | None = None
    wanted: str | None = None
    overwrite: bool = False
    shard: Shard | None = None
    sidecars: bool = False


def make_plan(
    arguments: Iterable[str | os.PathLike[str]],
    folder: Path | None = None,
    *,
    format: str | None = None,
    recursive: bool = False,
    overwrite: bool = False,
    shard: Shard | None = None,
    sidecars: bool = False,
) -> FolderPlan:
    """Find the photos and give each its output.

    Args:
        arguments: files, folders and patterns.
        folder: where results go, with the structure that the files have below the deepest folder that holds all
            arguments; beside the photos, as ``name.color.jpg``, when not given. One photo's result may be named
            itself: a path that ends as a picture does (:func:`file_named`).
        format: of the results, such as ``png``; the photo's own when not given.
        recursive: also the folders inside folders.
        overwrite: colour again what has its output.
        shard: only this part of the files. Every part is planned from all files, so all processes agree.
        sidecars: they go along; else it is said how many there are.

    Raises:
        PlanError: ``folder`` is a file, or one photo's name for several, or there is no such format.
    """
    expect_no_file(folder)
    wanted, file = named_format(format), file_named(folder)
    found = find_photos(arguments, recursive, folder)
    if file is not None and len(found.files) > 1:
        raise PlanError(f"{file} names one picture, and there are {len(found.files)} photos: name a folder for them")
    choices = Choices(_common_folder(found.roots), folder, wanted, overwrite, shard, sidecars)
    if file is None:
        return plan_of(found, choices, Neighbours())
    jobs = [Job(path, _renamed(file, wanted), path.name) for path in found.files]
    return plan_of(found, choices, Neighbours(), jobs)


def plan_of(found: Found, choices: Choices, neighbours: Neighbours, jobs: Sequence[Job] | None = None) -> FolderPlan:
    """The plan of what was found: of all there is, or of a part whose photos want no names that those of others want.

    Args:
        found: photos.
        choices: how they get their results.
        neighbours: what is in folders.
        jobs: of the photos, where their results are named otherwise.
    """
    plan = FolderPlan(problems=found.problems, base=choices.base)
    if jobs is None:
        jobs = [_job(path, choices.base, choices.folder, choices.wanted) for path in found.files]
    named = _named(jobs, plan)
    planned = {job.output for job in named} | {job.source for job in named}
    behind: list[Path] = []
    named = with_sidecars(named, neighbours, behind)
    _count(plan.tally, found, named)
    for job in named:
        if choices.shard and not choices.shard.holds(job.relative):
            plan.elsewhere += 1
        elif not choices.overwrite and (result := _existing_result(job, planned, neighbours.names)):
            late = missing(job.sidecars, result, neighbours.names)
            plan.done.append(replace(job, output=result, sidecars=tuple(late)))
        else:
            plan.jobs.append(job)
    if not choices.sidecars:
        _leave_sidecars(plan)
    else:
        for path in behind:
            plan.tally.behind.add(str(path), (relative_path(path, choices.base),))
    return plan


def plan_of_folder(found: Found, base: Path, folder: Path, format: str | None = None) -> FolderPlan:
    """What :func:`make_plan` makes of one folder among all those below ``base``: results have the names that they have
    in a plan of everything, since two photos of different folders never want the same.

    Args:
        found: in the folder alone, of :func:`~colorhub.folder.find.folders_of`.
        base: the folder that was asked for.
        folder: where its results go.
        format: of the results.

    Raises:
        PlanError: there is no such format.
    """
    wanted, plan = named_format(format), FolderPlan(problems=found.problems, base=absolute(base))
    plan.jobs = _named([_job(path, plan.base, folder, wanted) for path in found.files], plan)
    return plan


def expect_no_file(folder: Path | None) -> None:
    """Raises :class:`PlanError` where the folder for results is a file that is there, and no picture's name."""
    if file_named(folder) is None and folder is not None and folder.exists() and not folder.is_dir():
        raise PlanError(f"{folder} is a file: results need a folder")


def file_named(output: Path | None) -> Path | None:
    """``output`` where it is one picture's name, such as ``colour.png``, and not a folder's."""
    if output is None or output.is_dir():
        return None
    return output if any(output.suffix.lower() in suffixes for suffixes in SUFFIXES.values()) else None


def result_path(job: Job, name: str) -> Path:
    """Where the result goes once its format ``name`` is known: a PNG called ``a.jpg`` gives ``a.jpg.png``."""
    if job.output.suffix.lower() in SUFFIXES[name]:
        return job.output
    if job.source.suffix.lower() in SUFFIXES[name]:  # a GIF in colour stays one
        return job.output.with_suffix(job.source.suffix)
    return _fitted(job.output.with_name(job.output.name + SUFFIXES[name][0]))


def result_paths(job: Job) -> list[Path]:
    """Wherever a job's result may be, in whatever format it was written: first where it should."""
    return list(dict.fromkeys((job.output, *sorted({result_path(job, name) for name in SUFFIXES}))))


def _existing_result(job: Job, planned: set[Path], names_in: Callable[[Path], frozenset[str]]) -> Path | None:
    """The job's result, or one in another format, where it is there already."""
    names = names_in(job.output.parent)
    own, *others = result_paths(job)
    if own.name in names:
        return own
    return next((path for path in others if path not in planned and path.name in names), None)


def _names_in(folder: Path) -> frozenset[str]:
    with suppress(OSError):
        return frozenset(path.name for path in folder.iterdir())
    return frozenset()


def named_format(format: str | None) -> str | None:
    """A format of results as the hub names it. Raises :class:`PlanError` where there is none such."""
    try:
        return format_named(format) if format else None
    except PhotoError as error:
        raise PlanError(str(error)) from error


def _job(source: Path, base: str, folder: Path | None, wanted: str | None) -> Job:
    relative = relative_path(source, base)
    output = _renamed((folder / relative) if folder else source, wanted)
    if os.path.realpath(output.parent) == os.path.realpath(source.parent):
        output = output.with_name(output.stem + MARK + output.suffix)
    return Job(source, output, relative)


def relative_path(source: Path, base: str) -> str:
    """A photo's path below the folder that holds all arguments, with forward slashes."""
    return Path(os.path.relpath(absolute(source), base) if base else source.name).as_posix()


def _renamed(path: Path, wanted: str | None) -> Path:
    """The path with the suffix of what will be written, as far as that can be known before the file is opened."""
    try:
        wanted = wanted or format_of_path(path)
    except PhotoError:
        return path
    return with_suffix(path, writable(wanted, lossless=False)[0]) if wanted else path


def _without_clashes(jobs: Sequence[Job], plan: FolderPlan) -> list[Job]:
    """Give every photo a result of its own; the photos for which there is none become problems of the plan.

    ``a.jpg`` and ``a.png`` both want ``a.png``: the one called so already gets it, the other becomes ``a.jpg.png``.
    """
    wanted = Counter(os.path.realpath(job.output) for job in jobs)
    renamed = [_keep_suffix(job) if wanted[os.path.realpath(job.output)] > 1 else job for job in jobs]
    changed = [after for before, after in zip(jobs, renamed, strict=True) if before != after]
    if changed:
        plan.tally.renamed.add(f"{changed[0].source} becomes {changed[0].output.name}", count=len(changed))
    sources = {os.path.realpath(job.source) for job in jobs}
    taken: dict[str, Job] = {}
    for job in renamed:
        key = os.path.realpath(job.output)
        if key in taken:
            plan.problems.append(Problem(job.source, f"its result would be that of {taken[key].source}: rename one"))
        elif key in sources:
            plan.problems.append(
                Problem(job.source, f"its result would overwrite the photo {job.output}: choose another folder")
            )
        else:
            taken[key] = job
    return list(taken.values())


def _named(jobs: Sequence[Job], plan: FolderPlan) -> list[Job]:
    return sorted(_with_fitting_names(_without_clashes(jobs, plan), plan), key=lambda job: job.relative)


def _with_fitting_names(jobs: Sequence[Job], plan: FolderPlan) -> list[Job]:
    """Shorten what has become too long a name by what was added to it; the photo's own name was short enough."""
    fitted = [replace(job, output=_fitted(job.output)) for job in jobs]
    shortened = [after for before, after in zip(jobs, fitted, strict=True) if before != after]
    if shortened:
        plan.tally.shortened.add(f"{shortened[0].source} becomes {shortened[0].output.name}", count=len(shortened))
    return fitted


def _fitted(path: Path) -> Path:
    suffix = path.suffix if is_picture(path.name) else ""  # a dot in a sentence begins no suffix
    ending = f"{MARK}{suffix}" if is_result(path.name) else suffix
    return path.with_name(fitting(path.name.removesuffix(ending), ending))


def with_sidecars(jobs: Sequence[Job], neighbours: Neighbours, behind: list[Path]) -> list[Job]:
    """Jobs with their photos' sidecars. ``scan.xmp`` is that of ``scan.jpg`` and of ``scan.tif``: where both are there,
    in this run or not, or the results of two would have one name for it, it is called after their whole names."""
    found = [
        replace(job, sidecars=tuple(sidecars_of(job.source, neighbours.sidecars(job.source.parent)))) for job in jobs
    ]
    wanted = Counter(sidecar.beside(job.output) for job in found for sidecar in job.sidecars)
    named = []
    for job in found:
        if not job.sidecars:
            named.append(job)
            continue
        is_shared = neighbours.pictures(job.source.parent)[job.source.stem] > 1
        places: dict[Path, Sidecar] = {}
        for one in sorted(job.sidecars, key=lambda one: not one.after_suffix):  # what is called after it is its own
            clear = replace(one, after_suffix=True) if is_shared or wanted[one.beside(job.output)] > 1 else one
            first = places.setdefault(clear.beside(job.output), clear)
            if first is not clear:
                behind.append(one.path)
        named.append(replace(job, sidecars=tuple(places.values())))
    return named


def _goes_with_result(path: Path) -> bool:
    """Whether a file is named like a sidecar of a result: ``scan.color.jpg.xmp`` or ``scan.color.xmp``."""
    return path.suffix.lower() == SUFFIX and (is_result(path.name) or is_result(path.stem))


def _leave_sidecars(plan: FolderPlan) -> None:
    for is_done, jobs in enumerate((plan.jobs, plan.done)):
        for job in jobs:
            for sidecar in job.sidecars:
                plan.tally.left.add(sidecar.path.name, (is_done, job.relative))
    plan.jobs, plan.done = ([replace(job, sidecars=()) for job in jobs] for jobs in (plan.jobs, plan.done))


def _keep_suffix(job: Job) -> Job:
    if job.output.suffix == job.source.suffix:
        return job
    mark = MARK if job.output.stem.endswith(MARK) else ""
    return replace(job, output=job.output.with_name(f"{job.source.name}{mark}{job.output.suffix}"))


def _common_folder(roots: Sequence[Path]) -> str:
    try:
        return os.path.commonpath([absolute(root) for root in roots])
    except ValueError:  # no roots, or several drives on Windows
        return ""


def _count(tally: Tally, found: Found, jobs: Sequence[Job]) -> None:
    sidecars = {absolute(sidecar.path) for job in jobs for sidecar in job.sidecars}
    others = [path for path in found.others if absolute(path) not in sidecars and not _goes_with_result(path)]
    tally.results, tally.linked, tally.others = found.results, found.linked, len(others)


def _stem(name: str) -> str:
    return Path(name).stem
