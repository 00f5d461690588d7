"""Folders with links in them: albums elsewhere, albums upwards, albums that are gone."""

import glob
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import Result

from colorhub.folder.plan import FolderPlan, make_plan

Run = Callable[..., Result]
DEAD = "a link to a file that does not exist"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library whose album is a link to a folder elsewhere."""
    for name in ("library/a.jpg", "elsewhere/may/b.jpg", "elsewhere/c.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (20, 20), 90).save(path)
    (tmp_path / "library/album").symlink_to(tmp_path / "elsewhere")
    return tmp_path / "library"


def planned(plan: FolderPlan) -> set[str]:
    return {job.relative for job in plan.jobs}


@pytest.mark.parametrize("pattern", ["", "**/*", "**/*.jpg", "**"])
def test_links_to_folders_are_followed(library: Path, tmp_path: Path, pattern: str) -> None:
    found = {"a.jpg", "album/c.jpg", "album/may/b.jpg"}
    assert planned(make_plan([str(library / pattern)], tmp_path / "out", recursive=True)) == found
    assert not make_plan([str(library / pattern)], recursive=True).problems


def test_a_folder_of_links_alone_is_no_empty_folder(library: Path, tmp_path: Path) -> None:
    (library / "a.jpg").unlink()
    [problem] = make_plan([library], tmp_path / "out").problems
    assert "--recursive" in problem.reason
    plan = make_plan([library], tmp_path / "out", recursive=True)
    assert (planned(plan), plan.problems) == ({"album/c.jpg", "album/may/b.jpg"}, [])


@pytest.mark.parametrize("pattern", ["", "**/*.jpg"])
def test_links_upwards_are_no_loop(library: Path, tmp_path: Path, pattern: str) -> None:
    (library / "self").symlink_to(library)
    (library / "up").symlink_to(tmp_path)
    (tmp_path / "elsewhere/back").symlink_to(library)
    (tmp_path / "elsewhere/may/here").symlink_to(".")
    plan = make_plan([str(library / pattern)], tmp_path / "out", recursive=True)
    assert planned(plan) == {"a.jpg", "album/c.jpg", "album/may/b.jpg"}
    assert plan.problems == []


@pytest.mark.parametrize("arguments", [["."], ["library", "elsewhere"], ["elsewhere", "library"], ["**/*.jpg"]])
def test_a_folder_that_is_reached_twice_is_coloured_once_under_its_own_name(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (None, tmp_path / "out"):
        plan = make_plan(arguments, folder, recursive=True)
        assert planned(plan) == {"library/a.jpg", "elsewhere/c.jpg", "elsewhere/may/b.jpg"}
        assert plan.problems == []
        several = len(arguments) > 1  # else the folder is not entered again
        assert any("2 are reached by a link as well" in note for note in plan.notes) == several


def test_the_folder_of_the_results_is_not_entered_by_a_link(library: Path, tmp_path: Path) -> None:
    (tmp_path / "out/album").mkdir(parents=True)
    Image.new("L", (20, 20)).save(tmp_path / "out/album/old.jpg")
    (library / "done").symlink_to(tmp_path / "out/album")
    assert "done/old.jpg" not in planned(make_plan([library], tmp_path / "out", recursive=True))
    assert "done/old.jpg" in planned(make_plan([library], tmp_path / "new", recursive=True))


@pytest.mark.parametrize("pattern", ["", "*", "**/*"])
def test_dead_links_are_listed(library: Path, tmp_path: Path, pattern: str) -> None:
    for name in ("gone.jpg", "gone album", "notes.txt", ".hidden.jpg"):
        (library / name).symlink_to(tmp_path / "nowhere")
    (library / "circle.jpg").symlink_to(library / "circle.jpg")
    plan = make_plan([str(library / pattern)], tmp_path / "out", recursive=True)
    dead = {problem.path.name for problem in plan.problems if problem.reason == DEAD}
    assert dead == {"gone.jpg", "gone album", "circle.jpg"}
    assert len(plan.jobs) == 3
    assert any("1 other files ignored" in note for note in plan.notes)


def test_a_run_says_which_links_are_dead(run: Run, library: Path, tmp_path: Path) -> None:
    (library / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    result = run("colorize", library, "-r", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "3 coloured, 1 failed" in result.stderr
    assert f"{library / 'gone.jpg'}: {DEAD}" in result.stderr
    again = run("colorize", library, "-r", "-o", tmp_path / "out")
    assert "3 done before and skipped" in again.stderr
    assert (tmp_path / "out/album/may/b.jpg").is_file()


def test_links_and_arguments_of_too_long_names_are_dead_links_and_no_files(library: Path, tmp_path: Path) -> None:
    (library / "long.jpg").symlink_to("n" * 300)
    plan = make_plan([library, "b" * 300 + ".jpg"], tmp_path / "out", recursive=True)
    assert len(plan.jobs) == 3
    assert [(problem.path.name[:8], problem.reason) for problem in plan.problems] == [
        ("long.jpg", DEAD),
        ("bbbbbbbb", "no such file or folder"),
    ]


def test_links_to_photos_stay_photos(library: Path, tmp_path: Path) -> None:
    (library / "best.jpg").symlink_to("a.jpg")
    assert {"a.jpg", "best.jpg"} <= planned(make_plan([library], tmp_path / "out"))


def test_patterns_match_as_the_shell_does(tmp_path: Path) -> None:
    names = ["x/a.jpg", "x/y/b.jpg", "x/y/z/c.jpg", "x/y/d.png", "w/y/e.jpg"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for pattern in ("**/*.jpg", "x/**/*.jpg", "**/y/*.jpg", "*/**/y/**/*.jpg", "x/**/y/*", "**/[ab].jpg", "x/**/z/**"):
        matched = glob.glob(pattern, root_dir=tmp_path, recursive=True)  # noqa: PTH207 what is compared with
        expected = {name for name in names if name in matched}
        plan = make_plan([f"{tmp_path}/{pattern}"], tmp_path / "out")
        assert {os.path.relpath(job.source, tmp_path) for job in plan.jobs} == expected
