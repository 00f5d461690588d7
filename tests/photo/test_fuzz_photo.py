"""Five hundred damaged files: each is read or refused with a PhotoError, none hangs or crashes the process."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz_files import make_fuzzed_files

_SECONDS = 60  # for one file: far above what any takes; a hang ends the child with a stack trace

_CHILD = """
import faulthandler, json, sys, warnings
from colorhub.photo import ColorPhoto, Photo, PhotoError
warnings.simplefilter("ignore")
outcomes = {}
for path in json.load(sys.stdin):
    faulthandler.dump_traceback_later(int(sys.argv[1]), exit=True)
    try:
        photo = Photo.open(path)
        ColorPhoto.unchanged(photo).encode("PNG")
        outcomes[path] = "read"
    except PhotoError as error:
        outcomes[path] = "refused: " + str(error)
    except BaseException as error:
        outcomes[path] = f"{type(error).__name__}: {error}"
    faulthandler.cancel_dump_traceback_later()
print(json.dumps(outcomes))
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    paths = make_fuzzed_files(tmp_path_factory.mktemp("fuzz"))
    names = [str(path) for path in paths]
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(_SECONDS)],
        input=json.dumps(names),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_every_file_is_read_or_refused(outcomes: dict[str, str]) -> None:
    assert len(outcomes) == 500
    assert {path: what for path, what in outcomes.items() if not what.startswith(("read", "refused: "))} == {}


def test_both_happen_and_every_refusal_is_one_sentence_that_names_the_file(outcomes: dict[str, str]) -> None:
    refused = {path: what.removeprefix("refused: ") for path, what in outcomes.items() if what != "read"}
    assert 100 < len(refused) < 400
    for path, message in refused.items():
        assert message.startswith(Path(path).name), message
        assert "\n" not in message
        assert message.endswith(".")
        assert len(message) < 400


def test_wrong_extensions_do_not_matter(outcomes: dict[str, str]) -> None:
    assert {what for path, what in outcomes.items() if "_wrongext_" in path} == {"read"}


@pytest.mark.slow
def test_the_same_seed_makes_the_same_files(tmp_path: Path) -> None:
    first, second = (make_fuzzed_files(tmp_path / name, 60, seed=3) for name in ("a", "b"))
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    other = make_fuzzed_files(tmp_path / "c", 60, seed=4)
    assert [path.read_bytes() for path in first] != [path.read_bytes() for path in other]
