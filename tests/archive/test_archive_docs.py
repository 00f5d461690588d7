"""The page *An archive*, typed line by line; its Slurm script on a cluster of this machine."""

import json
import os
import sys
from pathlib import Path

import bagit
import pytest
import torch
from certificates import make_certificates
from object_store import credentials, s3_server
from photos import grey_photo
from PIL import Image
from slurm_cluster import has_slurm, slurm_cluster
from snippets import bash, snippet, without_installs

from colorhub.archive.manifest import read_rows
from colorhub.models import create
from colorhub.settings import DEFAULT_MODEL

pytestmark = pytest.mark.slow
NAMES = {f"{folder}{number}.jpg" for folder in ("", "1910/") for number in range(6)}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of scans and a small model under the default's name, as the current folder."""
    torch.manual_seed(0)
    create("unet", width=4, depth=3).save_pretrained(tmp_path / "models" / DEFAULT_MODEL)
    monkeypatch.setenv("COLORHUB_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scans/1910").mkdir(parents=True)
    for number, name in enumerate(sorted(NAMES)):
        grey_photo("astronaut", (90 + number, 70)).save(tmp_path / "scans" / name)
    return tmp_path


def pictures(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg")}


def test_from_scans_to_a_verified_bag(place: Path) -> None:
    assert without_installs(snippet("archive.md", "archive: install")) == ""
    bash(snippet("archive.md", "archive: colorize"))
    bagit.Bag(str(place / "archive")).validate()
    assert pictures(place / "archive/data") == NAMES
    told = bash(snippet("archive.md", "archive: verify"))
    assert json.loads(told.splitlines()[-1])["summary"]["findings"] == 0


def test_from_a_bucket_to_a_verified_bag(place: Path) -> None:
    s3fs = pytest.importorskip("s3fs")
    pytest.importorskip("moto")
    with s3_server() as endpoint:
        told = credentials(endpoint)
        storage = s3fs.S3FileSystem(
            key=told["AWS_ACCESS_KEY_ID"], secret=told["AWS_SECRET_ACCESS_KEY"], endpoint_url=endpoint
        )
        storage.mkdir("archive")
        for name in NAMES:
            storage.put_file(str(place / "scans" / name), f"archive/scans/{name}")
        bash(snippet("archive.md", "archive: bucket"), **told)
        storage.invalidate_cache()
        storage.get("archive/coloured/", str(place / "fetched"), recursive=True)
    bagit.Bag(str(place / "fetched")).validate()
    assert pictures(place / "fetched/data") == NAMES


def test_signed_results(place: Path) -> None:
    chain, key, _ = make_certificates(place)
    assert (chain.name, key.name) == ("chain.pem", "key.pem")
    bash(snippet("archive.md", "archive: sign"))
    assert b"c2pa" in (place / "signed/0.jpg").read_bytes()


def test_layers(place: Path) -> None:
    bash(snippet("archive.md", "archive: layers"))
    assert pictures(place / "coloured") == pictures(place / "strong/data") == NAMES
    bagit.Bag(str(place / "strong")).validate()


@pytest.mark.skipif(not has_slurm(), reason="Slurm is not installed, or this is not root")
def test_a_slurm_array(place: Path) -> None:
    (place / "colorize.sbatch").write_text(snippet("archive.md", "archive: sbatch"))
    whole = (place / "scans/0.jpg").read_bytes()
    with slurm_cluster(place / "slurm") as environment:
        bash(snippet("archive.md", "archive: slurm"), **environment)
        logs = "\n".join(path.read_text() for path in sorted(place.glob("colorhub-*.log")))
        assert pictures(place / "shared/data") == NAMES, logs
        assert {row.source for row in read_rows(place / "shared/data")} == NAMES, logs
        bagit.Bag(str(place / "shared")).validate()
        lost = sorted(NAMES)[0]
        part = next(number for number in range(4) if _falls_to(number, lost))
        (place / "shared/data" / lost).unlink()
        again = snippet("archive.md", "archive: slurm again").replace("--array=2", f"--array={part}")
        bash(again, **environment)
    assert pictures(place / "shared/data") == NAMES
    bagit.Bag(str(place / "shared")).validate()
    with Image.open(place / "shared/data" / lost) as picture:
        assert picture.mode == "RGB"
    assert (place / "scans/0.jpg").read_bytes() == whole


def _falls_to(number: int, name: str) -> bool:
    from colorhub.folder.plan import Shard

    return Shard(number, 4).holds(name)
