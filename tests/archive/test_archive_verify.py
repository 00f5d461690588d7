"""``colorhub verify`` finds each kind of damage, also where the manifest agrees with it, and nothing on a sound set."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import typed
from photos import grey_photo
from PIL import Image, PngImagePlugin
from skimage import data
from tiny import save_tiny

from colorhub.archive.manifest import PARQUET, read_rows
from colorhub.archive.rows import Row


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos in ``in``, and results with a manifest in ``out``."""
    folder = tmp_path_factory.mktemp("sound")
    (folder / "in" / "b").mkdir(parents=True)
    exif = Image.Exif()
    exif[0x013B] = "A photographer"
    exif[0x8298] = "An archive"
    grey = grey_photo("astronaut", (120, 96))
    grey.save(folder / "in/1.jpg", exif=exif)
    grey.resize((90, 100)).save(folder / "in/2.png", exif=exif)
    grey.rotate(90, expand=True).save(folder / "in/b/3.tif", exif=exif)
    Image.fromarray(data.astronaut()).resize((96, 80)).save(folder / "in/color.jpg", exif=exif)
    model = save_tiny(folder / "model")
    typed("colorize", folder / "in", "-r", "--manifest", "-o", folder / "out", "--model", model, code=0)
    return folder


@pytest.fixture
def archive(sound: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(sound, tmp_path / "archive"))


def verify(folder: Path, *options: object, code: int | None = None) -> tuple[list[tuple[str, str]], dict]:
    """Kinds and paths of what is found, and the summary."""
    done = typed("verify", folder / "out", "--source", folder / "in", "--json", *options, code=code)
    *found, last = [json.loads(line) for line in done.stdout.splitlines()]
    return [(one["kind"], one["path"]) for one in found], last["summary"]


def rewrite(out: Path, change: Callable[[list[Row]], list[Row]]) -> None:
    table = pq.read_table(out / PARQUET)
    rows = [asdict(row) for row in change(list(read_rows(str(out))))]
    pq.write_table(pa.Table.from_pylist(rows, table.schema), out / PARQUET)


def agree(out: Path) -> None:
    """Make the manifest agree with the files' bytes, as if they had been written so."""

    def with_hash(row: Row) -> Row:
        content = (out / str(row.output)).read_bytes()
        return replace(row, output_size=len(content), output_sha256=hashlib.sha256(content).hexdigest())

    rewrite(out, lambda rows: [with_hash(row) for row in rows])


def save_png(picture: Image.Image, path: Path, info: dict) -> None:
    """With the metadata of another one."""
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", info["xmp"].decode())
    picture.save(path, pnginfo=texts, exif=info["exif"])


def flip_a_byte(archive: Path) -> None:
    content = bytearray((archive / "out/1.jpg").read_bytes())
    content[len(content) // 2] ^= 1
    (archive / "out/1.jpg").write_bytes(content)


def remove(archive: Path) -> None:
    (archive / "out/1.jpg").unlink()


def add_a_file(archive: Path) -> None:
    (archive / "out/b/notes.txt").write_text("hello")


def shrink(archive: Path) -> None:
    path = archive / "out/2.png"
    with Image.open(path) as picture:
        save_png(picture.resize((45, 50)), path, picture.info)
    agree(archive / "out")


def darken(archive: Path) -> None:
    """A fifth darker in one corner alone."""
    path = archive / "out/2.png"
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).copy()
        pixels[:20, :20] = pixels[:20, :20] * 0.8
        save_png(Image.fromarray(pixels), path, picture.info)
    agree(archive / "out")


def save_with_alone(archive: Path, block: str) -> None:
    """A result saved anew that keeps one block of its metadata."""
    path = archive / "out/1.jpg"
    with Image.open(path) as picture:
        kept = {block: picture.info[block]}
        picture.load()
    picture.save(path, quality=95, **kept)
    agree(archive / "out")


def lose_metadata(archive: Path) -> None:
    save_with_alone(archive, "xmp")


def lose_the_record(archive: Path) -> None:
    save_with_alone(archive, "exif")


def use_another_model(archive: Path) -> None:
    other = save_tiny(archive / "other", seed=7)
    typed("colorize", archive / "in/1.jpg", "-o", archive / "out/1.jpg", "--model", other, "--overwrite", code=0)
    agree(archive / "out")


def claim_another_model(archive: Path) -> None:
    def changed(row: Row) -> Row:
        return replace(row, model_sha256="0" * 64) if row.source == "1.jpg" else row

    rewrite(archive / "out", lambda rows: [changed(row) for row in rows])


def truncate(archive: Path) -> None:
    content = (archive / "out/1.jpg").read_bytes()
    (archive / "out/1.jpg").write_bytes(content[: len(content) * 2 // 3])


def truncate_before_hashing(archive: Path) -> None:
    content = (archive / "out/2.png").read_bytes()
    (archive / "out/2.png").write_bytes(content[: len(content) * 2 // 3])
    agree(archive / "out")


def remove_a_row(archive: Path) -> None:
    rewrite(archive / "out", lambda rows: [row for row in rows if row.source != "1.jpg"])


def change_a_source(archive: Path) -> None:
    with Image.open(archive / "in/1.jpg") as picture:
        picture.rotate(180).save(archive / "in/1.jpg")


def repeat_a_row(archive: Path) -> None:
    rewrite(archive / "out", lambda rows: [*rows, *(row for row in rows if row.source == "1.jpg")])


def swap(archive: Path) -> None:
    out = archive / "out"
    first, second = (out / "1.jpg").read_bytes(), (out / "color.jpg").read_bytes()
    (out / "1.jpg").write_bytes(second)
    (out / "color.jpg").write_bytes(first)


def claim_a_failure(archive: Path) -> None:
    def changed(row: Row) -> Row:
        return replace(row, status="failed") if row.source == "1.jpg" else row

    rewrite(archive / "out", lambda rows: [changed(row) for row in rows])


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (flip_a_byte, {("altered", "1.jpg")}),
        (remove, {("missing", "1.jpg")}),
        (add_a_file, {("foreign", "b/notes.txt")}),
        (shrink, {("dimensions", "2.png")}),
        (darken, {("lightness", "2.png")}),
        (lose_metadata, {("metadata", "1.jpg")}),
        (lose_the_record, {("metadata", "1.jpg")}),
        (use_another_model, {("model", "1.jpg")}),
        (claim_another_model, {("model", "1.jpg")}),
        (truncate, {("truncated", "1.jpg")}),
        (truncate_before_hashing, {("unreadable", "2.png")}),
        (remove_a_row, {("foreign", "1.jpg"), ("source_without_row", "1.jpg")}),
        (change_a_source, {("source_changed", "1.jpg")}),
        (repeat_a_row, {("two_rows", "1.jpg")}),
        (claim_a_failure, {("status", "1.jpg")}),
        (swap, {("swapped", "1.jpg"), ("swapped", "color.jpg")}),
    ],
)
def test_damage_is_found(archive: Path, damage: Callable[[Path], None], expected: set[tuple[str, str]]) -> None:
    damage(archive)
    found, summary = verify(archive, code=1)
    assert set(found) == expected
    assert summary["exit_code"] == 1


def test_a_sound_set_is_sound(sound: Path) -> None:
    found, summary = verify(sound, code=0)
    assert found == []
    assert (summary["rows"], summary["hashed"], summary["opened"]) == (4, 4, 4)
    assert verify(sound, "--sample", 1, code=0)[1]["opened"] == 1


def test_a_folder_without_a_manifest_is_no_archive(sound: Path) -> None:
    assert "has no manifest" in typed("verify", sound / "in", code=2).stderr
    assert "no folder" in typed("verify", sound / "nowhere", code=2).stderr


def test_photos_are_looked_for_as_colorize_does(archive: Path) -> None:
    """Not up a link for ever, behind dead links, or among results of earlier runs."""
    (archive / "in/loop").symlink_to(archive / "in")
    (archive / "in/dead.jpg").symlink_to("nowhere")
    (archive / "in/itself.jpg").symlink_to("itself.jpg")
    (archive / "in/.hidden").mkdir()
    shutil.copy(archive / "in/1.jpg", archive / "in/.hidden/1.jpg")
    shutil.copy(archive / "out/1.jpg", archive / "in/1.color.jpg")
    (archive / "out/b/loop").symlink_to(archive / "out")
    assert verify(archive, code=0)[0] == []
    shutil.copy(archive / "in/1.jpg", archive / "in/b/new.jpg")
    (archive / "out/.hidden").mkdir()
    (archive / "out/.hidden/x").write_text("x")
    assert verify(archive, code=1)[0] == [("foreign", ".hidden/x"), ("source_without_row", "b/new.jpg")]


@pytest.mark.parametrize("status", ["failed", "fnord"])
def test_a_row_cannot_hide_its_result(archive: Path, status: str) -> None:
    out = archive / "out"
    rewrite(out, lambda rows: [replace(row, status=status) if row.source == "1.jpg" else row for row in rows])
    assert verify(archive, code=1)[0] == [("status", "1.jpg")]
    (out / "1.jpg").write_bytes(b"garbage")
    assert verify(archive, code=1)[0] == [("status", "1.jpg"), ("truncated", "1.jpg")]


def test_a_bag_is_verified_before_it_is_closed(archive: Path) -> None:
    (archive / "bag").mkdir()
    (archive / "out").rename(archive / "bag/data")
    (archive / "bag").rename(archive / "out")
    assert verify(archive, code=0)[1]["rows"] == 4
    (archive / "out/bagit.txt").write_text("")
    assert verify(archive, code=0)[1]["rows"] == 4


def test_photos_in_a_bag_of_their_own_keep_their_paths(archive: Path, model: Path) -> None:
    (archive / "in/bagit.txt").write_text("")
    (archive / "in/b").rename(archive / "in/data")
    typed("colorize", archive / "in", "-r", "--manifest", "-o", archive / "again", "--model", model, code=0)
    assert "all sound" in typed("verify", archive / "again", "--source", archive / "in", code=0).stderr


def test_a_store_that_does_not_answer_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    s3fs = pytest.importorskip("s3fs")
    s3fs.S3FileSystem.clear_instance_cache()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert "AWS_ACCESS_KEY_ID" in typed("verify", "s3://archive/out", code=2).stderr
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    told = typed("verify", "s3://archive/out", code=2).stderr
    assert "does not answer" in told and len(told.splitlines()) == 1
    s3fs.S3FileSystem.clear_instance_cache()


def test_a_name_that_stands_first_keeps_its_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "oddout").mkdir()
    assert typed("verify", "oddout", code=2).stderr.startswith("Error: oddout has no manifest")
    assert "s3://archive/out" in typed("verify", "s3:/archive/out", code=2).stderr
