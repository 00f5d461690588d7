"""The blind comparison: what the judges see is what the key says, and votes are counted for whom they were given."""

import json
from pathlib import Path

import pytest
from PIL import Image
from scipy.stats import binomtest

from benchmarks.blind import main


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """Twenty answers each of a red and of a blue program."""
    for name in ("red", "blue"):
        (tmp_path / name).mkdir()
        for number in range(20):
            Image.new("RGB", (60, 40 + number), name).save(tmp_path / name / f"photo{number}.png")
    return [f"{name}={tmp_path / name}" for name in ("red", "blue")]


def seen(path: Path) -> dict[str, str]:
    """The programs by their side, as the picture itself shows them."""
    names = {(255, 0, 0): "red", (0, 0, 255): "blue"}
    with Image.open(path) as sheet:
        return {"left": names[sheet.getpixel((2, 2))], "right": names[sheet.getpixel((sheet.width - 2, 2))]}


def test_votes_are_counted_for_whom_they_were_given(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pairs", str(tmp_path / "out"), *folders]) == 0
    pairs = {path.stem.removeprefix("pair-"): seen(path) for path in sorted((tmp_path / "out").iterdir())}
    key = json.loads((tmp_path / "out.json").read_text())["pairs"]
    assert {number: {side: one[side] for side in ("left", "right")} for number, one in key.items()} == pairs
    assert len({one["photo"] for one in key.values()}) == 20
    assert {one["left"] for one in pairs.values()} == {"red", "blue"}  # the order is random

    loves_red = [f"{number} {'left' if sides['left'] == 'red' else 'right'}" for number, sides in pairs.items()]
    (tmp_path / "one.txt").write_text("\n".join([*loves_red[:15], "15 same", "# reds are warm", "99 left"]))
    (tmp_path / "two.txt").write_text("\n".join(f"{number} left" for number in pairs))
    answers = [str(tmp_path / name) for name in ("one.txt", "two.txt")]
    kept = tmp_path / "kept.json"
    capsys.readouterr()
    assert main(["count", str(tmp_path / "out.json"), *answers, "--keep", str(kept)]) == 0
    printed = capsys.readouterr().out
    lines = dict(line.split(": ", 1) for line in printed.splitlines())
    ends = binomtest(15, 16).proportion_ci(method="wilson")
    assert lines["one"] == f"red 15, blue 0, same 1; red 94% [{ends.low:.0%}, {ends.high:.0%}]"
    left = sum(sides["left"] == "red" for sides in pairs.values())
    assert lines["two"].startswith(f"red {left}, blue {20 - left}, same 0;")
    assert lines["all"].startswith(f"red {15 + left}, blue {20 - left}, same 1;")
    assert main(["count", str(kept)]) == 0  # again, without the pictures
    assert capsys.readouterr().out == printed
