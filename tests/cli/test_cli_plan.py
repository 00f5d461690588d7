"""Which files go where: found, named, split over processes. No network, no pixels: the plan looks at names only."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from colorhub._files import clean_up
from colorhub.folder.memory import MemoryLimiter, pixels_of
from colorhub.folder.plan import FolderPlan, Job, PlanError, Shard, make_plan

Tree = Callable[..., Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Makes files (with nothing in them that matters) below a temporary folder."""

    def make(*names: str) -> Path:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"some bytes")
        return tmp_path

    return make


def outputs(plan: FolderPlan, root: Path) -> dict[str, str]:
    """Source -> output, relative to ``root``."""
    return {str(job.source.relative_to(root)): str(job.output.relative_to(root)) for job in plan.jobs}


def test_a_folder_keeps_its_structure(tree: Tree) -> None:
    root = tree("in/a.jpg", "in/1920/b.TIF", "in/1920/may/c.png", "in/notes.txt", "in/.hidden.jpg", "in/.cache/d.jpg")
    assert outputs(make_plan([root / "in"], root / "out"), root) == {"in/a.jpg": "out/a.jpg"}
    assert outputs(make_plan([root / "in"], root / "out", recursive=True), root) == {
        "in/a.jpg": "out/a.jpg",
        "in/1920/b.TIF": "out/1920/b.TIF",
        "in/1920/may/c.png": "out/1920/may/c.png",
    }


def test_one_result_may_be_named(tree: Tree) -> None:
    root = tree("in/a.tif", "in/b.jpg", "taken.png")
    assert outputs(make_plan([root / "in/a.tif"], root / "new/colour.png"), root) == {"in/a.tif": "new/colour.png"}
    assert [job.output for job in make_plan([root / "in/a.tif"], root / "taken.png").done] == [root / "taken.png"]
    again = make_plan([root / "in/a.tif"], root / "taken.png", overwrite=True)
    assert outputs(again, root) == {"in/a.tif": "taken.png"}
    with pytest.raises(PlanError, match="names one picture, and there are 2 photos"):
        make_plan([root / "in"], root / "colour.png")
    [problem] = make_plan([root / "in/a.tif"], root / "in/a.tif").problems
    assert "would overwrite the photo" in problem.reason
    (root / "folder.png").mkdir()
    assert outputs(make_plan([root / "in/b.jpg"], root / "folder.png"), root) == {"in/b.jpg": "folder.png/b.jpg"}


def test_several_arguments_keep_what_sets_them_apart(tree: Tree) -> None:
    root = tree("in/x/a.jpg", "in/y/a.jpg", "in/b.jpg")
    plan = make_plan([root / "in/x", root / "in/y", root / "in/b.jpg"], root / "out")
    assert outputs(plan, root) == {"in/x/a.jpg": "out/x/a.jpg", "in/y/a.jpg": "out/y/a.jpg", "in/b.jpg": "out/b.jpg"}


def test_patterns_are_expanded(tree: Tree) -> None:
    root = tree("in/a.jpg", "in/x/b.jpg", "in/x/y/c.png", "in/x/d.txt")
    assert set(outputs(make_plan([f"{root}/in/*.jpg"], root / "out"), root).values()) == {"out/a.jpg"}
    assert set(outputs(make_plan([f"{root}/in/**/*"], root / "out"), root).values()) == {
        "out/a.jpg",
        "out/x/b.jpg",
        "out/x/y/c.png",
    }
    assert "matches no pictures" in make_plan([f"{root}/in/*.webp"], root / "out").problems[0].reason


def test_a_name_with_brackets_is_no_pattern(tree: Tree) -> None:
    root = tree("in/scan[1].jpg")
    assert outputs(make_plan([root / "in/scan[1].jpg"], root / "out"), root) == {"in/scan[1].jpg": "out/scan[1].jpg"}


def test_a_file_named_twice_is_coloured_once(tree: Tree) -> None:
    root = tree("in/a.jpg")
    plan = make_plan([root / "in", root / "in/a.jpg", f"{root}/in/../in/*.jpg"], root / "out")
    assert len(plan.jobs) == 1


def test_without_a_folder_results_stand_beside_the_photos(tree: Tree) -> None:
    root = tree("in/a.jpg", "in/x/b.png")
    assert outputs(make_plan([root / "in"], recursive=True), root) == {
        "in/a.jpg": "in/a.color.jpg",
        "in/x/b.png": "in/x/b.color.png",
    }


def test_results_are_not_coloured_again(tree: Tree) -> None:
    root = tree("in/a.jpg", "in/a.color.jpg", "in/out/a.jpg", "in/out/old/b.jpg")
    beside = make_plan([root / "in"], recursive=False)
    assert [job.output.name for job in beside.done] == ["a.color.jpg"]
    assert beside.jobs == []
    inside = make_plan([root / "in"], root / "in/out", recursive=True, overwrite=True)
    assert outputs(inside, root) == {"in/a.jpg": "in/out/a.jpg"}
    assert any("1 left alone" in note for note in inside.notes)
    assert outputs(make_plan([f"{root}/in/**/*.jpg"], root / "in/out", overwrite=True), root) == {
        "in/a.jpg": "in/out/a.jpg"
    }


def test_a_photo_is_never_its_own_result(tree: Tree) -> None:
    root = tree("in/a.jpg", "in/x/b.jpg")
    plan = make_plan([root / "in"], root / "in", recursive=True, overwrite=True)
    assert outputs(plan, root) == {"in/a.jpg": "in/a.color.jpg", "in/x/b.jpg": "in/x/b.color.jpg"}
    (root / "link").symlink_to(root / "in")
    plan = make_plan([root / "in/a.jpg"], root / "link", overwrite=True)
    assert [job.output.name for job in plan.jobs] == ["a.color.jpg"]


def test_a_photo_is_never_the_result_of_another(tree: Tree) -> None:
    root = tree("in/a.jpg", "y.jpg", "out/keep.txt")
    (root / "in/b.jpg").symlink_to(root / "in/a.jpg")
    (root / "out/a.jpg").symlink_to(root / "in/b.jpg")  # what would be written there would land in in/a.jpg
    plan = make_plan([root / "in/a.jpg", root / "in/b.jpg"], root / "out", overwrite=True)
    assert [job.output.name for job in plan.jobs] == ["b.jpg"]
    assert [problem.path.name for problem in plan.problems] == ["a.jpg"]
    assert "would overwrite the photo" in plan.problems[0].reason


def test_done_photos_are_skipped_unless_told(tree: Tree) -> None:
    root = tree("in/a.jpg", "in/b.jpg", "out/a.jpg")
    plan = make_plan([root / "in"], root / "out")
    assert [job.source.name for job in plan.jobs] == ["b.jpg"]
    assert [job.source.name for job in plan.done] == ["a.jpg"]
    assert len(make_plan([root / "in"], root / "out", overwrite=True).jobs) == 2


def test_results_with_another_suffix_count_as_done(tree: Tree) -> None:
    # A PNG called b.jpg gives b.jpg.png, and a file without a suffix gets one.
    root = tree("in/a.gif", "in/b.jpg", "out/a.png", "out/b.jpg.png", "scan", "out/scan.jpg")
    plan = make_plan([root / "in/a.gif", root / "in/b.jpg"], root / "out")
    assert (len(plan.done), plan.jobs) == (2, [])
    assert len(make_plan([root / "scan"], root / "out").done) == 1


def test_the_format_names_the_results(tree: Tree) -> None:
    root = tree("in/a.jpg", "in/b.tiff", "in/c.PNG", "in/d.gif")
    assert set(outputs(make_plan([root / "in"], root / "out", format="png"), root).values()) == {
        "out/a.png",
        "out/b.png",
        "out/c.PNG",
        "out/d.png",
    }
    with pytest.raises(PlanError, match="JPEG, PNG"):
        make_plan([root / "in"], root / "out", format="pgn")


def test_two_photos_with_one_result_are_told_apart(tree: Tree) -> None:
    root = tree("in/a.jpg", "in/a.png", "in/b.jpg")
    plan = make_plan([root / "in"], root / "out", format="png")
    assert outputs(plan, root) == {"in/a.jpg": "out/a.jpg.png", "in/a.png": "out/a.png", "in/b.jpg": "out/b.png"}
    assert any("a.jpg.png" in note for note in plan.notes)
    beside = make_plan([root / "in"], format="png")
    assert outputs(beside, root)["in/a.jpg"] == "in/a.jpg.color.png"
    root = tree("in/a.jpg.png")
    plan = make_plan([root / "in"], root / "out", format="png")
    assert len({job.output for job in plan.jobs}) == len(plan.jobs) == 3
    assert [problem.path.name for problem in plan.problems] == ["a.jpg.png"]
    assert "rename one" in plan.problems[0].reason


def test_what_cannot_be_found_is_said(tree: Tree) -> None:
    root = tree("empty/notes.txt", "deep/x/a.jpg")
    reasons = {
        str(problem.path.relative_to(root)): problem.reason
        for problem in make_plan([root / "none.jpg", root / "empty", root / "deep"], root / "out").problems
    }
    assert reasons["none.jpg"] == "no such file or folder"
    assert "holds no pictures" in reasons["empty"]
    assert "--recursive" in reasons["deep"]
    with pytest.raises(PlanError, match="is a file"):
        make_plan([root / "deep"], root / "empty/notes.txt")


def test_pipes_and_dead_links_are_problems(tree: Tree) -> None:
    root = tree("in/a.jpg")
    os.mkfifo(root / "pipe.jpg")
    (root / "dead.jpg").symlink_to(root / "nowhere.jpg")
    plan = make_plan([root / "pipe.jpg", root / "dead.jpg"], root / "out")
    assert [problem.reason for problem in plan.problems] == [
        "neither a file nor a folder",
        "a link to a file that does not exist",
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_every_file_is_in_exactly_one_shard(tree: Tree, count: int) -> None:
    names = [f"in/{i % 5}/{i}.jpg" for i in range(60)]
    root = tree(*names)
    plans = [make_plan([root / "in"], root / "out", recursive=True, shard=Shard(i, count)) for i in range(count)]
    shares = [[job.relative for job in plan.jobs] for plan in plans]
    assert sorted(name for share in shares for name in share) == sorted(name.removeprefix("in/") for name in names)
    assert all(plan.elsewhere + len(plan.jobs) == 60 for plan in plans)
    assert count == 1 or max(map(len, shares)) < 60


def test_a_shard_depends_on_the_relative_path_alone(tree: Tree) -> None:
    root = tree(*(f"{folder}/{i}.jpg" for folder in ("one", "two/in") for i in range(30)))
    picked = [
        {job.relative for job in make_plan([root / folder], root / "out", shard=Shard(1, 3)).jobs}
        for folder in ("one", "two/in")
    ]
    assert picked[0] == picked[1]
    for relative in ("1920/may/a.jpg", "grün.png", os.fsdecode(b"not-utf8-\xff.tif")):
        digest = hashlib.blake2b(os.fsencode(relative), digest_size=8).hexdigest()
        assert [Shard(i, 7).holds(relative) for i in range(7)].index(True) == int(digest, 16) % 7


@pytest.mark.parametrize("text", ["2/2", "1", "a/b", "-1/2", "1/0", "/", "0/2/3"])
def test_wrong_shards_are_refused(text: str) -> None:
    with pytest.raises(PlanError, match="i/n"):
        Shard.parse(text)


def test_the_shard_of_a_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert Shard.from_environment() is None
    monkeypatch.setenv("RANK", "3")
    assert Shard.from_environment() == Shard(3, 4)


def test_leftovers_are_removed_when_they_are_old(tree: Tree) -> None:
    root = tree(".a.jpg.0123456789ab.tmp", ".b.tmp", "c.jpg.tmp", "d.jpg")
    os.utime(root / ".a.jpg.0123456789ab.tmp", (0, 0))  # an old photo's time is not the file's age
    assert clean_up([root, root / "none"]) == 0
    assert clean_up([root], age=-1) == 1
    assert sorted(path.name for path in root.iterdir()) == [".b.tmp", "c.jpg.tmp", "d.jpg"]


def photo_jobs(folder: Path, sizes: list[tuple[int, int]]) -> list[Job]:
    from PIL import Image

    jobs = []
    for number, size in enumerate(sizes):
        path = folder / f"{number}.png"
        Image.new("L", size).save(path)
        jobs.append(Job(path, path, path.name))
    return jobs


def test_pixels_in_work_are_bounded(tmp_path: Path) -> None:
    jobs = photo_jobs(tmp_path, [(100, 100)] * 40 + [(200, 200)] + [(100, 100)] * 7)
    assert pixels_of(jobs[40].source) == 40_000
    limiter, in_work, seen = MemoryLimiter(jobs, workers=2, limit=30_000), [], []
    while True:
        # What a second worker would do: finish something when there is no room, then ask again.
        while in_work and sum(cost for _, cost in in_work) + 10_000 > 30_000:
            limiter.give_back(in_work.pop(0)[1])
        if len(seen) == 40:
            while in_work:
                limiter.give_back(in_work.pop(0)[1])
        group = limiter.next_group()
        if not group:
            break
        in_work += group
        seen += [job for job, _ in group]
        assert sum(cost for _, cost in in_work) <= 30_000
    assert seen == jobs


def test_photos_are_let_in_few_at_a_time_near_the_end(tmp_path: Path) -> None:
    limiter = MemoryLimiter(photo_jobs(tmp_path, [(10, 10)] * 40), workers=2)
    sizes = []
    while group := limiter.next_group():
        sizes.append(len(group))
        limiter.give_back(sum(cost for _, cost in group))
    assert sum(sizes) == 40
    assert sizes[0] == 8
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-2:] == [1, 1]
