"""An archive: what the manifest costs, and what object storage does.

``python benchmarks/archive.py cost [--count 2000] [--rounds 9] [--model unet]``: seconds of ``colorhub colorize`` over
a folder with a manifest beside without, the runs in turns, and the median of the rounds' ratios.

``python benchmarks/archive.py names [--counts 1000 100000]``: the memory of listing, resuming from a manifest and
writing one, by how many names there are; nothing is coloured.

``python benchmarks/archive.py plan [--counts 1000 100000]``: the memory of planning a folder with so many names, a
hundred folders and one, at once and part by part, each in a process of its own; the files are empty.

``python benchmarks/archive.py latency [--count 200] [--delay 0.05]``: photos a second from bucket to bucket, where each
answer takes so long, beside a run over folders while as many requests go to the same server: both share the cores.

``python benchmarks/archive.py kills [--count 300] [--kills 10]``: a run from bucket to bucket through errors and cut
connections, killed at random moments; then objects and rows are counted and pixels compared with a run over folders.

The server is moto's, on loopback: ``pip install -e ".[dev]"``.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

import numpy as np
from folder import make_photos

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "helpers"))
from object_store import Proxy, environment, s3_server

from colorhub import Photo

COLORHUB = [sys.executable, "-m", "colorhub.cli.main"]


def colorize(source: str, output: str, model: str, *options: str, **how: object) -> float:
    """Seconds of one run."""
    begun = time.perf_counter()
    command = [*COLORHUB, "colorize", source, "-o", output, "--model", model, *options]
    subprocess.run(command, check=True, capture_output=True, **how)
    return time.perf_counter() - begun


def cost(folder: Path, count: int, rounds: int, model: str) -> None:
    """Seconds with and without a manifest."""
    make_photos(folder / "in", count)
    ratios = []
    for number in range(rounds):
        seconds = {}
        order = ["without", "with"][:: 1 if number % 2 else -1]
        for kind in order:
            options = ["--manifest"] if kind == "with" else []
            seconds[kind] = colorize(str(folder / "in"), str(folder / f"{kind}-{number}"), model, *options)
            subprocess.run(["rm", "-r", str(folder / f"{kind}-{number}")], check=True)
        ratios.append(seconds["with"] / seconds["without"])
        print(f"with {seconds['with']:.1f} s, without {seconds['without']:.1f} s: {ratios[-1]:.4f}", flush=True)
    print(f"median ratio {median(ratios):.4f} over {rounds} rounds of {count} photos")


NAMES = """
import resource, sys
from colorhub.archive.journal import Journal, join_if_complete
from colorhub.archive.places import Place
from colorhub.archive.rows import Row
folder, count = sys.argv[1], int(sys.argv[2])
place = Place.of(folder)
journal = Journal(place, "{}")
journal.begin("tiny", "ab")
import pyarrow.parquet
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
for number in range(count):
    journal.add(Row(f"scans/{number:08}.jpg", "colored", f"scans/{number:08}.jpg", 1, "a" * 64, 1, "b" * 64))
    if number == 1000:
        before = peak()
journal.finish()
journal.close()
written = peak()
again = Journal(place, "{}")
missing = sum(f"scans/{number:08}.jpg" not in again.known.done for number in range(count))
resumed = peak()
join_if_complete(place)
print(missing, round(written - before, 1), round(resumed - before, 1), round(peak() - before, 1))
"""


def names(counts: list[int]) -> None:
    """MB of memory beyond the first thousand rows."""
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "-c", NAMES, folder, str(count)], check=True, capture_output=True, text=True
            )
        missing, written, resumed, joined = done.stdout.split()
        print(f"{count} names: +{written} MB written, +{resumed} MB resumed, +{joined} MB joined; {missing} not known")


PLAN = """
import resource, sys
from pathlib import Path
from colorhub.folder.plan import make_plan
from colorhub.folder.stream import StreamedPlan
source, output = Path(sys.argv[1]), Path(sys.argv[1] + ".out")
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
if sys.argv[2] == "at once":
    plan = make_plan([source], output, recursive=True)
else:
    plan = StreamedPlan(source, output, recursive=True)
    plan.decide(lambda part: [])
print(sum(1 for job in plan.jobs), round(peak() - before, 1))
"""


def plans(counts: list[int]) -> None:
    """MB of memory that a plan takes."""
    for count in counts:
        for folders in (100, 1):
            with tempfile.TemporaryDirectory() as folder:
                for number in range(count):
                    path = Path(folder, "in", f"{number % folders:03}", f"scan_{number:08}.jpg")
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.touch()
                for how in ("at once", "part by part"):
                    command = [sys.executable, "-c", PLAN, str(Path(folder, "in")), how]
                    done = subprocess.run(command, check=True, capture_output=True, text=True)
                    found, memory = done.stdout.split()
                    print(f"{found} names in {folders} folders, {how}: +{memory} MB", flush=True)


def latency(folder: Path, count: int, delay: float, model: str) -> None:
    """Photos a second from bucket to bucket and from folder to folder."""
    import s3fs

    make_photos(folder / "in", count)
    with s3_server() as address, Proxy(int(address.rpartition(":")[2]), delay=delay) as through:
        store = s3fs.S3FileSystem(key="any", secret="any", endpoint_url=address)
        store.mkdir("archive")
        store.put(f"{folder / 'in'}/", "archive/in", recursive=True)
        seconds = colorize("s3://archive/in", "s3://archive/out", model, env=environment(through))
        ended = threading.Event()
        traffic = threading.Thread(target=_traffic, args=(environment(through), folder / "in", ended, seconds / count))
        traffic.start()
        local = colorize(str(folder / "in"), str(folder / "out"), model, "--manifest")
        ended.set()
        traffic.join()
    print(f"bucket {count / seconds:.2f} photos/s, folder {count / local:.2f} photos/s: {local / seconds:.3f} of it")


TRAFFIC = """
import sys, time, s3fs
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
store, pause = s3fs.S3FileSystem(), float(sys.argv[2])
def photo(name):
    try:
        store.call_s3("head_object", Bucket="archive", Key=f"dummy/{name}")
    except FileNotFoundError:
        pass
    store.pipe_file(f"archive/dummy/{name}", store.cat_file(f"archive/in/{name}"))
begun = time.monotonic()
with ThreadPoolExecutor(24) as pool:
    for number, path in enumerate(sorted(Path(sys.argv[1]).iterdir())):
        time.sleep(max(0, begun + number * pause - time.monotonic()))
        pool.submit(photo, path.name)
"""


def _traffic(env: dict[str, str], folder: Path, ended: threading.Event, pause: float) -> None:
    process = subprocess.Popen([sys.executable, "-c", TRAFFIC, str(folder), str(pause)], env=env)
    ended.wait()
    process.terminate()
    process.wait()


def kills(folder: Path, count: int, times: int, model: str, small: bool) -> None:
    """Each photo once, through kills, errors and cuts."""
    import s3fs

    make_photos(folder / "in", count)
    if small:
        _shrink(folder / "in")
    chances = random.Random(0)
    with s3_server() as address, Proxy(int(address.rpartition(":")[2]), 0.03, 0.03, 0.01) as through:
        store = s3fs.S3FileSystem(key="any", secret="any", endpoint_url=address)
        store.mkdir("archive")
        store.put(f"{folder / 'in'}/", "archive/in", recursive=True)
        command = [*COLORHUB, "colorize", "s3://archive/in", "-o", "s3://archive/out", "--model", model]
        killed = 0
        while killed < times:
            process = subprocess.Popen(command, env=environment(through), stdout=-3, stderr=-3)
            try:
                process.wait(4 + 8 * chances.random())
                break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                killed += 1
        seconds = colorize("s3://archive/in", "s3://archive/out", model, env=environment(through))
        store.invalidate_cache()
        store.get("archive/out", str(folder / "bucket"), recursive=True)
    colorize(str(folder / "in"), str(folder / "local"), model)
    _compare(folder, killed, seconds)


def _shrink(folder: Path) -> None:
    from PIL import Image

    for path in folder.iterdir():
        with Image.open(path) as picture:
            small = picture.resize((picture.width // 6, picture.height // 6))
        small.save(path, quality=92)


def _compare(folder: Path, killed: int, seconds: float) -> None:
    import pyarrow.parquet as pq

    rows = pq.read_table(folder / "bucket/colorhub-manifest.parquet").to_pylist()
    objects = {path.name for path in (folder / "bucket").glob("*.jpg")}
    worst, other = 0, 0
    for name in objects:
        one, two = Photo.open(folder / "bucket" / name), Photo.open(folder / "local" / name)
        worst = max(worst, int(np.abs(one.rgb.astype(int) - two.rgb).max()))
        other += one.metadata.exif != two.metadata.exif
    print(
        f"{killed} kills, last run {seconds:.1f} s: {len(objects)} objects, {len(rows)} rows of "
        f"{len({row['source'] for row in rows})} sources, largest difference {worst} codes, {other} with other EXIF"
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["cost", "names", "plan", "latency", "kills"])
    parser.add_argument("--count", type=int)
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--delay", type=float, default=0.05)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--small", action="store_true", help="photos of a thirtieth of a megapixel")
    parser.add_argument("--model", default="unet")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.what == "cost":
            cost(folder, given.count or 2000, given.rounds, given.model)
        elif given.what == "names":
            names(given.counts)
        elif given.what == "plan":
            plans(given.counts)
        elif given.what == "latency":
            latency(folder, given.count or 200, given.delay, given.model)
        else:
            kills(folder, given.count or 300, given.kills, given.model, given.small)


if __name__ == "__main__":
    main()
