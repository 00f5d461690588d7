"""The plan of a folder that has more photos than should be in memory: made part by part, when it is asked for."""

import heapq
from collections.abc import Callable, Iterator
from pathlib import Path

from colorhub.folder.find import Problem, absolute, folders_of, nothing_in
from colorhub.folder.plan import (
    Choices,
    FileResult,
    FolderPlan,
    Job,
    Neighbours,
    Shard,
    Tally,
    expect_no_file,
    named_format,
    plan_of,
    relative_path,
)

_Kind = Callable[[FolderPlan], list[Job]]
_FOLDERS = 4  # whose names are held: of a photo, of its result, and of the folders above


class StreamedPlan:
    """What :func:`~colorhub.folder.plan.make_plan` makes of one folder: the same results and sentences, and the jobs in
    the same order. Of the photos no more than the names in a few folders are in memory; it remembers the folders alone,
    and reads them again for ``done`` and for ``jobs``. Numbers and problems are there after :meth:`decide`.

    Args:
        source: the folder.
        folder: for the results.
        format: of them.
        recursive: also the folders inside folders.
        overwrite: colour again what has its output.
        shard: only this part.
        sidecars: they go along.
        adjust: changes each part's plan before anything else does.

    Raises:
        PlanError: ``folder`` is a file, or there is no such format.
    """

    def __init__(
        self,
        source: Path,
        folder: Path,
        *,
        format: str | None = None,
        recursive: bool = False,
        overwrite: bool = False,
        shard: Shard | None = None,
        sidecars: bool = False,
        adjust: Callable[[FolderPlan], None] = lambda plan: None,
    ) -> None:
        expect_no_file(folder)
        self.base, self.elsewhere, self.problems, self.tally = absolute(source), 0, list[Problem](), Tally()
        self._choices = Choices(self.base, folder, named_format(format), overwrite, shard, sidecars)
        self._source, self._folder, self._recursive, self._adjust = source, folder, recursive, adjust
        self._by: Callable[[FolderPlan], list[FileResult]] = lambda plan: []
        self._below: dict[Path, set[Path]] = {source: set()}  # of each folder with photos below it those in it
        self.jobs, self.done = _Jobs(self, lambda plan: plan.jobs), _Jobs(self, lambda plan: plan.done)

    @property
    def notes(self) -> list[str]:
        """For the user."""
        return self.tally.sentences()

    def folders(self) -> set[Path]:
        """Where results go."""
        return {self._folder / folder.relative_to(self._source) for folder in self._below}

    def decide(self, by: Callable[[FolderPlan], list[FileResult]]) -> list[FileResult]:
        """Let something change the plan of each part, now and whenever it is made again, and give what it gives."""
        self._by = by
        results: list[FileResult] = []
        kinds = list[Problem](), list[Problem](), list[Problem]()  # of finding, of naming, and of adjusting
        is_empty, neighbours = True, Neighbours(most=_FOLDERS)
        for parent, found in folders_of(self._source, self._recursive, self._folder):
            self._remember(parent)
            is_empty &= not (found.files or found.results or found.problems)
            ends = [len(found.problems)]
            plan = plan_of(found, self._choices, neighbours)
            ends.append(len(plan.problems))
            self._adjust(plan)
            for kind, start, end in zip(kinds, (0, *ends), (*ends, None), strict=True):
                kind += plan.problems[start:end]
            results += by(plan)
            self.tally.add(plan.tally)
            self.elsewhere += plan.elsewhere
            self.jobs.count += len(plan.jobs)
            self.done.count += len(plan.done)
        if is_empty:
            kinds[0].append(nothing_in(self._source, self._recursive, self._folder))
        kinds[2].sort(key=lambda problem: relative_path(problem.path, self.base))
        self.problems = [problem for kind in kinds for problem in kind]
        return sorted(results, key=lambda result: relative_path(result.source, self.base))

    def in_order(self, kind: _Kind) -> Iterator[Job]:
        """The jobs of a kind by their relative paths: where a folder comes among the files beside it, it is entered."""
        open_folders = [self._merged(self._source, kind)]
        while open_folders:
            found = next(open_folders[-1], None)
            if found is None:
                open_folders.pop()
            elif isinstance(found, Job):
                yield found
            else:
                open_folders.append(self._merged(found, kind))

    def _merged(self, folder: Path, kind: _Kind) -> Iterator[Job | Path]:
        inside = sorted(self._below[folder], key=self._order)
        return heapq.merge(self._of_folder(folder, kind), inside, key=self._order)

    def _order(self, one: Job | Path) -> str:
        return one.relative if isinstance(one, Job) else f"{one.relative_to(self._source).as_posix()}/"

    def _of_folder(self, folder: Path, kind: _Kind) -> Iterator[Job]:
        neighbours = Neighbours(most=_FOLDERS)
        for _, found in folders_of(folder, False, self._folder):
            plan = plan_of(found, self._choices, neighbours)
            self._adjust(plan)
            self._by(plan)
            yield from kind(plan)

    def _remember(self, folder: Path) -> None:
        new = []
        while folder not in self._below:
            new.append(folder)
            folder = folder.parent
        for one in reversed(new):
            self._below[one] = set()
            self._below[one.parent].add(one)


class _Jobs:
    """The jobs of a kind as a collection that is not held."""

    def __init__(self, plan: StreamedPlan, kind: _Kind) -> None:
        self._plan, self._kind, self.count = plan, kind, 0

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Job]:
        return self._plan.in_order(self._kind)

    def __contains__(self, job: object) -> bool:
        return any(one == job for one in self)
