"""Rows held out by blocks of one source."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from colorhub._data import local_source
from training.data.sources import DataError
from training.hold_out import BLOCK, held_out_rows, main

SOURCES = ["a"] * 500 + ["b"] * 300 + ["c"] * 200


def test_shares_and_blocks() -> None:
    rows = held_out_rows(SOURCES, 100)
    assert len(set(rows.tolist())) == 100
    assert Counter(SOURCES[row] for row in rows) == {"a": 50, "b": 30, "c": 20}
    runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    assert len(runs) <= 100 / BLOCK + 3  # one more block a source, where its share ends within one
    assert np.array_equal(rows, held_out_rows(SOURCES, 100))
    assert not np.array_equal(rows, held_out_rows(SOURCES, 100, seed=1))


def test_rounding_gives_exactly_as_many() -> None:
    assert len(held_out_rows(["a", "b", "c"] * 33 + ["d"], 10)) == 10


def test_the_new_folder_has_every_row_once_and_wins_by_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    old = tmp_path / "old" / "people"
    old.mkdir(parents=True)
    for number, part in enumerate(np.array_split(np.arange(1000), 2)):
        table = pa.table({"number": part, "source": [SOURCES[row] for row in part]})
        pq.write_table(table, old / f"train-{number:05d}-of-00002.parquet")
    pq.write_table(pa.table({"number": [7]}), old / "test-00000-of-00001.parquet")
    monkeypatch.setenv("COLORHUB_DATA", str(tmp_path / "old"))
    new = tmp_path / "new" / "people"
    assert main(["people", "--rows", "100", "-o", str(new)]) == 0
    assert "900 rows to train on, 100 held out" in capsys.readouterr().out
    kept = [row for file in sorted(new.glob("train-*")) for row in pq.read_table(file)["number"].to_pylist()]
    held = pq.read_table(new / "validation-00000-of-00001.parquet")["number"].to_pylist()
    assert sorted([*kept, *held]) == list(range(1000))
    assert held == held_out_rows(SOURCES, 100).tolist()
    assert (new / "test-00000-of-00001.parquet").is_file()
    monkeypatch.setenv("COLORHUB_DATA", f"{tmp_path / 'new'}:{tmp_path / 'old'}")
    assert local_source("people") == new
    assert main(["people", "-o", str(new)]) == 1
    assert "holds something already" in capsys.readouterr().err


def test_too_many_rows_are_refused() -> None:
    with pytest.raises(DataError, match="between 1 and 500"):
        held_out_rows(SOURCES, 501)
