"""``colorhub colorize --ray``: the same photos, names and manifest, with the work spread over a Ray cluster."""

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from colorhub._extras import MissingExtraError, require
from colorhub._files import clean_up
from colorhub.cli.archive.bag import expect_no_bag
from colorhub.cli.archive.objects import finished, held, network, no_pictures
from colorhub.cli.archive.recording import INSIDE, Recording
from colorhub.cli.console import FAILED, WRONG_USAGE, echo_err, fail, failing
from colorhub.cli.report import RunReport
from colorhub.cli.signals import StopSignals
from colorhub.settings import Settings

if TYPE_CHECKING:
    from colorhub.archive.journal import Journal
    from colorhub.archive.places import Place
    from colorhub.cluster.colorist import Task
    from colorhub.cluster.connection import Node
    from colorhub.cluster.run import ClusterRun
    from colorhub.cluster.weights import Weights
    from colorhub.pipeline import ColorizationPipeline


def expect_none(options: Mapping[str, object]) -> None:
    """A wrong call where an option was given that --ray does not go with."""
    for name, given in options.items():
        if given:
            raise fail(f"{name} does not go with --ray: leave one of them out", WRONG_USAGE)


def colorize_on_ray(
    address: str,
    source: "Place",
    output: "Place",
    settings: Settings,
    open_pipeline: "Callable[[], ColorizationPipeline]",
    *,
    device: str | None,
    max_pixels: int,
    recursive: bool,
    overwrite: bool,
    patience: float,
    as_json: bool,
) -> int:
    """Colour what is in one place into another on a cluster, and return the exit code."""
    with failing(FAILED, MissingExtraError):
        require("ray")
    from colorhub.archive.row_files import PASSES, file_names, rows_of
    from colorhub.cluster.colorist import HopelessError
    from colorhub.cluster.connection import LOCAL, ClusterError, connected, expect_shared
    from colorhub.cluster.run import ClusterRun, RunError, prepare

    _expect_places(source, output)
    stopping, report = StopSignals(), RunReport(None, as_json)
    problems = ClusterError, RunError, HopelessError
    with failing(FAILED, *problems), network(source, output), connected(address) as nodes:
        expect_no_bag(output)
        output.make_folder("")
        if address != LOCAL:
            expect_shared(source, output, nodes)
        with held(output, settings, None, overwrite, stopping) as journal:
            began = prepare(output, journal, overwrite=overwrite)
            record = Recording(journal=journal)
            record.begin(settings, open_pipeline().model.weights_sha256)
            task, weights = _task(
                source, output, settings, journal, nodes, began, overwrite, max_pixels, device, patience
            )
            before = frozenset(name for part in PASSES for name in file_names(output, rows_of(part)))
            run = ClusterRun(task, weights, nodes)
            listed = _follow(run, recursive, len(journal.known.done), report, stopping)
            if not listed and not stopping.event.is_set():
                raise no_pictures(source, recursive)
            report.to_do = listed
            told, made = _report(output, before, report)
            is_whole = not stopping.event.is_set()
            report.counts["skipped"] += max(0, listed - told) if is_whole else len(journal.known.done)
            if output.is_local:
                clean_up({Path(output.path(name)).parent for name in made}, age=0.0)  # what killed processes left
            if is_whole:
                record.finish()
    return finished(report, settings, stopping)


def _follow(run: "ClusterRun", recursive: bool, known: int, report: RunReport, stopping: StopSignals) -> int:
    """Say how far a run is, until it comes to its end or is to stop. Returns how many photos were listed; ``known``: of
    them were done before."""
    listed = 0
    with stopping, closing(run.color(recursive=recursive)) as steps:
        for progress in steps:
            listed = progress.listed
            report.at(progress.done, max(listed - known, progress.done) if progress.is_listed else None)
            while run.notes:
                echo_err(f"Note: {run.notes.pop(0)}.")
            if stopping.event.is_set():
                break
    return listed


def _expect_places(source: "Place", output: "Place") -> None:
    if source.is_local and not Path(source.root).is_dir():
        raise fail(f"{source.name} is no folder: --ray takes one folder or address", WRONG_USAGE)
    if source.holds(output):
        raise fail(INSIDE.format(output=output.name, source=source.name), WRONG_USAGE)
    if output.is_local and Path(output.root).exists() and not Path(output.root).is_dir():
        raise fail(f"{output.name} is a file: results need a folder", WRONG_USAGE)


def _task(
    source: "Place",
    output: "Place",
    settings: Settings,
    journal: "Journal",
    nodes: "list[Node]",
    began: float,
    overwrite: bool,
    max_pixels: int,
    device: str | None,
    patience: float,
) -> "tuple[Task, Weights]":
    """What every process is told, and the model's files."""
    from colorhub.cluster.colorist import Task
    from colorhub.cluster.connection import ClusterError
    from colorhub.cluster.memory import SMALL, gigabytes, most_pixels, needed
    from colorhub.cluster.run import processors_of
    from colorhub.cluster.weights import packed

    weights = packed(str(settings.model))
    memory = max(node.memory for node in nodes)
    largest = most_pixels(memory, weights.size)
    if largest <= 0:
        raise ClusterError(
            f"no node has the {gigabytes(needed(0, weights.size))} of memory that a process needs; the largest has "
            f"{gigabytes(memory)}: ray start --memory says how much there is"
        )
    task = Task(
        source=source,
        output=output,
        settings=settings,
        run=journal.run,
        began=began,
        overwrite=overwrite,
        max_pixels=max_pixels,
        device=device,
        processors=processors_of(nodes),
        small=min(SMALL, largest),
        largest=min(largest, max_pixels),
        memory=memory,
        weights=weights.size,
        patience=patience,
    )
    return task, weights


def _report(output: "Place", before: frozenset[str], report: RunReport) -> tuple[int, set[str]]:
    """Count and print what the rows of this run say. Returns how many, and a result of each folder."""
    from colorhub.archive.row_files import PASSES, POSTPONED, rows_of, tables
    from colorhub.folder.plan import FileResult

    words = {"unchanged": "passed_through", "passed_over": "skipped"}
    told, folders = 0, dict[str, str]()
    for part in PASSES:
        for table in tables(output, rows_of(part), before):
            for row in table.to_pylist():
                if row["status"] == POSTPONED:
                    continue
                told += 1
                made = None if row["output"] is None else Path(row["output"])
                if made:
                    folders.setdefault(str(made.parent), str(made))
                size = (row["width"], row["height"]) if row["width"] else None
                status = words.get(row["status"], row["status"])
                kept = {"reason": row["reason"], "seconds": row["seconds"], "size": size, "unsure": row["unsure"]}
                report.add(FileResult(Path(row["source"]), status, made, **kept, lost=tuple(row["notes"])))
    return told, set(folders.values())
