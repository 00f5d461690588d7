"""A report's page: Markdown and JSON, with plots and samples beside them, every figure from the runs."""

import hashlib
import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from colorhub._files import replacing
from colorhub.hub.cards.tables import table
from training.record import placeless
from training.reproduce.inference import Row, Verdict, row_json, weakest
from training.reproduce.plan import Plan, available
from training.reproduce.plots import forest
from training.reproduce.runs import Task, read_finished
from training.reproduce.samples import sheet
from training.reproduce.spec import Report, Results, as_json
from training.scoring.judging import KERNEL

STAMP = "no evidence"
_STAMPED = (
    f'!!! danger "{STAMP}"\n    Networks of a few channels, trained for {{steps}} steps: this page shows that the '
    "machinery runs, and nothing else.\n"
)


class PageError(ValueError):
    """A page that was edited by hand: the message says what to do."""


@dataclass(frozen=True)
class Content:
    """All that a page says. ``version``: of the code and the data; ``remarks``: found while preparing the data."""

    report: Report
    plan: Plan
    seeds: int
    jobs: int
    version: str
    rows: Sequence[Row]
    results: Results
    tasks: Sequence[Task]
    remarks: Sequence[str]
    claims_written: str


def check_unedited(folder: Path, number: str) -> None:
    """Raises :class:`PageError` where the page there is not the one that was written."""
    page = folder / f"{number}.md"
    if page.is_file() and _recorded(folder / f"{number}.json") != _digest(page.read_text(encoding="utf-8")):
        raise PageError(
            f"{page} was edited by hand since it was written, and would be overwritten: keep your words elsewhere and "
            "add --overwrite."
        )


def _recorded(path: Path) -> str | None:
    try:
        found: str = json.loads(path.read_text(encoding="utf-8"))["page_sha256"]
    except (OSError, ValueError, KeyError):
        return None
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write(content: Content, folder: Path) -> Path:
    """Write ``NUMBER.md`` and ``NUMBER.json`` with their pictures; answers the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    report = content.report
    number = report.number
    title = f"Report {number}: differences with 95 % intervals" + (f" ({STAMP})" if content.plan.quick else "")
    _put(folder / f"{number}-claims.svg", forest(title, content.rows))
    first = {task.arm: task.place for task in content.tasks if task.seed == 0}
    shown = [(name, first[name]) for name in report.samples if name in first]
    if shown:
        sheet(shown).save(folder / f"{number}-samples.webp", quality=88, method=6)
    text = markdown(content, bool(shown))
    _put(folder / f"{number}.json", json.dumps(_facts(content) | {"page_sha256": _digest(text)}, indent=2) + "\n")
    _put(folder / f"{number}.md", text)
    return folder / f"{number}.md"


def _put(path: Path, text: str) -> None:
    with replacing(path) as aside:
        aside.write_text(text, encoding="utf-8")


def markdown(content: Content, samples: bool) -> str:
    """The page's text."""
    report, plan = content.report, content.plan
    number = report.number
    parts = [f"# Report {number}: {report.title}\n"]
    if plan.quick:
        parts.append(_STAMPED.format(steps=max(plan.steps.values(), default=0)))
    counts = {verdict: sum(row.verdict is verdict for row in content.rows) for verdict in Verdict}
    tally = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    parts.append(f"{report.source}. Of {len(content.rows)} claims: {tally}.\n")
    parts.append("## Claims\n\n" + table(_CLAIMS, [_claim(row) for row in content.rows]) + "\n")
    parts.append(f"![Each difference with its interval]({number}-claims.svg)\n")
    parts.append(
        f"The claims were written down on {content.claims_written}, before the first run. Differences are paired: "
        f"{_paired_over(content.seeds)}, 95 %. p is two-sided, after Holm's correction over the claims of this report; "
        "where a claim needs several differences, all must hold, and the one that is furthest from it is shown.\n"
    )
    parts.append("## How each was tested\n\n" + "\n".join(_tested(row) for row in content.rows) + "\n")
    parts.append("## Arms\n\n" + table(*_arms(content)) + "\n")
    if samples:
        parts.append(f"## What the arms answer\n\nThe first seed's.\n\n![Sheet of answers]({number}-samples.webp)\n")
    notes = [*report.remarks, *content.remarks]
    parts.append("## What to know\n\n" + "\n".join(f"- {note}" for note in notes) + "\n")
    parts.append("## What it ran on\n\n" + _ran_on(content))
    return "\n".join(parts)


def _paired_over(seeds: int) -> str:
    if seeds == 1:
        return "the same seed and the same pictures for all arms; intervals are for other pictures alone"
    return (
        f"the same {seeds} seeds and the same pictures for all arms; intervals are for other seeds and other pictures"
    )


_CLAIMS = ("claim", "the report's figure", "ours", "95 % interval", "p", "verdict")


def _claim(row: Row) -> tuple[str, ...]:
    claim = row.claim
    reported = f"{claim.reported} ({claim.section})"
    if not row.differences:
        return claim.text, reported, row.ours or "-", row.interval or "-", "-", f"**{row.verdict}**: {row.why}"
    number = weakest(row)
    first, second = claim.contrasts[number]
    one = row.differences[number]
    low, high = one.interval
    ours = f"{claim.metric}: {first} - {second} = {_number(one.mean)}"
    interval = f"{_number(low)} to {_number(high)}"
    return claim.text, reported, ours, interval, f"{row.p_holm:.2g}", f"**{row.verdict}**"


def _number(value: float) -> str:
    return f"{value:+.3g}"


def _tested(row: Row) -> str:
    claim = row.claim
    pairs = "; ".join(
        f"`{first}` - `{second}` {_number(one.mean)} [{_number(one.interval[0])}, {_number(one.interval[1])}], "
        f"standard errors {one.of_seeds**0.5:.2g} from seeds and {one.of_pictures**0.5:.2g} from pictures"
        for (first, second), one in zip(claim.contrasts, row.differences, strict=False)
    )
    wanted = f" Expected: {claim.direction}" + (f" within {claim.margin:g}" if claim.margin else "") if pairs else ""
    return f"- **{claim.text}** {claim.note}{wanted}{': ' + pairs if pairs else ''}{'.' if pairs else ''}"


def _arms(content: Content) -> tuple[Sequence[str], list[Sequence[str]]]:
    report, plan = content.report, content.plan
    head = ["arm", "what", "steps", "crops", "hours", *report.shown]
    rows: list[Sequence[str]] = []
    for arm in report.arms:
        if arm.unavailable:
            rows.append([f"`{arm.name}`", f"{arm.what}; not run: {arm.unavailable}", *["-"] * (3 + len(report.shown))])
            continue
        steps = plan.steps[arm.name]
        hours = sum(read_finished(task)["seconds"] for task in content.tasks if task.arm == arm.name) / 3600
        means = [_mean(content.results, arm.name, metric) for metric in report.shown]
        crops = "-" if plan.quick else f"{steps * arm.batch:,}"
        rows.append([f"`{arm.name}`", arm.what, str(steps), crops, f"{hours:.2f}", *means])
    return head, rows


def _mean(results: Results, arm: str, metric: str) -> str:
    found = [value(figures[metric], metric) for figures in results.get(arm, ()) if metric in figures]
    return f"{np.mean(found):.4g}" if found else "-"


def value(array: np.ndarray, metric: str) -> float:
    """The mean of a figure over pictures, as it is kept of one seed."""
    if metric == KERNEL:
        return float(array[0])
    if array.ndim == 2:
        return float(array[:, 0].sum() / array[:, 1].sum())
    return float(np.nanmean(array))


def _ran_on(content: Content) -> str:
    report, plan = content.report, content.plan
    hours = sum(read_finished(task)["seconds"] for task in content.tasks) / 3600
    planned = f" ({plan.hours:g} hours were planned for {plan.jobs} at a time)" if not plan.quick else ""
    rates = ", ".join(f"{name} {rate:g}" for name, rate in plan.rates.items())
    lines = [
        f"- {hours:.2f} hours of one core for {len(content.tasks)} runs{planned}; crops of {plan.size} pixels.",
        f"- {_processor(content)}; Python {platform.python_version()}, {', '.join(_libraries())}.",
        f"- Code and data: `{content.version}`.",
    ]
    if rates:
        lines.append(f"- Crops a second on one thread, before the runs: {rates}.")
    options = f" --seeds {content.seeds} --hours {plan.hours:g}" if not plan.quick else " --quick"
    command = f"python -m training.reproduce {report.number}{options}"
    return "\n".join(lines) + f"\n\n```bash\n{command}\n```\n"


def _processor(content: Content) -> str:
    for task in content.tasks:
        record = task.place / "best" / "training.json"
        if record.is_file():
            hardware: str = json.loads(record.read_text(encoding="utf-8"))["stages"][-1]["hardware"]
            return hardware
    return "No training"


def _libraries() -> Iterable[str]:
    from importlib.metadata import version

    return (f"{name} {version(name)}" for name in ("torch", "timm", "numpy"))


def _facts(content: Content) -> dict[str, Any]:
    plan = content.plan
    arms = {
        arm.name: {
            "what": arm.what,
            "recipe": arm.recipe,
            "words": [placeless(word) for word in arm.words],
            "steps": plan.steps[arm.name],
            "seconds": [read_finished(task)["seconds"] for task in content.tasks if task.arm == arm.name],
            "figures": [
                {name: value(array, name.rpartition("/")[2]) for name, array in figures.items()}
                for figures in content.results.get(arm.name, ())
            ],
        }
        for arm in available(content.report)
    }
    return {
        "report": content.report.number,
        "evidence": not plan.quick,
        "version": content.version,
        "claims_written": content.claims_written,
        "claims": as_json(content.report.claims),
        "rows": [row_json(row) for row in content.rows],
        "arms": arms,
        "seeds": content.seeds,
        "size": plan.size,
        "hours_planned": plan.hours,
        "remarks": [*content.report.remarks, *content.remarks],
    }
