"""How long until ``python app.py`` serves its page, beside a gradio page with nothing but a text box.

    python benchmarks/start.py [--repeats 7] [--out start.json]

Seconds from the start of the process to the first answer with status 200 that holds the page's title. Both are started
in turn, so that a machine that slows down slows both down; the first pair fills the disk's cache and is not counted.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BARE = """
import gradio as gr
with gr.Blocks(title="bare page", analytics_enabled=False) as page:
    gr.Textbox()
page.launch(quiet=True)
"""


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def seconds_to_first_page(script: Path, title: str, limit: float = 180) -> float:
    """Start ``script`` and poll its page every 20 ms until ``title`` is in it."""
    port = free_port()
    environment = {
        **os.environ,
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_OFFLINE": "1",
    }
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, str(script)], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        while time.perf_counter() - start < limit and process.poll() is None:
            if title in page_at(port):
                return time.perf_counter() - start
            time.sleep(0.02)
    finally:
        process.terminate()
        process.wait()
    raise SystemExit(f"{script.name} ended, or served no page called {title!r} within {limit:.0f} s.")


def page_at(port: int) -> str:
    """The page, or nothing while the server is not up."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
            return answer.read().decode() if answer.status == 200 else ""
    except OSError:
        return ""


def main() -> None:
    """Measure, print a table, write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE, encoding="utf-8")
        subjects = {"python app.py": (ROOT / "app.py", "colorhub"), "bare gradio page": (bare, "bare page")}
        taken: dict[str, list[float]] = {name: [] for name in subjects}
        for repeat in range(asked.repeats + 1):
            for name, (script, title) in subjects.items():
                seconds = seconds_to_first_page(script, title)
                taken[name] += [seconds] if repeat else []
    report(taken, asked.out)


def report(taken: dict[str, list[float]], out: Path | None) -> None:
    """Medians, extremes and the ratio of the medians."""
    for name, seconds in taken.items():
        spread = f"median of {len(seconds)}, {min(seconds):.2f} to {max(seconds):.2f}"
        print(f"{name:<18} {statistics.median(seconds):6.2f} s to the first page ({spread})")
    ours, bare = (statistics.median(seconds) for seconds in taken.values())
    print(f"{'ratio':<18} {ours / bare:6.2f}")
    if out:
        figures = {"seconds": taken, "ratio_of_medians": ours / bare}
        out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
