"""What a kept figure depends on: every file of the program, however deep, so that no stale score is ever served."""

import shutil
from pathlib import Path

import pytest

from training.scoring.work import source_digest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two packages in a tree of their own."""
    root = tmp_path_factory.mktemp("project")
    for package in ("colorhub", "training"):
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def _sources() -> list[str]:
    found = [path for package in ("colorhub", "training") for path in sorted((ROOT / package).rglob("*.py"))]
    protocols = sorted((ROOT / "training/scoring/protocols").glob("*.toml"))
    return [path.relative_to(ROOT).as_posix() for path in [*found, *protocols]]


def test_a_copy_of_the_program_is_the_same_program(copied: Path) -> None:
    assert source_digest(copied) == source_digest(ROOT)


def test_a_change_in_any_file_is_another_program(copied: Path) -> None:
    before, names = source_digest(copied), _sources()
    rooms = ("colorhub/inference/compose/", "colorhub/photo/", "training/scoring/protocols/", "training/tasks/")
    assert all(any(name.startswith(room) for name in names) for room in rooms)
    unnoticed = []
    for name in names:
        path = copied / name
        content = path.read_bytes()
        path.write_bytes(content + b"\n")
        unnoticed += [name] if source_digest(copied) == before else []
        path.write_bytes(content)
    assert unnoticed == []
    assert source_digest(copied) == before


def test_a_file_that_is_new_gone_or_moved_is_another_program(tmp_path: Path) -> None:
    deep = tmp_path / "colorhub" / "room" / "cupboard"
    deep.mkdir(parents=True)
    (deep / "one.py").write_text("1")
    seen = [source_digest(tmp_path)]
    (deep / "two.py").write_text("")
    seen.append(source_digest(tmp_path))
    (deep / "one.py").rename(deep.parent / "one.py")
    seen.append(source_digest(tmp_path))
    (deep / "two.py").unlink()
    seen.append(source_digest(tmp_path))
    assert len(set(seen)) == len(seen)
