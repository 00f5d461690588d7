"""exiftool and ImageMagick, as Debian has them: what other programs find in the files that we write."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

exiftool_needed = pytest.mark.skipif(not shutil.which("exiftool"), reason="no exiftool: libimage-exiftool-perl")
imagemagick_needed = pytest.mark.skipif(not shutil.which("identify"), reason="no identify: imagemagick")


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
