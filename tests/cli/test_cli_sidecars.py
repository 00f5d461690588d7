"""XMP sidecars: with --sidecars they go along with the results and say what is true of them, else it is said."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from skimage import data
from typer.testing import Result

from colorhub.folder.plan import make_plan

Run = Callable[..., Result]
TIFF, DC, OURS = "http://ns.adobe.com/tiff/1.0/", "http://purl.org/dc/elements/1.1/", "urn:colorhub:provenance:1.0:"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
SOURCE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
INVENTED = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


def packet(orientation: int | None = None, caption: str = "Grandmother in Zürich", element: bool = False) -> str:
    """As exiftool, digiKam and darktable write sidecars."""
    attribute = "" if orientation is None or element else f' tiff:Orientation="{orientation}"'
    child = f"<tiff:Orientation>{orientation}</tiff:Orientation>" if element else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">'
        f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="" xmlns:tiff="{TIFF}" xmlns:dc="{DC}"'
        f' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"{attribute}>{child}<dc:description><rdf:Alt>'
        f'<rdf:li xml:lang="x-default">{caption}</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF>'
        "</x:xmpmeta>\n"
    )


def write_photo(path: Path, orientation: int | None = None) -> Path:
    """A photo of 60 x 40 pixels whose left edge is white, turned by EXIF if wanted."""
    picture = np.tile(np.arange(60, dtype=np.uint8) * 3, (40, 1))
    picture[:, :8] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    Image.fromarray(picture).save(path, exif=exif)
    return path


def facts(path: Path) -> dict[str, str]:
    """What a sidecar says, read by another parser: orientation, caption, rating, source and the model of the record."""
    root = ElementTree.fromstring(path.read_bytes())
    named = {key: value for node in root.iter() for key, value in node.attrib.items()}
    named |= {node.tag: node.text or "" for node in root.iter() if not len(node)}
    keys = {
        "orientation": f"{{{TIFF}}}Orientation",
        "caption": f"{{{RDF}}}li",
        "rating": "{http://ns.adobe.com/xap/1.0/}Rating",
        "source": SOURCE,
        "model": f"{{{OURS}}}Model",
    }
    first = next(node.text for node in root.iter(f"{{{RDF}}}li") if node.text)
    return {name: named[key] for name, key in keys.items() if key in named} | {"caption": first}


def names_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Four photos, three with sidecars of either kind, one of them turned in EXIF and in its sidecar."""
    folder = tmp_path / "in"
    write_photo(folder / "a.jpg", 6)
    (folder / "a.jpg.xmp").write_text(packet(6), "utf-8")
    write_photo(folder / "b.png")
    (folder / "b.XMP").write_text(packet(), "utf-8")
    write_photo(folder / "sub/c.tif")
    (folder / "sub/c.tif.xmp").write_text(packet(1, element=True), "utf-8")
    write_photo(folder / "d.jpg")
    (folder / "else.xmp").write_text(packet(), "utf-8")  # of no photo here
    return folder


def test_without_the_option_they_stay_and_are_mentioned(run: Run, album: Path, tmp_path: Path) -> None:
    result = run("colorize", album, "-r", "-o", tmp_path / "out")
    assert result.exit_code == 0
    assert names_in(tmp_path / "out") == {"a.jpg", "b.png", "sub/c.tif", "d.jpg"}
    assert "Note: 3 sidecars stay behind, such as a.jpg.xmp: --sidecars takes them along." in result.stderr
    assert "1 other files ignored" in result.stderr
    alone = run("colorize", album / "b.png", "-o", tmp_path / "one")
    assert "1 sidecar stays behind, such as b.XMP" in alone.stderr
    assert "sidecar" not in run("colorize", album / "d.jpg", "-o", tmp_path / "one").stderr


def test_they_go_along_upright_and_with_the_record(run: Run, album: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in album.rglob("*.*") if path.is_file()}
    result = run("colorize", album, "-r", "-o", tmp_path / "out", "--sidecars")
    assert result.exit_code == 0, result.stderr
    assert "behind" not in result.stderr
    out = tmp_path / "out"
    assert names_in(out) == {"a.jpg", "a.jpg.xmp", "b.png", "b.XMP", "sub/c.tif", "sub/c.tif.xmp", "d.jpg"}
    expected = {"caption": "Grandmother in Zürich", "rating": "4", "source": INVENTED, "model": "tiny"}
    assert facts(out / "a.jpg.xmp") == {"orientation": "1", **expected}
    assert facts(out / "b.XMP") == expected
    assert facts(out / "sub/c.tif.xmp") == {"orientation": "1", **expected}
    assert Image.open(out / "a.jpg").size == (40, 60)
    assert {path: path.read_bytes() for path in before} == before


def test_beside_the_photos_they_have_the_results_names(run: Run, album: Path) -> None:
    assert run("colorize", album, "--sidecars").exit_code == 0
    assert {"a.color.jpg.xmp", "b.color.XMP"} <= names_in(album)
    again = run("colorize", album, "--sidecars")
    assert "3 done before and skipped" in again.stderr
    assert "1 other files ignored" in again.stderr  # else.xmp alone
    assert not any(".color.color" in name for name in names_in(album))


def test_a_turn_that_only_the_sidecar_states_is_applied(run: Run, tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "in/a.png")
    photo.with_name("a.png.xmp").write_text(packet(6), "utf-8")
    assert run("colorize", photo, "-o", tmp_path / "out", "--sidecars").exit_code == 0
    turned = np.asarray(Image.open(tmp_path / "out/a.png").convert("L"))
    assert turned.shape == (60, 40)
    assert turned[0].min() > 240  # the white left edge is on top: a quarter to the right
    assert facts(tmp_path / "out/a.png.xmp")["orientation"] == "1"
    assert run("colorize", photo, "-o", tmp_path / "plain").exit_code == 0
    assert Image.open(tmp_path / "plain/a.png").size == (60, 40)


@pytest.mark.parametrize("suffix", ["jpg", "tif", "png", "webp"])
def test_where_photo_and_sidecar_disagree_the_photo_counts(run: Run, tmp_path: Path, suffix: str) -> None:
    photo = write_photo(tmp_path / f"in/a.{suffix}", 1)
    (tmp_path / f"in/a.{suffix}.xmp").write_text(packet(8), "utf-8")
    result = run("colorize", photo, "-o", tmp_path / "out", "--sidecars")
    assert Image.open(tmp_path / f"out/a.{suffix}").size == (60, 40)
    assert facts(tmp_path / f"out/a.{suffix}.xmp")["orientation"] == "1"
    assert f"1 photo: its sidecar a.{suffix}.xmp has it turned otherwise than the photo itself" in result.stderr


def test_a_heic_states_its_turn_itself(run: Run, tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    (tmp_path / "in").mkdir()
    grey = np.tile(np.arange(60, dtype=np.uint8) * 4, (40, 1))
    pillow_heif.from_pillow(Image.fromarray(grey)).save(tmp_path / "in/a.heic")  # upright, and without EXIF
    (tmp_path / "in/a.heic.xmp").write_text(packet(6), "utf-8")
    assert run("colorize", tmp_path / "in", "-o", tmp_path / "out", "--sidecars", "--format", "png").exit_code == 0
    assert Image.open(tmp_path / "out/a.png").size == (60, 40)
    assert facts(tmp_path / "out/a.png.xmp")["orientation"] == "1"


def test_a_copy_has_a_copy_of_its_sidecar(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    color = Image.fromarray(data.coffee()).resize((90, 60))
    color.save(tmp_path / "in/color.jpg", quality=90)
    (tmp_path / "in/color.jpg.xmp").write_text(packet(6), "utf-8")
    assert run("colorize", tmp_path / "in", "-o", tmp_path / "out", "--sidecars").exit_code == 0
    for name in ("color.jpg", "color.jpg.xmp"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "in" / name).read_bytes()
    assert run("colorize", tmp_path / "in", "-o", tmp_path / "png", "--sidecars", "--format", "png").exit_code == 0
    found = facts(tmp_path / "png/color.png.xmp")
    assert (found["orientation"], found["rating"]) == ("1", "4")
    assert "model" not in found  # nothing was invented
    assert Image.open(tmp_path / "png/color.png").size == (60, 90)


def test_without_a_record_there_is_none(run: Run, album: Path, tmp_path: Path) -> None:
    run("colorize", album / "a.jpg", "-o", tmp_path / "out", "--sidecars", "--no-record")
    found = facts(tmp_path / "out/a.jpg.xmp")
    assert found == {"orientation": "1", "caption": "Grandmother in Zürich", "rating": "4"}


def test_they_come_later_for_what_is_done(run: Run, album: Path, tmp_path: Path) -> None:
    out, options = tmp_path / "out", ("-r", "-o", tmp_path / "out")
    run("colorize", album, *options)
    results = {path: path.stat().st_mtime_ns for path in out.rglob("*.*")}
    assert "3 sidecars stay behind" in run("colorize", album, *options).stderr
    result = run("colorize", album, *options, "--sidecars", "--json")
    *files, _ = [json.loads(line) for line in result.stdout.splitlines()]
    reasons = {Path(entry["path"]).name: entry["reason"] for entry in files}
    assert reasons["a.jpg"] == "its result exists, and its sidecar was taken along now"
    assert reasons["d.jpg"] == "its result exists"
    assert {path: path.stat().st_mtime_ns for path in results} == results
    assert facts(out / "a.jpg.xmp")["model"] == "tiny"  # as its result's own record says
    assert facts(out / "a.jpg.xmp")["orientation"] == "1"
    assert "sidecar" not in run("colorize", album, *options).stderr  # all are there


def test_a_sidecar_of_two_photos_goes_along_with_both(run: Run, tmp_path: Path) -> None:
    for name in ("scan.jpg", "scan.tif"):
        write_photo(tmp_path / "in" / name)
    (tmp_path / "in/scan.xmp").write_text(packet(), "utf-8")
    assert run("colorize", tmp_path / "in", "-o", tmp_path / "out", "--sidecars").exit_code == 0
    assert names_in(tmp_path / "out") == {"scan.jpg", "scan.tif", "scan.jpg.xmp", "scan.tif.xmp"}
    for name in ("scan.jpg", "scan.tif"):  # in runs of their own, too
        plan = make_plan([tmp_path / "in" / name], tmp_path / "new", sidecars=True)
        assert [one.beside(job.output).name for job in plan.jobs for one in job.sidecars] == [f"{name}.xmp"]


def test_of_two_sidecars_for_one_name_the_other_is_said_to_stay(run: Run, tmp_path: Path) -> None:
    for name in ("scan.jpg", "scan.tif"):
        write_photo(tmp_path / "in" / name)
    (tmp_path / "in/scan.xmp").write_text(packet(caption="of both"), "utf-8")
    (tmp_path / "in/scan.jpg.xmp").write_text(packet(caption="of one"), "utf-8")
    result = run("colorize", tmp_path / "in", "-o", tmp_path / "out", "--sidecars")
    assert facts(tmp_path / "out/scan.jpg.xmp")["caption"] == "of one"
    assert facts(tmp_path / "out/scan.tif.xmp")["caption"] == "of both"
    assert f"1 sidecar stays behind, such as {tmp_path / 'in/scan.xmp'}" in result.stderr


def test_a_left_over_one_keeps_its_record_and_it_is_said(run: Run, album: Path, tmp_path: Path) -> None:
    out, command = tmp_path / "out", ("colorize", album / "a.jpg", "-o", tmp_path / "out", "--sidecars")
    run(*command)
    left_over = (out / "a.jpg.xmp").read_bytes()
    (out / "a.jpg").unlink()
    assert "was there already" not in run(*command).stderr  # of a run that was cut off: the same record
    (out / "a.jpg").unlink()
    result = run(*command, "--vividness", "1.5")
    assert "the sidecar a.jpg.xmp was there already and was left as it is" in result.stderr
    assert (out / "a.jpg.xmp").read_bytes() == left_over


@pytest.mark.parametrize("orientation", [6, 3])
def test_a_late_one_says_how_its_result_is_turned(run: Run, tmp_path: Path, orientation: int) -> None:
    """The result was made without it and is as sideways as the photo."""
    photo = write_photo(tmp_path / "in/a.png")
    run("colorize", photo, "-o", tmp_path / "out")
    photo.with_name("a.png.xmp").write_text(packet(orientation), "utf-8")
    run("colorize", photo, "-o", tmp_path / "out", "--sidecars")
    assert Image.open(tmp_path / "out/a.png").size == (60, 40)
    found = facts(tmp_path / "out/a.png.xmp")
    assert (found["orientation"], found["model"]) == (str(orientation), "tiny")


def test_a_late_one_of_a_turned_result_says_so(run: Run, tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "in/a.png")
    photo.with_name("a.png.xmp").write_text(packet(6), "utf-8")
    for _ in range(2):
        run("colorize", photo, "-o", tmp_path / "out", "--sidecars")
        assert Image.open(tmp_path / "out/a.png").size == (40, 60)
        assert facts(tmp_path / "out/a.png.xmp")["orientation"] == "1"
        (tmp_path / "out/a.png.xmp").unlink()


def test_what_stays_behind_later_is_not_said_to_be_taken(run: Run, tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "in/a.png")
    run("colorize", photo, "-o", tmp_path / "out")
    photo.with_name("a.png.xmp").mkdir()
    result = run("colorize", photo, "-o", tmp_path / "out", "--sidecars", "--json")
    reason = json.loads(result.stdout.splitlines()[0])["reason"]
    assert "taken along" not in reason
    assert "stayed behind" in reason


def test_notes_of_many_photos_are_one_line(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b.old", "c 3"):
        write_photo(tmp_path / f"in/{name}.jpg", 1)
        (tmp_path / f"in/{name}.jpg.xmp").write_text(packet(8), "utf-8")
    result = run("colorize", tmp_path / "in", "-o", tmp_path / "out", "--sidecars")
    assert result.stderr.count("has it turned otherwise") == 1
    assert "  3 photos: its sidecar ... has it turned otherwise" in result.stderr


def test_one_that_is_there_is_left_alone_unless_told(run: Run, album: Path, tmp_path: Path) -> None:
    mine = tmp_path / "out/a.jpg.xmp"
    mine.parent.mkdir()
    mine.write_text("mine")
    assert run("colorize", album / "a.jpg", "-o", tmp_path / "out", "--sidecars").exit_code == 0
    assert mine.read_text() == "mine"
    assert run("colorize", album / "a.jpg", "-o", tmp_path / "out", "--sidecars", "--overwrite").exit_code == 0
    assert facts(mine)["model"] == "tiny"


@pytest.mark.parametrize("content", [b"", b"no XML", b"<x:xmpmeta", packet(6).encode()[:-40]])
def test_damaged_ones_are_copied_as_they_are(run: Run, tmp_path: Path, content: bytes) -> None:
    photo = write_photo(tmp_path / "in/a.jpg", 6)
    (tmp_path / "in/a.xmp").write_bytes(content)
    result = run("colorize", photo, "-o", tmp_path / "out", "--sidecars")
    assert result.exit_code == 0
    assert "its sidecar a.xmp is damaged and was copied without a record" in result.stderr
    expected = content.replace(b'Orientation="6"', b'Orientation="1"')
    assert (tmp_path / "out/a.xmp").read_bytes() == expected


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_one_that_cannot_be_read_costs_no_photo(run: Run, album: Path, tmp_path: Path) -> None:
    (album / "a.jpg.xmp").chmod(0)
    result = run("colorize", album / "a.jpg", "-o", tmp_path / "out", "--sidecars")
    assert result.exit_code == 0
    assert "could not be read and stayed behind" in result.stderr


def test_a_folder_of_that_name_costs_no_photo(run: Run, tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "in/a.jpg")
    (tmp_path / "in/a.jpg.xmp").mkdir()
    result = run("colorize", photo, "-o", tmp_path / "out", "--sidecars")
    assert result.exit_code == 0
    assert names_in(tmp_path / "out") == {"a.jpg"}
    assert "could not be read and stayed behind (Is a directory)" in result.stderr


def test_they_keep_their_times(run: Run, album: Path, tmp_path: Path) -> None:
    os.utime(album / "a.jpg.xmp", ns=(10**18, 10**18))
    run("colorize", album / "a.jpg", "-o", tmp_path / "out", "--sidecars")
    assert (tmp_path / "out/a.jpg.xmp").stat().st_mtime_ns == 10**18
