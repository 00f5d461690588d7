"""The page *A cluster*: its commands, typed on clusters of this machine."""

import os
import shlex
import sys
from pathlib import Path

import bagit
import pytest
import yaml
from object_store import credentials, s3_server
from ports import free_port
from ray_runs import make_photos
from slurm_cluster import has_slurm, slurm_cluster
from snippets import bash, snippet, without_installs
from tiny import save_tiny

from colorhub.archive.manifest import read_rows
from colorhub.settings import DEFAULT_MODEL

pytest.importorskip("ray")
pytestmark = pytest.mark.slow


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of scans and a tiny model under the default's name, as the current folder."""
    save_tiny(tmp_path / "models" / DEFAULT_MODEL)
    monkeypatch.setenv("COLORHUB_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.chdir(tmp_path)
    make_photos(tmp_path / "scans", 8)
    return tmp_path


def test_a_cluster_of_this_machine(place: Path) -> None:
    assert without_installs(snippet("cluster.md", "cluster: install")) == ""
    bash(snippet("cluster.md", "cluster: local"))
    bagit.Bag(str(place / "archive")).validate()
    assert len(list(read_rows(str(place / "archive/data")))) == 8


def test_cloud_and_kubernetes_run_one_command_on_the_cluster_they_are_part_of(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3fs = pytest.importorskip("s3fs")
    pytest.importorskip("moto")
    from ray.cluster_utils import Cluster

    job = yaml.safe_load(snippet("cluster.md", "cluster: ray job"))
    lines = [shlex.split(line) for line in snippet("cluster.md", "cluster: ray up").splitlines()]
    file = yaml.safe_load(snippet("cluster.md", "cluster: ray file"))
    command = job["spec"]["entrypoint"]
    assert lines[1] == ["ray", "exec", "cluster.yaml", command]
    assert file["head_node_type"] in file["available_node_types"]
    with s3_server() as endpoint:
        for name, value in credentials(endpoint).items():
            monkeypatch.setenv(name, value)  # and so the cluster's nodes have it
        s3fs.S3FileSystem.clear_instance_cache()
        storage = s3fs.S3FileSystem()
        storage.mkdir("archive")
        storage.put(f"{place}/scans/", "archive/scans", recursive=True)
        node = {"num_cpus": 3, "object_store_memory": 80 * 2**20, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=node)
        try:
            bash(command, RAY_ADDRESS=cluster.address)
        finally:
            cluster.shutdown()
        storage.invalidate_cache()
        assert storage.exists("archive/coloured/data/b/001.jpg")
        assert len(list(read_rows("s3://archive/coloured/data"))) == 8


@pytest.mark.skipif(not has_slurm(), reason="Slurm is not installed, or this is not root")
def test_a_slurm_job(place: Path) -> None:
    (place / "ray.sbatch").write_text(snippet("cluster.md", "cluster: sbatch"))
    with slurm_cluster(place / "slurm") as environment:
        line = snippet("cluster.md", "cluster: slurm").replace("--wait", "--wait --nodes=1")
        bash(line, **{**environment, "HOME": str(place), "PORT": str(free_port())})
    log = (place / "ray.log").read_text()
    bagit.Bag(str(place / "shared")).validate()
    assert len(list(read_rows(str(place / "shared/data")))) == 8, log
