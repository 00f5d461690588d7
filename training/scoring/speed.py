"""Time and memory of colouring, in a process of its own: ``python -m training.scoring.speed MODEL SIZE``."""

import json
import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

_WARM, _TIMED = 3, 20


@cache
def measure_speed(model: str, size: int) -> dict[str, Any]:
    """Median milliseconds of colouring a picture of ``size`` pixels, and the peak memory in megabytes (of 10^6 bytes):
    what the process holds at most beyond what it held before the model was loaded; on a GPU, what is allocated there;
    ``None`` where it cannot be measured.

    Raises:
        OSError: the process failed.
    """
    command = [sys.executable, "-m", "training.scoring.speed", model, str(size)]
    environment = dict(os.environ)
    if int(environment.get("WORLD_SIZE", "1")) > 1:
        environment.pop("OMP_NUM_THREADS", None)  # torchrun's, so that its processes do not get in each other's way
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise OSError(f"Timing {model} failed: {last}")
    return json.loads(done.stdout.splitlines()[-1])


def _measure(model: str, size: int) -> dict[str, Any]:
    import numpy as np
    import torch

    from colorhub import ColorizationPipeline, Photo

    ramp = np.linspace(0, 255, size * size).astype(np.uint8).reshape(size, size)
    photos = [Photo.open(np.roll(ramp, 7 * i)) for i in range(_WARM + _TIMED)]
    before = _resident("VmRSS")
    pipeline = ColorizationPipeline(model, in_color="recolor")
    seconds = []
    for photo in photos:
        start = time.perf_counter()
        pipeline(photo)
        seconds.append(time.perf_counter() - start)
    peak = _resident("VmHWM")
    memory = None if before is None or peak is None else peak - before
    if pipeline.device.type == "cuda":
        memory = torch.cuda.max_memory_allocated()
    return {
        "milliseconds_per_picture": round(1000 * float(np.median(seconds[_WARM:])), 2),
        "device": pipeline.device.type,
        "precision": pipeline.network.precision,
        "threads": torch.get_num_threads(),
        "peak_memory_mb": None if memory is None else round(memory / 1e6, 1),
    }


def _resident(field: str) -> int | None:
    """Bytes in memory now (``VmRSS``), or at most so far (``VmHWM``). Linux only."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return int(lines[field].split()[0]) * 1024


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], int(sys.argv[2]))))
