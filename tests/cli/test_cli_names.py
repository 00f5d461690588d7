"""Names of the real world: nearly as long as file systems allow, and with letters that a terminal does not have."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import Result

from colorhub._files import clean_up, replacing
from colorhub.folder.plan import make_plan

Run = Callable[..., Result]
LONGEST = 255  # bytes of a name on ext4, XFS, Btrfs, APFS
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE")}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_photo(path: Path) -> Path:
    ramp = np.tile(np.arange(60, dtype=np.uint8) * 4, (40, 1))
    Image.fromarray(ramp).save(path, "JPEG")
    return path


@pytest.mark.parametrize(
    "name",
    [
        "\N{CJK UNIFIED IDEOGRAPH-5199}" * 80 + ".jpg",  # 244 bytes, 84 letters
        "\N{CJK UNIFIED IDEOGRAPH-5199}" * 83 + ".jpg",  # 253 bytes: with .color it would have 259
        "e\N{COMBINING ACUTE ACCENT}" * 83 + ".jpg",  # as macOS writes accents
        "x" * 251 + ".jpg",
    ],
)
def test_names_up_to_255_bytes_have_results(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    photo = write_photo(tmp_path / "in" / name)
    result = run("colorize", photo, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert names_in(tmp_path / "out") == [name]
    for said in ("1 coloured", "1 done before and skipped"):  # beside the photo, and once more
        result = run("colorize", tmp_path / "in")
        assert result.exit_code == 0, result.stderr
        assert said in result.stderr
    [beside] = set(names_in(tmp_path / "in")) - {name}
    assert len(os.fsencode(beside)) <= LONGEST
    assert beside.endswith(".color.jpg")
    assert beside[:70] == name[:70]
    with Image.open(tmp_path / "in" / beside) as colored:
        assert colored.mode == "RGB"


def test_long_names_that_begin_alike_are_told_apart(tmp_path: Path) -> None:
    stem = "\N{CJK UNIFIED IDEOGRAPH-5199}" * 82
    for number in "123":
        (tmp_path / f"{stem}{number}.jpg").touch()
    plan = make_plan([tmp_path])
    names = {job.output.name for job in plan.jobs}
    assert len(names) == 3
    assert max(len(os.fsencode(name)) for name in names) <= LONGEST
    assert any("3 get a shorter name" in note for note in plan.notes)
    assert {job.output.name for job in make_plan([tmp_path]).jobs} == names  # the same each time


def test_a_name_with_a_suffix_that_was_added_fits_too(run: Run, tmp_path: Path) -> None:
    named = tmp_path / f"{'x' * 251}.png"
    write_photo(named)  # a JPEG, whatever its name says
    for said in ("1 coloured", "1 done before and skipped"):
        result = run("colorize", named, "-o", tmp_path / "out")
        assert result.exit_code == 0, result.stderr
        assert said in result.stderr
    [name] = names_in(tmp_path / "out")
    assert name.endswith(".jpg")
    assert len(name) == LONGEST


@pytest.mark.parametrize("name", ["x" * 255, "\N{CJK UNIFIED IDEOGRAPH-5199}" * 85, "a.jpg"])
def test_what_is_written_aside_has_a_short_name(tmp_path: Path, name: str) -> None:
    with replacing(tmp_path / name) as aside:
        aside.write_bytes(b"whole")
        assert len(os.fsencode(aside.name)) < 40
        assert clean_up([tmp_path]) == 0
        assert aside.is_file()
    assert names_in(tmp_path) == [name]


def test_what_a_killed_process_wrote_aside_is_removed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "a.jpg") as aside:
        aside.write_bytes(b"half")
        aside.rename(tmp_path / "kept")
        (tmp_path / "kept").rename(kept := tmp_path / aside.name.replace(aside.name[-8:-4], "0123"))
    assert names_in(tmp_path) == [kept.name]
    assert clean_up([tmp_path], age=-1) == 1


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8", "shift_jis"])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_names_that_an_encoding_does_not_have_end_no_run(
    tmp_path: Path, model: Path, encoding: str, options: tuple[str, ...]
) -> None:
    (tmp_path / "in").mkdir()
    names = ["1 \N{CAMERA WITH FLASH}.jpg", "2 \N{GREEK SMALL LETTER OMEGA}.jpg", os.fsdecode(b"3 \xff.jpg"), "4.jpg"]
    for name in names:
        write_photo(tmp_path / "in" / name)
    (tmp_path / "in" / "\N{CAMERA WITH FLASH} broken.jpg").write_text("hello")
    result = colorhub(tmp_path / "in", "-o", tmp_path / "out", "--model", model, *options, encoding=encoding)
    # For ASCII, the library that prints (click) writes UTF-8.
    said, complained = (text.decode(encoding.replace("ascii", "utf-8")) for text in (result.stdout, result.stderr))
    assert result.returncode == 1, complained
    assert "Traceback" not in complained
    assert "4 coloured, 1 failed" in complained
    assert (names_in(tmp_path / "out")) == sorted(names)
    assert len(said.splitlines()) == (6 if options else 4)
    if not options:
        assert any(shown in said for shown in ("1 \N{CAMERA WITH FLASH}.jpg", "1 \\U0001f4f8.jpg"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_full_disk_behind_the_output_ends_no_run(tmp_path: Path, model: Path) -> None:
    for number in range(3):
        write_photo(tmp_path / f"{number}.jpg")
    with Path("/dev/full").open("wb") as full:
        result = colorhub(tmp_path, "-o", tmp_path / "out", "--model", model, stdout=full)
    complained = result.stderr.decode()
    assert result.returncode == 1
    assert "Traceback" not in complained
    assert "Exception" not in complained
    assert "cannot be printed (No space left on device)" in complained
    assert "3 coloured" in complained
    assert len(names_in(tmp_path / "out")) == 3


def colorhub(
    *arguments: object, encoding: str = "utf-8", stdout: object = subprocess.PIPE
) -> subprocess.CompletedProcess:
    """``colorhub colorize`` as a process of its own, redirected as on a machine with that encoding."""
    command = [sys.executable, "-m", "colorhub.cli.main", "colorize", *map(str, arguments)]
    environment = {**ENVIRONMENT, "PYTHONIOENCODING": encoding}
    return subprocess.run(
        command,
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
        timeout=300,
        env=environment,  # type: ignore[call-overload]
    )
