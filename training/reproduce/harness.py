"""All runs of a report, several at a time: what is left of them, in which order, how long it takes."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing import active_children, get_context
from pathlib import Path
from types import FrameType
from typing import Any

from tqdm import tqdm

from colorhub._data import local_source
from training.reproduce import runs
from training.reproduce.plan import Plan, available
from training.reproduce.runs import RunError, Task
from training.reproduce.spec import Arm, Report, Setting

_OTHER = {"ACCELERATE_MIXED_PRECISION": "no", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


class ResourceError(ValueError):
    """Data or memory that is not there: the message says which, and what to do."""


def check_data(report: Report) -> None:
    """Raises :class:`ResourceError` where a role that the report needs is not there."""
    for role, how in report.needs.items():
        if local_source(role) is None:
            where = os.environ.get("COLORHUB_DATA", "not set")
            raise ResourceError(
                f"Report {report.number} needs the role {role!r}, and it is not under $COLORHUB_DATA ({where}): {how}."
            )


def check_memory(jobs: int, gigabytes: float, free: float | None) -> None:
    """Raises :class:`ResourceError` where so many jobs of so many gigabytes do not fit into what is ``free``."""
    if free is not None and jobs * gigabytes > free:
        fits = int(free // gigabytes)
        advice = f"use --jobs {fits}" if fits else "free some memory first"
        raise ResourceError(
            f"--jobs {jobs} takes about {jobs * gigabytes:.0f} GB of memory ({gigabytes:g} GB a job), and "
            f"{free:.1f} GB are free: {advice}."
        )


def free_memory() -> float | None:
    """Gigabytes that new processes may take, by Linux; ``None`` where it does not say."""
    found = []
    with suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        found.append(int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]) * 1024)
    with suppress(OSError, ValueError):
        control = Path("/sys/fs/cgroup")
        limit, used = (int((control / f"memory.{name}").read_text()) for name in ("max", "current"))
        found.append(limit - used)
    return min(found) / 1e9 if found else None


class Workers:
    """Processes that train, ``jobs`` at a time. Use it in a ``with`` block. A quick run's are used again, as starting
    one takes longer than what it does; otherwise every run has a fresh one."""

    def __init__(self, jobs: int, quick: bool) -> None:
        self.jobs = jobs
        with _environment():
            self._pool = ProcessPoolExecutor(
                jobs, get_context("spawn"), runs.prepare_worker, max_tasks_per_child=None if quick else 1
            )

    def __enter__(self) -> "Workers":
        self._before = signal.signal(signal.SIGTERM, _interrupted)
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is not None:
            for child in active_children():
                child.terminate()  # they write a checkpoint
        self._pool.shutdown(cancel_futures=True)
        signal.signal(signal.SIGTERM, self._before)

    def submit(self, work: Callable[[Task], float], task: Task) -> "Future[float]":
        """Have a task done by some process."""
        with _environment():
            return self._pool.submit(work, task)

    def rate(self, report: str, folder: Path) -> Callable[[Arm, int], float]:
        """What measures an arm's crops a second at a size."""

        def measure(arm: Arm, size: int) -> float:
            task = Task(report, arm.name, 0, 0, Setting(size), folder, folder / "data")
            return answer_of(self.submit(runs.trial, task))

        return measure


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _environment() -> Iterator[None]:
    """What processes that are started now find in their environment. Accelerate's variable says that they were
    launched: the trainer stops when its launcher is gone."""
    before = {name: os.environ.get(name) for name in _OTHER}
    os.environ.update(_OTHER)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def answer_of(future: "Future[Any]") -> Any:
    """A future's result; a process that is gone is said as one sentence."""
    try:
        return future.result()
    except BrokenProcessPool:
        raise RunError(
            "A process that trained was killed, most likely for want of memory: start again with fewer --jobs; what is "
            "finished is kept, the rest goes on from its checkpoints."
        ) from None


def tasks_of(report: Report, plan: Plan, seeds: int, folder: Path) -> list[Task]:
    """Every arm with every seed, those that others wait for first."""
    arms = sorted(available(report), key=lambda arm: arm.after is not None)
    return [
        Task(report.number, arm.name, seed, plan.steps[arm.name], plan.setting, folder, folder / "data")
        for arm in arms
        for seed in range(seeds)
    ]


def do_all(workers: Workers, report: Report, plan: Plan, tasks: Sequence[Task]) -> None:
    """Do what is not done, as many at a time as there are workers, and show how long the rest takes.

    Raises:
        RunError: of the first run that fails; those that run meanwhile are stopped with a checkpoint.
    """
    waiting = [task for task in tasks if not task.done]
    kept = len(tasks) - len(waiting)
    if kept:
        print(f"Report {report.number}: {kept} of {len(tasks)} runs are there already.", flush=True)
    cost = {task.name: _cost(report, plan, task) for task in tasks}
    running: dict[Future[float], Task] = {}
    with tqdm(
        total=round(sum(cost[task.name] for task in waiting)),
        desc=f"report {report.number}",
        bar_format="{desc}: {percentage:3.0f}% |{bar}| {elapsed} gone, {remaining} left{postfix}",
        mininterval=0.5 if sys.stderr.isatty() else 30.0,
        disable=not waiting,
    ) as bar:
        while waiting or running:
            _start_more(workers, report, waiting, running)
            finished, _ = wait(running, timeout=5, return_when=FIRST_COMPLETED)
            for future in finished:
                seconds, task = answer_of(future), running.pop(future)
                bar.write(f"report {report.number}: {task.name} in {seconds:.0f} s", file=sys.stdout)
            left = sum(cost[task.name] for task in waiting)
            left += sum(cost[task.name] * (1 - _part_done(task)) for task in running.values())
            bar.n = round((bar.total or 0) - left)
            bar.set_postfix_str(f"{len(waiting) + len(running)} of {len(tasks)} runs left", refresh=False)
            bar.refresh()
            sys.stdout.flush()


def _start_more(workers: Workers, report: Report, waiting: list[Task], running: "dict[Future[float], Task]") -> None:
    for task in list(waiting):
        if len(running) >= workers.jobs:
            return
        before = report.arm(task.arm).after
        if before and not replace(task, arm=before).done:
            continue
        waiting.remove(task)
        running[workers.submit(runs.run, task)] = task


def _cost(report: Report, plan: Plan, task: Task) -> float:
    """Seconds that are planned for a run; all the same where nothing was measured."""
    rate = plan.rates.get(task.arm)
    return task.steps * report.arm(task.arm).batch / rate if rate else 100.0


def _part_done(task: Task) -> float:
    try:
        last = (task.place / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1]
        return min(1.0, json.loads(last)["step"] / task.steps)
    except (OSError, IndexError, ValueError, KeyError):
        return 0.0
