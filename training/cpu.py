"""Faster training in bfloat16 on a CPU: two operations whose gradients oneDNN and PyTorch compute slowly."""

from types import MethodType

import torch
from torch import Tensor, nn


def speed_up_bfloat16(model: nn.Module) -> None:
    """Have depthwise convolutions computed in float32 and attention without its fused kernel.

    Under autocast on a CPU the gradients of depthwise convolutions in bfloat16 take several times as long as in
    float32, and so does fused attention from a few queries to many positions. ``benchmarks/training_step.py`` times a
    step with and without. Weights, their names and what a step computes stay the same to the precision of bfloat16.

    Example:
        >>> import torch
        >>> from training.cpu import speed_up_bfloat16
        >>> depthwise = torch.nn.Conv2d(8, 8, 3, groups=8)
        >>> speed_up_bfloat16(depthwise)
        >>> with torch.autocast("cpu", torch.bfloat16):
        ...     depthwise(torch.ones(1, 8, 4, 4)).dtype
        torch.float32
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
            module.forward = MethodType(_in_float32, module)  # type: ignore[method-assign]
    torch.backends.cuda.enable_flash_sdp(False)  # the CPU's fused kernel as well, whatever the name says


def _in_float32(module: nn.Conv2d, x: Tensor) -> Tensor:
    with torch.autocast("cpu", enabled=False):
        return type(module).forward(module, x.float()).to(x.dtype)
