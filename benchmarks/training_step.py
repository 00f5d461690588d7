"""A training step of the default's architecture in bfloat16 on a CPU, with and without ``training.cpu``, in turns.

``python benchmarks/training_step.py [--rounds 9] [--size 128] [--batch-size 32] [--frozen none stem backbone]``

Pictures are noise and the loss is the distribution's logarithm of a constant colour: time does not depend on them.
"""

import argparse
import time
from statistics import median

import torch
from torch import nn

from colorhub.models import SemanticColorizer
from training.cpu import speed_up_bfloat16

_FROZEN = {
    "none": (),
    "stem": ("backbone.conv_stem.", "backbone.bn1.", "backbone.blocks.0.", "backbone.blocks.1.", "backbone.blocks.2."),
    "backbone": ("backbone.",),
}


def step(model: nn.Module, L: torch.Tensor, *, fused_attention: bool) -> float:
    """Seconds of one forward and backward pass."""
    torch.backends.cuda.enable_flash_sdp(fused_attention)
    start = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(L).logits
    logits.float().log_softmax(1)[:, 0].mean().neg().backward()
    return time.perf_counter() - start


def new_model(frozen: tuple[str, ...]) -> nn.Module:
    """The default's architecture with what is frozen."""
    model = SemanticColorizer().train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for name, weight in model.named_parameters():
        weight.requires_grad_(not name.startswith(frozen) if frozen else True)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--frozen", nargs="+", choices=_FROZEN, default=list(_FROZEN))
    options = parser.parse_args()
    L = 100 * torch.rand(options.batch_size, 1, options.size, options.size)
    for frozen in options.frozen:
        plain, faster = new_model(_FROZEN[frozen]), new_model(_FROZEN[frozen])
        speed_up_bfloat16(faster)
        times: dict[str, list[float]] = {"plain": [], "faster": []}
        for _ in range(1 + options.rounds):
            times["plain"].append(step(plain, L, fused_attention=True))
            times["faster"].append(step(faster, L, fused_attention=False))
        before, after = (median(seconds[1:]) for seconds in times.values())  # the first round does not count
        print(f"frozen {frozen}: {1000 * before:.0f} ms, {1000 * after:.0f} ms: {before / after:.2f} times faster")


if __name__ == "__main__":
    main()
