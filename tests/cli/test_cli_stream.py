"""A plan that is made part by part is the plan that is made at once."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import typed

from colorhub.folder.find import Problem
from colorhub.folder.plan import FileResult, FolderPlan, PlanError, Shard, make_plan
from colorhub.folder.stream import StreamedPlan

STEMS = ["a", "a-b", "a.b", "b", "b c", "scan.1", "scan.2", "z" * 250, "\udcff"]
ENDINGS = [".jpg", ".JPG", ".png", ".gif", ".gif.png", ".bmp", ".txt", ".xmp", ".jpg.xmp", ".color.jpg", ".dat", ""]
FOLDERS = ["", "a", "a.b", "a/b", "b/deep/er", "c c", ".hidden"]


def make_tree(root: Path, seed: int) -> None:
    """Files with names that want each other's results, links upwards, sideways and to nothing, and some results."""
    chances = random.Random(seed)
    for folder in FOLDERS:
        for side in ("in", "out"):
            (root / side / folder).mkdir(parents=True, exist_ok=True)
    for folder in FOLDERS:
        names = [stem + ending for stem in STEMS for ending in ENDINGS if len(os.fsencode(stem + ending)) < 256]
        for name in chances.sample(names, 30):
            if (root / "in" / folder / name).is_dir():
                continue
            (root / "in" / folder / name).write_bytes(b"x")
            if chances.random() < 0.3:
                (root / "out" / folder / name).write_bytes(b"result")
    (root / "elsewhere/inside").mkdir(parents=True)
    (root / "elsewhere/inside/e.jpg").write_bytes(b"x")
    for number, target in enumerate(["in", "in/a", "elsewhere", "elsewhere/inside", "gone", "out"]):
        for folder in chances.sample(FOLDERS[:-1], 2):
            (root / "in" / folder / f"link{number}").symlink_to(root / target, target_is_directory=True)


def said(plan: FolderPlan | StreamedPlan, decided: list[FileResult]) -> dict[str, object]:
    told = {"jobs": list(plan.jobs), "done": list(plan.done), "problems": plan.problems, "notes": plan.notes}
    return told | {"elsewhere": plan.elsewhere, "base": plan.base, "decided": decided, "count": len(plan.jobs)}


def some_are_foreign(plan: FolderPlan) -> list[FileResult]:
    """As a manifest does it: what it does not know fails, and some of what is done is to do."""
    foreign = [FileResult(job.source, "failed") for job in plan.done if job.source.suffix == ".png"]
    plan.jobs += [job for job in plan.done if job.source.suffix == ".gif"]
    plan.done = [job for job in plan.done if job.source.suffix not in (".png", ".gif")]
    plan.jobs.sort(key=lambda job: job.relative)
    return foreign


def no_bytes(plan: FolderPlan) -> None:
    """As for a bag."""
    plan.problems += [Problem(job.source, "no text") for job in plan.jobs if "\udcff" in job.relative]
    plan.jobs = [job for job in plan.jobs if "\udcff" not in job.relative]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "options",
    [
        {"recursive": True},
        {},
        {"recursive": True, "format": "png", "overwrite": True},
        {"recursive": True, "sidecars": True, "format": "jpg"},
        {"recursive": True, "shard": Shard(1, 3)},
    ],
    ids=str,
)
def test_it_is_the_plan_of_everything(tmp_path: Path, seed: int, options: dict[str, object]) -> None:
    make_tree(tmp_path, seed)
    whole = make_plan([tmp_path / "in"], tmp_path / "out", **options)
    no_bytes(whole)
    streamed = StreamedPlan(tmp_path / "in", tmp_path / "out", adjust=no_bytes, **options)
    expected = said(whole, whole.decide(some_are_foreign))
    found = said(streamed, streamed.decide(some_are_foreign))
    for name, value in expected.items():
        assert found[name] == value, name
    assert len(streamed.done) == len(whole.done) and whole.folders() <= streamed.folders()


@pytest.mark.parametrize("inside", [(), ("notes.txt",), ("b/a.jpg",)])
def test_a_folder_without_photos_is_told(tmp_path: Path, inside: tuple[str, ...]) -> None:
    (tmp_path / "in/b").mkdir(parents=True)
    for name in inside:
        (tmp_path / "in" / name).write_bytes(b"x")
    whole, streamed = make_plan([tmp_path / "in"], tmp_path / "out"), StreamedPlan(tmp_path / "in", tmp_path / "out")
    assert said(streamed, streamed.decide(lambda plan: [])) == said(whole, [])


def test_a_wrong_output_is_told(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PlanError, match="need a folder"):
        StreamedPlan(tmp_path / "in", tmp_path / "file")


def test_a_run_with_a_manifest_says_what_one_without_says(
    run: Callable[..., object], model: Path, tmp_path: Path
) -> None:
    from photos import grey_photo

    for name in ("a.jpg", "b/1.png", "b/1.gif", "c.jpg"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        grey_photo("astronaut", (40, 30)).save(tmp_path / "in" / name)
    (tmp_path / "in/c.jpg").write_bytes(b"no picture")
    (tmp_path / "in/notes.txt").write_text("x")
    lines = []
    for output, options in (("plain", []), ("kept", ["--manifest"])):
        told = typed("colorize", tmp_path / "in", "-o", tmp_path / output, "-r", "--model", model, *options, code=1)
        text = told.output.replace(f"{tmp_path}/{output}", "OUT")
        lines.append(sorted(line.partition(" in ")[0] for line in text.splitlines()))
    assert lines[0] == lines[1]
