"""A run over folders with a manifest: the manifest says what is done, and is told what became of each photo."""

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from colorhub.archive.journal import Known
from colorhub.archive.rows import HAS_OUTPUT, Row, as_text
from colorhub.folder.find import Problem, absolute
from colorhub.folder.plan import FileResult, FolderPlan, relative_path
from colorhub.settings import Settings

AGAIN = "move it away, and the same command makes it anew"
FOREIGN = f"there is a file of its result's name that the manifest does not tell of: {AGAIN}"
_STATUS = {"passed_through": "unchanged", "skipped": "passed_over"}  # where a row has another word


def settings_json(settings: Settings) -> str:
    """Settings as a manifest keeps them: the model by its name alone, wherever its folder is.

    Example:
        >>> from colorhub import Settings
        >>> from colorhub.archive.folders import settings_json
        >>> settings_json(Settings(model="models/mine")) == settings_json(Settings(model="mine"))
        True
    """
    values = settings.to_dict()
    return json.dumps(values | {"model": Path(str(values["model"])).name}, sort_keys=True)


def by_manifest(plan: FolderPlan, known: Known, *, overwrite: bool = False) -> list[FileResult]:
    """Let the manifest, and not the files that are there, say what of a plan is done.

    A result that is there without a row, though an earlier run had begun it, is made again. One that has another size
    than its row says was damaged, or is somebody's work by now. Returns the photos that fail because of such a one (its
    ``output``), or because their result has the name of a file that is nothing of ours (none): both are left alone.
    """
    if overwrite:
        return []
    foreign: list[FileResult] = []
    candidates, plan.done = plan.done, []
    candidates += [job for job in plan.jobs if as_text(job.relative) in known.done and job.output.exists()]
    plan.jobs = [job for job in plan.jobs if as_text(job.relative) not in known.done or not job.output.exists()]
    for job in candidates:
        source = as_text(job.relative)
        if source in known.done:
            size = job.output.stat().st_size if job.output.exists() else 0
            if Known.sized(size, source) in known.sizes:
                plan.done.append(job)
            else:
                reason = f"its result has {size} bytes, and not as many as the manifest says: {AGAIN}"
                foreign.append(FileResult(job.source, "failed", job.output, reason))
        elif source in known.ours:
            plan.jobs.append(replace(job, replaces=True))
        else:
            foreign.append(FileResult(job.source, "failed", reason=FOREIGN))
    plan.jobs.sort(key=lambda job: job.relative)
    return foreign


@dataclass(frozen=True)
class RowMaker:
    """Makes rows of results. ``output``: the folder that the outputs' paths are told from; ``relative``: the sources'
    own, by their paths, where these are not below ``base``."""

    output: Path
    relative: Mapping[Path, str] = field(default_factory=dict)
    base: str = ""

    def problem(self, problem: Problem) -> Row:
        """Of what cannot be coloured."""
        path = os.path.relpath(absolute(problem.path), self.base) if self.base else problem.path
        return Row(as_text(path), "failed", reason=as_text(problem.reason))

    def row(self, result: FileResult) -> Row:
        """Of what became of one photo: both files are read for their digests.

        Raises:
            OSError: one of them cannot be read any more.
        """
        source = self.relative.get(result.source) or relative_path(result.source, self.base)
        row = Row(as_text(source), _STATUS.get(result.status, result.status), reason=as_text(result.reason))
        row = replace(row, notes=tuple(map(as_text, result.lost)), seconds=result.seconds)
        if row.status not in HAS_OUTPUT or result.output is None:
            with suppress(OSError):
                size, sha256 = size_and_sha256(result.source)
                row = replace(row, source_size=size, source_sha256=sha256)
            return row
        size, sha256 = size_and_sha256(result.source)
        row = replace(row, source_size=size, source_sha256=sha256)
        size, sha256 = size_and_sha256(result.output)
        output = as_text(os.path.relpath(result.output, self.output))
        return replace(row, output=output, output_size=size, output_sha256=sha256)


def size_and_sha256(path: Path) -> tuple[int, str]:
    """Of a file: bytes, and the digest in hexadecimal digits.

    Example:
        >>> from pathlib import Path
        >>> from colorhub.archive.folders import size_and_sha256
        >>> size = Path("empty").write_bytes(b"")
        >>> size_and_sha256(Path("empty"))[1][:8]
        'e3b0c442'
    """
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), sha256
