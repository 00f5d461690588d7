"""``colorhub colorize --dry-run``: what there is to do and how long it will take, measured on a few of the photos."""

import json
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import typer

from colorhub.cli.console import echo_err
from colorhub.cli.report import duration
from colorhub.settings import Settings

if TYPE_CHECKING:
    from colorhub.folder.plan import Job, Plan
    from colorhub.pipeline import ColorizationPipeline

_MEASURED = 8  # photos


@dataclass
class Extent:
    """How much there is to do. ``sample``: some of the photos, each as likely as any (Vitter's algorithm R)."""

    files: int = 0
    bytes: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    sample: list[tuple[str, int]] = field(default_factory=list)
    _random: random.Random = field(default_factory=lambda: random.Random(0))

    def add(self, name: str, size: int) -> None:
        """Count a photo by its name and size in bytes."""
        self.files += 1
        self.bytes += size
        self.kinds[Path(name).suffix[1:].lower() or "no suffix"] += 1
        if len(self.sample) < _MEASURED:
            self.sample.append((name, size))
        elif (place := self._random.randrange(self.files)) < _MEASURED:
            self.sample[place] = (name, size)


@dataclass(frozen=True)
class Measured:
    """Of the sample, together: bytes read and written, pixels and seconds."""

    read: int
    written: int
    pixels: int
    seconds: float
    failed: int


def dry_run(
    extent: Extent,
    fetch: Callable[[str, Path], None],
    open_pipeline: Callable[[], "ColorizationPipeline"],
    settings: Settings,
    workers: int,
    passed_over: dict[str, int],
    *,
    as_json: bool,
) -> None:
    """Measure, and print what is to be expected.

    Args:
        extent: what there is to do.
        fetch: copies the photo of a name into a file.
        open_pipeline: opens the model.
        settings: of the run.
        workers: photos in work at once.
        passed_over: how many are not coloured, by the reason.
        as_json: print one JSON object.
    """
    facts: dict[str, object] = {"files": extent.files, "kinds": dict(extent.kinds), "bytes": extent.bytes}
    if extent.files:
        with tempfile.TemporaryDirectory(prefix="colorhub-") as folder:
            found = _measure(extent.sample, fetch, open_pipeline(), settings, workers, Path(folder))
        share = extent.bytes / max(found.read, 1)
        facts |= {"megapixels": round(found.pixels * share / 1e6, 1), "seconds": round(found.seconds * share, 1)}
        facts |= {
            "bytes_written": round(found.written * share),
            "measured": len(extent.sample),
            "unreadable": found.failed,
        }
    facts["passed_over"] = passed_over
    typer.echo(json.dumps(facts) if as_json else _text(facts))


def expect(
    plan: "Plan",
    settings: Settings,
    open_pipeline: Callable[[], "ColorizationPipeline"],
    workers: int,
    as_json: bool,
) -> None:
    """:func:`dry_run` of planned photos."""
    for note in plan.notes:
        echo_err(f"Note: {note}.")

    def fetch(name: str, file: Path) -> None:
        shutil.copyfile(name, file)

    extent = extent_of(plan.jobs)
    dry_run(extent, fetch, open_pipeline, settings, workers, passed_over(plan), as_json=as_json)


def extent_of(jobs: "Iterable[Job]") -> Extent:
    """Of planned photos."""
    extent = Extent()
    for job in jobs:
        extent.add(str(job.source), job.source.stat().st_size if job.source.exists() else 0)
    return extent


def passed_over(plan: "Plan") -> dict[str, int]:
    """How many files of a plan are not coloured, by the reason."""
    reasons = Counter(problem.reason for problem in plan.problems)
    reasons += Counter({"its result exists": len(plan.done), "falls to another shard": plan.elsewhere})
    return {reason: count for reason, count in reasons.items() if count}


def _measure(
    sample: Sequence[tuple[str, int]],
    fetch: Callable[[str, Path], None],
    pipeline: "ColorizationPipeline",
    settings: Settings,
    workers: int,
    folder: Path,
) -> Measured:
    from colorhub.folder.plan import Job
    from colorhub.folder.run import color_files

    jobs = []
    begun = perf_counter()
    for number, (name, _) in enumerate(sample):
        here = folder / str(number) / Path(name).name
        (here.parent / "out").mkdir(parents=True)
        fetch(name, here)
        jobs.append(Job(here, here.parent / "out" / here.name, name))
    with closing(color_files(pipeline, jobs, settings, workers=workers)) as running:
        results = list(running)
    seconds = perf_counter() - begun
    written = sum(result.output.stat().st_size for result in results if result.output)
    pixels = sum(result.size[0] * result.size[1] for result in results if result.size)
    failed = sum(result.status == "failed" for result in results)
    return Measured(sum(size for _, size in sample), written, pixels, seconds, failed)


def _text(facts: dict[str, object]) -> str:
    kinds, reasons = facts["kinds"], facts["passed_over"]
    lines = []
    if isinstance(kinds, dict) and kinds:
        some = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda item: -item[1]))
        lines.append(f"{facts['files']} photos to colour ({some}), {_gigabytes(facts['bytes'])}.")
        unreadable = f", {facts['unreadable']} of which cannot be read" if facts["unreadable"] else ""
        lines.append(
            f"About {facts['megapixels']:,} megapixels, {duration(float(str(facts['seconds'])))} here and "
            f"{_gigabytes(facts['bytes_written'])} of results, as measured on {facts['measured']} of them{unreadable}."
        )
    else:
        lines.append("Nothing is left to colour.")
    if isinstance(reasons, dict):
        lines += [f"  {count} passed over: {reason}" for reason, count in reasons.items()]
    return "\n".join([*lines, "Nothing was written."])


def _gigabytes(count: object) -> str:
    size = int(str(count))
    return f"{size / 1e9:.2f} GB" if size >= 10_000_000 else f"{size / 1e6:.2f} MB"
