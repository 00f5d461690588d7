"""``colorhub colorize s3://... -o s3://...``: from and to what fsspec knows, by way of a folder of this machine."""

import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event
from typing import TYPE_CHECKING

import typer

from colorhub._extras import MissingExtraError, require
from colorhub.cli.archive import Recording, taken_over
from colorhub.cli.console import FAILED, WRONG_USAGE, echo_err, fail, failing
from colorhub.cli.dry_run import Extent, dry_run
from colorhub.cli.report import RunReport
from colorhub.cli.signals import StopSignals
from colorhub.settings import Settings

if TYPE_CHECKING:
    from colorhub.archive.journal import Journal
    from colorhub.archive.listing import Entry
    from colorhub.archive.places import Place
    from colorhub.folder.plan import FileResult, Job, Shard
    from colorhub.pipeline import ColorizationPipeline

_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "az", "abfss": "az"}
_KEYS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws/credentials, or this machine's role",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, gcloud auth application-default login, or this machine's service account",
    "az": "AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
}
_NO_KEYS = ("NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError", "ClientAuthenticationError")


def place_of(address: str, *, to_write: bool = False) -> "Place":
    """What an address means; a wrong call where nobody knows such addresses."""
    from colorhub.archive.places import Place, is_address

    if to_write and address.startswith("hf://"):
        raise fail("hf:// can only be read here: give another output with -o", WRONG_USAGE)
    with failing(FAILED, MissingExtraError):
        if extra := _EXTRAS.get(address.partition("://")[0] if is_address(address) else ""):
            require(extra)
    with failing(WRONG_USAGE, ValueError, ImportError):
        return Place.of(address)


def places_of(
    paths: Sequence[str], output: str | None, hints: Path | None, sidecars: bool, why: str = "an address"
) -> "tuple[Place, Place]":
    """Where photos come from and go to; a wrong call where that is not one place each, as ``why`` needs."""
    if len(paths) != 1 or output is None:
        raise fail(f"{why} needs one PATH, and -o with the address or folder for the results", WRONG_USAGE)
    if hints or sidecars:
        raise fail(f"--hints and --sidecars work with files and folders only, not with {why}", WRONG_USAGE)
    return place_of(paths[0]), place_of(output, to_write=True)


def colorize_objects(
    source: "Place",
    output: "Place",
    settings: Settings,
    shard: "Shard | None",
    open_pipeline: Callable[[], "ColorizationPipeline"],
    *,
    recursive: bool,
    overwrite: bool,
    workers: int,
    as_json: bool,
    dry: bool = False,
) -> int:
    """Colour what is in one place into another, and return the exit code. ``dry``: only say what that would be."""
    from colorhub.archive.listing import pictures

    if (source.protocols, source.root) == (output.protocols, output.root):
        raise fail("the results would go where the photos are: give another output with -o", WRONG_USAGE)
    stopping, report = StopSignals(), RunReport(None, as_json)
    if dry:
        with network(source, output):
            found = pictures(source, recursive=recursive, leave_out=output)
            _expect(source, output, found, settings, shard, open_pipeline, report, workers, overwrite, as_json)
        return 0
    with network(source, output), held(output, settings, shard, overwrite, stopping) as journal:
        found = pictures(source, recursive=recursive, leave_out=output)
        to_do = _to_do(found, journal, shard, report, overwrite=overwrite)
        first = next(to_do, None)
        record = Recording(journal=journal)
        if first is None and not sum(report.counts.values()):
            raise fail(
                f"{source.name} holds no pictures{'' if recursive else ', or only deeper ones: --recursive'}", FAILED
            )
        if first is not None:
            pipeline = open_pipeline()
            record.begin(settings, pipeline)
            _run(
                source, output, journal, pipeline, settings, chain([first], to_do), report, stopping, workers, overwrite
            )
        elif not journal.is_joined:
            record.begin(settings)
        if stopping.exit_code is None and not stopping.event.is_set():
            record.finish()
    if stopping.event.is_set():
        echo_err("Stopped. Run the same command again to continue: what is done is skipped.")
    exit_code = stopping.exit_code or (FAILED if report.failures or stopping.event.is_set() else 0)
    report.finish(str(settings.model), exit_code)
    return exit_code


def _expect(
    source: "Place",
    output: "Place",
    found: "Iterator[Entry]",
    settings: Settings,
    shard: "Shard | None",
    open_pipeline: Callable[[], "ColorizationPipeline"],
    report: RunReport,
    workers: int,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Say what is to be done, and write nothing, not even a lease."""
    from colorhub.archive.folders import settings_json
    from colorhub.archive.journal import Journal

    extent = Extent()
    journal = Journal(output, settings_json(settings))
    for entry in _to_do(found, journal, shard, report, overwrite=overwrite):
        extent.add(entry.name, entry.size)
    words = {"skipped": "its result exists", "elsewhere": "falls to another shard"}
    over = {words[kind]: count for kind, count in report.counts.items()}
    dry_run(extent, source.fetch, open_pipeline, settings, workers, over, as_json=as_json)


def _to_do(
    found: "Iterator[Entry]", journal: "Journal", shard: "Shard | None", report: RunReport, *, overwrite: bool
) -> "Iterator[Entry]":
    """What is not done yet and falls to this shard; the rest is counted."""
    from colorhub.archive.rows import as_text

    for entry in found:
        if shard and not shard.holds(entry.name):
            report.counts["elsewhere"] += 1
        elif not overwrite and as_text(entry.name) in journal.known.done:
            report.counts["skipped"] += 1
        else:
            yield entry


def _run(
    source: "Place",
    output: "Place",
    journal: "Journal",
    pipeline: "ColorizationPipeline",
    settings: Settings,
    entries: "Iterator[Entry]",
    report: RunReport,
    stopping: StopSignals,
    workers: int,
    overwrite: bool,
) -> None:
    from colorhub.archive.staging import Staging
    from colorhub.folder.run import color_files

    def colored(jobs: "list[Job]", stop: Event) -> "Generator[FileResult, None, None]":
        with closing(color_files(pipeline, jobs, settings, workers=workers, stop=stop)) as results:
            for result in results:
                yield result
                _report(done, report)

    done: SimpleQueue[FileResult] = SimpleQueue()
    with stopping, tempfile.TemporaryDirectory(prefix="colorhub-") as folder:
        staging = Staging(
            source, output, journal, Path(folder), format=settings.format, overwrite=overwrite, stop=stopping.event
        )
        try:
            staging.color(entries, colored, done.put)
        except BaseException:
            stopping.event.set()
            raise
        finally:
            staging.close()
            _report(done, report)


def _report(done: "SimpleQueue[FileResult]", report: RunReport) -> None:
    while True:
        try:
            result = done.get_nowait()
        except Empty:
            return
        report.add(result)
        report.advance()


@contextmanager
def held(
    output: "Place", settings: Settings, shard: "Shard | None", overwrite: bool, stopping: StopSignals
) -> "Iterator[Journal]":
    """The output's journal, while no other run has it."""
    from colorhub.archive.folders import settings_json
    from colorhub.archive.journal import Journal, expect_same_settings
    from colorhub.archive.lease import LeaseError, leased
    from colorhub.archive.manifest import ManifestError

    part, told = (shard.index, shard.count) if shard else (0, 1), settings_json(settings)
    with failing(FAILED, LeaseError, ManifestError, MissingExtraError), leased(output, part, lost=taken_over(stopping)):
        if not overwrite:
            expect_same_settings(output, told)
        journal = Journal(output, told, part)
        try:
            yield journal
        finally:
            journal.close()


@contextmanager
def network(source: "Place", output: "Place") -> Iterator[None]:
    """What a store answers becomes one sentence."""
    try:
        yield
    except typer.Exit:
        raise
    except FileNotFoundError as error:
        raise fail(f"there is no such bucket or folder: {error}", FAILED) from error
    except PermissionError as error:
        raise fail(f"{source.name} may not be read, or {output.name} not be written ({error})", FAILED) from error
    except Exception as error:
        if type(error).__name__ in _NO_KEYS:
            kinds = {_EXTRAS[name] for place in (source, output) for name in place.protocols if name in _EXTRAS}
            where = "; ".join(_KEYS[kind] for kind in sorted(kinds))
            raise fail(f"there are no credentials; they are looked for in {where}", FAILED) from error
        if isinstance(error, OSError) or type(error).__module__.split(".")[0] in ("botocore", "aiohttp", "azure"):
            raise fail(
                f"the storage does not answer as it should ({error}): the same command goes on", FAILED
            ) from error
        raise
