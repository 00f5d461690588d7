"""``colorhub colorize s3://... -o s3://...``: from and to what fsspec knows, by way of a folder of this machine."""

import atexit
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import typer

from colorhub._extras import MissingExtraError, require
from colorhub.cli.archive.bag import expect_no_bag
from colorhub.cli.archive.dry_run import Extent, dry_run
from colorhub.cli.archive.recording import INSIDE, Recording, taken_over
from colorhub.cli.console import FAILED, WRONG_USAGE, echo_err, fail, failing
from colorhub.cli.report import RunReport
from colorhub.cli.signals import StopSignals
from colorhub.settings import Settings

if TYPE_CHECKING:
    from colorhub.archive.journal import Journal
    from colorhub.archive.listing import Entry
    from colorhub.archive.places import Place
    from colorhub.archive.staging import Staging
    from colorhub.folder.credentials import Credentials
    from colorhub.folder.isolated import Isolated
    from colorhub.folder.plan import FileResult, Job, Shard
    from colorhub.pipeline import ColorizationPipeline

_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "az", "abfss": "az"}
_KEYS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws/credentials, or this machine's role",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, gcloud auth application-default login, or this machine's service account",
    "az": "AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
}
_NO_KEYS = ("NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError", "ClientAuthenticationError")


def place_of(address: str, *, to_write: bool = False, code: int = FAILED) -> "Place":
    """What an address means; a wrong call where nobody knows such addresses. ``code``: where a package is missing."""
    from colorhub.archive.places import Place, is_address

    expect_two_slashes(address)
    if to_write and address.startswith("hf://"):
        raise fail("hf:// can only be read here: give another output with -o", WRONG_USAGE)
    with failing(code, MissingExtraError):
        if extra := _EXTRAS.get(address.partition("://")[0] if is_address(address) else ""):
            require(extra)
    with failing(WRONG_USAGE, ValueError, ImportError):
        return Place.of(address)


def expect_two_slashes(*texts: str) -> None:
    """A wrong call where a text would be an address but for a slash that is missing, and is no path that is there; or
    where it is an address with two slashes once more, which stores take for a folder without a name."""
    from colorhub.archive.places import is_address

    for text in texts:
        if is_address(text) and "//" in text.partition("://")[2]:
            raise fail(f"{text} has a folder without a name in it: // stands only once in an address", WRONG_USAGE)
        protocol, colon, rest = text.partition(":/")
        if colon and protocol in _EXTRAS and not rest.startswith("/") and not Path(text).exists():
            raise fail(f"an address has two slashes: {protocol}://{rest}, and not {text}", WRONG_USAGE)


def places_of(paths: Sequence[str], output: str | None, why: str = "an address") -> "tuple[Place, Place]":
    """Where photos come from and go to; a wrong call where that is not one place each, as ``why`` needs."""
    if len(paths) != 1 or output is None:
        raise fail(f"{why} needs one PATH, and -o with the address or folder for the results", WRONG_USAGE)
    return place_of(paths[0]), place_of(output, to_write=True)


def hints_here(hints: str | None) -> Path | None:
    """A file of hints, fetched for as long as this process is, where it was given by its address."""
    from colorhub.archive.places import is_address

    if hints is None or not is_address(hints):
        return None if hints is None else Path(hints)
    above, _, name = hints.rpartition("/")
    place, folder = place_of(above), tempfile.mkdtemp(prefix="colorhub-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with network(place, place):
        place.fetch(name, Path(folder, name))
    return Path(folder, name)


def check_hints(path: Path | None, photos: int | None) -> None:
    """Say at once what is wrong with hints whatever the photo is. ``photos``: how many; ``None`` for several."""
    if path is None:
        return
    from colorhub.hints import HintsError, load_hints

    if photos is None or photos > 1:
        raise fail(f"hints are for one photo, but there are {photos or 'several'}; give its path alone", WRONG_USAGE)
    with failing(WRONG_USAGE, HintsError):
        load_hints(path)


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
    patience: float,
    as_json: bool,
    dry: bool = False,
    sidecars: bool = False,
    hints: Path | None = None,
    credentials: "Credentials | None" = None,
) -> int:
    """Colour what is in one place into another, and return the exit code. ``dry``: only say what that would be."""
    from colorhub.archive.listing import photos_in
    from colorhub.archive.staging import Staging
    from colorhub.folder.isolated import Isolated, IsolationError

    with network(source, output):
        expect_no_bag(output)
        source, found, is_one = photos_in(source, recursive=recursive)
    if source.holds(output):
        raise fail(INSIDE.format(output=output.name, source=source.name), WRONG_USAGE)
    check_hints(hints, 1 if is_one else None)
    stopping, report = StopSignals(), RunReport(None, as_json)
    if dry:
        with network(source, output):
            _expect(source, output, found, settings, shard, open_pipeline, report, workers, overwrite, as_json)
        return 0
    with network(source, output), held(output, settings, shard, overwrite, stopping) as journal:
        to_do = _to_do(found, journal, shard, report, overwrite=overwrite)
        first = next(to_do, None)
        record = Recording(journal=journal)
        if first is None and not sum(report.counts.values()):
            raise no_pictures(source, recursive)
        if first is not None:
            how: dict[str, Any] = {"workers": workers, "patience": patience, "hints": hints, "credentials": credentials}
            with failing(FAILED, IsolationError), Isolated(open_pipeline, settings, **how) as process:
                record.begin(settings, process.weights_sha256)
                how = {"format": settings.format, "overwrite": overwrite, "sidecars": sidecars, "stop": stopping.event}
                staging = partial(Staging, source, output, journal, **how)
                _run(staging, process, chain([first], to_do), report, stopping)
        elif not journal.is_joined:
            record.begin(settings)
        if stopping.exit_code is None and not stopping.event.is_set():
            record.finish()
    return finished(report, settings, stopping)


def no_pictures(source: "Place", recursive: bool) -> typer.Exit:
    """What a place with nothing to colour ends a run with."""
    return fail(f"{source.name} holds no pictures{'' if recursive else ', or only deeper ones: --recursive'}", FAILED)


def finished(report: RunReport, settings: Settings, stopping: StopSignals) -> int:
    """Say how a run ended, and return its exit code."""
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
    from colorhub.archive.manifest import ManifestError

    extent, problems = Extent(), Counter[str]()
    with failing(FAILED, ManifestError, MissingExtraError):
        journal = Journal(output, settings_json(settings))
    for entry in _to_do(found, journal, shard, report, overwrite=overwrite):
        if entry.problem:
            problems[entry.problem] += 1
        else:
            extent.add(entry.name, entry.size)
    words = {"skipped": "its result exists", "elsewhere": "falls to another shard"}
    over = {words[kind]: count for kind, count in report.counts.items()} | dict(problems)
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
    opened: "Callable[[Path], Staging]",
    process: "Isolated",
    entries: "Iterator[Entry]",
    report: RunReport,
    stopping: StopSignals,
) -> None:
    """Take photos all the way, through a folder of this machine that staging is ``opened`` with."""
    done: SimpleQueue[FileResult] = SimpleQueue()

    def colored(jobs: "Iterator[Job]") -> "Generator[FileResult, None, None]":
        with closing(process.color(jobs, stop=stopping.event)) as results:
            for result in results:
                yield result
                _report(done, report)

    with stopping, tempfile.TemporaryDirectory(prefix="colorhub-") as folder:
        staging = opened(Path(folder))
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
def network(source: "Place", output: "Place", code: int = FAILED) -> Iterator[None]:
    """What a store answers becomes one sentence, and the exit code."""
    try:
        yield
    except (typer.Exit, BrokenPipeError):  # nobody reads what is printed
        raise
    except FileNotFoundError as error:
        raise fail(f"there is no such bucket or folder: {error}", code) from error
    except PermissionError as error:
        raise fail(f"{source.name} may not be read, or {output.name} not be written ({error})", code) from error
    except Exception as error:
        if type(error).__name__ in _NO_KEYS:
            kinds = {_EXTRAS[name] for place in (source, output) for name in place.protocols if name in _EXTRAS}
            where = "; ".join(_KEYS[kind] for kind in sorted(kinds))
            raise fail(f"there are no credentials; they are looked for in {where}", code) from error
        if isinstance(error, OSError) or type(error).__module__.split(".")[0] in ("botocore", "aiohttp", "azure"):
            raise fail(f"the storage does not answer as it should ({error}): the same command goes on", code) from error
        raise
