"""The photos of a folder or bucket as a Ray Data source: listed by one task, a block at a time, while others work."""

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from ray.data import Datasource, ReadTask
from ray.data.block import BlockMetadata

from colorhub.archive.listing import pictures
from colorhub.archive.places import Place
from colorhub.archive.row_files import POSTPONED, rows_of, tables
from colorhub.cluster.photos import LISTED, Listed, listed_block, photos_in
from colorhub.folder.find import Problem, absolute, folders_of
from colorhub.folder.plan import plan_of_folder

_ROWS = 512  # a block of the listing; work goes on in smaller ones


def listed(source: Place, output: Place, *, format: str | None, recursive: bool) -> Iterator[Listed]:
    """The photos below a source, one after the other, with the names that their results get.

    Args:
        source: folder or prefix of the photos.
        output: that of the results; what lies below it is no photo.
        format: of the results; the photos' own when not given.
        recursive: also what is deeper.
    """
    if not (source.is_local and output.is_local):
        for entry in pictures(source, recursive=recursive):
            yield Listed(entry.name, size=entry.size, problem=entry.problem)
        return
    base, folder = Path(source.root), Path(output.root)
    for _, found in folders_of(base, recursive, folder):
        plan = plan_of_folder(found, base, folder, format)
        for problem in plan.problems:
            yield Listed(_relative(problem, base), problem=problem.reason)
        for job in plan.jobs:
            yield Listed(job.relative, os.path.relpath(job.output, folder), job.source.stat().st_size)


def _relative(problem: Problem, base: Path) -> str:
    return Path(os.path.relpath(absolute(problem.path), base)).as_posix()


class Photos(Datasource):
    """The listing of a source.

    Args:
        told: is told how many were found so far, and whether that is all; answers whether more are wanted.
        listing: the arguments of :func:`listed`.
    """

    def __init__(self, told: Callable[[int, bool], bool], *listing: Place, **how: Any) -> None:
        super().__init__()
        self._told, self._listing, self._how = told, listing, how

    def get_read_tasks(self, parallelism: int, *_: Any, **__: Any) -> list[ReadTask]:
        """One task: names in their order, as the storage gives them."""
        return [_task(lambda: _blocks(listed(*self._listing, **self._how), self._told))]

    def estimate_inmemory_data_size(self) -> int | None:
        """Unknown."""
        return None


class LargePhotos(Datasource):
    """The photos that a first pass postponed.

    Args:
        output: with the rows of the first pass.
        above: those of more pixels than this,
        most: and of so many at most.
    """

    def __init__(self, output: Place, above: int, most: int) -> None:
        super().__init__()
        self._output, self._above, self._most = output, above, most

    def get_read_tasks(self, parallelism: int, *_: Any, **__: Any) -> list[ReadTask]:
        """One task."""
        return [_task(lambda: _blocks(postponed(self._output, self._above, self._most)))]

    def estimate_inmemory_data_size(self) -> int | None:
        """Unknown."""
        return None


def postponed(output: Place, above: int, most: int) -> Iterator[Listed]:
    """The photos of a first pass with more pixels than ``above`` and at most ``most``."""
    import pyarrow.compute as pc

    for table in tables(output, rows_of("photos")):
        wanted = (pc.field("status") == POSTPONED) & (pc.field("width") > above) & (pc.field("width") <= most)
        yield from photos_in(table.filter(wanted))


def _task(read: Callable[[], Iterable[pa.Table]]) -> ReadTask:
    unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
    return ReadTask(read, unknown, schema=LISTED)


def _blocks(photos: Iterator[Listed], told: Callable[[int, bool], bool] = lambda count, is_all: True) -> Iterator[Any]:
    count, wanted = 0, True
    while wanted and (some := list(islice(photos, _ROWS))):
        count += len(some)
        wanted = told(count, False)
        yield listed_block(some)
    if wanted:
        told(count, True)
    if not count:
        yield listed_block([])
