"""How large a report's runs are: from the rates that were measured here, so that all of them take so many hours.

What is decided is written down before the first run, with the claims, and holds when the runs go on another day.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from colorhub._data import local_source
from colorhub._files import replacing
from training.reproduce.spec import Arm, Report, Setting, as_json

_ROOT = Path(__file__).parents[2]
_LIBRARIES = ("torch", "torchvision", "timm", "numpy", "pillow", "datasets", "accelerate", "torchmetrics")
# No training and no measuring goes through these, so that a word on a page costs no hours.
_NOT_MEANT = ("colorhub/space/", "colorhub/cli/", "colorhub/study/", "colorhub/folder/")
_PAGES = {"page.py", "plots.py", "samples.py", "inference.py", "__main__.py", "harness.py"}
_MARGIN = 0.85  # of the time is planned for training: the rest is measuring, and what a trial does not show
_SMALL = 50  # steps are rounded to so many
QUICK_STEPS, QUICK_SIZE, QUICK_LIMIT, QUICK_SEEDS = 2, 64, 6, 2


class PlanError(ValueError):
    """A plan that cannot be made or gone on with: the message says why."""


@dataclass(frozen=True)
class Plan:
    """``steps``: of each arm; ``rates``: crops a second on one thread, as measured; ``jobs``: it was planned for."""

    size: int
    steps: dict[str, int]
    rates: dict[str, float]
    hours: float
    jobs: int
    quick: bool
    written: str

    @property
    def setting(self) -> Setting:
        return Setting(self.size, QUICK_LIMIT if self.quick else None, self.quick)

    def hours_for(self, report: Report, seeds: int) -> float:
        """Hours of training that are planned, on all jobs together."""
        seconds = sum(
            seeds * self.steps[arm.name] * arm.batch / self.rates[arm.name] for arm in available(report) if self.rates
        )
        return seconds / self.jobs / 3600


def available(report: Report) -> list[Arm]:
    """The arms that can be run here."""
    return [arm for arm in report.arms if arm.unavailable is None]


def code_version(report: Report) -> str:
    """A digest of all that figures depend on: sources, recipes, libraries and the sizes of the data's files."""
    digest = hashlib.sha256()
    for path in sorted([*_ROOT.glob("colorhub/**/*.py"), *_ROOT.glob("training/**/*.py"), *_recipes()]):
        place = path.relative_to(_ROOT).as_posix()
        if place.startswith(_NOT_MEANT) or (place.startswith("training/reproduce/") and path.name in _PAGES):
            continue
        if place.startswith("training/reproduce/report_") and path.stem != f"report_{report.number}":
            continue
        digest.update(place.encode() + path.read_bytes())
    facts = [f"{name} {version(name)}" for name in _LIBRARIES]
    for role in report.needs:
        folder = local_source(role)
        files = sorted(folder.rglob("*")) if folder else []
        facts += [f"{role} {file.name} {file.stat().st_size}" for file in files if file.is_file()]
    facts += [f"{arm.name} {arm.unavailable is None}" for arm in report.arms]
    digest.update("\n".join(facts).encode())
    return digest.hexdigest()[:12]


def _recipes() -> list[Path]:
    return sorted(_ROOT.glob("training/recipes/*.toml"))


def make_plan(report: Report, hours: float, jobs: int, seeds: int, measure: Callable[[Arm, int], float]) -> Plan:
    """The largest size of crops that leaves every arm ``least`` crops in the time, and the steps that fit.

    Args:
        measure: an arm and a size to crops a second.

    Raises:
        PlanError: even the smallest size leaves too few.
    """
    crops, rates, size = 0, {}, 0
    for size in report.sizes:
        rates = {arm.name: measure(arm, arm.crop or size) for arm in available(report)}
        crops = crops_in(report, rates, hours, jobs, seeds)
        if crops >= report.least:
            break
    else:
        if crops < report.least / 4:
            raise PlanError(
                f"Report {report.number}: {hours:g} hours leave {max(crops, 0):,} crops an arm at {size} pixels, fewer "
                f"than the {report.least // 4:,} that say anything: give more --hours or --jobs."
            )
    steps = {arm.name: arm.steps or _rounded(crops * arm.share / arm.batch) for arm in available(report)}
    return Plan(size, steps, {name: round(rate, 2) for name, rate in rates.items()}, hours, jobs, False, now())


def crops_in(report: Report, rates: Mapping[str, float], hours: float, jobs: int, seeds: int) -> int:
    """Crops that an arm of share 1 may see so that all runs end in time, at ``rates`` crops a second and job."""
    seconds = _MARGIN * hours * 3600 * jobs
    cost = 0.0  # seconds for one crop of every arm
    for arm in available(report):
        if arm.steps is not None:
            seconds -= seeds * arm.steps * arm.batch / rates[arm.name]
        else:
            cost += seeds * arm.share / rates[arm.name]
    return int(seconds / cost) if cost else report.least


def quick_plan(report: Report, jobs: int) -> Plan:
    """Two steps of tiny networks: whether everything runs."""
    steps = {arm.name: QUICK_STEPS for arm in available(report)}
    return Plan(QUICK_SIZE, steps, {}, 0.0, jobs, True, now())


def _rounded(steps: float) -> int:
    return max(_SMALL, int(steps) // _SMALL * _SMALL)


def now() -> str:
    """The time, to be written down."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_plan(folder: Path, report: Report, plan: Plan) -> None:
    """Write the plan and the claims into the folder of the runs, before the first of them."""
    _write(folder / "claims.json", {"report": report.number, "written": plan.written, "claims": as_json(report.claims)})
    _write(folder / "plan.json", asdict(plan))


def read_plan(folder: Path, hours: float) -> Plan | None:
    """The plan that runs in ``folder`` were begun with, if there is one.

    Raises:
        PlanError: it is for another number of hours.
    """
    path = folder / "plan.json"
    if not path.is_file():
        return None
    found = Plan(**json.loads(path.read_text(encoding="utf-8")))
    if not found.quick and found.hours != hours:
        raise PlanError(
            f"{path} was planned for {found.hours:g} hours: give --hours {found.hours:g} to go on, or another --output."
        )
    return found


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as aside:
        aside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
