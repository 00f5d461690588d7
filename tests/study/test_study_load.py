"""A small load on the real app: every acknowledged vote survives SIGKILL of the app and of PostgreSQL, once."""

import os
from argparse import Namespace

import pytest
from postgres_server import binaries

from benchmarks.study.load import measure


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_no_acknowledged_vote_is_lost(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    if kind == "postgresql" and binaries() is None:
        if os.environ.get("COLORHUB_REQUIRE"):
            pytest.fail("no PostgreSQL is installed: apt-get install postgresql")
        pytest.skip("no PostgreSQL is installed")
    given = Namespace(raters=20, interval=0.5, seconds=5.0, kills=(2, 1, 1), skip="highest")
    kept, _ = measure(kind, given)
    printed = capsys.readouterr().out
    assert kept, printed
    assert printed.count("lost 0, never sent 0, doubled 0") == (2 if kind == "sqlite" else 3)
