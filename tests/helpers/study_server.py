"""The study's API on a real server in a thread, without Gradio around it, and a study with pictures in no time."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import uvicorn
from ports import free_port
from starlette.applications import Starlette
from study_parts import small_manifest

from colorhub.space.study.catalogue import StudyCatalogue
from colorhub.space.study.handlers import Handlers
from colorhub.space.study.routes import study_routes
from colorhub.study.design.config import Config
from colorhub.study.design.manifest import Manifest, freeze, write_manifest
from colorhub.study.stimuli import files


def write_study(root: Path, name: str = "small", config: Config | None = None, demonstration: bool = False) -> Manifest:
    """A study whose originals are colourful noise and whose fakes are grey noise, in ``root/name``."""
    manifest = small_manifest(name, config, demonstration)
    (root / name / "stimuli").mkdir(parents=True)
    random, contents = np.random.default_rng(0), {}
    for stimulus, entry in manifest.stimuli.items():
        pixels = random.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        if entry["shown"] != "original":
            pixels = np.repeat(pixels[..., :1], 3, axis=2)
        contents[stimulus] = files.encode(pixels, 90)
    plates = manifest.data["plates"] if manifest.config.vision.check else []
    for plate in plates:
        contents[plate["stimulus"]] = files.encode(np.zeros((64, 64, 3), np.uint8), 90)
    length = files.common_length(list(contents.values()))
    for stimulus, content in contents.items():
        (root / name / "stimuli" / f"{stimulus}{files.SUFFIX}").write_bytes(files.padded(content, length))
    changed = {**manifest.data, "file_bytes": length, "plates": plates}
    frozen = freeze({key: value for key, value in changed.items() if key != "sha256"})
    write_manifest(frozen, root / name)
    return frozen


@contextmanager
def serving_api(handlers: Handlers | None = None) -> Iterator[int]:
    """Serve what is under ``/study`` on a port of its own, for the studies of $COLORHUB_STUDIES."""
    app = Starlette(routes=study_routes(handlers or Handlers(StudyCatalogue())))
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield port
    finally:
        server.should_exit = True
        thread.join(10)
