"""What tests of studies share: a PostgreSQL, where one is installed."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import Server, binaries, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A PostgreSQL for the tests of one file."""
    if binaries() is None:
        if os.environ.get("COLORHUB_REQUIRE"):
            pytest.fail("no PostgreSQL is installed: apt-get install postgresql")
        pytest.skip("no PostgreSQL is installed")
    with serving(Path(tempfile.gettempdir()) / f"colorhub-postgres-{secrets.token_hex(4)}") as running:
        yield running
