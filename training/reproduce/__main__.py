"""Test the reports' claims again: ``python -m training.reproduce [000|001|002|003|004|all|natural] [--quick]``.

Every claim of a report, written down beforehand, becomes a row: the report's figure, ours, an interval and a verdict.
Runs are kept, so that the same command goes on after a stop. ``--quick`` tries the machinery in minutes; it finds
nothing. ``natural`` is the ablation of the default model, and no part of ``all``.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from colorhub._system import cores
from colorhub._text import nearest
from training.config import RecipeError
from training.data.sources import DataError
from training.reproduce import page, plan
from training.reproduce.harness import (
    ResourceError,
    Workers,
    check_data,
    check_memory,
    do_all,
    free_memory,
    tasks_of,
)
from training.reproduce.inference import judged
from training.reproduce.runs import ABLATIONS, NUMBERS, RunError, load_report, read_figures
from training.reproduce.spec import Report, Results
from training.scoring.judge import missing_judge
from training.scoring.judging import KERNEL

_DOCS = Path(__file__).parents[2] / "docs" / "reports"


class UsageError(ValueError):
    """Words on the command line that cannot be followed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Answers the exit code: 1 with one sentence when something is missing or a run fails."""
    given = _parser().parse_args(arguments)
    try:
        reports = _reports(given.report)
        _check(given, reports)
        with Workers(given.jobs, given.quick) as workers:
            for report in reports:
                _reproduce(report, given, workers)
    except KeyboardInterrupt:
        print("Stopped: the same command goes on from the last checkpoints.", file=sys.stderr)
        return 130
    except (UsageError, ResourceError, RunError, DataError, RecipeError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.reproduce", description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add(
        "report",
        nargs="?",
        default="all",
        help="000, 001, 002, 003, 004 or all of them; natural: the default model's parts",
    )
    add("--quick", action="store_true", help="tiny networks, two steps, two seeds: does it run? No evidence")
    add("--seeds", type=int, help="runs of each arm; the reports' own number (3 or 5) when not given")
    add("--jobs", type=int, default=cores(), help="runs at a time, each on one core; all cores when not given")
    add("--hours", type=float, default=3.0, help="of training a report, with so many jobs: runs are made to fit")
    add("--output", type=Path, default=Path("runs/reproduce"), help="folder of the runs, and of --quick's pages")
    add("--overwrite", action="store_true", help="also pages that were edited by hand")
    return parser


def _reports(word: str) -> list[Report]:
    known = (*NUMBERS, *ABLATIONS, "all")
    if word not in known:
        raise UsageError(f"There is no report {word!r} ({nearest(word, known)}).")
    return [load_report(number) for number in (NUMBERS if word == "all" else (word,))]


def _check(given: argparse.Namespace, reports: Sequence[Report]) -> None:
    """What is missing is said before hours of work."""
    if given.jobs < 1 or given.hours <= 0:
        raise UsageError("--jobs must be at least 1 and --hours more than 0.")
    least = max(min(3, report.seeds) for report in reports)
    if given.seeds is not None and given.seeds < least and not given.quick:
        raise UsageError(
            f"--seeds {given.seeds}: at least {least}, as training decides; --quick tries the machinery with 2."
        )
    check_memory(given.jobs, max(report.memory for report in reports) / (2 if given.quick else 1), free_memory())
    for report in reports:
        check_data(report)
        if not given.overwrite:
            page.check_unedited(_pages(given), report.number)


def _pages(given: argparse.Namespace) -> Path:
    return given.output / "quick" if given.quick else _DOCS


def _reproduce(report: Report, given: argparse.Namespace, workers: Workers) -> None:
    """From data to page."""
    version = plan.code_version(report)
    folder = given.output.resolve() / report.number / (f"quick-{version}" if given.quick else version)
    _tell_others(report, folder)
    seeds = plan.QUICK_SEEDS if given.quick else given.seeds or report.seeds
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "data").mkdir(exist_ok=True)
    remarks = report.prepare(folder / "data", given.quick) if report.prepare else []
    made = plan.read_plan(folder, given.hours)
    if made is None:
        made = _plan(report, given, workers, seeds, folder)
        plan.write_plan(folder, report, made)
    tasks = tasks_of(report, made, seeds, folder)
    do_all(workers, report, made, tasks)
    results: Results = {}
    for task in tasks:
        results.setdefault(task.arm, []).append(read_figures(task))
    results = report.derive(results) if report.derive else results
    rows = judged(report.claims, results, _reasons(report))
    if not given.overwrite:
        page.check_unedited(_pages(given), report.number)
    written = json.loads((folder / "claims.json").read_text(encoding="utf-8"))["written"]
    content = page.Content(report, made, seeds, given.jobs, version, rows, results, tasks, remarks, written)
    print(f"Report {report.number}: {page.write(content, _pages(given))}", flush=True)


def _plan(report: Report, given: argparse.Namespace, workers: Workers, seeds: int, folder: Path) -> plan.Plan:
    if given.quick:
        return plan.quick_plan(report, given.jobs)
    if not plan.available(report):
        return plan.Plan(0, {}, {}, given.hours, given.jobs, False, plan.now())
    print(f"Report {report.number}: a few steps of every arm, to plan the runs.", flush=True)
    made = plan.make_plan(report, given.hours, given.jobs, seeds, workers.rate(report.number, folder))
    steps = ", ".join(f"{name} {count}" for name, count in made.steps.items())
    print(
        f"Report {report.number}: crops of {made.size} pixels, {seeds} seeds, steps: {steps}; planned "
        f"{made.hours_for(report, seeds):.1f} hours.",
        flush=True,
    )
    return made


def _tell_others(report: Report, folder: Path) -> None:
    """Say which results of other versions of the code lie beside ``folder``."""
    kind = folder.name.startswith("quick-")
    others = [
        path.name
        for path in sorted(folder.parent.glob("*"))
        if path != folder and path.is_dir() and path.name.startswith("quick-") == kind
    ]
    if others:
        print(
            f"Report {report.number}: {folder.parent} also holds results of another version of the code, the data "
            "or the "
            f"libraries ({', '.join(others)}): they are kept apart and not used.",
            flush=True,
        )


def _reasons(report: Report) -> dict[str, str]:
    reasons = {arm.name: arm.unavailable for arm in report.arms if arm.unavailable}
    missing = missing_judge()
    return reasons | ({KERNEL: f"{KERNEL} {missing}"} if missing else {})


if __name__ == "__main__":
    sys.exit(main())
