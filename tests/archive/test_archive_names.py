"""Names of all kinds: of photos, of their folders, and of the folder for the results."""

import os
from pathlib import Path
from threading import Event

import pytest
from commands import typed
from photos import grey_photo

from colorhub.archive.folders import size_and_sha256
from colorhub.archive.journal import Journal
from colorhub.archive.listing import pictures
from colorhub.archive.manifest import Header, last_header, read_rows
from colorhub.archive.places import Place
from colorhub.archive.rows import as_text
from colorhub.archive.staging import Staging
from colorhub.folder.plan import make_plan

ODD = [
    b"a b.jpg",
    b"100%.jpg",
    b"a%20b.jpg",
    b"no#1.jpg",
    b"who?.jpg",
    b"s3::a.jpg",
    b"two\nlines.jpg",
    b"dots...jpg",
    b"no text \xff.jpg",
    rb"no text \xff.jpg",  # a backslash and letters, which is another name
    rb"back\xslash.jpg",
    b"[1]*.jpg",
    b"~.jpg",
    b"x" * 251 + b".jpg",
]
FOLDERS = [b"my scans", b"50%", b"a#b?c", b"a::b", b"two\nlines", b"no text \xff", b"dot.", b"[x]*"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_of_any_name_is_itself(tmp_path: Path, folder: bytes) -> None:
    path = tmp_path / os.fsdecode(folder)
    path.mkdir()
    (path / "here.txt").write_text("12345")
    place = Place.of(path)
    assert (place.size("here.txt"), place.names("h"), place.root) == (5, ["here.txt"], str(path))
    place.put(path / "here.txt", "d/copied.txt")
    assert (path / "d/copied.txt").read_text() == "12345"


def test_each_photo_has_its_row_whatever_it_is_called(tmp_path: Path, model: Path) -> None:
    scans, out = tmp_path / os.fsdecode(b"in 1% #\xff"), tmp_path / "my results 100% #1?"
    scans.mkdir()
    for number, name in enumerate(ODD):
        grey_photo("astronaut", (40, 30)).rotate(7 * number).save(tmp_path / "one.jpg")
        (tmp_path / "one.jpg").rename(scans / os.fsdecode(name))
    typed("colorize", scans, "-o", out, "--manifest", "--model", model, code=0)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == sorted([scans.name, out.name])
    rows = {row.source: row for row in read_rows(str(out))}
    assert rows.keys() == {as_text(os.fsdecode(name)) for name in ODD} and len(rows) == len(ODD)
    for name in ODD:
        row = rows[as_text(os.fsdecode(name))]
        assert (row.source_size, row.source_sha256) == size_and_sha256(scans / os.fsdecode(name))
        assert (row.output_size, row.output_sha256) == size_and_sha256(out / os.fsdecode(name))
    assert "all sound" in typed("verify", out, "--source", scans, code=0).stderr
    again = typed("colorize", scans, "-o", out, "--manifest", "--model", model, code=0)
    assert f"0 coloured, {len(ODD)} done before" in again.stderr


def test_a_bag_takes_what_is_text(tmp_path: Path, model: Path) -> None:
    bagit = pytest.importorskip("bagit")
    scans = tmp_path / "in"
    scans.mkdir()
    for name in (b"two\nlines.jpg", rb"back\slash.jpg", rb"\xff.jpg", b"no text \xff.jpg"):
        grey_photo("astronaut", (40, 30)).save(tmp_path / "one.jpg")
        (tmp_path / "one.jpg").rename(scans / os.fsdecode(name))
    told = typed("colorize", scans, "-o", tmp_path / "my bag", "--bag", "--model", model, code=1).stderr
    assert "3 coloured, 1 failed" in told and "no UTF-8" in told
    assert bagit.Bag(str(tmp_path / "my bag")).is_valid()


def test_a_folder_is_listed_as_a_run_over_folders_finds_it(tmp_path: Path) -> None:
    scans = tmp_path / "in"
    for name in ("a.jpg", "b/c.png", ".hidden/d.jpg", "b/c.color.png", "b/notes.txt"):
        (scans / name).parent.mkdir(parents=True, exist_ok=True)
        (scans / name).write_bytes(b"123")
    (scans / "b/up").symlink_to(scans, target_is_directory=True)
    (scans / "dead.jpg").symlink_to(scans / "gone.jpg")
    found = list(pictures(Place.of(scans), recursive=True))
    assert sorted((entry.name, entry.size) for entry in found if not entry.problem) == [("a.jpg", 3), ("b/c.png", 3)]
    assert [entry.name for entry in found if "does not exist" in entry.problem] == ["dead.jpg"]
    assert {entry.name for entry in pictures(Place.of(scans), recursive=False)} == {"a.jpg", "dead.jpg"}


def test_a_store_is_listed_folder_by_folder_and_what_gives_no_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place.of("memory://archive-names/in")
    place.fs.pipe({place.path(name): b"12" for name in ("a.jpg", "b/c d.png", "b/e/f.jpg", "z.jpg")})
    assert [entry.name for entry in pictures(place, recursive=True)] == ["a.jpg", "z.jpg", "b/c d.png", "b/e/f.jpg"]
    assert [entry.name for entry in pictures(place, recursive=False)] == ["a.jpg", "z.jpg"]
    assert place.names("a") == ["a.jpg"]
    listing = place.fs.ls

    def cut(path: str, **how: object) -> object:
        if path.endswith("/e"):
            raise PermissionError(path)
        return listing(path, **how)

    monkeypatch.setattr(place.fs, "ls", cut)
    with pytest.raises(PermissionError):
        list(pictures(place, recursive=True))


def test_the_run_that_wrote_last_is_the_last_whatever_the_clock_says(tmp_path: Path) -> None:
    place = Place.of(tmp_path)
    for began, settings in (("2031", "then"), ("2026", "now")):
        header = Header("0", settings, "tiny", "", "0/1", "here", began)
        with (tmp_path / "colorhub-manifest.0-of-1.jsonl").open("a") as part:
            part.write(header.to_line())
    found = last_header(place)
    assert found is not None and found.settings == "now"


NEIGHBOURS = (
    *("a.jpg", "a.gif", "b.gif", "b.png", "b.color.png", "c.gif", "c.webp", "c.gif.png", "c.notes.txt", "d.GIF"),
    *("e.tif", "e.tif.png", "e.webp", "sub/a.gif", "sub/a.bmp", "f.jpg", "f.jpeg", "g..gif", "g.png"),
    f"{'h' * 251}.gif",
)


@pytest.mark.parametrize("format", [None, "png", "jpg"])
def test_results_have_the_names_that_a_plan_of_folders_gives_them(tmp_path: Path, format: str | None) -> None:
    store = Place.of(f"memory://archive-neighbours-{format}/in")
    for name in NEIGHBOURS:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"x")
        store.fs.pipe(store.path(name), b"x")
    plan = make_plan([tmp_path / "in"], tmp_path / "out", format=format, recursive=True)
    journal = Journal(Place.of(tmp_path / "out"), "{}")
    journal.begin("tiny", "")
    staging = Staging(store, journal.place, journal, tmp_path, format=format, overwrite=False, stop=Event())
    staged = list(staging.fetched(pictures(store, recursive=True)))
    staging.close()
    journal.close()
    named = {one.entry.name: one.job.output.name for one in staged if one.job}
    assert named == {job.relative: job.output.name for job in plan.jobs}
    refused = {one.entry.name: one.result.reason for one in staged if one.result}
    wanted = {problem.path.name: problem.reason.replace(f"{tmp_path / 'in'}/", "") for problem in plan.problems}
    assert refused == wanted and len(named) + len(refused) == 18
    assert bool(refused) == (format is not None)


class S3:
    """Answers to a listing what S3 does for these keys; s3fs itself asks a server."""

    protocol = ("s3", "s3a")

    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def call_s3(self, method: str, **_: object) -> dict[str, object]:
        return {"Contents": [{"Key": key, "Size": 2} for key in self.keys], "IsTruncated": False}


def test_keys_that_hold_a_folder_without_a_name_are_listed_as_failed() -> None:
    keys = ("in/a.jpg", "in//a.jpg", "in/b//c.jpg", "in/b/c.jpg", "in//.hidden.jpg", "in/b//c.color.jpg")
    found = list(pictures(Place("s3://bucket/in", S3(*keys), "bucket/in"), recursive=True))
    assert [entry.name for entry in found] == ["a.jpg", "/a.jpg", "b//c.jpg", "b/c.jpg"]
    assert [entry.name for entry in found if "(//)" in entry.problem] == ["/a.jpg", "b//c.jpg"]


@pytest.mark.parametrize("options", [(), ("--ray", "local"), ("--dry-run",)])
def test_an_address_with_a_folder_without_a_name_is_a_wrong_call(options: tuple[str, ...]) -> None:
    for source, output in (("s3://bucket//in", "out"), ("s3://bucket/in//", "out"), ("in", "s3://bucket//out")):
        told = typed("colorize", source, "-o", output, *options, code=2).output
        assert "without a name" in told and told.count("Error") == 1
    assert "without a name" in typed("verify", "s3://bucket//out", code=2).output
