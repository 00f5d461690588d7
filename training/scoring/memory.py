"""Peak memory of colouring, measured in a process of its own: ``python -m training.scoring.memory MODEL SIZE``."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

_PICTURES = 3


@cache
def peak_megabytes(model: str, size: int) -> float | None:
    """Megabytes (of 10^6 bytes) that a fresh process needs at most to load a model and colour pictures of ``size``
    pixels, beyond what it holds before; on a GPU, what is allocated there. ``None`` where it cannot be measured."""
    command = [sys.executable, "-m", "training.scoring.memory", str(model), str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 and done.stdout else None


def _measure(model: str, size: int) -> float | None:
    import numpy as np
    import torch

    from colorhub import ColorizationPipeline

    ramp = np.linspace(0, 255, size * size).astype(np.uint8).reshape(size, size)
    before = _resident()
    pipeline = ColorizationPipeline(model)
    for _ in range(_PICTURES):
        pipeline(ramp, recolor=True)
    if pipeline.device.type == "cuda":
        return round(torch.cuda.max_memory_allocated() / 1e6, 1)
    peak = _resident("VmHWM")
    return None if before is None or peak is None else round((peak - before) / 1e6, 1)


def _resident(field: str = "VmRSS") -> int | None:
    """Bytes in memory now, or (``VmHWM``) at most so far. Linux only."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return int(lines[field].split()[0]) * 1024


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], int(sys.argv[2]))))
