"""exiftool and ImageMagick, as Debian has them: what other programs find in the files that we write."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest


def _needed(program: str, package: str) -> pytest.MarkDecorator:
    """Skips where a program is missing, but not in .ci/run, where that is a failure."""
    missing = not shutil.which(program) and not os.environ.get("COLORHUB_REQUIRE")
    return pytest.mark.skipif(missing, reason=f"no {program}: apt-get install {package}")


exiftool_needed = _needed("exiftool", "libimage-exiftool-perl")
imagemagick_needed = _needed("identify", "imagemagick")


def exiftool_tags(path: Path) -> dict[str, Any]:
    """What exiftool finds, keyed ``group:tag``, with numbers as they are stored."""
    done = subprocess.run(
        ["exiftool", "-json", "-G1", "-n", "-struct", "-api", "RequestAll=1", "-api", "IgnoreMinorErrors=1", str(path)],
        capture_output=True,
        check=False,
        timeout=60,
    )
    return json.loads(done.stdout.decode("utf-8", "replace"))[0]


def identify_complaints(path: Path) -> str:
    """What ImageMagick's ``identify`` says on its error channel."""
    done = subprocess.run(["identify", "-verbose", str(path)], capture_output=True, check=False, timeout=60)
    return done.stderr.decode("utf-8", "replace").strip()
