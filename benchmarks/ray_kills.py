"""A run on three nodes that are killed under it: is each photo coloured once?

``python benchmarks/ray_kills.py [--count 2000] [--kills 20] [--drivers 3]``

The nodes are processes of this machine (``ray.cluster_utils.Cluster``), the photos small and the network tiny. At
random moments a process that colours is killed, or, every fourth time, a node with all that it runs, for which another
one joins; so many times the driver itself is, and the same command is given again. At the end rows and results are
counted, ``colorhub verify`` looks for disagreement, and pixels and metadata are compared with a run on one machine.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "helpers"))
from commands import COLORHUB
from ray_runs import NODE, kill, make_photos, raylet, results, start, three_nodes, timeless, workers

from colorhub import Photo
from colorhub.archive.manifest import read_rows
from colorhub.archive.places import Place
from colorhub.archive.verify import Verification
from colorhub.models import create

A_NODE = 4  # of so many kills one is that of a node


@dataclass
class Killer:
    """Kills what it finds on a cluster, by chance, and counts."""

    cluster: Any
    chances: random.Random = field(default_factory=lambda: random.Random(0))
    processes: int = 0
    nodes: int = 0

    def __call__(self) -> None:
        """Kill a process, or, every fourth time, a node that is not the head."""
        if (self.processes + self.nodes + 1) % A_NODE == 0:
            node = self.chances.choice(list(self.cluster.worker_nodes))
            self.cluster.remove_node(node, allow_graceful=False)
            self.cluster.add_node(**NODE)
            self.nodes += 1
        elif found := self._workers():
            kill(self.chances.choice(found))
            self.processes += 1

    def _workers(self) -> list[Any]:
        return [process for node in self.cluster.list_all_nodes() for process in workers(raylet(node))]


def color(command: tuple[Any, ...], output: Path, count: int, killer: Killer, kills: int, drivers: int) -> int:
    """The same command until it comes to its end. Returns how many drivers were killed. Kills fall where photos have
    been added since the one before, evenly over all."""
    ended = killed = 0
    total = kills + drivers
    while True:
        driver = start(*command)
        while driver.poll() is None:
            time.sleep(0.2)
            done = killer.processes + killer.nodes + killed
            if done < total and results(output) >= count * (done + killer.chances.random()) / (total + 1):
                if killed < drivers and done + 1 >= (killed + 1) * total / (drivers + 1):
                    driver.kill()
                    killed += 1
                else:
                    killer()
        ended += 1
        driver.communicate()
        if driver.returncode == 0:
            return killed
        if driver.returncode > 0:
            raise SystemExit(f"run {ended} ended with exit code {driver.returncode}")


def compare(source: Path, many: Path, one: Path) -> str:
    """What the results of many nodes and of one machine say, row by row."""
    rows = list(read_rows(str(many)))
    findings = list(Verification(Place.of(many), Place.of(source)).findings())
    worst, other = 0, 0
    for path in one.rglob("*.jpg"):
        mine, theirs = Photo.open(many / path.relative_to(one)), Photo.open(path)
        worst = max(worst, int(np.abs(mine.rgb.astype(int) - theirs.rgb).max()))
        other += timeless(mine) != timeless(theirs)
    return (
        f"{results(many)} results, {len(rows)} rows of {len({row.source for row in rows})} photos, "
        f"{len(findings)} findings of verify, largest difference {worst} codes, {other} with other metadata"
    )


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=20, help="of processes and nodes")
    parser.add_argument("--drivers", type=int, default=3, help="kills of the driver")
    given = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        create("unet", width=4, depth=3).save_pretrained(folder / "tiny")
        source = make_photos(folder / "in", given.count)
        with three_nodes() as cluster:
            killer, begun = Killer(cluster), time.perf_counter()
            command = source, folder / "many", folder / "tiny", cluster.address
            drivers = color(command, folder / "many", given.count, killer, given.kills, given.drivers)
            seconds = time.perf_counter() - begun
        one = [*COLORHUB, "colorize", source, "-o", folder / "one", "-r", "--model", folder / "tiny"]
        subprocess.run([str(part) for part in one], check=True, capture_output=True)
        told = compare(source, folder / "many", folder / "one")
        kills = {"processes": killer.processes, "nodes": killer.nodes, "drivers": drivers}
        print(f"killed {json.dumps(kills)} in {seconds:.0f} s: {told}")


if __name__ == "__main__":
    main()
