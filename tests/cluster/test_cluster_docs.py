"""The page *A cluster*: its commands, typed on clusters of this machine."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import bagit
import pytest
import yaml
from object_store import credentials, s3_server
from ports import free_port
from ray_runs import make_photos
from slurm_cluster import has_slurm, slurm_cluster
from snippets import snippet, without_installs
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


def bash(code: str, **variables: str) -> str:
    command = ["bash", "-e", "-c", without_installs(code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, env={**os.environ, **variables})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_cluster_of_this_machine(place: Path) -> None:
    assert without_installs(snippet("cluster.md", "cluster: install")) == ""
    bash(snippet("cluster.md", "cluster: local"))
    bagit.Bag(str(place / "archive")).validate()
    assert len(list(read_rows(str(place / "archive/data")))) == 8


def test_cloud_and_kubernetes_run_one_command_on_the_cluster_they_are_part_of(place: Path) -> None:
    s3fs = pytest.importorskip("s3fs")
    pytest.importorskip("moto")
    from ray.cluster_utils import Cluster

    job = yaml.safe_load(snippet("cluster.md", "cluster: rayjob.yaml"))
    lines = [shlex.split(line) for line in snippet("cluster.md", "cluster: ray up").splitlines()]
    file = yaml.safe_load(snippet("cluster.md", "cluster: cluster.yaml"))
    command = job["spec"]["entrypoint"]
    assert lines[1] == ["ray", "exec", "cluster.yaml", command]
    assert file["head_node_type"] in file["available_node_types"]
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "object_store_memory": 80 * 2**20})
    try:
        with s3_server() as endpoint:
            told = credentials(endpoint)
            keys = {"key": told["AWS_ACCESS_KEY_ID"], "secret": told["AWS_SECRET_ACCESS_KEY"]}
            storage = s3fs.S3FileSystem(**keys, endpoint_url=endpoint)
            storage.mkdir("archive")
            storage.put(f"{place}/scans/", "archive/scans", recursive=True)
            # Its nodes were started without these: here they are told in the place of a role.
            bash(command.replace("auto", "local"), **told)
            storage.invalidate_cache()
            assert storage.exists("archive/coloured/data/b/001.jpg")
            refused = subprocess.run(
                shlex.split(command),
                capture_output=True,
                text=True,
                env={**os.environ, **told, "RAY_ADDRESS": cluster.address},
            )
            assert "the node" in refused.stderr and "Traceback" not in refused.stderr
    finally:
        cluster.shutdown()


@pytest.mark.skipif(not has_slurm(), reason="Slurm is not installed, or this is not root")
def test_a_slurm_job(place: Path) -> None:
    (place / "ray.sbatch").write_text(snippet("cluster.md", "cluster: sbatch"))
    with slurm_cluster(place / "slurm") as environment:
        line = snippet("cluster.md", "cluster: slurm").replace("--wait", "--wait --nodes=1")
        bash(line, **environment, PORT=str(free_port()))
    log = (place / "ray.log").read_text()
    bagit.Bag(str(place / "shared")).validate()
    assert len(list(read_rows(str(place / "shared/data")))) == 8, log
