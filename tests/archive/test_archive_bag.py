"""``--bag``: what comes out is a bag by the judgement of the Library of Congress's ``bagit``."""

import os
import sys
from pathlib import Path

import bagit
import pytest
from commands import typed
from photos import grey_photo

from colorhub.archive.bag import write_bag
from colorhub.archive.manifest import ManifestError, read_rows
from colorhub.archive.places import Place

NAMES = ("1.jpg", "b/2 \N{SNOWMAN}.png", "\N{LATIN SMALL LETTER U WITH DIAERESIS}.tif")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Photos whose names are not easy to write down, one with a sidecar."""
    folder = tmp_path / "in"
    (folder / "b").mkdir(parents=True)
    for name in (*NAMES, *([] if sys.platform == "win32" else ["line\nfeed.jpg"])):
        grey_photo("astronaut", (48, 40)).save(folder / name)
    packet = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>'
    (folder / "1.xmp").write_text(f"{packet}</x:xmpmeta>")
    return folder


def test_a_run_makes_a_valid_bag_and_goes_on_with_it(photos: Path, tmp_path: Path, model: Path) -> None:
    out = tmp_path / "out"
    call = ("colorize", photos, "-r", "--bag", "--sidecars", "-o", out, "--model", model)
    typed(*call, code=0)
    bag = bagit.Bag(str(out))
    bag.validate()
    assert (out / "bagit.txt").read_text() == "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    assert {"data/1.jpg", "data/1.xmp", "data/colorhub-manifest.parquet"} <= set(bag.payload_files())
    times = {path: path.stat().st_mtime_ns for path in (out / "data").rglob("*.jpg")}
    grey_photo("astronaut", (50, 40)).save(photos / "new.jpg")
    assert "1 coloured" in typed(*call, code=0).stderr
    bagit.Bag(str(out)).validate()
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert typed("verify", out, "--source", photos, code=0).stdout == ""
    (out / "data/1.jpg").write_bytes(b"x")
    with pytest.raises(bagit.BagValidationError):
        bagit.Bag(str(out)).validate()


def test_a_bag_is_not_closed_over_what_is_missing(photos: Path, tmp_path: Path, model: Path) -> None:
    typed("colorize", photos, "--bag", "-o", tmp_path / "out", "--model", model, code=0)
    (tmp_path / "out/data/1.jpg").unlink()
    with pytest.raises(ManifestError, match=r"1\.jpg is not there"):
        write_bag(Place.of(tmp_path / "out"))
    assert typed("colorize", photos, "--bag", "--model", model, code=2).stderr


def test_a_percent_sign_is_written_as_the_standard_says(photos: Path, tmp_path: Path, model: Path) -> None:
    """RFC 8493, 2.1.3; ``bagit`` 1.9 does not read it back, so that it finds such a bag incomplete."""
    grey_photo("astronaut", (48, 40)).save(photos / "100%.jpg")
    typed("colorize", photos, "--bag", "-o", tmp_path / "out", "--model", model, code=0)
    lines = (tmp_path / "out/manifest-sha256.txt").read_text().splitlines()
    assert {line.partition("  ")[2] for line in lines} >= {"data/100%25.jpg", "data/line%0Afeed.jpg"}


def test_results_are_not_mixed_with_photos_or_put_beside_a_bag(photos: Path, tmp_path: Path, model: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    told = typed("colorize", photos, "-r", "--bag", "-o", photos, "--model", model, code=2).stderr
    assert "where the photos are" in told
    assert sorted(tmp_path.rglob("*")) == before
    out = tmp_path / "out"
    typed("colorize", photos, "--bag", "-o", out, "--model", model, code=0)
    before = sorted(tmp_path.rglob("*"))
    for options in ((), ("--manifest",), ("--shard", "0/2"), ("--layers",)):
        assert "--bag" in typed("colorize", photos, "-o", out, "--model", model, *options, code=2).stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_in_the_place_of_a_result_is_told(photos: Path, tmp_path: Path, model: Path) -> None:
    (tmp_path / "out/data").mkdir(parents=True)
    (tmp_path / "out/data/1.jpg").write_bytes((photos / "1.jpg").read_bytes())
    call = ("colorize", photos, "-r", "--bag", "-o", tmp_path / "out", "--model", model)
    for _ in range(2):
        told = typed(*call, code=1).stderr
        assert f"{photos / '1.jpg'}: there is a file of its result's name" in told and "1 failed" in told
    (tmp_path / "out/data/1.jpg").unlink()
    assert "1 coloured" in typed(*call, code=0).stderr
    assert "all sound" in typed("verify", tmp_path / "out", "--source", photos, code=0).stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all names are text")
def test_names_that_no_bag_can_have_are_listed(photos: Path, tmp_path: Path, model: Path) -> None:
    odd = [photos / os.fsdecode(name) for name in (b"caf\xe9.jpg", b"na\xefve.jpg")]
    for path in odd:
        grey_photo("astronaut", (48, 40)).save(path)
    out = tmp_path / "out"
    told = typed("colorize", photos, "-r", "--bag", "-o", out, "--model", model, code=1).stderr
    assert told.count("its name is no UTF-8") == 2
    bagit.Bag(str(out)).validate()
    assert len(list(read_rows(str(out / "data")))) == 6
    typed("colorize", photos, "-r", "--layers", "-o", tmp_path / "layers", "--model", model, code=0)
    call = ("compose", tmp_path / "layers", "--source", photos, "-o", tmp_path / "composed", "--bag")
    assert typed(*call, code=1).stderr.count("its name is no UTF-8") == 2
    bagit.Bag(str(tmp_path / "composed")).validate()
