"""ZeroGPU: a GPU is lent for the length of one decorated call. Everywhere else this file does nothing."""

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def on_zero_gpu() -> bool:
    """Whether this is a Space with ZeroGPU hardware."""
    wanted = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")
    return wanted and "SPACE_ID" in os.environ and find_spec("spaces") is not None


def lend_gpu(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a function as one that needs the GPU. It runs in another process: arguments and result are pickled."""
    if not on_zero_gpu():
        return function
    import spaces

    return spaces.GPU(duration=60)(function)
