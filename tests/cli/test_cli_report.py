"""What was lost of photos is in the summary, however many there are, and in the JSON."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import Result

Run = Callable[..., Result]
COUNT = 23  # more than are named one by one


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Pages of 2 to 4, transparency, one in colour whose pages stay, and many with nothing to lose."""
    folder = tmp_path / "in"
    folder.mkdir()
    pages = [Image.new("L", (20, 20), value) for value in (40, 80, 120, 160)]
    for number in (2, 3, 3, 4):
        name = f"pages{len(list(folder.iterdir()))}.tif"
        pages[0].save(folder / name, save_all=True, append_images=pages[1:number])
    colors = [Image.fromarray(np.random.default_rng(i).integers(0, 256, (40, 40, 3), np.uint8)) for i in range(2)]
    colors[0].save(folder / "color.tif", save_all=True, append_images=colors[1:])
    Image.new("LA", (20, 20), (90, 120)).save(folder / "alpha.png")
    for number in range(COUNT - 6):
        Image.new("L", (20, 20), number).save(folder / f"{number:02}.png")
    return folder


def test_what_was_lost_is_counted_by_kind(run: Run, photos: Path, tmp_path: Path) -> None:
    result = run("colorize", photos, "-o", tmp_path / "out", "--format", "jpg", "--in-color", "recolor")
    assert result.exit_code == 0
    assert "pages" not in result.stdout  # too many to be named one by one
    said = [line.strip() for line in result.stderr.splitlines() if "photo" in line and ":" in line]
    assert sorted(said) == [
        "1 photo: JPEG holds no transparency: flattened on white",
        "5 photos: multi-page TIFF: first of ... pages",
    ]
    assert f"{COUNT} coloured in" in result.stderr


def test_what_all_lost_alike_keeps_its_numbers(run: Run, photos: Path, tmp_path: Path) -> None:
    pages = sorted(photos.glob("pages*.tif"))[1:3]
    result = run("colorize", *pages, "-o", tmp_path / "out")
    assert "2 photos: multi-page TIFF: first of 3 pages" in result.stderr
    assert result.stdout.count("(multi-page TIFF: first of 3 pages)") == 2  # and, being few, each by its name
    nothing = run("colorize", photos / "00.png", "-o", tmp_path / "out")
    assert nothing.stderr.strip().startswith("1 coloured in")
    assert len(nothing.stderr.strip().splitlines()) == 1


def test_what_was_lost_is_in_the_json(run: Run, photos: Path, tmp_path: Path) -> None:
    result = run("colorize", photos, "-o", tmp_path / "out", "--json")
    *files, last = [json.loads(line) for line in result.stdout.splitlines()]
    lost = {Path(entry["path"]).name: entry["lost"] for entry in files}
    assert lost["pages0.tif"] == ["multi-page TIFF: first of 2 pages"]
    assert lost["00.png"] == []
    assert lost["color.tif"] == []  # the very same file, with all its pages
    assert (tmp_path / "out/color.tif").read_bytes() == (photos / "color.tif").read_bytes()
    assert last["summary"]["lost"] == {"multi-page TIFF: first of ... pages": 4}
