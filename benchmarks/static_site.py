"""The static site's engine in Chromium, beside Python: bytes and seconds to the first answer, sizes, memory.

``python benchmarks/static_site.py SITE [--megapixels 1 12 48] [--threads 2] [--model NAME]``

SITE is what ``colorhub static-site`` wrote. First: an empty browser profile, then the same profile again (from cache);
seconds until the engine is ready, and until a photo of 1 MP is coloured. Then, by size, seconds of the steps in the
browser (decode; read, decide and prepare; network; compose and encode as JPEG), the whole from file to file, and the
largest memory of all of Chromium's processes (PSS, less what the empty browser has); and seconds and memory of Python's
whole path, from the file to the file, on as many threads, in a process of its own.
"""

import argparse
import base64
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "helpers"))

from browser import CHROMIUM, FLAGS
from fullsize import grey_jpeg
from playwright.sync_api import sync_playwright
from static_server import served

_COLOR = """async ({ site, jpeg, threads, model }) => {
  const times = {};
  let since = performance.now();
  const step = (name) => {
    times[name] = (times[name] ?? 0) + performance.now() - since;
    since = performance.now();
  };
  if (!globalThis.engine) {
    const { createEngine } = await import(new URL("engine/engine.js", site));
    globalThis.engine = createEngine({ base: site, threads });
    await engine.ready();
    step("ready");
  }
  const { readPhoto } = await import(new URL("page/reading.js", site));
  const { savedPhoto } = await import(new URL("page/saving.js", site));
  const profile = new Uint8Array(await (await fetch(new URL("page/srgb.icc", site))).arrayBuffer());
  const file = new File([await (await fetch(jpeg)).blob()], "photo.jpg");
  since = performance.now();
  const { picture, ...facts } = await readPhoto(file);
  step("decode");
  const { id, inColor } = await engine.analyze(picture);
  step("read");
  await engine.predict(id, { model });
  step("network");
  const photo = { ...facts, id, inColor, name: "photo.jpg", model, vividness: 1 };
  const { blob } = await savedPhoto(engine, photo, "JPEG", { facts: engine.constants.packet, profile });
  const { size } = blob;
  step("compose and encode");
  engine.release(id);
  return { times, size };
}"""
_PYTHON = """
import resource, sys, time
import torch
torch.set_num_threads({threads})
from colorhub import ColorizationPipeline
pipeline = ColorizationPipeline({model!r}, device="cpu")
pipeline({source!r}).save({target!r})
best = 1e9
for _ in range(3):
    start = time.perf_counter()
    pipeline({source!r}).save({target!r})
    best = min(best, time.perf_counter() - start)
print(best, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
"""


@contextmanager
def browser_of(playwright: Any, profile: str, site: str) -> Iterator[Any]:
    """A page of the site, in a browser with that profile, and the bytes it was sent."""
    context = playwright.chromium.launch_persistent_context(profile, executable_path=CHROMIUM, args=list(FLAGS))
    page = context.new_page()
    page.set_default_timeout(600_000)
    page.goto(f"{site}LICENSES.txt")
    yield page
    context.close()


class Peak:
    """The largest memory of a browser's processes while a block runs, in MB."""

    def __init__(self, profile: str) -> None:
        self._profile = profile
        self._ended = threading.Event()
        self.megabytes = 0.0

    def __enter__(self) -> "Peak":
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            self.megabytes = max(self.megabytes, memory_of(self._profile))


def memory_of(profile: str) -> float:
    """Of the browser with a profile and what it started: proportional set size, in MB."""
    parents = {}
    roots = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int(entry.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1])
            if profile.encode() in entry.joinpath("cmdline").read_bytes():
                roots.add(int(entry.name))
        except OSError:
            continue
    total = 0
    for process in parents:
        above: int | None = process
        while above is not None and above not in roots:
            above = parents.get(above)
        if above is not None:
            try:
                lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
            except OSError:
                continue
    return total / 1e3


def data_url(path: Path) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode()


def first_answers(playwright: Any, how: dict[str, Any], folder: Path) -> None:
    """Cold, and again from cache."""
    jpeg = data_url(grey_jpeg(folder / "first.jpg", 1200, 900))
    for name in ("cold", "from cache"):
        with browser_of(playwright, str(folder / "profile"), how["site"]) as page:
            sent = sizes_of_answers(page)
            found = page.evaluate(_COLOR, {**how, "jpeg": jpeg})
            seconds = sum(found["times"].values()) / 1e3
            ready = found["times"]["ready"] / 1e3
            print(
                f"{name}: ready after {ready:.1f} s, first photo after {seconds:.1f} s, {sum(sent) / 1e6:.1f} MB sent"
            )


def sizes_of_answers(page: Any) -> list[int]:
    """Bytes of the bodies that a page is sent from now on."""
    sent: list[int] = []
    page.on("requestfinished", lambda request: sent.append(request.sizes()["responseBodySize"]))
    return sent


def by_size(playwright: Any, how: dict[str, Any], folder: Path, megapixels: list[float]) -> None:
    for size in megapixels:
        height = round((size * 1e6 * 3 / 4) ** 0.5)
        source = grey_jpeg(folder / "photo.jpg", round(height * 4 / 3), height)
        profile = str(folder / f"profile-{size:g}")
        with browser_of(playwright, profile, how["site"]) as page:
            page.evaluate(_COLOR, {**how, "jpeg": data_url(grey_jpeg(folder / "warm.jpg", 400, 300))})
            idle = memory_of(profile)
            given = {**how, "jpeg": data_url(source)}
            with Peak(profile) as peak:
                runs = [page.evaluate(_COLOR, given)["times"] for _ in range(3)]
        best = min(runs, key=lambda times: sum(times.values()))
        steps = ", ".join(f"{name} {seconds / 1e3:.2f}" for name, seconds in best.items())
        whole = sum(best.values()) / 1e3
        seconds, memory = python(source, folder / "out.jpg", how["threads"], how["model"])
        print(
            f"{size:g} MP: browser {whole:.2f} s ({steps}), network {best['network'] / 10 / whole:.0f} %, "
            f"peak {peak.megabytes - idle:.0f} MB over {idle:.0f} MB; Python {seconds:.2f} s, {memory:.0f} MB; "
            f"{whole / seconds:.2f} times"
        )


def python(source: Path, target: Path, threads: int, model: str | None) -> tuple[float, float]:
    """Seconds and the process's largest memory in MB."""
    script = _PYTHON.format(threads=threads, source=str(source), target=str(target), model=model)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    seconds, megabytes = map(float, done.stdout.split())
    return seconds, megabytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 12, 48])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", help="of those of the site, and of Python; the default when not given")
    options = parser.parse_args()
    files = [path for path in options.site.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: -path.stat().st_size)[:6]:
        print(f"{path.stat().st_size / 1e6:7.2f} MB  {path.relative_to(options.site)}")
    print(f"{sum(path.stat().st_size for path in files) / 1e6:7.2f} MB in {len(files)} files")
    with tempfile.TemporaryDirectory() as folder, served(options.site) as site, sync_playwright() as playwright:
        began = time.strftime("%H:%M")
        how = {"site": site, "threads": options.threads, "model": options.model}
        first_answers(playwright, how, Path(folder))
        by_size(playwright, how, Path(folder), options.megapixels)
        print(f"began {began}, ended {time.strftime('%H:%M')}")


if __name__ == "__main__":
    main()
