"""Colour what a source holds on a cluster: two passes of Ray Data, which places the work and keeps the checkpoint.

The first pass takes photos in blocks, lists and colours side by side, and postpones those that are too large for its
processes. The second takes these by their size, each process with memory for one. Rows and checkpoint are written by
Ray together, so that a photo has its row exactly if the checkpoint has it.
"""

import logging
import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Thread
from time import monotonic
from traceback import extract_tb
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import ray
from pyarrow.fs import FileSystem, FSSpecHandler, LocalFileSystem, PyFileSystem
from ray.data.checkpoint import CheckpointConfig
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from colorhub._text import one_line
from colorhub.archive.journal import Journal
from colorhub.archive.manifest import Header, join, part_names, read_part
from colorhub.archive.places import Place
from colorhub.archive.row_files import FOLDER, STAMP, checkpoint_of, file_names, rows_of
from colorhub.archive.rows import Row
from colorhub.cluster.colorist import HopelessError, Task
from colorhub.cluster.connection import SPARE, Node
from colorhub.cluster.connection import nodes as nodes_now
from colorhub.cluster.listing import LargePhotos, Photos, postponed
from colorhub.cluster.memory import classes, needed
from colorhub.cluster.watch import Progress, Watch
from colorhub.cluster.weights import Weights
from colorhub.cluster.worker import ColorPhotos

PHOTOS_A_BLOCK = 16  # what is done again where a process ends in between
_PROCESSORS = 2  # of an actor: decoding and encoding of some photos beside the network on others
_COPIES_A_GPU = 4
_BLOCK_BYTES = 1 << 16  # so that work begins before all is listed
_WATCH: dict[str, Any] = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1}
_POLL = 0.5  # seconds
_TRIES = 3  # of a pass, when Ray gives it up each time before any photo is done
_LOOK = 5.0  # seconds between two looks at the nodes


class RunError(RuntimeError):
    """A run that Ray gave up: the message says why; the same command goes on."""


def prepare(place: Place, journal: Journal, *, overwrite: bool) -> float:
    """Let Ray's checkpoint say what the manifest does, unless it goes on with one that it knows more of.

    Returns when the run was begun, by the clock of the output: what is newer there was made by it.
    """
    lines = [line for name in part_names(place) for line in read_part(place, name)]
    if overwrite or any(isinstance(line, Row) for line in lines) or place.size(STAMP) is None:
        before = [datetime.fromisoformat(line.begun) for line in lines if isinstance(line, Header)]
        if lines or file_names(place, FOLDER):
            join(place)
        place.remove_folder(FOLDER)
        place.make_folder(FOLDER)
        place.write(STAMP, str(min(before).timestamp() if before else "").encode())
        if not overwrite and len(journal.known.done):
            files, folder = _filesystem(place), place.path(checkpoint_of("photos"))
            files.create_dir(folder, recursive=True)
            pq.write_table(pa.table({"id": journal.known.done.sorted}), f"{folder}/seed.parquet", filesystem=files)
    with place.reading(STAMP) as file:
        earlier = file.read()
    began = place.changed(STAMP) or 0.0
    return min(began, float(earlier)) if earlier else began


def processors_of(where: Sequence[Node]) -> int:
    """Processors for each process: two, if any node has so many."""
    return max(1, min(_PROCESSORS, int(max(node.cpus for node in where)) - SPARE))


class ClusterRun:
    """A run on the cluster that this process is a driver of.

    Args:
        task: of all photos.
        weights: the model's files.
        where: the nodes at the start.
    """

    def __init__(self, task: Task, weights: Weights, where: Sequence[Node]) -> None:
        self.task, self._weights, self._nodes = task, ray.put(weights), list(where)
        self.notes: list[str] = []  # sentences on what went wrong and was mended, not told yet
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._watch: Any = ray.remote(Watch).options(**_WATCH, scheduling_strategy=here).remote()

    def color(self, *, recursive: bool) -> Generator[Progress, None, None]:
        """Colour all that is not in the checkpoint, and say now and then how far it is. Where nobody asks any further,
        what is in work is finished, and the rest is left.

        Raises:
            RunError: Ray gave up.
            HopelessError: nothing can be written any more.
        """
        task, watch = self.task, self._watch

        def told(count: int, is_all: bool) -> bool:
            return bool(ray.get(watch.listed.remote(count, is_all)))

        listing = {"format": task.settings.format, "recursive": recursive}
        photos = Photos(told, task.source, task.output, **listing)
        yield from self._pass("photos", photos, task, PHOTOS_A_BLOCK)
        for above, most in classes(task.largest, task.small):
            if next(postponed(task.output, above, most), None) is not None:
                alone = replace(task, small=most, postpones=False, processors=1)
                yield from self._pass("large", LargePhotos(task.output, above, most), alone, 1)

    def _pass(self, name: str, photos: Any, task: Task, rows: int) -> Iterator[Progress]:
        """Photos from their listing, or from an earlier pass, to rows. Where Ray gives up, its checkpoint is gone on
        from: assertions of its own scheduling fail now and then while nodes come and go."""
        tries, done = 0, 0
        while True:
            try:
                with closing(self._pipeline(name, photos, task, rows)) as steps:
                    for progress in steps:
                        if progress.done != done:
                            tries, done = 0, progress.done
                        yield progress
                return
            except RunError as error:
                tries += 1
                if tries == _TRIES:
                    raise
                self.notes.append(f"{error}; what is left is begun again")
            self._look_at_nodes()

    def _pipeline(self, name: str, photos: Any, task: Task, rows: int) -> Generator[Progress, None, None]:
        """One execution of Ray Data."""
        output, files = task.output, _filesystem(task.output)
        _configure(files, output.path(checkpoint_of(name)))
        gpu = {"num_gpus": 1 / _COPIES_A_GPU} if any(node.gpus for node in self._nodes) else {}
        memory = needed(task.small, task.weights)
        dataset = ray.data.read_datasource(photos, override_num_blocks=1, concurrency=1, num_cpus=0)
        dataset.set_name("colorhub")
        dataset = dataset.repartition(target_num_rows_per_block=rows).map_batches(
            ColorPhotos,
            fn_constructor_args=(task, [self._weights], self._watch),
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(
                min_size=1, initial_size=self._room(task, memory), max_tasks_in_flight_per_actor=2
            ),
            num_cpus=task.processors,
            memory=memory,
            **gpu,
        )

        def write() -> None:
            dataset.write_parquet(
                output.path(rows_of(name)),
                filesystem=files,
                concurrency=len(self._nodes),
                ray_remote_args={"num_cpus": 0, "retry_exceptions": True},
            )

        yield from self._watched(write)

    def _room(self, task: Task, memory: int) -> int:
        """How many processes the nodes have room for now; more come with more nodes."""
        with_gpu = any(node.gpus for node in self._nodes)
        rooms = [
            min(
                (node.cpus - SPARE) // task.processors,
                node.memory // memory,
                node.gpus * _COPIES_A_GPU if with_gpu else math.inf,
            )
            for node in self._nodes
        ]
        return max(1, math.floor(sum(rooms)))

    def _watched(self, write: Any) -> Iterator[Progress]:
        failure: list[BaseException] = []

        def work() -> None:
            try:
                write()
            except BaseException as error:
                failure.append(error)

        thread, looked = Thread(target=work, name="ray-data", daemon=True), monotonic()
        thread.start()
        try:
            while thread.is_alive():
                thread.join(_POLL)
                yield ray.get(self._watch.progress.remote())
                if monotonic() - looked > _LOOK:
                    looked = monotonic()
                    self._look_at_nodes()
        finally:
            if thread.is_alive():  # Ray ends a driver without a word that still gives out work when its cluster goes
                self._watch.stop.remote()
                thread.join()
        if failure:
            raise _told(failure[0]) from failure[0]

    def _look_at_nodes(self) -> None:
        now = nodes_now()
        here = {node.id for node in now}
        lost = [node.name for node in self._nodes if node.id not in here]
        self.notes += [f"the node {name} was lost; what it was at work on is done again by others" for name in lost]
        self._nodes = now


def _configure(files: FileSystem, checkpoint: str) -> None:
    """Settings of Ray Data for the next dataset."""
    logging.getLogger("ray.data").setLevel(logging.CRITICAL + 1)  # what ends a run is told in a sentence
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.target_max_block_size = _BLOCK_BYTES
    config = CheckpointConfig("id", checkpoint, override_filesystem=files, delete_checkpoint_on_success=False)
    config.checkpoint_actor_memory_bytes = 1 << 28
    context.checkpoint_config = config


def _filesystem(place: Place) -> FileSystem:
    """A place's file system, as Ray takes it."""
    return LocalFileSystem() if place.is_local else PyFileSystem(FSSpecHandler(place.fs))


def _told(error: BaseException) -> Exception:
    """What ended a pipeline, of what Ray wrapped around it."""
    last: BaseException = error
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, HopelessError):
            return HopelessError(str(cause))
        last, inner = cause, getattr(cause, "cause", None)
        cause = inner if isinstance(inner, BaseException) else cause.__cause__
    return RunError(f"Ray gave up ({type(last).__name__}: {_reason(last)})")


def _reason(error: BaseException) -> str:
    """An error's last line; where it was raised, if it says nothing, as Ray's own assertions do."""
    if lines := str(error).strip().splitlines():
        return one_line(lines[-1], 300)
    frames = extract_tb(error.__traceback__)
    return f"line {frames[-1].lineno} of {Path(frames[-1].filename).name}" if frames else "it does not say why"
