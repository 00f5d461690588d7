"""``python -m training.reproduce`` as it is typed: on pictures made here, in seconds a run."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Features, Image, Value
from PIL import Image as PillowImage

from training.reproduce import __main__ as command
from training.reproduce import page
from training.reproduce.harness import ResourceError, check_memory
from training.reproduce.plan import code_version
from training.reproduce.runs import Task, load_report, read_figures
from training.reproduce.spec import Setting

ROOT = Path(__file__).parents[3]
_SCENES = ("buildings", "forest", "glacier", "mountain", "sea", "street")
_ROLES = {  # role -> splits, pictures, side, labels, source
    "photos": (("train", "validation", "test"), 60, 64, _SCENES, "intel"),
    "people": (("train", "validation", "test"), 20, 64, ("person",), "people"),
    "faces": (("train", "test"), 40, 128, ("face",), "faces"),
    "cifar10": (("train", "test"), 60, 32, tuple("abcdefghij"), "cifar10"),
}


def _write(folder: Path, split: str, count: int, size: int, labels: tuple[str, ...], source: str) -> None:
    random = np.random.default_rng(len(split))
    rows = []
    for number in range(count):
        mean = random.uniform(40, 200, 3) if number % 2 else (40 + 20 * (number % 7), 120, 90)
        pixels = np.clip(random.normal(mean, 20, (size, size, 3)), 0, 255).astype(np.uint8)
        buffer = BytesIO()
        PillowImage.fromarray(pixels).save(buffer, "PNG")
        label = labels[number % len(labels)]
        rows.append({"image": {"bytes": buffer.getvalue(), "path": None}, "label": label, "source": source})
    folder.mkdir(exist_ok=True)
    schema = Features({"image": Image(), "label": Value("string"), "source": Value("string")}).arrow_schema
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / f"{split}-00000-of-00001.parquet")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder as ``$COLORHUB_DATA`` with all the roles, of a few pictures each."""
    root = tmp_path_factory.mktemp("data")
    for role, (splits, count, size, labels, source) in _ROLES.items():
        for split in splits:
            _write(root / role, split, count, size, labels, source)
    return root


def _environment(made: Path) -> dict[str, str]:
    cache = str(made / "cache")
    return {**os.environ, "COLORHUB_DATA": str(made), "HF_DATASETS_CACHE": cache, "PYTHONPATH": str(ROOT)}


def _typed(made: Path, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "training.reproduce", *words]
    return subprocess.run(line, env=_environment(made), capture_output=True, text=True, timeout=900, check=False)


def _said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command that cannot be followed says: one sentence."""
    assert command.main(words) == 1
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    return text


def test_an_unknown_report(capsys):
    assert "There is no report '006'" in _said(capsys, "006")


def test_too_few_seeds(capsys):
    assert "at least 3" in _said(capsys, "001", "--seeds", "2")


def test_data_that_is_not_there(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("COLORHUB_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    text = _said(capsys, "002", "--quick", "--jobs", "1", "--output", str(tmp_path))
    assert "needs the role 'faces'" in text
    assert "Georgia Tech" in text


def test_too_little_memory(capsys):
    assert "use --jobs" in _said(capsys, "001", "--jobs", "100000")
    check_memory(4, 2.0, 9.0)
    with pytest.raises(ResourceError, match=r"--jobs 5 takes about 10 GB .* and 9.0 GB are free: use --jobs 4"):
        check_memory(5, 2.0, 9.0)


def test_a_page_that_was_edited_by_hand(tmp_path):
    page.check_unedited(tmp_path, "001")  # there is none
    (tmp_path / "001.md").write_text("Ours.\n")
    with pytest.raises(page.PageError, match=r"001\.md was edited by hand .* add --overwrite"):
        page.check_unedited(tmp_path, "001")


def test_versions_tell_reports_and_data_apart(made, tmp_path, monkeypatch):
    monkeypatch.setenv("COLORHUB_DATA", str(made))
    before = code_version(load_report("002"))
    assert before != code_version(load_report("001"))
    copy = tmp_path / "data"
    shutil.copytree(made / "faces", copy / "faces")
    _write(copy / "faces", "test", 41, 128, ("face",), "faces")
    monkeypatch.setenv("COLORHUB_DATA", str(copy))
    assert code_version(load_report("002")) != before


@pytest.mark.slow
def test_all_five_quickly_then_kept_then_one_arm_again(made, tmp_path):
    words = ("--quick", "--output", str(tmp_path))
    first = _typed(made, "all", *words, "--jobs", "2")
    assert first.returncode == 0, first.stderr
    for number in ("000", "001", "002", "003", "004"):
        text, facts = _page(tmp_path, number)
        assert "no evidence" in text
        assert not facts["evidence"]
        assert [row["key"] for row in facts["rows"]] == [claim["key"] for claim in facts["claims"]]
        assert all(claim["text"] in text for claim in facts["claims"])
        assert (tmp_path / "quick" / f"{number}-claims.svg").is_file()
        assert str(made) not in text + json.dumps(facts)
    text, before = _page(tmp_path, "001")
    (runs,) = (tmp_path / "001").iterdir()
    figures = dict(np.load(runs / "mse-1" / "figures.npz"))
    shutil.rmtree(runs / "mse-1")
    again = _typed(made, "001", *words, "--jobs", "1")
    assert again.returncode == 0, again.stderr
    assert "5 of 6 runs are there already" in again.stdout
    assert _same(figures, dict(np.load(runs / "mse-1" / "figures.npz")))
    assert _page(tmp_path, "001")[1]["rows"] == before["rows"]
    (tmp_path / "001" / "quick-another").mkdir()
    (tmp_path / "quick" / "001.md").write_text("Ours.\n")
    refused = _typed(made, "001", *words)
    assert refused.returncode == 1
    assert "edited by hand" in refused.stderr
    last = _typed(made, "001", *words, "--overwrite")
    assert "another version" in last.stdout
    assert _page(tmp_path, "001")[0].startswith("# Report 001")


@pytest.mark.slow
def test_the_default_models_parts_quickly(made, tmp_path):
    done = _typed(made, "natural", "--quick", "--output", str(tmp_path), "--jobs", "2")
    assert done.returncode == 0, done.stderr
    text, facts = _page(tmp_path, "natural")
    assert text.startswith("# Report natural")
    assert len(facts["arms"]["random"]["figures"]) == facts["seeds"]
    assert all(row["verdict"] != "cannot be tested here" or row["why"] for row in facts["rows"])


def _page(folder: Path, number: str) -> tuple[str, dict]:
    facts = json.loads((folder / "quick" / f"{number}.json").read_text())
    return (folder / "quick" / f"{number}.md").read_text(), facts


def _same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    return first.keys() == second.keys() and all(np.array_equal(first[key], second[key], True) for key in first)


_RUN = """
from pathlib import Path
from training.reproduce import runs
from training.reproduce.spec import Setting

runs.prepare_worker()
runs.run(runs.Task("002", "tanh-128-3", 0, {steps}, Setting(64, 6, True), Path({folder!r}), Path({folder!r})))
"""


@pytest.mark.slow
def test_a_kill_costs_one_checkpoint_interval_and_changes_no_figure(made, tmp_path):
    steps = 60

    def start(folder: Path) -> subprocess.Popen[bytes]:
        folder.mkdir(exist_ok=True)
        code = _RUN.format(steps=steps, folder=str(folder))
        return subprocess.Popen([sys.executable, "-c", code], env=_environment(made))

    whole = tmp_path / "whole"
    assert start(whole).wait(600) == 0
    cut = tmp_path / "cut"
    killed = start(cut)
    while not (newest := sorted((cut / "tanh-128-3-0").glob("step-*"))) and killed.poll() is None:
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (cut / "tanh-128-3-0" / "finished.json").exists()
    assert newest
    assert start(cut).wait(600) == 0
    resumed = [line for line in (cut / "tanh-128-3-0.log").read_text().splitlines() if "from step" in line]
    assert int(resumed[-1].split("from step ")[1].split()[0]) >= steps // 20
    places = (Task("002", "tanh-128-3", 0, steps, Setting(64, 6, True), folder, folder) for folder in (whole, cut))
    assert _same(*(read_figures(task) for task in places))
