"""A manifest: one row a file, whatever happened on the way, and the rows are true."""

import hashlib
import json
import multiprocessing
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from commands import COLORHUB, typed
from photos import grey_photo
from PIL import Image
from skimage import data

from colorhub.archive.journal import Journal, Known, join_if_complete
from colorhub.archive.lease import LeaseError, in_turn, leased
from colorhub.archive.manifest import PARQUET, join, read_rows
from colorhub.archive.places import Place
from colorhub.archive.row_files import PASSES
from colorhub.archive.row_files import rows_of as rows_of_pass
from colorhub.archive.rows import ManifestError, Row, as_text

SETTINGS = '{"vividness": 1.0}'


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six photos in two folders, of which one is in colour and one is damaged."""
    folder = tmp_path / "in"
    (folder / "b").mkdir(parents=True)
    grey = grey_photo("astronaut", (96, 80))
    for name in ("1.jpg", "2.png", "b/3.jpg", "b/4 \N{SNOWMAN}.tif"):
        grey.save(folder / name)
    Image.fromarray(data.astronaut()).resize((96, 80)).save(folder / "color.png")
    (folder / "damaged.jpg").write_bytes((folder / "1.jpg").read_bytes()[:300])
    return folder


@pytest.fixture
def colorize(model: Path, photos: Path, tmp_path: Path) -> Callable[..., str]:
    """``colorhub colorize`` of the photos with a manifest; gives what is printed."""

    def call(*options: object, code: int = 0, out: str = "out") -> str:
        given = ["--recursive", "--model", model, "-o", tmp_path / out, *options]
        return typed("colorize", photos, *given, code=code).output

    return call


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rows_of(folder: Path) -> dict[str, Row]:
    rows = list(read_rows(str(folder)))
    assert len({row.source for row in rows}) == len(rows)
    return {row.source: row for row in rows}


def last_output(rows: dict[str, Row]) -> str:
    """The output of the last row."""
    return str(list(rows.values())[-1].output)


def test_a_row_says_what_the_files_are(colorize: Callable[..., str], photos: Path, tmp_path: Path) -> None:
    colorize("--manifest", code=1)
    out = tmp_path / "out"
    table = pq.read_table(out / PARQUET).to_pylist()
    assert len(table) == 6
    assert not list(out.glob("*.jsonl")) and not list(out.glob("*lease*"))
    for row in table:
        source = photos / row["source"]
        assert (row["source_size"], row["source_sha256"]) == (source.stat().st_size, sha256(source))
        if row["status"] == "failed":
            assert row["source"] == "damaged.jpg" and row["reason"] and row["output"] is None
            continue
        result = out / row["output"]
        assert (row["output_size"], row["output_sha256"]) == (result.stat().st_size, sha256(result))
        assert row["status"] == ("unchanged" if row["source"] == "color.png" else "colored")
        assert json.loads(row["settings"])["vividness"] == 1.0


def test_results_are_those_of_a_run_without(colorize: Callable[..., str], tmp_path: Path) -> None:
    colorize("--manifest", "--no-record", code=1)  # a record says when
    colorize("--no-record", code=1, out="plain")
    for path in (tmp_path / "plain").rglob("*.*"):
        assert sha256(path) == sha256(tmp_path / "out" / path.relative_to(tmp_path / "plain"))


def test_again_only_what_failed_is_tried(colorize: Callable[..., str], photos: Path, tmp_path: Path) -> None:
    colorize("--manifest", code=1)
    before = rows_of(tmp_path / "out")
    shutil.copy(photos / "1.jpg", photos / "damaged.jpg")
    colorize("--manifest")
    after = rows_of(tmp_path / "out")
    assert after.pop("damaged.jpg").status == "colored"
    assert before.pop("damaged.jpg").status == "failed"
    assert after == before


def test_shards_join_and_a_failed_one_runs_again_alone(
    colorize: Callable[..., str], photos: Path, tmp_path: Path
) -> None:
    (photos / "damaged.jpg").unlink()
    for index in (2, 0, 1):
        assert not (tmp_path / "out" / PARQUET).exists()
        colorize("--shard", f"{index}/3", "--no-record")  # a record says when
    rows = rows_of(tmp_path / "out")
    assert len(rows) == 5
    lost = next(iter(rows.values()))
    (tmp_path / "out" / str(lost.output)).unlink()
    for index in range(3):
        colorize("--shard", f"{index}/3", "--no-record")
    assert rows_of(tmp_path / "out")[lost.source].output_sha256 == lost.output_sha256
    assert (tmp_path / "out" / str(lost.output)).exists()


def test_a_file_that_is_nothing_of_ours_is_left_alone(
    colorize: Callable[..., str], photos: Path, tmp_path: Path
) -> None:
    (photos / "damaged.jpg").unlink()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/1.jpg").write_bytes(b"mine")
    assert "move it away" in colorize("--manifest", code=1)
    assert (tmp_path / "out/1.jpg").read_bytes() == b"mine"
    assert rows_of(tmp_path / "out")["1.jpg"].status == "failed"
    colorize("--manifest", "--overwrite")
    assert rows_of(tmp_path / "out")["1.jpg"].output_sha256 == sha256(tmp_path / "out/1.jpg")


def test_what_was_begun_and_has_no_row_is_made_again(
    tmp_path: Path, colorize: Callable[..., str], photos: Path
) -> None:
    """As a run leaves it that is killed after a result appeared and before its row was written."""
    (photos / "damaged.jpg").unlink()
    colorize("--manifest")
    out = tmp_path / "out"
    whole = rows_of(out)
    header = pq.read_schema(out / PARQUET).metadata[b"colorhub_run"].decode()
    lines = [json.dumps({"colorhub_manifest": 1, **json.loads(header)}) + "\n"]
    for source, row in whole.items():
        lines += [json.dumps({"started": source}) + "\n", row.to_line()]
    (out / PARQUET).unlink()
    unfinished = lines[-1][:40]  # the last row was cut, too
    (out / "colorhub-manifest.0-of-1.jsonl").write_text("".join(lines[:-1]) + unfinished, encoding="utf-8")
    (out / last_output(whole)).with_name(".colorhub-0123456789ab.tmp").write_bytes(b"written aside")
    (out / last_output(whole)).unlink()
    colorize("--manifest")
    assert not list(out.rglob("*.tmp"))
    again = rows_of(out)
    assert [s for s in whole if again[s] != whole[s]] == [list(whole)[-1]]
    assert {s: row.output_sha256 for s, row in again.items()} == {s: row.output_sha256 for s, row in whole.items()}


def test_other_settings_and_other_weights_are_refused(
    colorize: Callable[..., str], photos: Path, tmp_path: Path, model: Path
) -> None:
    from tiny import save_tiny

    colorize("--manifest", code=1)
    assert "vividness 1.0 then and 1.2 now" in colorize("--manifest", "--vividness", "1.2", code=1)
    (tmp_path / "out/1.jpg").unlink()
    other = save_tiny(tmp_path / "others" / model.name, seed=1)
    assert "weights" in colorize("--manifest", "--model", other, code=1)
    assert not (tmp_path / "out/1.jpg").exists()


def test_it_needs_a_folder(photos: Path, model: Path) -> None:
    assert "-o DIR" in typed("colorize", photos, "--manifest", "--model", model, code=2).output


@pytest.mark.parametrize("out", ["in", "in/deeper", "link/out"])
def test_results_between_the_photos_are_refused(
    colorize: Callable[..., str], photos: Path, tmp_path: Path, out: str
) -> None:
    (tmp_path / "link").symlink_to(photos, target_is_directory=True)
    before = sorted(photos.rglob("*"))
    for options in (["--manifest"], ["--bag"], ["--shard", "0/2"]):
        assert "where the photos are" in colorize(*options, out=out, code=2)
    assert sorted(photos.rglob("*")) == before
    assert "where the photos are" not in colorize(out=out, code=1)  # an album's results may


def test_a_newer_or_damaged_manifest_is_refused(tmp_path: Path) -> None:
    place, part = Place.of(tmp_path), tmp_path / "colorhub-manifest.0-of-1.jsonl"
    part.write_text('{"colorhub_manifest": 2}\n')
    with pytest.raises(ManifestError, match="upgrade"):
        Known.of(place, SETTINGS)
    part.write_text('{"colorhub_manifest": 0}\n')
    with pytest.raises(ManifestError, match="another program"):
        Known.of(place, SETTINGS)
    part.write_text('{"colorhub_manifest": 1}\nno row\n{"started": "a"}\n')
    with pytest.raises(ManifestError, match="line 2"):
        list(read_rows(str(tmp_path)))
    part.unlink()
    (tmp_path / PARQUET).write_bytes(b"PAR1, but nothing else")
    with pytest.raises(ManifestError, match="damaged"):
        list(read_rows(str(tmp_path)))
    with pytest.raises(ManifestError, match="no manifest"):
        list(read_rows(str(tmp_path / "elsewhere")))


def test_the_last_row_of_a_file_counts_through_joins(tmp_path: Path) -> None:
    place = Place.of(tmp_path)
    journal = Journal(place, SETTINGS)
    journal.begin("tiny", "ab")
    journal.add(Row("a", "failed", reason="no light"))
    journal.add(Row("a", "colored", "a"))
    journal.add(Row("b", "colored", "b"))
    journal.finish()
    journal.close()
    assert {row.source: row.status for row in read_rows(str(tmp_path))} == {"a": "colored", "b": "colored"}
    part = tmp_path / "colorhub-manifest.0-of-1.jsonl"
    kept = part.read_bytes()
    assert join_if_complete(place) and not part.exists()
    part.write_bytes(kept)  # killed between joining and removing
    assert join(place) == 2
    known = Known.of(place, SETTINGS)
    assert "a" in known.done and "b" in known.ours and "c" not in known.ours
    assert "a" not in Known.of(place, "{}").done


def tell(place: Place, shard: tuple[int, int], *rows: Row, started: str = "", ends: bool = False) -> None:
    """What one run tells, which ends or is killed."""
    journal = Journal(place, SETTINGS, shard)
    journal.begin("tiny", "ab")
    for row in rows:
        journal.started(row.source)
        journal.add(row)
    if started:
        journal.started(started)
    if ends:
        journal.finish()
    journal.close()


@pytest.mark.parametrize("place", ["folder", "memory://told-last"])
@pytest.mark.parametrize(
    "shards", [[(2, 3), (0, 1)], [(0, 1), (1, 3)], [(0, 1), (2, 3), (0, 1)], [(3, 4), (1, 2), (0, 1)]]
)
def test_what_was_told_last_counts_whoever_told_it(tmp_path: Path, place: str, shards: list[tuple[int, int]]) -> None:
    """Shards that were killed are finished by a plain run, or by more or fewer, or the other way round."""
    output = Place.of(tmp_path if place == "folder" else f"{place}-{shards[0][1]}-{len(shards)}")
    for number, shard in enumerate(shards):
        (status, result) = ("failed", None) if number < len(shards) - 1 else ("colored", "a.jpg")
        tell(output, shard, Row("a.jpg", status, result), Row(f"{number}.jpg", "colored", f"{number}.jpg"))
        assert ("a.jpg" in Known.of(output, SETTINGS).done) == (status == "colored")
    assert {row.source: row.status for row in read_rows(output)}["a.jpg"] == "colored"
    assert join(output) == len(shards) + 1
    assert {row.source: row.status for row in read_rows(output)}["a.jpg"] == "colored"


def test_what_a_killed_run_had_begun_is_known_through_joins(tmp_path: Path) -> None:
    """Its result may be there without a row, and is no file of somebody else's."""
    place = Place.of(tmp_path)
    tell(place, (0, 3), Row("b.jpg", "colored", "b.jpg"), Row("c.jpg", "failed"), started="a.jpg")
    tell(place, (0, 1), Row("b.jpg", "colored", "b.jpg"), Row("d.jpg", "colored", "d.jpg"), started="d.jpg", ends=True)
    for _ in range(2):
        assert join(place) == 3
        assert [path.name for path in tmp_path.iterdir()] == [PARQUET]
        known = Known.of(place, SETTINGS)
        assert all(name in known.ours for name in ("a.jpg", "b.jpg", "d.jpg")) and "c.jpg" not in known.ours
        assert "b.jpg" in known.done and "d.jpg" not in known.done  # begun anew, and killed
    tell(place, (0, 1), Row("a.jpg", "failed"), Row("d.jpg", "colored", "d.jpg"), ends=True)
    assert join(place) == 4
    known = Known.of(place, SETTINGS)
    assert "a.jpg" not in known.ours and "d.jpg" in known.done


def test_a_link_to_nothing_among_the_parts_is_a_sentence(tmp_path: Path) -> None:
    rows = tmp_path / rows_of_pass(PASSES[0])
    rows.mkdir(parents=True)
    (rows / "1.parquet").symlink_to(tmp_path / "gone.parquet")
    with pytest.raises(ManifestError, match=r"link to nothing.*1\.parquet"):
        Known.of(Place.of(tmp_path), SETTINGS)


def test_a_row_survives_being_written(tmp_path: Path) -> None:
    odd = Row(as_text("a\udcff/\N{SNOWMAN}.jpg"), "colored", 'b"\n', notes=("its alpha", "x"), seconds=0.5)
    assert Row.from_values(json.loads(odd.to_line())) == odd
    assert odd.to_line().count("\n") == 1
    assert Row.from_values({**json.loads(odd.to_line()), "column_of_2030": 1}) == odd


def _hold(folder: Path, ready: "multiprocessing.synchronize.Event") -> None:
    with leased(Place.of(folder)):
        ready.set()
        multiprocessing.Event().wait()


def test_a_second_run_is_refused_until_the_first_is_dead(tmp_path: Path, colorize: Callable[..., str]) -> None:
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    first = spawn.Process(target=_hold, args=(tmp_path / "out", ready))
    first.start()
    assert ready.wait(60)
    said = colorize("--manifest", code=1)
    assert f"process {first.pid}" in said
    assert f"process {first.pid}" in colorize("--shard", "0/2", code=1)
    assert not list((tmp_path / "out").rglob("*.jpg"))
    first.kill()
    first.join()
    colorize("--manifest", code=1)
    assert len(rows_of(tmp_path / "out")) == 6


def test_a_lease_of_another_machine_is_watched(tmp_path: Path) -> None:
    place = Place.of(tmp_path)
    lease = tmp_path / "colorhub-lease.0-of-1.json"
    with leased(place, beat=0.02):
        held = json.loads(lease.read_text())
    held |= {"machine": "elsewhere", "kernel": "another", "since": "2020-01-01"}
    lease.write_text(json.dumps(held))
    with leased(place, beat=0.02, expiry=0.1):
        assert json.loads(lease.read_text())["machine"] != "elsewhere"
    assert not lease.exists()


def test_shards_of_one_count_hold_an_output_together(tmp_path: Path) -> None:
    place = Place.of(tmp_path)
    with leased(place, (0, 2)), leased(place, (1, 2)):
        with pytest.raises(LeaseError), leased(place, (0, 2)):
            pass
        with pytest.raises(LeaseError), leased(place, (0, 3)):
            pass
    assert not list(tmp_path.iterdir())


def test_who_lost_its_lease_is_told(tmp_path: Path) -> None:
    lost = multiprocessing.Event()
    with leased(Place.of(tmp_path), beat=0.01, lost=lost.set):
        (tmp_path / "colorhub-lease.0-of-1.json").unlink()
        assert lost.wait(20)


def test_a_result_of_another_size_than_its_row_says_is_told(
    colorize: Callable[..., str], photos: Path, tmp_path: Path
) -> None:
    """As a power cut leaves one; the way out is the one that is told."""
    (photos / "damaged.jpg").unlink()
    colorize("--bag")
    result = tmp_path / "out/data/1.jpg"
    for _ in range(2):
        result.write_bytes(result.read_bytes()[:700])
        told = colorize("--bag", code=1)
        assert f"{photos / '1.jpg'}: its result has 700 bytes" in told and "move it away" in told
        assert "truncated" in typed("verify", tmp_path / "out", code=1).stdout
        result.unlink()
        assert "1 coloured" in colorize("--bag")
    assert "all sound" in typed("verify", tmp_path / "out", "--source", photos, code=0).stderr


def test_without_a_manifest_that_can_be_read_there_is_a_way_on(
    colorize: Callable[..., str], photos: Path, tmp_path: Path
) -> None:
    (photos / "damaged.jpg").unlink()
    colorize("--manifest")
    path = tmp_path / "out" / PARQUET
    whole, table = path.read_bytes(), pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({}), path)  # as pandas does
    assert "another program" in colorize("--manifest", code=1)
    assert "another program" in typed("verify", tmp_path / "out", code=2).stderr
    pages = bytearray(whole)
    pages[8 : len(pages) // 3] = bytes(len(pages) // 3 - 8)  # what is told at the end of the file is whole
    path.write_bytes(pages)
    assert "is damaged" in typed("verify", tmp_path / "out", code=2).stderr
    path.write_bytes(whole[: len(whole) // 2])
    told = colorize("--manifest", code=1)
    assert "is damaged" in told and "move it away" in told and "--overwrite" in told
    path.unlink()
    colorize("--manifest", "--overwrite")
    assert len(rows_of(tmp_path / "out")) == 5


@pytest.mark.parametrize("most", [2 << 10, 4 << 10, 6 << 10])
def test_a_disk_that_is_full_in_the_middle_is_a_sentence(
    colorize: Callable[..., str], model: Path, photos: Path, tmp_path: Path, most: int
) -> None:
    """Where the manifest cannot grow, which is met before a photo, at a row or where it is joined, nothing is lost."""
    resource = pytest.importorskip("resource")
    (photos / "damaged.jpg").unlink()
    for path in photos.rglob("*.*"):
        with Image.open(path) as picture:
            small = picture.resize((12, 10))
        small.save(path)
    done = subprocess.run(
        [*COLORHUB, "colorize", photos, "-r", "--model", model, "-o", tmp_path / "out", "--manifest"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert done.stderr.count("Error: the manifest cannot be written (") == 1, done.stderr
    colorize("--manifest")
    rows = rows_of(tmp_path / "out")
    assert len(rows) == 5
    assert all(sha256(tmp_path / "out" / str(row.output)) == row.output_sha256 for row in rows.values())


def test_shards_join_one_after_the_other(tmp_path: Path) -> None:
    """Two that end at once would take the parts from each other, and one that begins again would lose its own."""
    place = Place.of(tmp_path)
    for shard in ((0, 2), (1, 2)):
        journal = Journal(place, SETTINGS, shard)
        journal.begin("tiny", "ab")
        journal.add(Row(f"{shard}", "colored", f"{shard}"))
        journal.finish()
        journal.close()
    again = Journal(place, SETTINGS, (1, 2))
    with ThreadPoolExecutor(3) as pool:
        with in_turn(place, 2):
            waiting = [pool.submit(join_if_complete, place, (0, 2)), pool.submit(again.begin, "tiny", "ab")]
            assert not wait(waiting, 1.5).done and len(list(tmp_path.glob("*.jsonl"))) == 2
        wait(waiting)
    again.finish()
    again.close()
    assert join_if_complete(place, (1, 2))
    assert sorted(row.source for row in read_rows(str(tmp_path))) == ["(0, 2)", "(1, 2)"]
    assert [path.name for path in tmp_path.iterdir()] == [PARQUET]
