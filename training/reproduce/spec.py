"""What a report's file says: its claims, the arms that decide them, the data and how an arm is measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

Figures: TypeAlias = dict[str, np.ndarray]  # "metric" or "variant/metric" -> a value a picture, or pairs with weights
Results: TypeAlias = dict[str, list[Figures]]  # arm -> one for each seed
DATA = "{data}"  # in an arm's words: the folder of what the report prepared
BEST = "{best}"  # in an arm's words: the model folder of the arm that comes before it, with the same seed


@dataclass(frozen=True)
class Arm:
    """One way of training, run once a seed.

    ``recipe``: a file of ``training/recipes``; ``words`` override it. ``after``: the arm whose best model stands for
    :data:`BEST`. ``share``: of crops, as a multiple of the report's other arms. ``steps``: fixed, whatever the hours;
    with ``crop``, the side in pixels that is fixed, too. ``validations``: how often the run is validated.
    """

    name: str
    what: str
    recipe: str
    words: tuple[str, ...] = ()
    after: str | None = None
    share: float = 1.0
    steps: int | None = None
    crop: int | None = None
    batch: int = 16
    cover: tuple[float, float] = (0.5, 1.0)
    validations: int = 1
    unavailable: str | None = None  # why it cannot be run here


@dataclass(frozen=True)
class Claim:
    """One sentence of a report, and what decides it: written before any run.

    Args:
        key: short name, unique in the report.
        text: what is claimed.
        section: of the report.
        reported: the report's own figure, in words; "none" where it has none.
        metric: name of a figure of the arms.
        contrasts: pairs of arms, or ``arm/variant``; the claim holds when it holds for all of them.
        direction: ``higher``: the first of each pair has more; ``lower``; ``same``: within ``margin``.
        margin: in the metric's unit, for ``same``.
        note: how it is tested, and what that leaves open.
        untestable: why it cannot be tested here.
        found: in place of contrasts: what is computed without any training.
    """

    key: str
    text: str
    section: str
    reported: str
    metric: str = ""
    contrasts: tuple[tuple[str, str], ...] = ()
    direction: Literal["higher", "lower", "same"] = "higher"
    margin: float | None = None
    note: str = ""
    untestable: str | None = None
    found: Callable[[], "Found"] | None = None


@dataclass(frozen=True)
class Found:
    """What a claim without training comes to. ``ours`` and ``interval`` in words; ``holds``: ``None`` where it cannot
    be told."""

    ours: str
    interval: str
    holds: bool | None
    why: str


@dataclass(frozen=True)
class Setting:
    """What is the same for all arms of a report. ``limit``: pictures to measure on; ``None``: all."""

    size: int
    limit: int | None = None
    quick: bool = False


Exam: TypeAlias = Callable[[Path, Arm, Setting], Figures]  # a run's folder to its figures


@dataclass(frozen=True)
class Report:
    """One report. ``needs``: roles under ``$COLORHUB_DATA`` and how to get them. ``sizes``: sides of crops in pixels,
    the first that leaves ``least`` crops an arm is taken. ``prepare``: writes what the arms' words name below a folder.
    ``derive``: further figures, from those of all arms. ``quick``: words for all arms in ``--quick``."""

    number: str
    title: str
    source: str
    arms: tuple[Arm, ...]
    claims: tuple[Claim, ...]
    needs: Mapping[str, str]
    exam: Exam
    remarks: tuple[str, ...]
    seeds: int = 3
    sizes: tuple[int, ...] = (128, 96, 64)
    least: int = 20_000
    memory: float = 2.0  # gigabytes a job
    shown: tuple[str, ...] = ()  # metrics of the arms' table
    prepare: Callable[[Path, bool], list[str]] | None = None  # a folder, and whether it is quick, to remarks
    derive: Callable[[Results], Results] | None = None
    quick: tuple[str, ...] = ()
    quick_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # arm -> words, after the others
    samples: tuple[str, ...] = ()  # arms whose answers are shown

    def arm(self, name: str) -> Arm:
        """The arm of a name, or of ``arm/variant``."""
        return next(arm for arm in self.arms if arm.name == name.partition("/")[0])


def named(results: Results, name: str, metric: str) -> list[np.ndarray] | None:
    """A figure of ``arm`` or ``arm/variant``, for each seed; ``None`` where it was not measured."""
    arm, _, variant = name.partition("/")
    key = f"{variant}/{metric}" if variant else metric
    found = [figures[key] for figures in results.get(arm, ()) if key in figures]
    return found or None


def as_json(claims: Sequence[Claim]) -> list[dict[str, Any]]:
    """The claims, to be written down before the runs."""
    return [
        {name: value for name, value in vars(claim).items() if name != "found" and value not in ("", None, ())}
        for claim in claims
    ]
