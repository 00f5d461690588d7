"""From and to object storage, by the S3 protocol: each photo exactly once, and what a run over folders makes."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import COLORHUB, typed
from object_store import Proxy, environment, s3_server
from photos import grey_photo
from PIL import Image
from skimage import data

from colorhub.archive.lease import LeaseError, leased
from colorhub.archive.listing import entries, pictures
from colorhub.archive.manifest import PARQUET, read_rows
from colorhub.archive.places import Place
from colorhub.hints import save_hints
from colorhub.photo import Photo

s3fs = pytest.importorskip("s3fs")
pytest.importorskip("moto")
pytestmark = pytest.mark.slow
TURNED = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
    ' rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket, which ``s3://`` means in this process, too."""
    for name, value in environment(endpoint).items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    name = f"archive-{random.randrange(1 << 40)}"
    s3fs.S3FileSystem().mkdir(name)
    return name


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    (folder / "b").mkdir()
    grey = grey_photo("astronaut", (120, 90))
    for number in range(36):
        grey.rotate(10 * number).save(folder / f"{'b/' * (number % 2)}{number:02}.jpg", comment=f"the {number}th")
    grey.save(folder / "b/two dots.ünd.tif")
    grey.convert("P").save(folder / "twin.gif")
    grey.save(folder / "twin.png")
    Image.fromarray(data.astronaut()).resize((90, 90)).save(folder / "color.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


def start(source: str, output: str, model: Path, endpoint: str, *options: str) -> subprocess.Popen[str]:
    command = [*COLORHUB, "colorize", source, "-o", output, "-r", "--model", str(model), *options]
    return subprocess.Popen(
        command, env=environment(endpoint), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(*arguments: Any, code: int = 0) -> str:
    process = start(*arguments)
    out, errors = process.communicate(timeout=400)
    assert process.returncode == code, errors
    return out + errors


def check_as_local(bucket: str, photos: Path, model: Path, folder: Path) -> None:
    """One object and one row a photo, with the pixels and the metadata of a run over folders."""
    command = [*COLORHUB, "colorize", str(photos), "-o", str(folder), "-r", "--model", str(model)]
    subprocess.run(command, check=True, capture_output=True)
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.is_file()}
    store = s3fs.S3FileSystem()
    store.invalidate_cache()
    found = {path.removeprefix(f"{bucket}/out/") for path in store.find(f"{bucket}/out")}
    assert found == names | {"colorhub-manifest.parquet"}
    rows = list(read_rows(f"s3://{bucket}/out"))
    assert sorted(str(row.output) for row in rows) == sorted(names)
    assert len({row.source for row in rows}) == len(rows) == 40
    for row in rows:
        local = Photo.open(folder / str(row.output))
        photo = Photo.open(store.cat(f"{bucket}/out/{row.output}"))
        for mine, theirs in ((photo.grey, local.grey), (photo.rgb, local.rgb)):
            if theirs is not None:
                assert np.abs(mine.astype(int) - theirs.astype(int)).max() <= 1 << (
                    0 if theirs.dtype == np.uint8 else 8
                )
        assert photo.metadata.exif == local.metadata.exif
        assert (photo.metadata.xmp or b"")[:200] == (local.metadata.xmp or b"")[:200]


def test_photos_are_coloured_once_through_kills_errors_and_cuts(
    bucket: str, endpoint: str, photos: Path, model: Path, tmp_path: Path
) -> None:
    s3fs.S3FileSystem().put(f"{photos}/", f"{bucket}/in", recursive=True)
    chances = random.Random(0)
    with Proxy(int(endpoint.rpartition(":")[2]), errors=0.05, cuts=0.05, delay=0.02) as through:
        given = (f"s3://{bucket}/in", f"s3://{bucket}/out", model, through)
        for _ in range(3):
            process = start(*given)
            time.sleep(4 + 4 * chances.random())
            process.send_signal(signal.SIGKILL)
            process.communicate()
        run(*given)
        assert "0 coloured, 40 done before" in run(*given)
    check_as_local(bucket, photos, model, tmp_path / "local")


def test_shards_join(bucket: str, endpoint: str, photos: Path, model: Path, tmp_path: Path) -> None:
    s3fs.S3FileSystem().put(f"{photos}/", f"{bucket}/in", recursive=True)
    for index in (1, 0):
        run(f"s3://{bucket}/in", f"s3://{bucket}/out", model, endpoint, "--shard", f"{index}/2")
    check_as_local(bucket, photos, model, tmp_path / "local")


def test_into_a_bucket_from_a_folder_and_back(
    bucket: str, endpoint: str, photos: Path, model: Path, tmp_path: Path
) -> None:
    run(str(photos), f"s3://{bucket}/out", model, endpoint)
    check_as_local(bucket, photos, model, tmp_path / "local")
    told = run(f"s3://{bucket}/out", str(tmp_path / "again"), model, endpoint, "--json")
    summary = json.loads(next(line for line in told.splitlines() if line.startswith('{"summary"')))["summary"]
    assert (summary["failed"], summary["colored"] + summary["passed_through"]) == (0, 40)


def test_nothing_foreign_is_replaced(bucket: str, endpoint: str, photos: Path, model: Path) -> None:
    store = s3fs.S3FileSystem()
    store.pipe(f"{bucket}/out/b/01.jpg", b"mine")
    assert "move it away" in run(str(photos), f"s3://{bucket}/out", model, endpoint, code=1)
    assert store.cat(f"{bucket}/out/b/01.jpg") == b"mine"
    rows = {row.source: row for row in read_rows(f"s3://{bucket}/out")}
    assert [source for source, row in rows.items() if row.status == "failed"] == ["b/01.jpg"]


def test_sidecars_signatures_and_hints_as_with_folders(bucket: str, endpoint: str, model: Path, tmp_path: Path) -> None:
    pytest.importorskip("c2pa")
    from certificates import make_certificates

    chain, key, _ = make_certificates(tmp_path)
    scans = tmp_path / "scans"
    (scans / "b").mkdir(parents=True)
    grey_photo("astronaut", (60, 40)).save(scans / "a.jpg")
    grey_photo("astronaut", (60, 40)).save(scans / "b/c.jpg")
    (scans / "a.xmp").write_text(TURNED)
    (scans / "b/c.jpg.xmp").write_text(TURNED)
    store = s3fs.S3FileSystem()
    store.put(f"{scans}/", f"{bucket}/in", recursive=True)
    given = ("--sidecars", "--c2pa", str(chain), str(key))
    run(f"s3://{bucket}/in", f"s3://{bucket}/out", model, endpoint, *given)
    run(str(scans), str(tmp_path / "out"), model, endpoint, *given, "--manifest")
    store.invalidate_cache()
    store.get(f"{bucket}/out/", str(tmp_path / "fetched"), recursive=True)
    names = {path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.*")}
    assert names == {path.relative_to(tmp_path / "fetched") for path in (tmp_path / "fetched").rglob("*.*")}
    for name in ("a.jpg", "b/c.jpg"):
        mine, theirs = Photo.open(tmp_path / "fetched" / name), Photo.open(tmp_path / "out" / name)
        assert mine.size == theirs.size == (40, 60)
        assert np.abs(mine.rgb.astype(int) - theirs.rgb).max() <= 1
        assert b"c2pa" in (tmp_path / "fetched" / name).read_bytes()
    typed("verify", tmp_path / "out", "--source", scans, code=0)
    typed("verify", f"s3://{bucket}/out", "--source", f"s3://{bucket}/in", code=0)

    save_hints(tmp_path / "hints.json", [(20, 30, "teal")], (40, 60))
    store.put(str(tmp_path / "hints.json"), f"{bucket}/hints.json")
    told = "--hints", f"s3://{bucket}/hints.json", "--sidecars"
    run(f"s3://{bucket}/in/a.jpg", f"s3://{bucket}/hinted", model, endpoint, *told)
    assert {path.rpartition("/")[2] for path in store.find(f"{bucket}/hinted")} == {"a.jpg", "a.xmp", PARQUET}
    hinted = Photo.open(store.cat(f"{bucket}/hinted/a.jpg"))
    assert np.abs(hinted.rgb.astype(int) - Photo.open(tmp_path / "out/a.jpg").rgb).max() > 20
    assert "one photo" in run(f"s3://{bucket}/in", f"s3://{bucket}/none", model, endpoint, *told, code=2)


def test_wrong_calls_are_sentences(bucket: str, endpoint: str, photos: Path, model: Path) -> None:
    assert "no such bucket" in run("s3://nowhere-at-all/in", f"s3://{bucket}/out", model, endpoint, code=1)
    assert "no such bucket" in run(str(photos), "s3://nowhere-at-all/out", model, endpoint, code=1)
    assert "holds no pictures" in run(f"s3://{bucket}/in", f"s3://{bucket}/out", model, endpoint, code=1)
    for inside in ("in", "in/deeper"):
        assert "where the photos are" in run(f"s3://{bucket}/in", f"s3://{bucket}/{inside}", model, endpoint, code=2)
    without = {name: value for name, value in environment(endpoint).items() if not name.startswith("AWS_")}
    command = [*COLORHUB, "colorize", f"s3://{bucket}/in", "-o", f"s3://{bucket}/out", "--model", str(model)]
    done = subprocess.run(
        command,
        env={**without, "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": endpoint, "HOME": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "AWS_ACCESS_KEY_ID" in done.stderr and "Traceback" not in done.stderr


def test_a_lease_is_written_on_condition(bucket: str) -> None:
    place = Place.of(f"s3://{bucket}/out")
    with leased(place, beat=0.05):
        with pytest.raises(LeaseError, match="process"), leased(place):
            pass
        time.sleep(0.3)
    assert place.names("colorhub-lease.") == []


def test_a_listing_comes_in_pages(bucket: str) -> None:
    place = Place.of(f"s3://{bucket}/many")
    place.fs.pipe({f"{bucket}/many/{number:04}.jpg": b"x" for number in range(1203)} | {f"{bucket}/many/d/1.jpg": b"x"})
    assert len(list(entries(place, recursive=True))) == 1204
    assert len(list(entries(place, recursive=False))) == 1203
    assert len(list(pictures(place, recursive=True))) == 1204


def test_keys_that_are_no_names_are_listed_and_the_rest_is_done(
    bucket: str, endpoint: str, model: Path, tmp_path: Path
) -> None:
    grey_photo("astronaut", (60, 40)).save(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    keys = ("in/a.jpg", "in//a.jpg", "in/b//a.jpg", "in/b/a.gif", "in/b/a.jpg")
    client = s3fs.S3FileSystem()
    for key in keys:
        client.call_s3("put_object", Bucket=bucket, Key=key, Body=content)
    for out in (f"s3://{bucket}/out", str(tmp_path / "out")):
        told = run(f"s3://{bucket}/in", out, model, endpoint, code=1)
        assert "3 coloured, 2 failed" in told and told.count("(//)") == 2
        rows = {row.source: row for row in read_rows(out)}
        assert sorted(rows) == ["/a.jpg", "a.jpg", "b//a.jpg", "b/a.gif", "b/a.jpg"]
        assert sorted(row.source for row in rows.values() if row.status == "failed") == ["/a.jpg", "b//a.jpg"]
        typed("verify", out, "--source", f"s3://{bucket}/in", code=0)
    expected = run(f"s3://{bucket}/in", f"s3://{bucket}/new", model, endpoint, "--dry-run")
    assert "3 photos to colour" in expected and "2 passed over" in expected
