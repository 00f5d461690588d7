"""Several nodes on this machine, which are lost; and object storage whose answers are."""

import json
import random
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from object_store import Proxy, credentials, s3_server
from PIL import Image
from ray_runs import NODE, kill, make_photos, raylet, results, run, start, three_nodes, wait_for, workers

from colorhub.archive.manifest import read_rows
from colorhub.archive.places import Place
from colorhub.archive.row_files import rows_of
from colorhub.archive.verify import Verification

pytest.importorskip("ray")
pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head and two nodes."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    with three_nodes() as started:
        yield started


def summary(told: str) -> dict[str, Any]:
    return json.loads(next(line for line in told.splitlines() if line.startswith('{"summary"')))["summary"]


def test_each_photo_once_through_lost_processes_nodes_and_drivers(cluster: Any, tmp_path: Path, model: Path) -> None:
    source, output = make_photos(tmp_path / "in", 200), tmp_path / "out"
    driver = start(source, output, model, cluster.address, "--json")
    wait_for(output, 10, driver)
    cluster.remove_node(cluster.worker_nodes.copy().pop(), allow_graceful=False)
    wait_for(output, 40, driver)
    for node in cluster.list_all_nodes():
        for process in workers(raylet(node))[:1]:
            kill(process)
    cluster.add_node(**NODE)
    wait_for(output / rows_of("photos"), 2, driver, "*.parquet")
    driver.send_signal(signal.SIGKILL)
    printed, _ = driver.communicate()
    assert all(line.startswith("{") for line in printed.splitlines()), printed
    assert results(output) < 200
    told = summary(run(source, output, model, cluster.address, "--json"))
    assert (told["failed"], told["colored"] + told["skipped"]) == (0, 200)
    assert told["skipped"] > 0
    rows = list(read_rows(str(output)))
    assert len({row.source for row in rows}) == len(rows) == 200
    assert list(Verification(Place.of(output), Place.of(source)).findings()) == []


def test_a_node_that_is_gone_takes_no_part(cluster: Any, tmp_path: Path) -> None:
    """Ray lists a node for some seconds after it was lost."""
    from colorhub.cluster.connection import connected, expect_shared

    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    output.mkdir()
    with connected(cluster.address) as nodes:
        gone = replace(nodes[0], id="a" * len(nodes[0].id), name="gone")
        expect_shared(Place.of(source), Place.of(output), [*nodes, gone])
    assert list(output.iterdir()) == []


def test_large_scans_come_last_or_are_refused_by_name(tmp_path: Path, model: Path) -> None:
    from ray.cluster_utils import Cluster

    source, output = make_photos(tmp_path / "in", 4), tmp_path / "out"
    Image.new("L", (7000, 4800), 120).save(source / "large.jpg")
    Image.new("L", (9000, 9000), 120).save(source / "huge.jpg")
    node = {"num_cpus": 2, "memory": 2 * 2**30, "object_store_memory": 80 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    try:
        told = run(source, output, model, cluster.address, code=1)
    finally:
        cluster.shutdown()
    assert "huge.jpg: it has 81 megapixels, for which 2.1 GiB of memory are needed, and no node has more than" in told
    rows = {row.source: row for row in read_rows(str(output))}
    assert len(rows) == 6
    assert [name for name, row in rows.items() if row.status == "failed"] == ["huge.jpg"]
    assert rows["large.jpg"].finished == max(row.finished for row in rows.values())
    assert list(Verification(Place.of(output), Place.of(source)).findings()) == []


def test_object_storage_with_faults(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    s3fs = pytest.importorskip("s3fs")
    pytest.importorskip("moto")
    make_photos(tmp_path / "in", 40)
    with s3_server() as endpoint:
        for name, value in credentials(endpoint).items():
            monkeypatch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        bucket = f"archive-{random.randrange(1 << 40)}"
        store = s3fs.S3FileSystem()
        store.mkdir(bucket)
        store.put(f"{tmp_path}/in/", f"{bucket}/in", recursive=True)
        source, output = f"s3://{bucket}/in", f"s3://{bucket}/out"
        proxy = Proxy(int(endpoint.rpartition(":")[2]), errors=0.03, cuts=0.03, delay=0.01)
        with proxy as through, monkeypatch.context() as faulty:
            faulty.setenv("AWS_ENDPOINT_URL", through)
            assert summary(run(source, output, model, "local", "--json"))["colored"] == 40
            assert proxy.injected > 0
        rows = list(read_rows(output))
        assert len({row.source for row in rows}) == len(rows) == 40
        assert list(Verification(Place.of(output), Place.of(source)).findings()) == []
        assert len(store.find(f"{bucket}/out")) == 41
