"""What a step pays for a distribution over 313 colours: softmax with the bins as second dimension, and as the last.

``python benchmarks/distribution.py [--batch 32] [--side 32]``: milliseconds of processor time on one thread, forward
and backward, of a 1x1 convolution to the logits under bf16 autocast, their cross-entropy, and the distribution's mean.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from colorhub import ab_bins
from training.tasks.losses import soft_cross_entropy


def second_dimension(logits: Tensor, ab: Tensor) -> Tensor:
    """Both terms with the bins where a convolution has them."""
    logits = logits.float()
    indices, shares = ab_bins.soft_encode(ab)
    error = -(shares * logits.log_softmax(dim=1).gather(1, indices)).sum(dim=1).mean()
    mean = torch.einsum("bqhw,qc->bchw", logits.softmax(dim=1), ab_bins.bin_centers())
    return error + mean.square().mean() / 1e4


def last_dimension(logits: Tensor, ab: Tensor) -> Tensor:
    """Both terms as the package computes them."""
    return soft_cross_entropy(logits, ab) + ab_bins.annealed_mean(logits, 1.0).square().mean() / 1e4


def milliseconds(terms: Callable[[Tensor, Tensor], Tensor], features: Tensor, ab: Tensor) -> tuple[float, float]:
    """The least processor time of five, and the loss."""
    torch.manual_seed(0)
    head = nn.Conv2d(features.shape[1], ab_bins.COUNT, 1).to(memory_format=torch.channels_last)
    times, loss = [], torch.zeros(())
    for _ in range(5):
        start = time.process_time()
        with torch.autocast("cpu", torch.bfloat16):
            logits = head(features)
        loss = terms(logits, ab)
        loss.backward()
        times.append(time.process_time() - start)
    return 1000 * min(times), float(loss.detach())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--side", type=int, default=32, help="of the logits: a quarter of the crop's")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    features = torch.randn(given.batch, 128, given.side, given.side).contiguous(memory_format=torch.channels_last)
    features.requires_grad_()
    ab = torch.randn(given.batch, 2, given.side, given.side) * 20
    for name, terms in (("second dimension", second_dimension), ("last dimension", last_dimension)):
        taken, loss = milliseconds(terms, features, ab)
        print(f"bins as {name:17} {taken:6.0f} ms, loss {loss:.6f}")


if __name__ == "__main__":
    main()
