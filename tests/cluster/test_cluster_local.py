"""``--ray local``: what one machine makes, and each photo exactly once through kills and photos that kill."""

import json
import re
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from commands import COLORHUB
from PIL import Image
from ray_runs import FAILS_ONCE, kill, make_photos, make_poison, results, run, start, timeless, wait_for, workers

from colorhub.archive.manifest import read_rows
from colorhub.archive.places import Place
from colorhub.archive.row_files import rows_of, tables
from colorhub.archive.verify import Verification
from colorhub.models import UNet
from colorhub.photo import Photo

pytest.importorskip("ray")
pytestmark = pytest.mark.slow


def expect_sound(output: Path, source: Path, count: int) -> None:
    """One row a photo, nothing to find, and nothing left of Ray."""
    rows = list(read_rows(str(output)))
    assert len({row.source for row in rows}) == len(rows) == count
    assert list(Verification(Place.of(output), Place.of(source)).findings()) == []
    assert not (output / "colorhub-manifest.rows").exists()


def poisoned(folder: Path) -> Path:
    """A model of the package that :func:`make_poison` makes."""
    UNet(**UNet.tiny()).save_pretrained(folder)
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"architecture": "poison"}))
    return folder


def test_it_makes_what_one_machine_makes(tmp_path: Path, model: Path) -> None:
    source = make_photos(tmp_path / "in", 20)
    grey = Image.open(source / "000.jpg")
    grey.convert("P").save(source / "twin.gif")
    grey.save(source / "twin.png")
    grey.save(source / "b/two dots.ünd.tif")
    (source / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    one = [*COLORHUB, "colorize", str(source), "-o", str(tmp_path / "one"), "-r", "--model", str(model), "--manifest"]
    subprocess.run(one, capture_output=True, check=False)
    told = run(source, tmp_path / "ray", model, "local", "--json", code=1)
    found, wanted = ({row.source: row for row in read_rows(str(tmp_path / name))} for name in ("ray", "one"))
    assert found.keys() == wanted.keys() and len(found) == 24
    for name, row in wanted.items():
        same = ("status", "output", "source_size", "source_sha256", "model", "model_sha256", "settings", "reason")
        assert [getattr(found[name], key) for key in same] == [getattr(row, key) for key in same]
        if row.output:
            mine, theirs = (Photo.open(tmp_path / folder / row.output) for folder in ("ray", "one"))
            assert np.abs(mine.rgb.astype(int) - theirs.rgb.astype(int)).max() <= (1 if mine.rgb.itemsize == 1 else 256)
            assert timeless(mine) == timeless(theirs)
            assert (tmp_path / "ray" / row.output).stat().st_mtime == (tmp_path / "one" / row.output).stat().st_mtime
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    assert lines[-1]["summary"]["colored"] == 23 and lines[-1]["summary"]["failed"] == 1
    expect_sound(tmp_path / "ray", source, 24)


def test_a_killed_driver_and_a_killed_process_cost_nothing(tmp_path: Path, model: Path) -> None:
    source, output = make_photos(tmp_path / "in", 120), tmp_path / "out"
    driver = start(source, output, model, "local")
    wait_for(output, 10, driver)
    kill(workers(driver.pid)[0])
    wait_for(output / rows_of("photos"), 2, driver, "*.parquet")
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    before = results(output)
    assert before < 120
    told = run(source, output, model, "local", "--json")
    summary = json.loads(next(line for line in told.splitlines() if line.startswith('{"summary"')))["summary"]
    assert summary["failed"] == 0 and summary["skipped"] > 0
    assert summary["colored"] + summary["skipped"] == 120
    expect_sound(output, source, 120)


def test_a_photo_that_kills_or_hangs_takes_no_other_with_it(tmp_path: Path) -> None:
    source, output = make_photos(tmp_path / "in", 20), tmp_path / "out"
    Image.new("L", (60, 45)).save(source / "black.png")
    Image.new("L", (60, 45), 128).save(source / "blank.png")
    environment, model = make_poison(tmp_path / "packages"), poisoned(tmp_path / "model")
    told = run(source, output, model, "local", "--time-limit", "10", code=1, env=environment)
    for name in ("black", "blank"):
        assert f"{name}.png: the process that opened it ended or hung, 3 times: it is given up" in told
    rows = {row.source: row for row in read_rows(str(output))}
    assert sorted(name for name, row in rows.items() if row.status == "failed") == ["black.png", "blank.png"]
    assert results(output) == 20
    expect_sound(output, source, 22)


def test_where_ray_gives_up_the_rest_is_begun_again(tmp_path: Path) -> None:
    source, output = make_photos(tmp_path / "in", 20), tmp_path / "out"
    environment, model = make_poison(tmp_path / "packages", FAILS_ONCE), poisoned(tmp_path / "model")
    told = run(source, output, model, "local", env=environment)
    assert re.search(r"Note: Ray gave up \(.*\); what is left is begun again\.", told)
    expect_sound(output, source, 20)


def test_ctrl_c_stops_it_in_order(tmp_path: Path, model: Path) -> None:
    source, output = make_photos(tmp_path / "in", 120), tmp_path / "out"
    driver = start(source, output, model, "local")
    wait_for(output, 5, driver)
    driver.send_signal(signal.SIGINT)
    _, errors = driver.communicate(timeout=60)
    assert driver.returncode == 130, errors
    assert "the same command again to continue" in errors and "Traceback" not in errors
    told = sum(table.num_rows for table in tables(Place.of(output), rows_of("photos")))
    assert told == results(output) < 120  # what was in work was finished, and is known
