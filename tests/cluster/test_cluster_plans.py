"""What a cluster run decides without a cluster: names, sizes, rows, and the sentences for what cannot work."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import typed
from photos import grey_photo
from PIL import Image
from ports import free_port

from colorhub import Settings, __version__
from colorhub.archive.folders import FOREIGN, settings_json
from colorhub.archive.journal import Journal, Run, expect_same_settings
from colorhub.archive.manifest import ManifestError, read_rows
from colorhub.archive.places import Place
from colorhub.archive.row_files import POSTPONED, STAMP, checkpoint_of, rows_of
from colorhub.archive.rows import Row, digest
from colorhub.archive.verify import Verification
from colorhub.folder.plan import make_plan

pq = pytest.importorskip("pyarrow.parquet")
ray = pytest.importorskip("ray")

from colorhub.cluster import connection  # noqa: E402 only where Ray is
from colorhub.cluster.colorist import Colorist, Task  # noqa: E402
from colorhub.cluster.connection import ClusterError, Node, connected, what_is_wrong  # noqa: E402
from colorhub.cluster.listing import listed, postponed  # noqa: E402
from colorhub.cluster.photos import Listed, Outcome, listed_block, outcome_block, photos_in  # noqa: E402
from colorhub.cluster.run import prepare, processors_of  # noqa: E402
from colorhub.cluster.weights import packed, unpacked  # noqa: E402


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder with all that makes names differ."""
    folder = tmp_path / "scans"
    (folder / "1910/deep").mkdir(parents=True)
    for name in ("a.jpg", "a.gif", "a.png", "b.gif", "1910/b.bmp", "1910/deep/c.tif", "1910/kept.color.jpg", ".x.jpg"):
        (folder / name).write_bytes(b"x")
    (folder / f"{'long' * 61}.gif").write_bytes(b"x")
    (folder / "notes.txt").write_text("no picture")
    (folder / "dead.jpg").symlink_to("nowhere")
    (folder / "up").symlink_to("..", target_is_directory=True)
    with open(os.fsencode(folder) + b"/\xff.jpg", "wb") as file:
        file.write(b"x")
    return folder


def task(source: Path, output: Path, model: Path, **changes: Any) -> Task:
    """Of a run that is beginning."""
    output.mkdir(exist_ok=True)
    settings = Settings(model=str(model))
    given: dict[str, Any] = {
        "source": Place.of(source),
        "output": Place.of(output),
        "settings": settings,
        "run": Run(settings_json(settings), "tiny", "0" * 64),
        "began": time.time() - 60,
        "overwrite": False,
        "max_pixels": 1_000_000,
        "device": "cpu",
        "processors": 1,
        "small": 20_000,
        "largest": 100_000,
        "memory": 2**30,
        "weights": 1000,
    }
    return Task(**(given | changes))


@pytest.mark.parametrize("format", [None, "png"])
@pytest.mark.parametrize("recursive", [True, False])
def test_names_are_those_of_one_machine(scans: Path, tmp_path: Path, format: str | None, recursive: bool) -> None:
    output = tmp_path / "out"
    plan = make_plan([scans], output, format=format, recursive=recursive)
    found = list(listed(Place.of(scans), Place.of(output), format=format, recursive=recursive))
    wanted = {(job.relative, os.path.relpath(job.output, output)) for job in plan.jobs}
    assert {(photo.name, photo.target) for photo in found if not photo.problem} == wanted
    assert {photo.name for photo in found if photo.problem} == {problem.path.name for problem in plan.problems}
    assert len({photo.id for photo in found}) == len(found) > 6


def test_results_inside_the_source_are_not_listed(tmp_path: Path) -> None:
    (tmp_path / "out/b").mkdir(parents=True)
    for name in ("a.jpg", "out/a.jpg", "out/b/c.jpg"):
        (tmp_path / name).write_bytes(b"x")
    found = listed(Place.of(tmp_path), Place.of(tmp_path / "out"), format=None, recursive=True)
    assert [photo.name for photo in found] == ["a.jpg"]


def test_what_cannot_be_read_on_its_way_into_a_store_is_told(tmp_path: Path) -> None:
    grey_photo("astronaut", (60, 45)).save(tmp_path / "a.jpg")
    (tmp_path / "dead.jpg").symlink_to(tmp_path / "gone.jpg")
    found = list(listed(Place.of(tmp_path), Place.of("memory://out"), format=None, recursive=True))
    assert {photo.name: bool(photo.problem) for photo in found} == {"a.jpg": False, "dead.jpg": True}


def test_blocks_keep_names_that_are_no_text() -> None:
    photos = [Listed("a/\udcff.jpg", "a/\udcff.png", 7), Listed("b.jpg", problem="a link to nothing")]
    block = listed_block(photos)
    assert list(photos_in(block)) == photos
    assert block["id"].to_pylist() == [digest("a/\\xff.jpg"), digest("b.jpg")]
    told = outcome_block([Outcome(photos[0], Row("a/\\xff.jpg", "colored", notes=("x",)), (3, 2), True)])
    assert list(photos_in(told)) == photos[:1]
    assert Row.from_values(told.to_pylist()[0]) == Row("a/\\xff.jpg", "colored", notes=("x",))


def test_photos_are_coloured_postponed_refused_or_left_alone(tmp_path: Path, model: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    sizes = {"small.jpg": (120, 90), "large.jpg": (200, 150), "huge.jpg": (400, 300), "over.jpg": (1200, 900)}
    for name, size in sizes.items():
        grey_photo("astronaut", size).save(source / name)
    for name in ("foreign.jpg", "ours.jpg"):
        grey_photo("astronaut", (60, 45)).save(source / name)
    (source / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    given = task(source, output, model)
    for name in ("foreign.jpg", "ours.jpg"):
        (output / name).write_bytes(b"what a killed process left, or somebody's")
    began = (output / "foreign.jpg").stat().st_ctime + 0.001
    (output / "ours.jpg").unlink()
    time.sleep(0.05)
    (output / "ours.jpg").write_bytes(b"newer than the run")
    given = task(source, output, model, began=began)
    photos = list(listed(given.source, given.output, format=None, recursive=False))
    outcomes = {outcome.photo.name: outcome for outcome in Colorist(given, model).color(photos)}
    status = {name: outcome.row.status for name, outcome in outcomes.items()}
    assert status == {
        "small.jpg": "colored",
        "ours.jpg": "colored",
        "large.jpg": POSTPONED,
        "huge.jpg": "failed",
        "over.jpg": "failed",
        "broken.jpg": "failed",
        "foreign.jpg": "failed",
    }
    assert outcomes["foreign.jpg"].row.reason == FOREIGN
    assert (output / "foreign.jpg").read_bytes().startswith(b"what")
    assert "memory are needed, and no node has more than 1.0 GiB" in outcomes["huge.jpg"].row.reason
    assert "at most 1.0 million are accepted" in outcomes["over.jpg"].row.reason
    assert outcomes["large.jpg"].size == (30_000, 1)
    row = outcomes["small.jpg"].row
    assert (row.model, row.model_sha256, row.version) == ("tiny", "0" * 64, __version__)
    assert Image.open(output / str(row.output)).size == (120, 90)

    folder = output / rows_of("photos")
    folder.mkdir(parents=True)
    pq.write_table(outcome_block(outcomes.values()), folder / "1.parquet")
    assert [photo.name for photo in postponed(given.output, 20_000, 40_000)] == ["large.jpg"]
    assert list(postponed(given.output, 40_000, 80_000)) == []


def test_the_manifest_has_the_rows_and_their_folder_is_not_foreign(tmp_path: Path) -> None:
    place = Place.of(tmp_path)
    journal = Journal(place, "{}")
    began = prepare(place, journal, overwrite=False)
    assert began == pytest.approx((tmp_path / STAMP).stat().st_ctime)
    journal.begin("tiny", "0" * 64)
    folder = tmp_path / rows_of("photos")
    folder.mkdir()
    rows = [Row("a.jpg", "failed", reason="x"), Row("b.jpg", POSTPONED)]
    pq.write_table(outcome_block([Outcome(Listed(row.source), row) for row in rows]), folder / "1.parquet")
    pq.write_table(outcome_block([]), folder / "2.pending.parquet")
    (folder / "3.parquet").write_bytes(b"PAR1 and what a killed process did not write")
    assert [row.source for row in read_rows(str(tmp_path))] == ["a.jpg"]
    assert list(Verification(place).findings()) == []
    assert prepare(place, Journal(place, "{}"), overwrite=False) == began
    checkpoint = tmp_path / checkpoint_of("photos")
    checkpoint.mkdir()
    for number, names in enumerate((["a.jpg", "b.jpg"], ["c.jpg"])):
        table = listed_block([Listed(name) for name in names]).select(["id"])
        pq.write_table(table, checkpoint / f"{number}.parquet")
    assert [finding.kind for finding in Verification(place).findings()] == ["checkpoint"]
    (checkpoint / "1.parquet").unlink()
    assert list(Verification(place).findings()) == []
    assert (folder / "1.parquet").exists()
    journal.close()


def test_a_checkpoint_begins_with_what_the_manifest_tells(tmp_path: Path) -> None:
    place = Place.of(tmp_path)
    journal = Journal(place, "{}")
    journal.begin("tiny", "0" * 64)
    journal.add(Row("a.jpg", "colored", "a.jpg"))
    journal.add(Row("b.jpg", "failed"))
    journal.close()
    began = prepare(place, Journal(place, "{}"), overwrite=False)
    [seed] = (tmp_path / checkpoint_of("photos")).iterdir()
    assert pq.read_table(seed)["id"].to_pylist() == [digest("a.jpg")]
    assert began < (tmp_path / STAMP).stat().st_ctime  # what the earlier run was about to write is ours, too
    assert [row.source for row in read_rows(str(tmp_path))] == ["a.jpg", "b.jpg"]
    prepare(place, Journal(place, "{}"), overwrite=True)
    assert not (tmp_path / checkpoint_of("photos")).exists()


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    place = Place.of(tmp_path)
    journal = Journal(place, settings_json(Settings(model="a")))
    prepare(place, journal, overwrite=False)
    journal.begin("a", "")
    journal.close()
    with pytest.raises(ManifestError, match=r"vividness 1\.0 then and 2\.0 now"):
        expect_same_settings(place, settings_json(Settings(model="a", vividness=2.0)))


def test_weights_travel(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    weights = packed(str(model))
    place = unpacked(weights)
    assert place.name == model.name and place != model
    assert {path.name: path.read_bytes() for path in place.iterdir()} == weights.files
    (place / "config.json").write_text("cut off")
    assert (unpacked(weights) / "config.json").read_bytes() == (model / "config.json").read_bytes()


def test_a_node_keeps_a_processor_for_ray() -> None:
    assert [processors_of([Node("1", "a", cpus, 0, 1)]) for cpus in (1.0, 2.0, 3.0, 64.0)] == [1, 1, 2, 2]


@contextmanager
def initializing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> Iterator[None]:
    """Ray's own start fails."""

    def init(*_: Any, **__: Any) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(connection.ray, "init", init)
        yield


def test_clusters_that_are_not_there_are_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    started = time.monotonic()
    with (
        pytest.raises(ClusterError, match="there is no Ray cluster at"),
        connected(f"127.0.0.1:{free_port()}"),
    ):
        pass
    assert time.monotonic() - started < 5
    for wrong in ("somewhere", "ray://head:10001", "head:port"):
        with pytest.raises(ClusterError, match="local, auto or host:port"), connected(wrong):
            pass
    with (
        initializing(monkeypatch, ConnectionError("Could not find any running Ray instance.")),
        pytest.raises(ClusterError, match="part of no Ray cluster"),
        connected("auto"),
    ):
        pass


def test_another_ray_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private.utils import check_version_info

    there = {"ray_version": "2.50.0", "python_version": "3.12.1", "ray_commit": "x", "os": "linux"}
    try:
        check_version_info(there, "this process", raise_on_mismatch=True)
    except RuntimeError as error:
        said = error
    with initializing(monkeypatch, said), pytest.raises(ClusterError) as caught, connected("auto"):
        pass
    assert "runs Ray 2.50.0 on Python 3.12.1, and this machine Ray" in str(caught.value)


def test_a_node_that_sees_something_else_is_a_sentence(tmp_path: Path) -> None:
    source, output, other = (Place.of(tmp_path / name) for name in ("in", "out", "other"))
    for place in (source, output, other):
        Path(place.root).mkdir()
    output.write("shared", b"token")
    assert what_is_wrong(source, output, "shared", "token", __version__) == ""
    assert "does not see" in what_is_wrong(source, other, "shared", "token", __version__)
    assert "does not see" in what_is_wrong(source, output, "shared", "another", __version__)
    assert "the photos in" in what_is_wrong(Place.of(tmp_path / "no"), output, "shared", "token", __version__)
    assert "install the same" in what_is_wrong(source, output, "shared", "token", "0.0.1")
    assert sorted(path.name for path in Path(output.root).iterdir()) == ["shared"]


def test_wrong_calls_are_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    call = ("colorize", tmp_path, "-o", tmp_path / "out", "--ray", "local")
    for option in (["--layers"], ["--dry-run"], ["--shard", "0/2"], ["--jobs", "2"]):
        assert f"{option[0]} does not go with --ray" in typed(*call, *option, code=2).output
    assert "--ray needs one PATH" in typed("colorize", tmp_path, "--ray", "local", code=2).output
    assert "is no folder" in typed("colorize", tmp_path / "a.jpg", *call[2:], code=2).output
    assert "where the photos are" in typed("colorize", tmp_path, "-o", tmp_path, "--ray", "local", code=2).output
    monkeypatch.setattr("colorhub._extras.find_spec", lambda name: None if name == "ray" else name)
    assert 'pip install "colorhub[ray]"' in typed(*call, code=1).output


def test_memory_grows_with_pixels() -> None:
    from colorhub.cluster.memory import classes, most_pixels, needed

    assert needed(400_000_000, 0) > 5 * 2**30
    assert most_pixels(needed(48_000_000, 10_000_000), 10_000_000) == 48_000_000
    ranges = classes(400_000_000, 32_000_000)
    assert [below for below, _ in ranges[1:]] == [above for _, above in ranges[:-1]]
    assert np.array(ranges)[-1, 1] == 400_000_000
