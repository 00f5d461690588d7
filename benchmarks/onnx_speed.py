"""Milliseconds a picture of exported models, beside torch as it is and compiled.

    python benchmarks/onnx_speed.py [MODEL...] [--repeats 15] [--batches 1 8] [--threads N] [--quick]

MODEL: names, folders or Hub ids; all that are on this machine when none is given. Pictures have the model's working
size. ``torch`` is the network in float32, ``torch as the pipeline runs it`` uses bf16 where the processor multiplies it
natively, ``compiled`` is ``torch.compile`` of the first. All take turns, so that a machine that slows down slows all of
them down; what comes first at each batch is not counted. What cannot run is listed with the reason.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from colorhub import ColorizationPipeline, Colorizer, list_models, load
from colorhub.export import export_model, smooth, write

Way = Callable[[Tensor], object]
_LONGEST = 300  # characters of a reason


def ways_of(model: Colorizer, folder: Path) -> dict[str, Way]:
    """The ways to run one model on the processor, by name."""
    pipeline = ColorizationPipeline(model, device="cpu")
    ways: dict[str, Way] = {"torch": pipeline.model}
    if pipeline.network.precision != "fp32":
        ways[f"torch as the pipeline runs it ({pipeline.network.precision})"] = pipeline.network
    ways["torch compiled"] = torch.compile(pipeline.model)
    for name, half in (("onnxruntime", False), ("onnxruntime, fp16 file", True)):
        path = folder / f"{name}.onnx"
        write(export_model(model, half=half), path, overwrite=True)
        ways[name] = load(path)
    return ways


def milliseconds(ways: dict[str, Way], L: Tensor, repeats: int) -> dict[str, float | str]:
    """Median time of each way for one picture of the batch ``L``, or why there is none."""
    times: dict[str, list[float]] = {}
    answers: dict[str, float | str] = {}
    for name, way in ways.items():
        try:
            way(L)
            times[name] = []
        except Exception as error:  # a compiler may lack anything
            answers[name] = f"not measured: {_reason(error)}"
    for _ in range(repeats):
        for name, taken in times.items():
            start = time.perf_counter()
            ways[name](L)
            taken.append((time.perf_counter() - start) * 1000 / len(L))
    measured = {name: median(taken) for name, taken in times.items()}
    return {name: {**measured, **answers}[name] for name in ways}


def report(model: Colorizer, name: str, batches: list[int], repeats: int) -> None:
    """Print a table of one model."""
    side = max(model.working_size // model.multiple, 1) * model.multiple
    with TemporaryDirectory() as folder, torch.inference_mode():
        with torch.inference_mode(False):
            ways = ways_of(model, Path(folder))
        for batch in batches:
            print(f"{name} ({model.architecture}), {batch} x {side}x{side}, median of {repeats}, per picture")
            answers = milliseconds(ways, smooth(1, batch, side, side, low=0, high=100), repeats)
            base = answers["torch"]
            for way, value in answers.items():
                said = value
                if not isinstance(value, str):
                    said = f"{value:8.1f} ms" + (f"  {base / value:.2f}x" if isinstance(base, float) else "")
                print(f"  {way:40s} {said}", flush=True)


def _reason(error: Exception) -> str:
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {first}"[:_LONGEST]


def main() -> None:
    """Print a table for each model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--threads", type=int, help="as many as torch takes when not given")
    parser.add_argument("--quick", action="store_true", help="one repeat of one picture: only to see that it runs")
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    batches, repeats = ([1], 1) if given.quick else (given.batches, given.repeats)
    timed = partial(report, batches=batches, repeats=repeats)
    for name in given.models or [info.name for info in list_models() if info.on_disk]:
        timed(load(name), Path(name).name)


if __name__ == "__main__":
    main()
